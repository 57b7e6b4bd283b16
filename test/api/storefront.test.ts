// What a shop asks at every page view: the segments of one customer, or of many at once, including customers who are not known.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { DAY_MS } from '../../src/base/durations.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { type Answer, type Service, startService } from './service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');

let service: Service;
let clock: TestClock;

const SEGMENTS: readonly (readonly [key: string, rule: string])[] = [
  ['recent', 'count(orders in the last 30 days) >= 1'],
  ['nobody-yet', 'count(orders) = 0'],
  ['summer', 'today >= 2026-06-20'],
  ['half', 'bucket("test") < 50'],
  ['named', 'in segment "nobody-yet" and not in segment "summer"'],
  ['china', 'country = "CN"'],
];

async function define(key: string, rule: string, more: object = {}): Promise<void> {
  const answer = await service.call('POST', '/v1/segments', { key, name: `The “${key}”`, kind: 'rule', rule, publish: true, ...more });
  expect(answer.status).toBe(201);
  await runAll();
}

async function runAll(): Promise<void> {
  await finishRuns(service.strata);
}

beforeAll(async () => {
  clock = new TestClock(START_MS);
  service = await startService({ clock, background: false });
  for (const [key, rule] of SEGMENTS) await define(key, rule);
  await service.call('POST', '/v1/groups', { key: 'places', name: 'Places', segments: ['china', 'recent'] });
  await runAll();
});
afterAll(() => service.close());

const segmentsOf = (id: string, query = ''): Promise<Answer> =>
  service.call('GET', `/v1/customers/${encodeURIComponent(id)}/segments${query}`);
const keysOf = (answer: Answer): string[] => answer.body.segments.map((segment: { key: string }) => segment.key);
const order = (id: string, customerId: string, placedAt: string) =>
  service.call('PUT', `/v1/orders/${id}`, { customerId, placedAt, total: '1' });
const check = (body: object) => service.call('POST', '/v1/memberships/check', body);

describe('one customer', () => {
  test('many questions at once have each its answer', async () => {
    await service.call('PUT', '/v1/customers/o"dd\n'.slice(0, -1).replace('"', '%22'), { country: 'CN' });
    await service.call('PUT', '/v1/customers/plain', {});
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => segmentsOf(['o"dd', 'plain', `stranger-${index}`][index % 3] ?? '')),
    );
    for (const [index, answer] of answers.entries()) {
      if (index % 3 === 2) expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
      else expect(answer.body.customerId).toBe(index % 3 === 0 ? 'o"dd' : 'plain');
    }
    expect(answers[0]?.body.segments.find(({ key }: { key: string }) => key === 'china')).toEqual({
      key: 'china',
      name: 'The “china”',
      group: 'places',
      since: '2026-06-15T12:00:00.000Z',
      source: 'rule',
    });
  });

  test('who is overdue is evaluated first', async () => {
    await order('due-1', 'due', '2026-06-10T12:00:00Z');
    await order('due-2', 'late', '2026-06-10T12:00:00Z');
    expect(keysOf(await segmentsOf('due'))).toContain('recent');
    clock.advance(26 * DAY_MS);
    const answers = await Promise.all([segmentsOf('due'), segmentsOf('due'), segmentsOf('plain')]);
    expect(answers.map(keysOf).map((keys) => keys.includes('recent'))).toEqual([false, false, false]);
    expect((await check({ customerIds: ['late'], segments: ['recent'] })).body.data).toEqual([{ customerId: 'late', segments: [] }]);
  });

  test('a pin is told, while it counts', async () => {
    const until = new Date(clock.nowMs() + DAY_MS).toISOString();
    await service.call('PUT', '/v1/segments/china/members/plain', { until });
    const source = async () => (await segmentsOf('plain')).body.segments.find(({ key }: { key: string }) => key === 'china')?.source;
    expect(await source()).toBe('pin');
    clock.advance(2 * DAY_MS);
    expect(await source()).toBeUndefined();
  });

  test('a new name is there at once', async () => {
    await service.call('PATCH', '/v1/segments/nobody-yet', { name: 'Not “yet”' });
    expect((await segmentsOf('plain')).body.segments).toContainEqual(expect.objectContaining({ key: 'nobody-yet', name: 'Not “yet”' }));
  });

  test('what is unchanged answers 304', async () => {
    const { headers } = await segmentsOf('plain');
    const again = { 'if-none-match': String(headers['etag']) };
    expect((await service.call('GET', '/v1/customers/plain/segments', undefined, again)).status).toBe(304);
    const unknown = await segmentsOf('who', '?unknown=empty');
    const etag = { 'if-none-match': String(unknown.headers['etag']) };
    clock.advance(1);
    expect((await service.call('GET', '/v1/customers/who/segments?unknown=empty', undefined, etag)).status).toBe(304);
  });
});

