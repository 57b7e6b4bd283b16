// In charge of measuring what an operation asks for, before any of it runs: how deep, how wide, how costly, and whether the caller may. Each
// fragment is examined once, so that measuring a hostile document costs no more than its length.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import { allows, type Caller, requireScope } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import { type FieldRule, ruleOf } from './field-rule.ts';
import { GRAPHQL_LIMITS, HEAVY_COST, LIST_SIZE, READ_COST } from './limits.ts';

type Values = Readonly<Record<string, unknown>>;

export interface Question {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Values | null | undefined;
  readonly caller: Caller;
  readonly introspection: boolean;
}

/** A field of the schema is answered from memory: it costs a hundredth of an object. */
const INTROSPECTION_UNITS = 100;

/** `fixed` is paid once, `each` for every parent. */
interface Measure {
  readonly fixed: number;
  readonly each: number;
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  readonly directives: number;
}

const NOTHING: Measure = { fixed: 0, each: 0, depth: 0, fields: 0, aliases: 0, directives: 0 };
/** The assumed lengths of lists in an introspection. */
const INTROSPECTED: Readonly<Record<string, number>> = { types: 200, fields: 10, inputFields: 5, args: 2, enumValues: 5, directives: 5 };
/** The introspection that all tools send costs 250,000, and its answer has 300 KB. */
const INTROSPECTION_COST_MAX = 500_000;

export interface Asked {
  /** personal fields are among those asked for */
  readonly personal: boolean;
  /** coordinates of those that will be null because `pii:read` is missing */
  readonly withheld: readonly string[];
  readonly fields: AskedFields;
}

/** Names of the fields that are asked for anywhere in the document: what nobody asks for need not be read. */
export interface AskedFields {
  readonly Customer: ReadonlySet<string>;
  readonly Segment: ReadonlySet<string>;
}

/** Throws `forbidden` and `query_too_complex`. */
export function measureDocument(question: Question): Asked {
  const walk = new Walk(question);
  const { operation, schema } = question;
  const root = schema.getRootType(operation.operation);
  const { personal, fields } = walk;
  if (root === undefined || root === null) return { personal: false, withheld: [], fields };
  const all = walk.selections(operation.selectionSet, root);
  const data: Measure = { ...all, directives: all.directives + (operation.directives?.length ?? 0) };
  requireLimit('depth', data.depth, GRAPHQL_LIMITS.depth, 'levels deep');
  requireLimit('fields', data.fields, GRAPHQL_LIMITS.fields, 'fields');
  requireLimit('aliases', data.aliases, GRAPHQL_LIMITS.aliases, 'aliases');
  requireLimit('directives', data.directives, GRAPHQL_LIMITS.directives, 'directives');
  requireLimit('cost', data.fixed + data.each, GRAPHQL_LIMITS.cost, 'in cost (objects asked for, reads and writes)');
  return { personal: personal.size > 0, withheld: allows(question.caller, 'pii:read') ? [] : [...personal], fields };
}

function requireLimit(name: string, value: number, most: number, what: string): void {
  if (value <= most) return;
  const detail = `The query is ${Math.ceil(value)} ${what}; ${most} at most are taken. Ask for less at once: smaller \`first\`, fewer levels, several queries.`;
  throw new AppError('query_too_complex', detail, { errors: [{ parameter: name, code: 'limit_exceeded', detail }] });
}

class Walk {
  readonly personal = new Set<string>();
  readonly fields = { Customer: new Set<string>(), Segment: new Set<string>() };
  readonly #question: Question;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #measured = new Map<string, Measure>();
  readonly #values: Values;

  constructor(question: Question) {
    this.#question = question;
    const definitions = question.document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
    this.#fragments = new Map(definitions.map((definition) => [definition.name.value, definition]));
    this.#values = withDefaults(question.operation, question.variables);
  }

