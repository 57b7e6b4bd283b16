// The past over HTTP: members and segments as of an instant, histories, sizes, and what is answered where the log has been trimmed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { HOUR_MS } from '../../src/base/durations.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { type Answer, type Service, startService } from './service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const clock = new TestClock(START_MS);
let service: Service;

/** ann enters at 13:00, ben and cem at 14:00; ann leaves at 15:00 and enters again at 16:00; now it is 18:00. */
beforeAll(async () => {
  service = await startService({ clock, background: false });
  await service.call('POST', '/v1/segments', {
    key: 'paid',
    name: 'Paid',
    kind: 'rule',
    rule: 'count(orders where status = "paid") >= 1',
    publish: true,
  });
  await finishRuns(service.strata);
  await orderAt(13, 'ann');
  await orderAt(14, 'ben');
  await orderAt(14, 'cem');
  clock.set(START_MS + 3 * HOUR_MS);
  await service.call('DELETE', '/v1/orders/ann');
  await orderAt(16, 'ann');
  clock.set(START_MS + 6 * HOUR_MS);
  await publishChanges(service.strata);
});
afterAll(() => service.close());

async function orderAt(hour: number, customerId: string): Promise<void> {
  clock.set(START_MS + (hour - 12) * HOUR_MS);
  expect((await service.call('PUT', `/v1/orders/${customerId}`, { customerId, status: 'paid', total: '1' })).status).toBe(200);
}

const at = (hour: string) => `2026-06-15T${hour}Z`;
const get = (path: string): Promise<Answer> => service.call('GET', path);
const ids = (answer: Answer): string[] => answer.body.data.map((row: { customerId: string }) => row.customerId).sort();

test.each([
  ['12:59:59.999', []],
  ['13:00:00', ['ann']],
  ['14:30:00', ['ann', 'ben', 'cem']],
  ['15:00:00', ['ben', 'cem']],
  ['18:00:00', ['ann', 'ben', 'cem']],
])('at %s the members are %j', async (hour, members) => {
  const answer = await get(`/v1/segments/paid/members?at=${at(hour)}`);
  expect(ids(answer)).toEqual(members);
  expect((await get(`/v1/segments/paid/size?at=${at(hour)}`)).body).toMatchObject({ segment: 'paid', memberCount: members.length });
});

test('a past membership has its own since', async () => {
  const then = (await get(`/v1/customers/ann/segments?at=${at('14:00:00')}`)).body;
  expect(then.segments).toEqual([{ key: 'paid', name: 'Paid', group: null, since: '2026-06-15T13:00:00.000Z', source: 'rule' }]);
  expect((await get(`/v1/customers/ann/segments?at=${at('15:00:00')}`)).body.segments).toEqual([]);
  expect((await get('/v1/customers/ann/segments')).body.segments).toMatchObject([{ since: '2026-06-15T16:00:00.000Z' }]);
});

test('pages of the past hold everybody once', async () => {
  const first = await get(`/v1/segments/paid/members?limit=2&at=${at('14:00:00')}`);
  const rest = await get(`/v1/segments/paid/members?limit=2&at=${at('14:00:00')}&after=${first.body.next}`);
  expect([...ids(first), ...ids(rest)].sort()).toEqual(['ann', 'ben', 'cem']);
  expect(rest.body.next).toBeNull();
});

test.each(['/v1/segments/paid/members', '/v1/segments/paid/size', '/v1/customers/ann/segments'])('%s refuses the future', async (path) => {
  expect(await get(`${path}?at=${at('18:00:00.001')}`)).toMatchObject({
    status: 400,
    body: { code: 'invalid_request', errors: [{ parameter: 'at', code: 'invalid_timestamp' }] },
  });
});

test('a customer’s history is newest first', async () => {
  const { body } = await get('/v1/customers/ann/history');
  expect(body).toMatchObject({ next: null, oldest: null });
  expect(body.data).toMatchObject([
    { position: 5, type: 'entered', since: null, at: '2026-06-15T16:00:00.000Z' },
    { position: 4, type: 'exited', since: '2026-06-15T13:00:00.000Z', at: '2026-06-15T15:00:00.000Z' },
    { id: '1', position: 1, type: 'entered', segment: 'paid', customerId: 'ann', version: 1, cause: 'data', since: null },
  ]);
});

test.each([
  ['', [5, 4, 3, 2, 1]],
  ['type=exited', [4]],
  ['cause=data&customer=ben', [2]],
  ['cause=time', []],
  [`from=${at('14:00:00')}&to=${at('15:00:00')}`, [3, 2]],
  [`to=${at('14:00:00')}`, [1]],
])('a segment’s history with “%s”', async (query, positions) => {
  const { body } = await get(`/v1/segments/paid/history?${query}`);
  expect(body.data.map((change: { position: number }) => change.position)).toEqual(positions);
});

test('a history is paged', async () => {
  const first = (await get('/v1/segments/paid/history?limit=3')).body;
  const rest = (await get(`/v1/segments/paid/history?limit=3&after=${first.next}`)).body;
  expect([...first.data, ...rest.data].map((change) => change.position)).toEqual([5, 4, 3, 2, 1]);
  expect(rest.next).toBeNull();
});

test('sizes by the hour', async () => {
  const { body } = await get(`/v1/segments/paid/sizes?resolution=hour&from=${at('13:10:00')}`);
  expect(body).toMatchObject({ segment: 'paid', resolution: 'hour', timeZone: 'UTC', position: 5 });
  expect(body.points.map((point: { size: number; entered: number; left: number }) => [point.size, point.entered, point.left])).toEqual([
    [1, 1, 0],
    [3, 2, 0],
    [2, 0, 1],
    [3, 1, 0],
    [3, 0, 0],
    [3, 0, 0],
  ]);
  expect(body.points[1]).toEqual({
    at: '2026-06-15T14:00:00.000Z',
    size: 3,
    entered: 2,
    left: 0,
    causes: { data: { entered: 2, left: 0 } },
  });
});

