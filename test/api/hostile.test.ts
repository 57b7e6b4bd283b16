// Whatever is sent, no route answers 5xx: random ids, parameters, cursors, tokens and bodies, seeded.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
  await service.call('PUT', '/v1/customers/a', { city: 'A' });
  await service.call('POST', '/v1/segments', { key: 'a', name: 'A', kind: 'rule', rule: 'everyone', publish: true });
});
afterAll(() => service.close());

const RUNS = { numRuns: 400, seed: 20261121 };

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    '0',
    '-1',
    '1e9',
    'null',
    '__proto__',
    'constructor',
    '\u0000',
    "'",
    '"; drop',
    '%',
    '../..',
    'everyone',
    'x'.repeat(300),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const part = fc.oneof(fc.constant('a'), text).map((value) => encodeURIComponent(value.toWellFormed()));
const cursor = fc
  .array(
    fc.oneof(
      fc.constantFrom('customers', 'orders', 'events', 'segments', 'versions', 'members', 'changes', 'runs', '1', '-9999999999999999999'),
      text,
      fc.integer(),
    ),
  )
  .map((parts) => Buffer.from(JSON.stringify(parts)).toString('base64url'));
const token = fc
  .tuple(
    fc.constantFrom('test', 'other'),
    fc.constantFrom('0/0', 'FFFFFFFF/FFFFFFFF', 'x'),
    fc.constantFrom(null, '1', '9999999999999999999', 5),
  )
  .map((parts) => Buffer.from(JSON.stringify([1, ...parts])).toString('base64url'));

const url = fc.constantFrom(...ROUTES).chain((route) => {
  const names = Object.keys(route.query?.shape ?? {});
  const value = fc.oneof(part, cursor, fc.constantFrom('1', '5', 'true', 'a'));
  const query = fc.array(fc.tuple(fc.constantFrom(...names.filter((name) => name !== 'wait'), 'x'), value), { maxLength: 3 });
  const parts = fc.array(part, { minLength: 4, maxLength: 4 });
  return fc.tuple(fc.constant(route), parts, query, fc.option(token)).map(([, values, pairs, fresh]) => ({
    route,
    path: route.path.replaceAll(/:[A-Za-z]+/g, () => values.pop() ?? 'a'),
    query: [...pairs.map(([name, given]) => `${name}=${given}`), ...(fresh === null ? [] : [`fresh=${fresh}`])].join('&'),
  }));
});

const FIELDS = [
  'data',
  'id',
  'customerId',
  'name',
  'key',
  'kind',
  'rule',
  'items',
  'total',
  'attributes',
  'properties',
  'tags',
  'createdAt',
  'type',
  'op',
  'left',
  'right',
  'and',
];
const { value: body } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      text,
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.constantFrom(null, '2024-01-01T00:00:00Z', '9'.repeat(40), 'count(orders) > 1', 'rule', 1e300, '\ud800'),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...FIELDS) }, { weight: 1, arbitrary: text }), tie('value'), {
      maxKeys: 5,
    }),
  ),
}));

test('no read answers 5xx', async () => {
  await fc.assert(
    fc.asyncProperty(url, async ({ route, path, query }) => {
      fc.pre(route.method === 'GET');
      const { status, text: answer } = await service.call('GET', `${path}?${query}`);
      expect([status < 500, answer.includes('"internal_error"')]).toEqual([true, false]);
    }),
    RUNS,
  );
});

test('no write answers 5xx', async () => {
  await fc.assert(
    fc.asyncProperty(url, body, async ({ route, path, query }, sent) => {
      fc.pre(route.method !== 'GET' && route.body?.kind !== 'stream');
      const { status, text: answer } = await service.call(route.method, `${path}?${query}`, sent);
      expect([status < 500, answer.includes('"internal_error"')]).toEqual([true, false]);
    }),
    RUNS,
  );
});

test('no import answers 5xx', async () => {
  const kinds = fc.constantFrom('customers', 'orders', 'events');
  const types = fc.constantFrom('text/csv', 'application/x-ndjson');
  const files = fc.oneof(
    fc.array(
      body.map((row) => JSON.stringify(row)),
      { maxLength: 5 },
    ),
    fc.array(text, { maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(kinds, types, files, fc.boolean(), async (kind, type, lines, atomic) => {
      const { status } = await service.call('POST', `/v1/imports/${kind}?atomic=${atomic}`, lines.join('\n'), { 'content-type': type });
      expect(status).toBeLessThan(500);
    }),
    { ...RUNS, numRuns: 100 },
  );
});
