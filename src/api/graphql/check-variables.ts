// In charge of refusing long variables that do not fit their types, with few and short errors, before the executor meets them: its own errors
// each repeat the whole value, so that a body of 5 MB was answered with 200 MB, after 17 seconds. Variables that fit are left to it.
import { coerceInputValue, GraphQLError, type GraphQLSchema, isInputType, type OperationDefinitionNode, typeFromAST } from 'graphql';

/** Shorter bodies cannot be repeated to any harm, and are coerced only once. */
const LONG_BYTES = 8 * 1024;
const MISTAKES_MAX = 50;
const MESSAGE_CHARS = 500;

const ENOUGH = Symbol('enough');

interface Asked {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>> | null;
  /** the body's; undefined: not known */
  readonly contentLength: string | undefined;
}

/** Throws an error with `errors`, as validating a document does. */
export function requireFitting({ schema, operation, variables, contentLength }: Asked): void {
  if (variables === null || Number(contentLength) < LONG_BYTES) return;
  const errors: GraphQLError[] = [];
  try {
    for (const definition of operation.variableDefinitions ?? []) {
      const { name } = definition.variable;
      const type = typeFromAST(schema, definition.type);
      if (!Object.hasOwn(variables, name.value) || type === undefined || !isInputType(type)) continue;
      coerceInputValue(variables[name.value], type, (path, _value, { message }) => {
        if (errors.length === MISTAKES_MAX) throw ENOUGH;
        const place = path.length === 0 ? '' : ` at "${cut([name.value, ...path].join('.'))}"`;
        errors.push(new GraphQLError(`Variable "$${name.value}"${place}: ${cut(message)}`, { nodes: definition }));
      });
    }
  } catch (error) {
    if (error !== ENOUGH) throw error;
  }
  if (errors.length > 0) throw Object.assign(new Error('the variables do not fit'), { errors });
}

function cut(text: string): string {
  return text.length > MESSAGE_CHARS ? `${text.slice(0, MESSAGE_CHARS)}…` : text;
}
