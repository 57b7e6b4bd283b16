// In charge of the whole GraphQL schema: made from the table of routes, with the graph between its answers, one query of its own (overlap) and
// the subscription.
import { type GraphQLSchema, printSchema } from 'graphql';
import { requireSegments } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import { OVERLAP_MAX, readOverlap } from '../../reports/read-overlap.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import { Components, type JsonSchema } from '../rest/json-schema.ts';
import { isPersonal } from '../rest/personal.ts';
import type { Route } from '../rest/route.ts';
import { type FieldSpec, type FieldSpecs, SchemaMaker } from './builder.ts';
import { ConnectionTypes } from './connections.ts';
import type { GraphqlContext } from './context.ts';
import { ETAGS, type LinkTargets, linksOf, NESTED, segmentByKey } from './links.ts';
import { accessOf, fieldName, isRead, RouteFields, whyNoField } from './route-fields.ts';
import { membershipChanged } from './subscription.ts';
import { propertiesOf, refName, WireTypes } from './wire-types.ts';

export function buildGraphqlSchema(routes: readonly Route[]): GraphQLSchema {
  const taken = routes.filter((route) => whyNoField(route) === undefined);
  const byId = new Map(taken.map((route) => [route.operationId, route]));
  const components = new Components();
  for (const route of taken) addSchemas(components, route);
  const definitions = components.all();
  const definitionOf = (schema: JsonSchema): JsonSchema => {
    const name = refName(schema);
    return name === undefined ? schema : (definitions[name] ?? {});
  };
  const maker = new SchemaMaker();
  const connections = new ConnectionTypes(maker);
  const targets: LinkTargets = { named: (name) => types.named(name), accessOf: (operationId) => accessOf(routeOf(byId, operationId)) };
  const types: WireTypes = new WireTypes({
    maker,
    definitions,
    linksOf: (_type, property, schema, isNullable) => linksOf(targets, property, schema, isNullable),
    moreOf: (type) => moreOf(type),
    isPersonal: (type, property) => type === 'Customer' && isPersonal(property),
  });
  const things = thingsOf(taken, components, definitionOf);
  const fields = new RouteFields({ maker, types, connections, components, things, definitionOf });
  const moreOf = (type: string): FieldSpecs => {
    const nested = (NESTED[type] ?? []).map((each) => [each.field, fields.nested(routeOf(byId, each.operationId), each)] as const);
    const etag = ETAGS[type];
    return {
      ...Object.fromEntries(nested),
      ...(etag === undefined ? {} : { etag }),
      ...(type === 'Membership' ? { segment: segmentByKey(targets) } : {}),
      ...(type === 'Customer'
        ? { segments: segmentsOfCustomer(types, fields, routeOf(byId, 'getCustomerSegments'), definitions['CustomerSegments'] ?? {}) }
        : {}),
    };
  };
  const reads = taken.filter(isRead).map((route) => [fieldName(route), fields.asked(route)] as const);
  const writes = taken.filter((route) => !isRead(route)).map((route) => [route.operationId, fields.written(route)] as const);
  maker.roots(
    { ...Object.fromEntries(reads), overlap: overlap(maker, targets, routeOf(byId, 'listMembers')) },
    Object.fromEntries(writes),
    { membershipChanged: membershipChanged(connections.edge(types.named('Change')), accessOf(routeOf(byId, 'listChanges'))) },
  );
  return maker.finish();
}

function addSchemas(components: Components, route: Route): void {
  for (const schema of [route.params, route.query]) if (schema !== undefined) components.add(schema, 'input');
  if (route.body !== undefined && route.body.kind !== 'stream') components.add(route.body.schema, 'input');
  for (const answer of Object.values(route.answers)) components.add(answer, 'output');
}

function routeOf(byId: ReadonlyMap<string, Route>, operationId: string): Route {
  const route = byId.get(operationId);
  if (route === undefined) throw new Error(`there is no route ${operationId}`);
  return route;
}

