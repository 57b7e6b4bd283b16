// Explanations of the past: what a change has recorded is judged as it was decided, including what was recorded in the older form.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { explainPast } from '../../src/changes/explain-past.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

const RULE = 'country = "DE" and sum(orders.total in the last 30 days) >= 200 and not (in segment "other")';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('other', 'country = "FR"');
  await shop.define('spender', RULE);
  await shop.define('lately', 'last(orders.placed_at) > 2 days ago');
  await shop.write({
    customers: [customer('c', { profile: { country: 'DE' } })],
    orders: [order('o', 'c', { total: '2005000', placedAtMs: START_MS - DAY_MS })],
  });
});
afterAll(() => shop.drop());

async function explain() {
  const id = shop.strata.programs.get().definitions.segmentIds.get('spender') ?? 0;
  return explainPast(shop.strata, customerKey('c'), id, shop.clock.nowMs());
}

async function record(seen: unknown): Promise<void> {
  await shop.strata.database.query({
    text: `update outbox set seen = $1::jsonb where segment_id = (select s.id from segments as s where s.key = 'spender')`,
    values: [JSON.stringify(seen)],
  });
}

it('judges the values that were recorded', async () => {
  const told = await explain();
  expect(told).toMatchObject({
    member: true,
    because: 'rule',
    note: null,
    tree: {
      holds: true,
      parts: [
        { holds: true, seen: { value: 'DE' } },
        { holds: true, seen: { value: '200.5' } },
        { holds: true, part: { holds: false } },
      ],
    },
  });
});

it('tells the same of what was recorded before', async () => {
  const told = await explain();
  await record([[true, 'DE'], [true, '200.5'], [false]]);
  expect(await explain()).toEqual(told);
});

it('judges by the instant of the evaluation', async () => {
  const id = shop.strata.programs.get().definitions.segmentIds.get('lately') ?? 0;
  const holdsAt = async (at: number) => {
    await shop.strata.database.query({
      text: 'update outbox set seen = $1::jsonb where segment_id = $2',
      values: [JSON.stringify({ at, saw: [[START_MS - DAY_MS]] }), id],
    });
    return (await explainPast(shop.strata, customerKey('c'), id, shop.clock.nowMs())).tree?.holds;
  };
  expect(await holdsAt(START_MS)).toBe(true);
  expect(await holdsAt(START_MS + DAY_MS)).toBe(false);
});

it.each([
  ['another type', { at: START_MS, saw: [['DE'], ['much'], [false]] }],
  ['other conditions', { at: START_MS, saw: [['DE']] }],
  ['other conditions of before', [[true, 'DE']]],
])('does not judge values of %s', async (_what, seen) => {
  await record(seen);
  expect(await explain()).toMatchObject({ member: true, tree: { holds: null }, note: expect.stringContaining('was not recorded') });
});

it('says no beginning of who came later', async () => {
  shop.clock.advance(1_000);
  await shop.write({
    customers: [customer('late', { profile: { country: 'DE' } })],
    orders: [order('p', 'late', { total: '2005000', placedAtMs: START_MS - DAY_MS })],
  });
  const id = shop.strata.programs.get().definitions.segmentIds.get('spender') ?? 0;
  const at = (atMs: number) => explainPast(shop.strata, customerKey('late'), id, atMs);
  expect(await at(START_MS)).toMatchObject({ member: false, sinceMs: null, change: null });
  expect(await at(START_MS + 1_000)).toMatchObject({ member: true, sinceMs: START_MS + 1_000, change: { type: 'entered' } });
});
