// Explanations over HTTP: now and as of a past instant, pins and groups, segments that are not live, refusals.
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { DAY_MS, HOUR_MS } from '../../src/base/durations.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { type Answer, type Service, startService } from './service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const clock = new TestClock(START_MS);
const iso = (atMs: number): string => new Date(atMs).toISOString();
let service: Service;

async function settle(): Promise<void> {
  await finishRuns(service.strata);
}

async function define(key: string, rule: string, publish = true): Promise<void> {
  const answer = await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish });
  expect(answer.status).toBe(201);
  await settle();
}

async function put(path: string, body: unknown): Promise<void> {
  const answer = await service.call('PUT', path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
}

const explain = (customer: string, segment: string, at?: number): Promise<Answer> =>
  service.call('GET', `/v1/customers/${customer}/segments/${segment}/explanation${at === undefined ? '' : `?at=${iso(at)}`}`);

beforeAll(async () => {
  service = await startService({ clock, background: false });
  await define('china', 'country = "CN"');
  await define('recent', 'count(orders in the last 30 days) >= 2 and in segment "china"');
  await define('draft', 'country = "DE"', false);
  await put('/v1/customers/ann', { country: 'CN' });
  await put('/v1/orders/o1', { customerId: 'ann', total: '10', placedAt: iso(START_MS - DAY_MS) });
  clock.advance(HOUR_MS);
  await put('/v1/orders/o2', { customerId: 'ann', total: '20', placedAt: iso(START_MS) });
  clock.advance(HOUR_MS);
});

afterAll(() => service.close());

describe('the present', () => {
  it('tells rule, rows and next change', async () => {
    const { status, body } = await explain('ann', 'recent');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      customerId: 'ann',
      segment: 'recent',
      version: 1,
      member: true,
      because: 'rule',
      source: 'facts',
      missing: [],
      nextChangeAt: iso(START_MS + 29 * DAY_MS),
      next: {
        kind: 'change',
        type: 'exited',
        because: 'rule',
        conditions: [{ text: 'count(orders in the last 30 days) >= 2', from: true, to: false }],
      },
    });
    const [count, china] = body.tree.parts;
    expect(count).toMatchObject({
      holds: true,
      seen: { value: '2' },
      asked: { operator: '>=', values: [{ value: '2' }] },
      rows: [{ count: 2, newest: [{ id: 'o2' }, { id: 'o1' }] }],
    });
    expect(china.segment).toMatchObject({ segment: 'china', member: true, tree: { seen: { text: 'country', value: 'CN' } } });
  });

  it('refuses what is not there', async () => {
    expect((await explain('nobody', 'recent')).status).toBe(404);
    expect((await explain('ann', 'nothing')).status).toBe(404);
    expect((await explain('ann', 'draft')).body.code).toBe('conflict');
  });

  it.each(['now', 'then'])('finds nobody who is erased meanwhile: %s', async (when) => {
    await put('/v1/customers/gone', { country: 'CN' });
    const { database } = service.strata;
    const { pool, query } = database;
    const connect = pool.connect.bind(pool) as (told?: unknown) => Promise<PoolClient>;
    let isThere = true;
    const meanwhile = async () => {
      if (!isThere) return;
      isThere = false;
      expect((await service.call('DELETE', '/v1/customers/gone')).status).toBe(200);
    };
    if (when === 'now') {
      // a single statement connects with a function to be told; the transaction that explains, without one
      const before = (told?: unknown) => (told !== undefined || !isThere ? connect(told) : meanwhile().then(() => connect()));
      vi.spyOn(pool, 'connect').mockImplementation(before);
    } else {
      vi.spyOn(database, 'query').mockImplementation(async (statement) => {
        if (statement.name === 'read_explained_past') await meanwhile();
        return query(statement);
      });
    }
    const { status, body } = await explain('gone', 'china', when === 'now' ? undefined : clock.nowMs());
    vi.restoreAllMocks();
    expect([status, body.code]).toEqual([404, 'not_found']);
  });

  it('says that a paused segment stands still', async () => {
    await define('pausing', 'country = "CN"');
    expect((await service.call('POST', '/v1/segments/pausing/pause')).status).toBeLessThan(300);
    await put('/v1/customers/ben', { country: 'CN' });
    const { body } = await explain('ben', 'pausing');
    expect(body).toMatchObject({ status: 'paused', member: false, tree: { holds: true }, nextChangeAt: null });
    expect(body.note).toBe('The segment is paused: its members stand still. By its rule the customer would be a member.');
  });
});

