// Operations that are meant to do harm: each is refused with a clear code before anything runs, or costs no more than it says.
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GRAPHQL_LIMITS } from '../../src/api/graphql/limits.ts';
import { type Service, startService } from '../api/service.ts';
import { ask, codesOf, dataOf } from './ask.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
  await service.call('PUT', '/v1/customers/ann', { country: 'DE' });
});

afterAll(() => service.close());

/** How often the database was asked meanwhile. */
async function countStatements(work: () => Promise<unknown>): Promise<number> {
  const { database } = service.strata;
  const asked = database.query;
  let count = 0;
  Object.assign(database, {
    query: (statement: Parameters<typeof asked>[0]) => {
      if (!/audit/.test(statement.text)) count += 1; // which is written by itself
      return asked.call(database, statement);
    },
  });
  await work().finally(() => Object.assign(database, { query: asked }));
  return count;
}

async function expectRefused(query: string, code: string, variables: object = {}): Promise<void> {
  const asked = await countStatements(async () =>
    expect([query.slice(0, 60), await codesOf(service, query, variables)]).toEqual([query.slice(0, 60), [code]]),
  );
  expect(asked).toBe(0);
}

const nested = (levels: number) =>
  `{ customer(id: "ann") { ${'orders { edges { node { customer { '.repeat(levels)} id ${'} } } } '.repeat(levels)} } }`;

test('deep queries are refused', async () => {
  await expectRefused(nested(10), 'query_too_complex');
  await expectRefused(nested(200), 'query_too_complex');
  await expectRefused(`{ ${'a { '.repeat(900)} b ${'} '.repeat(900)} }`, 'query_too_complex');
});

test('lists in lists are refused by their product', async () => {
  await expectRefused(
    '{ customers(first: 1000) { edges { node { orders(first: 1000) { edges { node { id } } } } } } }',
    'query_too_complex',
  );
  await expectRefused(
    'query ($n: Int = 1000) { customers(first: $n) { edges { node { events(first: $n) { edges { node { id } } } } } } }',
    'query_too_complex',
  );
  await expectRefused(
    'query ($n: Int) { customers(first: $n) { edges { node { history(first: 5) { edges { cursor } } } } } }',
    'query_too_complex',
    { n: 1000 },
  );
  expect(await codesOf(service, '{ customers(first: 1000) { edges { node { id country segments { key } } } } }')).toEqual([]);
});

test('aliases, fields and directives have limits', async () => {
  const aliased = Array.from({ length: 61 }, (_, n) => `a${n}: __typename`).join(' ');
  expect(await codesOf(service, `{ ${aliased} }`)).toEqual(['query_too_complex']);
  const reads = Array.from({ length: 60 }, (_, n) => `a${n}: rulePreview(rule: "country = \\"DE\\"") { count }`).join(' ');
  await expectRefused(`{ ${reads} }`, 'query_too_complex');
  await expectRefused(`{ customer(id: "ann") { id ${'@include(if: true) '.repeat(61)} } }`, 'query_too_complex');
  await expectRefused(`{ customer(id: "ann") { ${'id '.repeat(1990)} } }`, 'query_too_complex');
});

test('documents end at a length', async () => {
  await expectRefused(`{ __typename ${'#'.repeat(50_000)} \n }`, 'query_too_complex');
  await expectRefused(`{ ${'__typename '.repeat(3000)} }`, 'query_too_complex');
});

test('fragments multiply nothing unseen', async () => {
  const doubling = Array.from(
    { length: 25 },
    (_, n) =>
      `fragment f${n} on Customer { a: orders { edges { node { customer { ...f${n + 1} } } } } b: orders { edges { node { customer { ...f${n + 1} } } } } }`,
  ).join('\n');
  await expectRefused(`{ customer(id: "ann") { ...f0 } }\n${doubling}\nfragment f25 on Customer { id }`, 'query_too_complex');
  const circle = '{ customer(id: "ann") { ...a } } fragment a on Customer { ...b } fragment b on Customer { ...a }';
  await expectRefused(circle, 'invalid_request');
  await expectRefused('{ ...q } fragment q on Query { ...q }', 'invalid_request');
});

test('introspection is answered, bombs are not', async () => {
  const { data } = await ask(service, getIntrospectionQuery());
  expect(data.__schema.types.length).toBeGreaterThan(100);
  await expectRefused(
    `{ __schema { types { fields { type { ${'fields { type { '.repeat(6)} name ${'} } '.repeat(6)} } } } } }`,
    'query_too_complex',
  );
  const wide = Array.from({ length: 50 }, (_, n) => `a${n}: __schema { types { fields { args { type { name } } } } }`).join(' ');
  await expectRefused(`{ ${wide} }`, 'query_too_complex');
  await expectRefused('{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }', 'invalid_request');
});

