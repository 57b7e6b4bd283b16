// In charge of reading what a request asks for: its parameters in the form of GraphQL over HTTP, its document parsed within limits, its
// operation chosen. A few parsed documents are kept.
import { type DocumentNode, getOperationAST, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { AppError } from '../../errors.ts';
import { parseJson } from '../../ingest/parse-json.ts';
import { GRAPHQL_LIMITS } from './limits.ts';

export interface OperationRequest {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>> | null;
}

export interface ReadOperation extends OperationRequest {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** the document under the text by which it is remembered: of several operations, only the one that was chosen */
  readonly source: string;
}

/** Throws `invalid_request`. `given`: a JSON body, the parameters of a URL, or the payload of a message. */
export function readRequest(given: unknown): OperationRequest {
  if (Array.isArray(given)) throw new AppError('invalid_request', 'One operation is taken in a request, not a list of them.');
  if (typeof given !== 'object' || given === null) throw new AppError('invalid_request', 'Send an object with `query`.');
  const { query, operationName = null, variables = null, extensions = null } = given as Readonly<Record<string, unknown>>;
  if (typeof query !== 'string' || query === '') throw wrong('query', 'is needed: the text of the document');
  if (operationName !== null && typeof operationName !== 'string') throw wrong('operationName', 'is a text');
  if (!isRecord(variables)) throw wrong('variables', 'is an object');
  if (!isRecord(extensions)) throw wrong('extensions', 'is an object');
  return { query, operationName, variables };
}

/** The parameters of a GET, in which objects are written as JSON. */
export function fromUrl(query: Readonly<Record<string, unknown>>): unknown {
  const { variables, extensions, ...rest } = query;
  return { ...rest, variables: asJson('variables', variables), extensions: asJson('extensions', extensions) };
}

function asJson(name: string, text: unknown): unknown {
  if (text === undefined || text === '') return null;
  if (typeof text !== 'string') throw wrong(name, 'stands there twice');
  try {
    return parseJson(text);
  } catch (cause) {
    throw new AppError('invalid_request', `\`${name}\` is a JSON object, as a text.`, { cause });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && !Array.isArray(value);
}

function wrong(name: string, what: string): AppError {
  const detail = `\`${name}\` ${what}.`;
  return new AppError('invalid_request', detail, { errors: [{ parameter: name, code: 'invalid_value', detail }] });
}

/** The latest documents, parsed. */
export class Documents {
  readonly #kept = new Map<string, DocumentNode>();

  /** Throws GraphQLError with the place of a mistake, `query_too_complex` and `invalid_request`. */
  read(request: OperationRequest): ReadOperation {
    const { query, operationName } = request;
    const document = this.#kept.get(query) ?? parseDocument(query);
    this.#keep(query, document);
    const operation = getOperationAST(document, operationName);
    if (operation === null || operation === undefined) throw noOperation(document, operationName);
    const isOnly = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length === 1;
    // what is compiled is one operation, and it is remembered by its text
    return { ...request, document, operation, source: isOnly ? query : `${query}\n# ${operation.name?.value ?? ''}` };
  }

  #keep(query: string, document: DocumentNode): void {
    this.#kept.delete(query);
    this.#kept.set(query, document);
    if (this.#kept.size <= GRAPHQL_LIMITS.documents) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      break;
    }
  }
}

function parseDocument(query: string): DocumentNode {
  const { documentChars, documentTokens } = GRAPHQL_LIMITS;
  if (query.length > documentChars) throw tooLong(`The document has ${query.length} characters; ${documentChars} at most are taken.`);
  try {
    return parse(query, { maxTokens: documentTokens });
  } catch (error) {
    if (error instanceof RangeError) throw tooLong('The document nests too deep.');
    if (error instanceof Error && /more that \d+ tokens/.test(error.message)) {
      throw tooLong(`The document has more than ${documentTokens} tokens; send values as variables.`);
    }
    throw error;
  }
}

function tooLong(detail: string): AppError {
  return new AppError('query_too_complex', detail);
}

function noOperation(document: DocumentNode, operationName: string | null): AppError {
  const names = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION ? [definition.name?.value ?? ''] : [],
  );
  if (names.length === 0) return new AppError('invalid_request', 'The document has no operation.');
  if (operationName === null) return new AppError('invalid_request', 'The document has several operations; name one in `operationName`.');
  return new AppError('invalid_request', 'The document has no operation of the name in `operationName`.');
}
