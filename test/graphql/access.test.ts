// Who may ask for what over HTTP: keys with scopes, keys for named segments, personal fields, the audit of reads, freshness.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chainAudit } from '../../src/access/chain-audit.ts';
import { built, type Service, startService } from '../api/service.ts';
import { ask, codesOf, dataOf, keyOf } from './ask.ts';

let service: Service;
let reader: Record<string, string>;
let restricted: Record<string, string>;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/customers', {
    data: [{ id: 'ann', email: 'ann@example.com', country: 'DE', attributes: { tier: 'gold' } }],
  });
  for (const key of ['one', 'two']) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule: 'country = "DE"', publish: true });
    await built(service, key);
  }
  reader = await keyOf(service, ['members:read', 'segments:read', 'ingest']);
  restricted = await keyOf(service, ['members:read', 'segments:read'], ['one']);
});

afterAll(() => service.close());

test('a missing scope refuses the whole operation', async () => {
  const query = 'mutation { pinIn(key: "one", customerId: "ann", input: {}) { changes } }';
  const { data, errors } = await ask(service, query, {}, reader);
  expect(data).toBeUndefined();
  expect(errors[0]).toMatchObject({ message: expect.stringContaining('members:write'), extensions: { code: 'forbidden' } });
  const linked = 'mutation { putCustomer(customerId: "late", input: {}) { token segments { key } } }';
  expect(await codesOf(service, linked, {}, await keyOf(service, ['ingest']))).toEqual(['forbidden']);
  expect(await dataOf(service, '{ customer(id: "late") { id } }')).toEqual({ customer: null });
});

test('personal fields are null and said to be', async () => {
  const answer = await ask(
    service,
    '{ segment(key: "one") { members { edges { node { customer { id email country attributes } } } } } }',
    {},
    reader,
  );
  expect(answer.errors).toBeUndefined();
  expect(answer.data.segment.members.edges[0].node.customer).toEqual({ id: 'ann', email: null, country: 'DE', attributes: null });
  expect(answer.extensions).toEqual({ withheld: ['Customer.email', 'Customer.attributes'] });
  const written = await ask(
    service,
    'mutation { putCustomer(customerId: "ann", input: { city: "Ulm" }) { customer { id email city } } }',
    {},
    reader,
  );
  expect(written.data.putCustomer.customer).toMatchObject({ id: 'ann', email: null });
});

test('a restricted key sees its segments only', async () => {
  const { customer } = await dataOf(service, '{ customer(id: "ann") { segments { key } } }', {}, restricted);
  expect(customer.segments).toEqual([{ key: 'one' }]);
  expect((await dataOf(service, '{ segments { edges { node { key } } } }', {}, restricted)).segments.edges).toEqual([
    { node: { key: 'one' } },
  ]);
  expect(await codesOf(service, '{ segment(key: "two") { key } }', {}, restricted)).toEqual(['forbidden']);
  expect(await codesOf(service, '{ members(segment: "two") { edges { cursor } } }', {}, restricted)).toEqual(['forbidden']);
  expect(await codesOf(service, '{ overlap(keys: ["one", "two"]) { both } }', {}, restricted)).toEqual(['forbidden']);
});

test('reads of personal fields reach the audit', async () => {
  await dataOf(service, '{ segment(key: "one") { members { edges { node { customer { email } } } } } }');
  await service.strata.audit.flush();
  await chainAudit(service.strata.database);
  const { body } = await service.call('GET', '/v1/audit?limit=20');
  const reads = body.data.filter(
    (entry: { action: string; outcome: string }) => entry.action === 'getCustomer' && entry.outcome === 'read',
  );
  expect(reads.length).toBeGreaterThan(0);
});

test('writes reach the audit under their names', async () => {
  await dataOf(service, 'mutation { putCustomer(customerId: "bob", input: { country: "FR" }) { token } }', {}, reader);
  await chainAudit(service.strata.database);
  const { body } = await service.call('GET', '/v1/audit?limit=50');
  expect(
    body.data.some((entry: { action: string; outcome: string }) => entry.action === 'putCustomer' && entry.outcome === 'written'),
  ).toBe(true);
});

test('a token makes the feed wait', async () => {
  const { putCustomer } = await dataOf(service, 'mutation { putCustomer(customerId: "fresh", input: { country: "DE" }) { token } }');
  const { changes } = await dataOf(
    service,
    '{ changes(customerId: "fresh") { edges { node { segmentKey } } } }',
    {},
    { 'strata-token': putCustomer.token },
  );
  expect(changes.edges.map(({ node }: { node: { segmentKey: string } }) => node.segmentKey).sort()).toEqual(['one', 'two']);
  expect(await codesOf(service, '{ segments { edges { cursor } } }', {}, { 'strata-token': 'junk' })).toEqual(['token_unknown']);
});
