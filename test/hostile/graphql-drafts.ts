// In charge of operations of GraphQL, made by walking the schema: every query and every mutation with values that are valid, spoilt or absurd.
// The values of mutations are those of the REST drafts, since their fields are those of the routes.
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { buildGraphqlSchema } from '../../src/api/graphql/schema.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Absurd } from './absurd.ts';
import { ADMIN_KEY, type Sent } from './draft.ts';
import { draftOf, IN_STORIES, ROUTE_OF } from './drafts.ts';
import { type KnownShop, ValidValues } from './known-shop.ts';

export interface GraphqlDraft {
  readonly field: string;
  readonly isMutation: boolean;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

type Field = GraphQLField<unknown, unknown>;

export class GraphqlDrafts {
  readonly #schema: GraphQLSchema = buildGraphqlSchema(ROUTES);
  readonly #queries: readonly Field[];
  readonly #mutations: readonly Field[];

  constructor() {
    this.#queries = Object.values(this.#schema.getQueryType()?.getFields() ?? {});
    this.#mutations = Object.values(this.#schema.getMutationType()?.getFields() ?? {});
  }

  get fields(): readonly string[] {
    return [...this.#queries, ...this.#mutations].map(({ name }) => name);
  }

  /** Right, and accepted where the shop is the kept one and the field does not depend on what came before. */
  make(shop: KnownShop, random: SeededRandom): GraphqlDraft {
    const mutations = shop.name === 'kept' ? this.#mutations.filter(({ name }) => !IN_STORIES.has(name)) : this.#mutations;
    const isMutation = random.chance(0.4);
    const field = random.pick(isMutation ? mutations : this.#queries);
    const values = isMutation ? mutationValues(field, shop, random) : queryValues(field, shop, random);
    return { field: field.name, isMutation, ...this.#print(field, isMutation, values, random) };
  }

  #print(
    field: Field,
    isMutation: boolean,
    values: Readonly<Record<string, unknown>>,
    random: SeededRandom,
  ): Pick<GraphqlDraft, 'query' | 'variables'> {
    const given = field.args.filter(({ name }) => values[name] !== undefined);
    const declared = given.map(({ name, type }) => `$${name}: ${type}`).join(', ');
    const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
    const selection = this.#select(field.type, isMutation ? 1 : random.integer(1, 3), random);
    const query = `${isMutation ? 'mutation' : 'query'} Q${declared === '' ? '' : `(${declared})`} { ${field.name}${passed === '' ? '' : `(${passed})`} ${selection} }`;
    return { query, variables: Object.fromEntries(given.map(({ name }) => [name, values[name]])) };
  }

  #select(type: GraphQLOutputType, depth: number, random: SeededRandom): string {
    const named = getNamedType(type);
    if (isLeafType(named)) return '';
    if (!isObjectType(named)) return '{ __typename }';
    const fields = Object.values(named.getFields()).filter((field) => field.args.every((argument) => !isNonNullType(argument.type)));
    const leaves = fields.filter((field) => isLeafType(getNamedType(field.type))).map(({ name }) => name);
    const isConnection = named.name.endsWith('Connection') || named.name.endsWith('Edge');
    const inner = fields
      .filter((field) => isObjectType(getNamedType(field.type)) && (isConnection || (depth > 0 && random.chance(0.25))))
      .slice(0, 3);
    const chosen = inner.map((field) => `${field.name} ${this.#select(field.type, isConnection ? depth : depth - 1, random)}`);
    return `{ ${['__typename', ...leaves, ...chosen].join(' ')} }`;
  }
}

function mutationValues(field: Field, shop: KnownShop, random: SeededRandom): Record<string, unknown> {
  const route = ROUTE_OF.get(field.name);
  if (route === undefined) throw new Error(`mutation ${field.name} is of no route`);
  const draft = draftOf(field.name, shop, random);
  const input = draft.body.kind === 'json' ? draft.body.value : undefined;
  const parameters = { ...draft.params, ...Object.fromEntries(draft.query) };
  const named = Object.entries(parameters).map(([name, text]) => [name, name === 'number' ? Number(text) : text === 'true' ? true : text]);
  return { ...Object.fromEntries(named), input };
}

function queryValues(field: Field, shop: KnownShop, random: SeededRandom): Record<string, unknown> {
  const values: [string, unknown][] = [];
  for (const argument of field.args) {
    const isNeeded = isNonNullType(argument.type) || NEEDED.has(`${field.name}.${argument.name}`);
    if (!isNeeded && random.chance(0.6)) continue;
    const value = valueFor(field.name, argument, shop, random);
    if (value !== undefined) values.push([argument.name, value]);
  }
  return Object.fromEntries(values);
}

/** Optional in the schema, where another argument may stand for it. */
const NEEDED = new Set(['outcome.at', 'flows.segments']);
const OF_RULES = new Set(['explanation', 'impact', 'segmentVersion', 'segmentVersions', 'versionsDiff']);

function valueFor(field: string, { name }: GraphQLArgument, shop: KnownShop, random: SeededRandom): unknown {
  const valid = new ValidValues(random);
  const segment = random.pick(OF_RULES.has(field) ? shop.rules : [...shop.rules, ...shop.hands]);
  switch (`${field}.${name}`) {
    case 'order.id':
      return random.pick(shop.orders);
    case 'run.id':
      return shop.made.runId;
    case 'erasure.id':
      return shop.made.receiptId;
    case 'template.key':
      return 'lifecycle';
    case 'group.key':
    case 'groupVersions.group':
      return shop.group;
  }
  switch (name) {
    case 'id':
    case 'customerId':
    case 'customer':
      return random.pick(shop.customers);
    case 'customerIds':
      return [random.pick(shop.customers)];
    case 'segment':
    case 'key':
      return segment;
    case 'segments':
      return [segment];
    case 'keys':
      return [...shop.hands];
    case 'keyId':
      return shop.made.keyId;
    case 'webhookId':
      return shop.made.webhookId;
    case 'number':
      return 1;
    case 'first':
      return random.integer(1, 20);
    case 'rule':
      return valid.rule();
    case 'from':
      return field === 'flows' ? '2026-06-01T00:00:00Z' : undefined;
    case 'at':
      return field === 'explanation' || field === 'customerSegments' ? undefined : '2026-06-01T00:00:00Z';
    default:
      return undefined;
  }
}

export function toGraphqlSent({ query, variables, isMutation }: GraphqlDraft, random: SeededRandom): Sent {
  const authorization = `Bearer ${ADMIN_KEY}`;
  if (!isMutation && random.chance(0.1)) {
    const path = `/graphql?query=${encodeURIComponent(query.toWellFormed())}&variables=${encodeURIComponent(JSON.stringify(variables).toWellFormed())}`;
    if (path.length < 8000) return { method: 'GET', path, headers: { authorization }, body: null, isOfRoute: true };
  }
  const body = Buffer.from(JSON.stringify({ query, variables }));
  return { method: 'POST', path: '/graphql', headers: { authorization, 'content-type': 'application/json' }, body, isOfRoute: true };
}

/** One variable is wrong, or the document is. */
export function spoilGraphql(draft: GraphqlDraft, random: SeededRandom, absurd: Absurd): Sent {
  const names = Object.keys(draft.variables);
  const name = names.length === 0 ? 'x' : random.pick(names);
  const at = random.integer(0, draft.query.length);
  const spoilt = random.pick<() => Partial<GraphqlDraft>>([
    () => ({ variables: { ...draft.variables, [name]: absurd.value(4) } }),
    () => ({ variables: { ...draft.variables, [name]: spoilInside(draft.variables[name], random, absurd) } }),
    () => ({ variables: { ...draft.variables, [absurd.text()]: 1 } }),
    () => ({ variables: absurd.value(2) as Record<string, unknown> }),
    () => ({ variables: { ...draft.variables, after: absurd.cursor() } }),
    () => ({ query: draft.query.slice(0, at) }),
    () => ({ query: draft.query.slice(0, at) + absurd.text() + draft.query.slice(at) }),
    () => ({ query: draft.query.replaceAll('$', '"').slice(0, 30_000) }),
    () => ({ query: `${draft.query} ${draft.query}` }),
    () => ({ query: `${'{ a '.repeat(random.integer(1, 3000))}` }),
    () => ({ query: `query { ${Array.from({ length: 200 }, (_, n) => `a${n}: __typename`).join(' ')} }` }),
    () => ({ query: 'query A { ...F } fragment F on Query { ...G } fragment G on Query { ...F }' }),
    () => ({ query: absurd.text() }),
  ])();
  const sent = toGraphqlSent({ ...draft, ...spoilt }, random);
  if (random.chance(0.9)) return sent;
  const bytes = random.pick([
    absurd.bytes(),
    Buffer.from(JSON.stringify([{ query: draft.query }])),
    Buffer.from(JSON.stringify({ query: absurd.value(2), operationName: absurd.value(1), extensions: absurd.value(2) })),
  ]);
  return { ...sent, method: 'POST', path: '/graphql', headers: { ...sent.headers, 'content-type': 'application/json' }, body: bytes };
}

function spoilInside(value: unknown, random: SeededRandom, absurd: Absurd): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return absurd.value(3);
  const names = Object.keys(value);
  const name = names.length === 0 || random.chance(0.2) ? absurd.text() : random.pick(names);
  return { ...value, [name]: absurd.value(3) };
}