  selections(set: SelectionSetNode, parent: GraphQLNamedType): Measure {
    let sum = NOTHING;
    for (const selection of set.selections) {
      const directives = { ...NOTHING, directives: selection.directives?.length ?? 0 };
      sum = add(sum, directives);
      if (selection.kind === Kind.FIELD) sum = add(sum, this.#field(selection, parent));
      else if (selection.kind === Kind.FRAGMENT_SPREAD) sum = add(sum, this.#fragment(selection.name.value));
      else sum = add(sum, this.selections(selection.selectionSet, this.#typeOf(selection.typeCondition?.name.value) ?? parent));
    }
    return sum;
  }

  #fragment(name: string): Measure {
    const known = this.#measured.get(name);
    if (known !== undefined) return known;
    this.#measured.set(name, NOTHING); // a cycle, which validation refuses, ends here
    const fragment = this.#fragments.get(name);
    const type = this.#typeOf(fragment?.typeCondition.name.value);
    const measure = fragment === undefined || type === undefined ? NOTHING : this.selections(fragment.selectionSet, type);
    this.#measured.set(name, measure);
    return measure;
  }

  #typeOf(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.#question.schema.getType(name);
  }

  #field(node: FieldNode, parent: GraphQLNamedType): Measure {
    const name = node.name.value;
    const own: Measure = { ...NOTHING, depth: 1, fields: 1, aliases: node.alias === undefined ? 0 : 1 };
    if (name === '__typename') return { ...own, depth: 0 };
    if (name === '__schema' || name === '__type') return add(own, this.#introspection(node));
    const field = 'getFields' in parent ? parent.getFields()[name] : undefined;
    if (field === undefined || !('resolve' in field)) return own; // validation reports it
    const rule = ruleOf(field);
    if (rule === undefined) throw new Error(`${parent.name}.${name} has no rule`);
    this.#requireAccess(rule, `${parent.name}.${name}`);
    if (parent.name === 'Customer' || parent.name === 'Segment') this.fields[parent.name].add(name);
    return this.#priced(node, field, rule, own);
  }

  #priced(node: FieldNode, field: GraphQLField<unknown, unknown>, rule: FieldRule, own: Measure): Measure {
    const args = typeof rule.size === 'function' || typeof rule.reads === 'function' ? this.#arguments(node, field) : {};
    const reads = typeof rule.reads === 'function' ? rule.reads(args) : rule.reads;
    const inner = node.selectionSet === undefined ? NOTHING : this.selections(node.selectionSet, getNamedType(field.type));
    const size = sizeOf(rule, args);
    const isObject = node.selectionSet !== undefined;
    return {
      depth: own.depth + inner.depth,
      fields: own.fields + inner.fields,
      aliases: own.aliases + inner.aliases,
      directives: own.directives + inner.directives,
      fixed: inner.fixed + (reads === 'once' ? READ_COST : 0),
      each: size * (inner.each + (isObject ? 1 : 0)) + (reads === 'each' ? READ_COST : 0) + (rule.heavy === true ? HEAVY_COST : 0),
    };
  }

  #arguments(node: FieldNode, field: GraphQLField<unknown, unknown>): Values {
    const given = new Map(node.arguments?.map((argument) => [argument.name.value, argument.value]));
    const values = field.args.map(({ name, defaultValue }): [string, unknown] => {
      const literal = given.get(name);
      const value = literal === undefined ? undefined : valueFromASTUntyped(literal, this.#values as Record<string, unknown>);
      return [name, value === undefined ? defaultValue : value];
    });
    return Object.fromEntries(values);
  }

  /** Tokens have no scopes: they open the fields that say so. */
  #requireAccess(rule: FieldRule, coordinate: string): void {
    const { caller } = this.#question;
    const { bearer } = caller;
    if (rule.scope === 'parent') {
      if (rule.personal === true) this.personal.add(coordinate);
    } else if (bearer === 'customer' || bearer === 'stream') {
      if (rule.tokens?.includes(bearer) !== true) throw new AppError('forbidden', `A ${bearer} token does not open ${coordinate}.`);
    } else {
      try {
        requireScope(caller, ...rule.scope);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        throw new AppError(error.code, `${coordinate}: ${error.message}`, { cause: error });
      }
    }
  }

  /** An introspection's size does not count with the data's; what it lists is bounded by the schema, but how often it lists it is not. */
  #introspection(node: FieldNode): Measure {
    if (!this.#question.introspection)
      throw new AppError('forbidden', 'Introspection is switched off here; schema.graphql is in the repository.');
    const { depth, cost } = node.selectionSet === undefined ? { depth: 0, cost: 1 } : this.#introspected(node.selectionSet, new Set());
    requireLimit('depth', depth, GRAPHQL_LIMITS.introspectionDepth, 'levels deep in its introspection');
    requireLimit('cost', cost, INTROSPECTION_COST_MAX, 'in cost in its introspection');
    this.#introspections += 1;
    requireLimit('introspections', this.#introspections, GRAPHQL_LIMITS.introspections, 'introspections');
    return { ...NOTHING, each: cost / INTROSPECTION_UNITS };
  }

  #introspected(set: SelectionSetNode, within: ReadonlySet<string>): { readonly depth: number; readonly cost: number } {
    let depth = 0;
    let cost = 0;
    for (const selection of set.selections) {
      let inner = { depth: 0, cost: 1 };
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = this.#fragments.get(name);
        if (fragment === undefined || within.has(name)) continue;
        inner = this.#introspectedFragment(name, fragment, within);
      } else if (selection.selectionSet !== undefined) {
        const below = this.#introspected(selection.selectionSet, within);
        const size = selection.kind === Kind.FIELD ? (INTROSPECTED[selection.name.value] ?? 1) : 1;
        inner = { depth: below.depth + (selection.kind === Kind.FIELD ? 1 : 0), cost: 1 + size * below.cost };
      }
      depth = Math.max(depth, inner.depth);
      cost += inner.cost;
    }
    return { depth, cost };
  }

  #introspections = 0;
  readonly #introspectedFragments = new Map<string, { readonly depth: number; readonly cost: number }>();

  #introspectedFragment(
    name: string,
    fragment: FragmentDefinitionNode,
    within: ReadonlySet<string>,
  ): { readonly depth: number; readonly cost: number } {
    const known = this.#introspectedFragments.get(name) ?? this.#introspected(fragment.selectionSet, new Set([...within, name]));
    this.#introspectedFragments.set(name, known);
    return known;
  }
}

function add(left: Measure, right: Measure): Measure {
  return {
    fixed: left.fixed + right.fixed,
    each: left.each + right.each,
    depth: Math.max(left.depth, right.depth),
    fields: left.fields + right.fields,
    aliases: left.aliases + right.aliases,
    directives: left.directives + right.directives,
  };
}

/** A value that is not a number is refused where it is read. */
function sizeOf({ size }: FieldRule, args: Values): number {
  const asked = typeof size === 'function' ? size(args) : (size ?? 1);
  return Number.isFinite(asked) ? Math.max(1, asked) : LIST_SIZE;
}

function withDefaults(operation: OperationDefinitionNode, variables: Values | null | undefined): Values {
  const values: Record<string, unknown> = { ...variables };
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue !== undefined && !Object.hasOwn(values, variable.name.value))
      values[variable.name.value] = valueFromASTUntyped(defaultValue);
  }
  return values;
}