/** Names of what can be read on its own or in a list. */
function thingsOf(routes: readonly Route[], components: Components, definitionOf: (schema: JsonSchema) => JsonSchema): ReadonlySet<string> {
  const answers = routes.filter(({ method }) => method === 'GET').flatMap((route) => Object.values(route.answers));
  const names = answers.flatMap((answer) => {
    const schema = components.add(answer, 'output');
    const items = propertiesOf(definitionOf(schema))['data']?.['items'] as JsonSchema | undefined;
    return [refName(schema), items === undefined ? undefined : refName(items)];
  });
  return new Set([...names.filter((name) => name !== undefined), 'Attribute', 'EventProperty']);
}

function segmentsOfCustomer(types: WireTypes, fields: RouteFields, route: Route, answer: JsonSchema): FieldSpec {
  const whole = fields.nested(route, { field: 'segments', operationId: route.operationId, bind: { customerId: 'id' } });
  const ask = whole.resolve as (parent: object, args: object, context: GraphqlContext) => Promise<{ readonly segments: readonly object[] }>;
  const list = types.output(propertiesOf(answer)['segments'] ?? {}, 'CustomerSegmentsSegments');
  return {
    ...whole,
    shape: list,
    rule: { ...whole.rule, reads: ({ at }) => (typeof at === 'string' ? 'each' : 'once'), size: 10 },
    resolve: async (parent: { readonly id: string }, args: { readonly at?: string | null }, context: GraphqlContext) =>
      typeof args.at === 'string' ? (await ask(parent, args, context)).segments : context.loaders.segmentsOf.load(parent.id),
  };
}

function overlap(maker: SchemaMaker, targets: LinkTargets, route: Route): FieldSpec {
  const key = { type: 'String', isList: false, isNullable: false } as const;
  const parent = { scope: 'parent' } as const;
  const pair = maker.object('Overlap', () => ({
    leftKey: { shape: key, rule: parent },
    rightKey: { shape: key, rule: parent },
    left: {
      ...segmentByKey(targets),
      resolve: ({ leftKey }: { leftKey: string }, _: object, { loaders }: GraphqlContext) => loaders.segment.load(leftKey),
    },
    right: {
      ...segmentByKey(targets),
      resolve: ({ rightKey }: { rightKey: string }, _: object, { loaders }: GraphqlContext) => loaders.segment.load(rightKey),
    },
    both: { shape: { type: 'Int', isList: false, isNullable: false }, rule: parent, description: 'Customers in both' },
  }));
  return {
    shape: { type: pair, isList: true, isNullable: false },
    rule: { ...accessOf(route), reads: 'each', heavy: true, size: ({ keys }) => (Array.isArray(keys) ? keys.length ** 2 / 2 : 1) },
    description: `How many customers are in both of each two of 2 to ${OVERLAP_MAX} segments.`,
    args: { keys: { shape: { type: 'String', isList: true, isNullable: false } } },
    resolve: async (
      _root: object,
      { keys }: { readonly keys: readonly string[] },
      { strata, caller, signal, heavyTurns }: GraphqlContext,
    ) => {
      const segments = [...new Set(keys)];
      if (segments.length < 2 || segments.length > OVERLAP_MAX) {
        const detail = `Name 2 to ${OVERLAP_MAX} segments.`;
        throw new AppError('invalid_request', `keys: ${detail}`, { errors: [{ parameter: 'keys', code: 'invalid_value', detail }] });
      }
      requireSegments(caller, segments);
      const ids = await readSegmentIds(strata.database, segments);
      const read = () => readOverlap({ database: strata.database, clock: strata.clock }, ids);
      const found = await heavyTurns.run(() => strata.heavyReads.run(caller.identity, read, signal()));
      return found.pairs.map(({ left, right, both }) => ({ leftKey: left, rightKey: right, both }));
    },
  };
}

/** The schema as text, as it is in the repository. */
export function printGraphqlSchema(schema: GraphQLSchema): string {
  return `# Made by \`npm run graphql-schema\` from the routes and src/api/graphql. Do not edit.\n${printSchema(schema)}\n`;
}