test('sizes by the day, thirty unless said', async () => {
  const { points } = (await get('/v1/segments/paid/sizes')).body;
  expect(points).toHaveLength(30);
  expect(points.at(-2)).toMatchObject({ at: '2026-06-14T00:00:00.000Z', size: 0, entered: 0 });
  expect(points.at(-1)).toMatchObject({ at: '2026-06-15T00:00:00.000Z', size: 3, entered: 4, left: 1 });
});

test.each([
  ['from=2026-06-16T00:00:00Z', 'before now'],
  [`from=${at('10:00:00')}&to=${at('09:00:00')}`, 'must begin before it ends'],
  ['from=1990-01-01T00:00:00Z', 'more than 2000 points'],
])('sizes with “%s” are refused', async (query, detail) => {
  const { status, body } = await get(`/v1/segments/paid/sizes?${query}`);
  expect([status, body.code]).toEqual([400, 'invalid_request']);
  expect(body.detail).toContain(detail);
});

test('the feed begins at an instant', async () => {
  const positions = async (query: string) =>
    (await get(`/v1/changes?${query}`)).body.data.map((change: { position: number }) => change.position);
  expect(await positions(`from=${at('14:00:00')}`)).toEqual([2, 3, 4, 5]);
  expect(await positions(`from=${at('17:00:00')}`)).toEqual([]);
  expect((await get(`/v1/changes?from=${at('14:00:00')}&after=x`)).status).toBe(400);
});

test('a past preview sees the segments of then', async () => {
  const count = async (hour: string) =>
    (await service.call('POST', '/v1/rules/preview', { rule: 'in segment "paid"', at: at(hour) })).body.count;
  expect(await count('14:00:00')).toBe(3);
  expect(await count('15:00:00')).toBe(2);
});

// the last two take the others' past away
test('what is trimmed is refused', async () => {
  const { next: early } = (await get('/v1/changes?limit=1')).body;
  const { next: late } = (await get('/v1/changes?limit=4')).body;
  while ((await trimHistory(service.strata.database, Date.parse(at('15:00:00')))) > 0);
  const oldest = '2026-06-15T14:00:00.001Z';
  const gone = { status: 410, body: { code: 'history_trimmed', oldest, detail: expect.stringContaining(oldest) } };
  for (const path of [
    `/v1/segments/paid/members?at=${at('14:00:00')}`,
    `/v1/segments/paid/size?at=${at('14:00:00')}`,
    `/v1/customers/ann/segments?at=${at('14:00:00')}`,
    `/v1/segments/paid/history?from=${at('14:00:00')}`,
    `/v1/customers/ann/history?from=${at('14:00:00')}`,
    `/v1/changes?from=${at('14:00:00')}`,
    `/v1/changes?after=${early}`,
  ]) {
    expect(await get(path), path).toMatchObject(gone);
  }
  const preview = (rule: string) => service.call('POST', '/v1/rules/preview', { rule, at: at('14:00:00') });
  expect(await preview('in segment "paid"')).toMatchObject(gone);
  expect((await preview('count(orders) >= 0')).status).toBe(200);
  expect(await get(`/v1/segments/paid/sizes?resolution=hour&from=${at('13:30:00')}`)).toMatchObject({
    status: 410,
    body: { code: 'history_trimmed', oldest: '2026-06-15T14:00:00.000Z' },
  });

  expect(ids(await get(`/v1/segments/paid/members?at=${oldest}`))).toEqual(['ann', 'ben', 'cem']);
  expect((await get(`/v1/customers/ann/segments?at=${oldest}`)).body.segments).toMatchObject([{ since: '2026-06-15T13:00:00.000Z' }]);
  expect((await get(`/v1/segments/paid/sizes?resolution=hour&from=${at('14:00:00')}`)).body.points[0]).toMatchObject({
    size: 3,
    entered: 2,
  });
  expect((await get('/v1/segments/paid/sizes')).body.points.at(-1)).toMatchObject({ size: 3, entered: 4, left: 1 });
  expect((await get('/v1/customers/ann/history')).body).toMatchObject({ data: [{ position: 5 }, { position: 4 }], oldest });
  expect((await get('/v1/changes')).body.data).toMatchObject([{ position: 4 }, { position: 5 }]);
  expect((await get(`/v1/changes?after=${late}`)).body.data).toMatchObject([{ position: 5 }]);
});

test('a word is told as long as changes', async () => {
  await service.call('PUT', '/v1/customers/dora', {});
  const say = (reason: string) => service.call('PUT', '/v1/segments/paid/members/dora', { reason });
  expect((await say('changes something')).body.changes).toBe(1);
  clock.advance(HOUR_MS);
  expect((await say('changes nothing')).body.changes).toBe(0);
  await publishChanges(service.strata);
  const told = async () =>
    (await get('/v1/customers/dora/history')).body.data.map(({ type, reason }: { type: string; reason: string }) => [type, reason]);
  const idle = ['pinned_in', 'changes nothing'];
  expect(await told()).toEqual([idle, ['entered', 'changes something']]);
  while ((await trimHistory(service.strata.database, clock.nowMs())) > 0);
  expect(await told()).toEqual([idle]);
  clock.advance(HOUR_MS);
  await orderAt(20, 'late');
  await publishChanges(service.strata);
  while ((await trimHistory(service.strata.database, clock.nowMs() + 1)) > 0);
  expect(await told()).toEqual([]);
});