test('broken documents and variables are told from ours', async () => {
  for (const query of [
    '{',
    'null',
    '{"kind":"Document","definitions":[]}',
    '[]',
    '"x"',
    '0',
    '{ nothing }',
    'fragment a on Query { __typename }',
    '{ __typename } { __typename }',
  ])
    await expectRefused(query, 'invalid_request');
  await expectRefused('query ($n: Int) { customers(first: $n) { edges { cursor } } }', 'invalid_request', { n: 'many' });
  await expectRefused('query ($n: Int) { customers(first: $n) { edges { cursor } } }', 'query_too_complex', { n: 1e300 });
  const text = await service.call('POST', '/graphql', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), { 'content-type': 'application/json' });
  expect([text.status, text.body.errors[0].extensions.code]).toEqual([400, 'invalid_encoding']);
});

test('variables wrong everywhere are answered shortly', async () => {
  const query = 'mutation ($input: CustomerInput!) { putCustomer(customerId: "a", input: $input) { token } }';
  const input = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`attributes${index}`, 0]));
  const { status, text, body } = await service.call('POST', '/graphql', { query, variables: { input } });
  expect([status, body.errors.length, text.length < 50_000]).toEqual([200, 50, true]);
  expect(body.errors[0]).toMatchObject({ message: expect.stringContaining('"attributes0"'), extensions: { code: 'invalid_request' } });
  const long = await service.call('POST', '/graphql', { query, variables: { input: { city: 'x'.repeat(100_000), tags: [{}] } } });
  expect([long.body.errors.length, long.text.length < 5_000]).toEqual([1, true]);
});

test('long variables that fit are taken', async () => {
  const query = 'mutation ($input: CustomerInput!) { putCustomer(customerId: "a", input: $input) { customer { id } } }';
  const input = { attributes: Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`note${index}`, 'x'.repeat(40)])) };
  const { body } = await service.call('POST', '/graphql', { query, variables: { input } });
  expect(body).toEqual({ data: { putCustomer: { customer: { id: 'a' } } } });
});

test('prototypes are not reached', async () => {
  const put = 'mutation ($input: CustomerInput!) { putCustomer(customerId: "proto", input: $input) { customer { id attributes } } }';
  const send = (variables: string) => service.call('POST', '/graphql', `{"query":${JSON.stringify(put)},"variables":${variables}}`);
  for (let time = 0; time < 3; time += 1) {
    const direct = await send('{"input":{"__proto__":{"country":"XX"}}}');
    expect(direct.body.errors[0].extensions.code).toBe('invalid_request');
    const inside = await send('{"input":{"attributes":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}}');
    expect(inside.status).toBe(200);
    await send('{"__proto__":{"input":{"country":"XX"}}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  }
});

test('numbers keep their digits, or are refused', async () => {
  const put = 'mutation ($input: OrderInput!) { putOrder(orderId: "big", input: $input) { id } }';
  const body = `{"query":${JSON.stringify(put)},"variables":{"input":{"customerId":"ann","total":90071992547409931}}}`;
  for (let time = 0; time < 3; time += 1) {
    const { errors } = (await service.call('POST', '/graphql', body)).body;
    expect(errors[0].extensions.code).toMatch(/^invalid_/);
    const literal = 'mutation { putOrder(orderId: "lit", input: { customerId: "ann", total: 12345678901.2345 }) { id } }';
    await dataOf(service, literal);
    expect((await dataOf(service, '{ order(id: "lit") { total } }')).order.total).toBe('12345678901.2345');
    const attributes = 'mutation { putCustomer(customerId: "num", input: { attributes: { n: 12345678901234567890 } }) { token } }';
    expect(await codesOf(service, attributes)).toEqual(['invalid_request']);
    const inside = 'query ($v: JSON) { ruleCheck(rule: { op: "=", value: $v }) { text } }';
    expect(await codesOf(service, inside, { v: 'DE' })).toEqual(['invalid_request']);
  }
});

test('documents without end are forgotten', async () => {
  for (let n = 0; n < 2 * GRAPHQL_LIMITS.documents; n += 1) await ask(service, `{ a${n}: __typename }`);
  expect(await dataOf(service, '{ customer(id: "ann") { id } }')).toEqual({ customer: { id: 'ann' } });
});
