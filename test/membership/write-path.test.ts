// The write path on a real database: what a write answers, what the clock does, what a publish does, what the feed says.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { readSegments } from '../../src/pipeline.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { replayFeed, storedPairs } from './replay-feed.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('china', 'country = "CN"');
  await shop.define('recent', 'count(orders in the last 30 days) >= 1');
  await shop.define('loyal', 'count(orders where status = "paid") >= 2');
  await shop.define('loyal-china', 'in segment "china" and in segment "loyal"');
});

afterAll(() => shop.drop());

describe('a write', () => {
  it('answers with the memberships it causes', async () => {
    const outcome = await shop.write({ customers: [customer('a', { profile: { country: 'CN' } })] });
    expect(outcome.changes).toBe(1);
    expect(outcome.segments.get(customerKey('a'))).toEqual(['china']);
  });

  it('evaluates segments and their dependents', async () => {
    await shop.write({ orders: [order('1', 'a')] });
    const outcome = await shop.write({ orders: [order('2', 'a')] });
    expect(outcome.segments.get(customerKey('a'))).toEqual(['china', 'loyal', 'loyal-china', 'recent']);
  });

  it('changes nothing when it comes again', async () => {
    expect((await shop.write({ orders: [order('2', 'a')] })).changes).toBe(0);
  });

  it('re-evaluates both customers when an order moves', async () => {
    const outcome = await shop.write({ orders: [order('2', 'b')] });
    expect(outcome.segments.get(customerKey('a'))).toEqual(['china', 'recent']);
    expect(outcome.segments.get(customerKey('b'))).toEqual(['recent']);
    await shop.write({ orders: [order('2', 'a')] });
    expect(await shop.segmentsOf('b')).toEqual([]);
  });

  it('follows a profile that changes', async () => {
    const country = (code: string) => shop.write({ customers: [customer('p', { profile: { country: code } })] });
    await country('CN');
    expect(await shop.segmentsOf('p')).toEqual(['china']);
    await country('DE');
    expect(await shop.segmentsOf('p')).toEqual([]);
  });

  it('gathers writes of the same moment', async () => {
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, n) => shop.write({ orders: [order(`g${n}`, `g${n % 10}`)] })));
    expect(outcomes.map((outcome) => outcome.segments.size)).toEqual(outcomes.map(() => 1));
    expect(outcomes.reduce((sum, outcome) => sum + outcome.changes, 0)).toBe(20); // each of ten enters recent and loyal once
  });
});

describe('the clock', () => {
  it('keeps a member until the window ends', async () => {
    await shop.moveTo(START_MS + 30 * DAY_MS - 1);
    expect(await shop.segmentsOf('a')).toContain('recent');
  });

  it('takes the member out at the instant', async () => {
    expect(await shop.moveTo(START_MS + 30 * DAY_MS)).toBeGreaterThan(0);
    expect(await shop.segmentsOf('a')).toEqual(['china', 'loyal', 'loyal-china']);
  });

  it('lets a future order in at its time', async () => {
    const atMs = shop.clock.nowMs() + DAY_MS;
    await shop.write({ orders: [order('future', 'f', { placedAtMs: atMs })] });
    expect(await shop.segmentsOf('f')).toEqual([]);
    await shop.moveTo(atMs);
    expect(await shop.segmentsOf('f')).toEqual(['recent']);
  });

  it('evaluates a late customer before a read', async () => {
    const atMs = shop.clock.nowMs() + DAY_MS;
    await shop.write({ orders: [order('late', 'l', { placedAtMs: atMs })] });
    shop.clock.set(atMs);
    const read = await readSegments(shop.strata, customerKey('l'));
    expect(read?.segments.map((segment) => segment.key)).toEqual(['recent']);
  });
});

describe('a publish', () => {
  it('brings everybody under the new version', async () => {
    const { database } = shop.strata;
    const number = await addVersion(database, shop.clock, 'china', { rule: 'country = "DE"', author: null });
    await publishVersion(database, shop.clock, 'china', number);
    expect((await getSegment(database, 'china')).status).toBe('building');
    while (await runOpenRuns(shop.strata, new AbortController().signal));
    expect((await getSegment(database, 'china')).status).toBe('active');
    expect(await shop.segmentsOf('a')).toEqual(['loyal']);
  });
});

describe('the feed', () => {
  it('is dense and gives the members when replayed', async () => {
    await shop.publish();
    const changes = await readChanges(shop.strata.database, { afterPosition: '0', limit: 10_000 });
    expect(changes.map((change) => change.position)).toEqual(changes.map((_, index) => String(index + 1)));
    const replayed = await replayFeed(shop.strata.database);
    expect(replayed).toEqual(await storedPairs(shop.strata.database));
    const { memberCount } = await getSegment(shop.strata.database, 'loyal');
    expect(memberCount).toBe(replayed.filter((pair) => pair.startsWith('loyal ')).length);
  });

  it('names the cause of each change', async () => {
    const changes = await readChanges(shop.strata.database, { afterPosition: '0', limit: 10_000, customerKey: customerKey('a') });
    expect(changes.map(({ type, segment, cause }) => `${type} ${segment} ${cause}`)).toEqual([
      'entered china data',
      'entered recent data',
      'entered loyal data',
      'entered loyal-china data',
      'exited loyal data',
      'exited loyal-china data',
      'entered loyal data',
      'entered loyal-china data',
      'exited recent time',
      'exited china definition',
      'exited loyal-china definition',
    ]);
  });
});