describe('the past', () => {
  it('is told from what was recorded', async () => {
    const { body } = await explain('ann', 'recent', START_MS + HOUR_MS);
    expect(body).toMatchObject({
      member: true,
      source: 'recorded',
      decidedAt: iso(START_MS + HOUR_MS),
      change: { type: 'entered', cause: 'data' },
    });
    expect(body.tree).toMatchObject({ holds: true, parts: [{ holds: true, seen: { value: '2' } }, { holds: true }] });
  });

  it('knows only the rule before the first change', async () => {
    const { body } = await explain('ann', 'recent', START_MS + HOUR_MS - 1);
    expect(body).toMatchObject({ member: false, version: 1, change: null, tree: { holds: null } });
    expect(body.note).toMatch(/had not been in the segment/);
  });

  it('keeps what was seen at an exit', async () => {
    await put('/v1/customers/ann', { country: 'DE' });
    await publishChanges(service.strata);
    const atMs = clock.nowMs();
    clock.advance(HOUR_MS);
    await put('/v1/customers/ann', { country: 'FR' });
    const { body } = await explain('ann', 'recent', atMs);
    expect(body).toMatchObject({ member: false, change: { type: 'exited' }, tree: { holds: false } });
    expect(body.tree.parts.map((part: { holds: boolean }) => part.holds)).toEqual([true, false]);
    expect(body.tree.parts[1].segment).toMatchObject({ member: false, tree: { seen: { value: 'DE' } } });
  });

  it('refuses the future', async () => {
    expect((await explain('ann', 'recent', clock.nowMs() + 1)).body.code).toBe('invalid_request');
  });
});

describe('hands', () => {
  it('are told before the rule', async () => {
    const until = iso(clock.nowMs() + 5 * DAY_MS);
    await put('/v1/segments/china/members/ben', { reason: 'a guest', until });
    await put('/v1/customers/ben', { country: 'DE' });
    const { body } = await explain('ben', 'china');
    expect(body).toMatchObject({
      member: true,
      because: 'pin',
      tree: { holds: false },
      pins: [{ include: true, until, reason: 'a guest' }],
      nextChangeAt: until,
      next: { type: 'exited', because: 'pin', conditions: [] },
    });
    const then = (await explain('ben', 'china', clock.nowMs())).body;
    expect(then).toMatchObject({ member: true, because: 'pin', pins: [{ reason: 'a guest' }] });
  });

  it('name the group that chooses', async () => {
    await define('first', 'country is not missing');
    await define('second', 'country = "DE"');
    const answer = await service.call('POST', '/v1/groups', { key: 'tiers', name: 'Tiers', segments: ['first', 'second'] });
    expect(answer.status, answer.text).toBeLessThan(300);
    await settle();
    const { body } = await explain('ben', 'second');
    expect(body).toMatchObject({
      member: false,
      because: 'group',
      tree: { holds: true },
      group: {
        key: 'tiers',
        segments: [
          { key: 'first', member: true },
          { key: 'second', member: false },
        ],
      },
    });
  });

  it('decide alone in manual segments', async () => {
    await service.call('POST', '/v1/segments', { key: 'hand', name: 'By hand', kind: 'manual' });
    await settle();
    await put('/v1/segments/hand/members/ben', { reason: 'asked' });
    expect((await explain('ben', 'hand')).body).toMatchObject({ member: true, because: 'manual', tree: null, pins: [{ reason: 'asked' }] });
  });
});