/** The truth about an empty profile: somebody who is made with nothing, and erased again. */
async function truthOf(id: string): Promise<string[]> {
  const { body } = await service.call('PUT', `/v1/customers/${id}`, {});
  await service.call('DELETE', `/v1/customers/${id}`);
  return body.segments;
}

describe('who is not known', () => {
  test.each(['alpha', 'beta', 'gamma', 'delta'])('%s gets what an empty profile would', async (id) => {
    const answer = keysOf(await segmentsOf(id, '?unknown=empty'));
    expect(answer).toEqual(await truthOf(id));
    const keys = SEGMENTS.map(([key]) => key);
    const checked = await check({ customerIds: [id], segments: keys, unknown: 'empty' });
    expect(checked.body.data[0].segments.toSorted()).toEqual(answer);
    expect((await service.call('GET', `/v1/customers/${id}`)).status).toBe(404);
  });

  test('ids decide where rules ask for them', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `visitor-${index}`);
    const { body } = await check({ customerIds: ids, segments: ['half'], unknown: 'empty' });
    const inside = body.data.filter(({ segments }: { segments: string[] }) => segments.length === 1).length;
    expect(inside).toBeGreaterThan(5);
    expect(inside).toBeLessThan(35);
  });

  test('follows the clock and the definitions', async () => {
    const other = await startService({ clock: new TestClock(START_MS), background: false });
    try {
      const ask = async () => keysOf(await other.call('GET', '/v1/customers/x/segments?unknown=empty'));
      const make = async (key: string, rule: string) => {
        await other.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
        await other.strata.programs.reload();
      };
      await make('summer', 'today >= 2026-06-20');
      expect(await ask()).toEqual([]);
      (other.strata.clock as TestClock).set(Date.parse('2026-06-19T23:59:59.999Z'));
      expect(await ask()).toEqual([]);
      (other.strata.clock as TestClock).advance(1);
      expect(await ask()).toEqual(['summer']);
      await other.call('POST', '/v1/segments', { key: 'all', name: 'all', kind: 'rule', rule: 'everyone', publish: true });
      expect(await ask()).toEqual(['all', 'summer']);
      await other.call('POST', '/v1/segments/summer/pause');
      expect(await ask()).toEqual(['all']);
    } finally {
      await other.close();
    }
  });

  test('is refused where that is wished', async () => {
    expect((await segmentsOf('who', '?unknown=404')).status).toBe(404);
    expect(await check({ customerIds: ['plain', 'who', 'whom'], segments: ['china'] })).toMatchObject({
      status: 404,
      body: { errors: [{ pointer: '/customerIds/1' }, { pointer: '/customerIds/2' }] },
    });
    expect((await segmentsOf('who', '?unknown=maybe')).status).toBe(400);
  });
});

describe('many customers', () => {
  test('are answered in order, repeated as asked', async () => {
    await service.call('PUT', '/v1/customers/cn', { country: 'CN' });
    const { status, body } = await check({ customerIds: ['plain', 'cn', 'plain'], segments: ['china', 'nobody-yet'] });
    expect([status, body]).toEqual([
      200,
      {
        data: [
          { customerId: 'plain', segments: ['nobody-yet'] },
          { customerId: 'cn', segments: ['china', 'nobody-yet'] },
          { customerId: 'plain', segments: ['nobody-yet'] },
        ],
      },
    ]);
  });

  test.each([
    ['no segment of that key', { customerIds: ['plain'], segments: ['nope'] }, 404],
    ['too many customers', { customerIds: Array.from({ length: 1001 }, () => 'plain'), segments: ['china'] }, 422],
    ['no customers', { customerIds: [], segments: ['china'] }, 422],
    ['a word that is none', { customerIds: ['plain'], segments: ['china'], unknown: 'x' }, 422],
  ])('refuses %s', async (_what, body, status) => {
    expect((await check(body)).status).toBe(status);
  });
});
