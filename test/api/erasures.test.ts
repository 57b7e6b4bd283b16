// Erasure over HTTP: the receipt, what answers afterwards, tombstones in the feed, and the question whether an id was erased.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/segments', { key: 'paid', name: 'Paid', kind: 'rule', rule: 'count(orders) >= 1', publish: true });
  await built(service, 'paid');
});
afterAll(() => service.close());

const order = (id: string, customerId: string) => service.call('PUT', `/v1/orders/${id}`, { customerId, status: 'paid', total: '10' });
const feed = (query: string, token: string) => service.call('GET', `/v1/changes?${query}`, undefined, { 'strata-token': token });

test('an erasure answers with a receipt', async () => {
  const written = await order('o1', 'ann');
  await feed('', written.body.token);
  const { status, body } = await service.call('DELETE', '/v1/customers/ann');
  expect(status).toBe(200);
  expect(body).toEqual({
    receiptId: expect.any(String),
    erasedAt: expect.any(String),
    changes: 1,
    exitsUntil: new Date(Date.parse(body.erasedAt) + 7 * 86_400_000).toISOString(),
    blankedAt: null,
    salt: expect.stringMatching(/^[0-9a-f]{64}$/),
    hash: createHash('sha256').update(Buffer.from(body.salt, 'hex')).update('ann').digest('hex'),
    token: expect.any(String),
  });
  const { token, ...receipt } = body;
  expect(await service.call('GET', `/v1/erasures/${body.receiptId}`)).toMatchObject({ status: 200, body: receipt });
  expect((await service.call('POST', '/v1/erasures/check', { id: 'ann' })).body).toEqual({ exists: false, receipts: [receipt] });

  const { data } = (await feed('', token)).body;
  const nothing = { segment: null, customerId: null, version: null, cause: null, actor: null, reason: null };
  expect(data).toEqual([
    { id: '1', position: 1, type: 'erased', ...nothing, at: expect.any(String) },
    {
      id: '2',
      position: 2,
      type: 'exited',
      segment: 'paid',
      customerId: 'ann',
      version: 1,
      cause: 'erasure',
      at: body.erasedAt,
      actor: null,
      reason: null,
    },
  ]);
});

test('the erased one is in no answer', async () => {
  for (const path of ['customers/ann', 'customers/ann/segments', 'customers/ann/history', 'customers/ann/orders', 'orders/o1']) {
    expect([path, (await service.call('GET', `/v1/${path}`)).status]).toEqual([path, 404]);
  }
  expect((await service.call('GET', '/v1/segments/paid/members')).body.data).toEqual([]);
  expect((await service.call('GET', '/v1/segments/paid')).body.memberCount).toBe(0);
  const history = (await service.call('GET', '/v1/segments/paid/history')).body.data;
  expect(history).toMatchObject([{ type: 'exited', customerId: null, cause: 'erasure', since: null }]);
});

test('a second erasure finds nobody', async () => {
  expect(await service.call('DELETE', '/v1/customers/ann')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect(await service.call('DELETE', '/v1/customers/nobody')).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('who comes again has a receipt of before', async () => {
  await order('o1', 'ann');
  const { body } = await service.call('POST', '/v1/erasures/check', { id: 'ann' });
  expect(body).toMatchObject({ exists: true, receipts: [{ changes: 1 }] });
  expect((await service.call('POST', '/v1/erasures/check', { id: 'bob' })).body).toEqual({ exists: false, receipts: [] });
});

test('an unknown receipt is not found', async () => {
  for (const id of ['x', '0199e5a0-0000-7000-8000-000000000000', '%00']) {
    expect((await service.call('GET', `/v1/erasures/${id}`)).status).toBe(404);
  }
});
