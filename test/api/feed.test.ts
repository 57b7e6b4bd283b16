// The feed and a customer's segments over HTTP: order, cursors, filters, waiting, freshness.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  for (const [key, rule] of [
    ['paid', 'count(orders where status = "paid") >= 1'],
    ['big', 'sum(orders.total) > 100'],
  ]) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, String(key));
  }
});
afterAll(() => service.close());

const order = (id: string, customerId: string, total: string) =>
  service.call('PUT', `/v1/orders/${id}`, { customerId, status: 'paid', total });
const feed = (query: string, token?: string): Promise<Answer> =>
  service.call('GET', `/v1/changes?${query}`, undefined, token === undefined ? {} : { 'strata-token': token });

test('an order answers with its customer’s segments', async () => {
  const answer = await order('o1', 'ann', '150.5');
  expect(answer).toMatchObject({ status: 200, body: { id: 'o1', customerId: 'ann', changes: 2, segments: ['big', 'paid'] } });
  expect((await service.call('GET', '/v1/customers/ann/segments')).body).toEqual({
    customerId: 'ann',
    segments: ['big', 'paid'].map((key) => ({ key, name: key, group: null, since: expect.any(String), source: 'rule' })),
  });
});

test('the feed is dense and resumes anywhere', async () => {
  const { token } = (await order('o2', 'bob', '5')).body;
  const all = (await feed('', token)).body;
  expect(all.data.map((change: { position: number }) => change.position)).toEqual(all.data.map((_: unknown, index: number) => index + 1));
  const first = (await feed('limit=1')).body;
  const rest = (await feed(`after=${first.next}`)).body;
  expect([...first.data, ...rest.data]).toEqual(all.data);
  expect((await feed(`after=${rest.next}`)).body).toEqual({ data: [], next: rest.next });
});

test('filters keep one segment or one customer', async () => {
  const { token } = (await order('o3', 'cat', '500')).body;
  const { body } = await feed('customer=cat&segment=big', token);
  expect(body.data).toMatchObject([{ type: 'entered', segment: 'big', customerId: 'cat', version: 1, cause: 'data' }]);
  expect((await feed(`customer=cat&after=${body.next}`)).body.data).toEqual([]);
});

test('waiting ends with the first change', async () => {
  const { token } = (await order('o4', 'dan', '1')).body;
  const { next } = (await feed('limit=1000', token)).body;
  const waiting = feed(`after=${next}&wait=30`);
  await order('o5', 'eve', '1');
  expect((await waiting).body.data).toMatchObject([{ customerId: 'eve', segment: 'paid', type: 'entered' }]);
});

test('waiting ends with its time', async () => {
  const { token } = (await order('o6', 'fay', '1')).body;
  const { next } = (await feed('limit=1000', token)).body;
  expect((await feed(`after=${next}&wait=1`)).body).toEqual({ data: [], next });
});

test.each(['wait=31', 'wait=-1', 'wait=1.5', 'segment=VIP', 'customer='])('%s is refused', async (query) => {
  expect(await feed(query)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
});

test('an unknown segment in the filter is 404', async () => {
  expect((await feed('segment=nope')).status).toBe(404);
});

test('a token of another database is refused', async () => {
  const token = Buffer.from(JSON.stringify([1, 'other', '0/1', null])).toString('base64url');
  expect(await feed('', token)).toMatchObject({ status: 400, body: { code: 'token_unknown' } });
});

test('unchanged segments answer 304', async () => {
  const path = '/v1/customers/ann/segments';
  const { headers } = await service.call('GET', path);
  const etag = String(headers['etag']);
  expect(await service.call('GET', path, undefined, { 'if-none-match': etag })).toMatchObject({ status: 304, text: '' });
  await service.call('DELETE', '/v1/orders/o1');
  expect((await service.call('GET', path, undefined, { 'if-none-match': etag })).body).toEqual({ customerId: 'ann', segments: [] });
});
