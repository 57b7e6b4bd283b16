// What every field of the schema declares, checked against the routes of REST and the scopes: nothing is missing, nothing is open by oversight.
import { type GraphQLField, GraphQLObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { ADMIN, type Caller } from '../../src/access/caller.ts';
import { SCOPES, type Scope } from '../../src/access/scopes.ts';
import { ruleOf } from '../../src/api/graphql/field-rule.ts';
import { measureDocument } from '../../src/api/graphql/measure-document.ts';
import { Documents } from '../../src/api/graphql/read-operation.ts';
import { fieldName, isRead, whyNoField } from '../../src/api/graphql/route-fields.ts';
import { buildGraphqlSchema } from '../../src/api/graphql/schema.ts';
import { scopesOf } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { isGraphqlSchemaCurrent } from '../../src/cli/graphql-schema.ts';

const schema = buildGraphqlSchema(ROUTES);
const documents = new Documents();

const WITHOUT_FIELD = new Set([
  'importFile', // a stream of any length
  'streamChanges', // a stream; `membershipChanged` is this
  ...ROUTES.map(({ operationId }) => operationId).filter((id) => id.startsWith('export')), // files
  'getHealth',
  'getReadiness',
  'getOpenapi',
  'getMetrics',
  'getReference',
]);

interface Place {
  readonly type: string;
  readonly field: GraphQLField<unknown, unknown>;
}

const places: readonly Place[] = Object.values(schema.getTypeMap()).flatMap((type) =>
  type instanceof GraphQLObjectType && !type.name.startsWith('__')
    ? Object.values(type.getFields()).map((field) => ({ type: type.name, field }))
    : [],
);

describe('fields and routes', () => {
  test('the committed schema is current', async () => {
    expect(await isGraphqlSchemaCurrent()).toBe(true);
  });

  test('every read has a field', () => {
    const fields = schema.getQueryType()?.getFields() ?? {};
    const missing = ROUTES.filter((route) => isRead(route) && fields[fieldName(route)] === undefined).map(({ operationId }) => operationId);
    expect(missing.filter((id) => !WITHOUT_FIELD.has(id))).toEqual([]);
  });

  test('every write has a mutation', () => {
    const fields = schema.getMutationType()?.getFields() ?? {};
    const missing = ROUTES.filter((route) => !isRead(route) && fields[route.operationId] === undefined).map(
      ({ operationId }) => operationId,
    );
    expect(missing.filter((id) => !WITHOUT_FIELD.has(id))).toEqual([]);
    for (const id of ['putCustomer', 'putOrder', 'createSegment', 'publishVersion', 'moveMembers', 'createGroup', 'pinIn'])
      expect(fields).toHaveProperty(id);
  });

  test('what has no field says why', () => {
    const without = ROUTES.filter((route) => whyNoField(route) !== undefined).map(({ operationId }) => operationId);
    expect(without.filter((id) => !WITHOUT_FIELD.has(id))).toEqual([]);
  });

  test('api.md’s queries are there', () => {
    const fields = schema.getQueryType()?.getFields() ?? {};
    const named = 'customer customers segment segments group groups changes rulePreview explanation overlap catalog run'.split(' ');
    expect(named.filter((name) => fields[name] === undefined)).toEqual([]);
    expect(
      schema
        .getSubscriptionType()
        ?.getFields()
        ['membershipChanged']?.args.map(({ name }) => name)
        .sort(),
    ).toEqual(['after', 'customerId', 'segments']);
  });

  test('fields of routes have their routes’ scopes', () => {
    for (const route of ROUTES) {
      if (whyNoField(route) !== undefined) continue;
      const root = isRead(route) ? schema.getQueryType() : schema.getMutationType();
      const field = root?.getFields()[isRead(route) ? fieldName(route) : route.operationId];
      expect([route.operationId, field && ruleOf(field)?.scope]).toEqual([route.operationId, scopesOf(route)]);
    }
  });

  test('lists are connections as Relay has them', () => {
    const connections = Object.values(schema.getTypeMap()).filter(({ name }) => name.endsWith('Connection')) as GraphQLObjectType[];
    expect(connections.length).toBeGreaterThan(8);
    for (const connection of connections) {
      const edge = schema.getType(connection.name.replace(/Connection$/, 'Edge')) as GraphQLObjectType;
      expect([connection.name, String(connection.getFields()['pageInfo']?.type)]).toEqual([connection.name, 'PageInfo!']);
      expect(String(connection.getFields()['edges']?.type)).toBe(`[${edge.name}!]!`);
      expect(String(edge.getFields()['cursor']?.type)).toBe('String!');
    }
  });
});

describe('scopes', () => {
  test('every field declares one', () => {
    expect(places.filter(({ field }) => ruleOf(field) === undefined).map(({ type, field }) => `${type}.${field.name}`)).toEqual([]);
    expect(places.length).toBeGreaterThan(300);
  });

  test('fields of the roots declare their own', () => {
    const roots = places.filter(({ type }) => ['Query', 'Mutation', 'Subscription'].includes(type));
    expect(roots.filter(({ field }) => ruleOf(field)?.scope === 'parent').map(({ field }) => field.name)).toEqual([]);
  });

  test('whoever lacks a field’s scope is refused', () => {
    const guarded = places.filter(({ field }) => ruleOf(field)?.scope !== 'parent');
    for (const { type, field } of guarded) {
      const wanted = ruleOf(field)?.scope as readonly Scope[];
      for (const scope of Object.keys(SCOPES) as Scope[]) {
        const isOpen = scope === 'admin' || wanted.includes(scope);
        expect([type, field.name, scope, codeOf(type, field, new Set([scope]))]).toEqual([
          type,
          field.name,
          scope,
          isOpen ? 'open' : 'forbidden',
        ]);
      }
      expect(codeOf(type, field, new Set())).toBe('forbidden');
    }
  });

  test('personal fields are withheld without theirs', () => {
    const { document, operation } = documents.read({
      query: '{ customer(id: "x") { id email country attributes } }',
      operationName: null,
      variables: null,
    });
    const asked = (scopes: readonly Scope[]) =>
      measureDocument({ schema, document, operation, variables: null, introspection: true, caller: { ...ADMIN, scopes: new Set(scopes) } });
    expect(asked(['admin'])).toEqual({
      personal: true,
      withheld: [],
      fields: { Customer: new Set(['id', 'email', 'country', 'attributes']), Segment: new Set() },
    });
    expect(asked(['members:read', 'segments:read']).withheld).toEqual(['Customer.email', 'Customer.attributes']);
  });
});

/** Asks for the one field, wherever it stands: the walk begins at its type. */
function codeOf(type: string, field: GraphQLField<unknown, unknown>, scopes: ReadonlySet<Scope>): string {
  const kind = type === 'Mutation' ? 'mutation' : type === 'Subscription' ? 'subscription' : 'query';
  const isRoot = ['Query', 'Mutation', 'Subscription'].includes(type);
  const query = isRoot ? `${kind} { ${field.name} }` : `{ ... on ${type} { ${field.name} } }`; // as far as it is judged before it runs
  const { document, operation } = documents.read({ query, operationName: null, variables: null });
  const caller: Caller = { ...ADMIN, bearer: 'key', scopes };
  try {
    measureDocument({ schema, document, operation, variables: null, caller, introspection: true });
    return 'open';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
