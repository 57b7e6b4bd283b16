// What publishing would do, told in advance: compared with what publishing then does, for nested segments, drafts, paused ones and old versions.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { findImpact, type Impact } from '../../src/evaluation/impact.ts';
import { previewRule } from '../../src/evaluation/preview.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { checkInput } from '../../src/rules/check-rule.ts';
import type { CheckedRule } from '../../src/rules/checked-rule.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { pauseSegment } from '../../src/segments/lifecycle.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;
const IDS = Array.from({ length: 60 }, (_, n) => `c${String(n).padStart(2, '0')}`);

beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { chunkCustomers: 25 } });
  await shop.write({ customers: IDS.map((id, n) => customer(id, { profile: { country: n < 30 ? 'CN' : 'GB' } })) });
  await shop.write({
    orders: IDS.slice(0, 40).map((id, n) => order(`o${n}`, id, { placedAtMs: START_MS - n * DAY_MS, total: String(n * 10_000) })),
  });
  await shop.define('base', 'country = "CN"'); // c00–c29
  await shop.define('in-base', 'in segment "base" and count(orders in the last 10 days) >= 1'); // c00–c09
  await shop.define('outside', 'not in segment "in-base"'); // two levels up
  await shop.define('aside', 'count(orders) >= 1');
});
afterAll(() => shop.drop());

const database = () => shop.strata.database;

function impactOf(key: string, number: number, more: { against?: number; sample?: number } = {}): Promise<Impact> {
  const { clock, timeZone, programs } = shop.strata;
  const asking = { database: database(), clock, timeZone, limits: programs.get().limits };
  return findImpact(asking, { key, wanted: { number }, sample: 3, ...more }, new AbortController().signal);
}

async function runAll(): Promise<void> {
  while (await runOpenRuns(shop.strata, new AbortController().signal));
}

/** Records of the feed that the work causes, `segment type` → how many. */
async function changesOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await shop.publish();
  const before = await readChanges(database(), { afterPosition: '0', limit: 100_000 });
  await work();
  await runAll();
  await shop.publish();
  const changes = await readChanges(database(), { afterPosition: before.at(-1)?.position ?? '0', limit: 100_000 });
  const counts: Record<string, number> = {};
  for (const change of changes) counts[`${change.segment} ${change.type}`] = (counts[`${change.segment} ${change.type}`] ?? 0) + 1;
  return counts;
}

it('tells what publishing then does', async () => {
  const number = await addVersion(database(), shop.clock, 'base', { rule: 'count(orders) >= 1 and country != "x"', author: null });
  const impact = await impactOf('base', number);
  expect(impact).toMatchObject({ entering: 10, leaving: 0, staying: 30, sampleEntering: ['c30', 'c31', 'c32'], sampleLeaving: [] });
  expect(impact.dependents).toEqual([
    { key: 'in-base', name: 'in-base', entering: 0, leaving: 0 },
    { key: 'outside', name: 'outside', entering: 0, leaving: 0 },
  ]);
  expect(impact.changes).toBe(10);
  expect(impact.rulesDiff).toMatchObject({ against: 1, diff: { added: [{ text: 'count(orders) >= 1' }] } });
  expect(await changesOf(() => publishVersion(database(), shop.clock, 'base', number))).toEqual({ 'base entered': 10 });
});

it('follows the segments that name it', async () => {
  const number = await addVersion(database(), shop.clock, 'base', { rule: 'sum(orders.total) >= 5', author: null }); // c05–c39
  const impact = await impactOf('base', number, { sample: 100 });
  expect(impact).toMatchObject({ entering: 0, leaving: 5, staying: 35, sampleLeaving: IDS.slice(0, 5) });
  expect(impact.dependents).toEqual([
    { key: 'in-base', name: 'in-base', entering: 0, leaving: 5 },
    { key: 'outside', name: 'outside', entering: 5, leaving: 0 },
  ]);
  expect(impact.changes).toBe(15);
  expect(await changesOf(() => publishVersion(database(), shop.clock, 'base', number))).toEqual({
    'base exited': 5,
    'in-base exited': 5,
    'outside entered': 5,
  });
});

it('compares with another version', async () => {
  const impact = await impactOf('base', 1, { against: 2 }); // neither is in force
  expect(impact).toMatchObject({ entering: 0, leaving: 10, staying: 30 });
  expect(impact.rulesDiff.against).toBe(2);
  expect(await impactOf('base', 2, { against: 2 })).toMatchObject({ entering: 0, leaving: 0, staying: 40, changes: 0 });
});

it('answers for a rule that nobody has saved', async () => {
  const { clock, timeZone, programs } = shop.strata;
  const asking = { database: database(), clock, timeZone, limits: programs.get().limits };
  const request = { key: 'base', wanted: { rule: 'sum(orders.total) >= 6' }, sample: 3 };
  const impact = await findImpact(asking, request, new AbortController().signal); // c06–c39 of c05–c39
  expect(impact).toMatchObject({ entering: 0, leaving: 1, staying: 34, sampleLeaving: ['c05'] });
  expect(impact.rulesDiff.diff.changed).toEqual([{ before: 'sum(orders.total) >= 5', after: 'sum(orders.total) >= 6' }]);
});

it('answers for drafts and paused segments', async () => {
  const draft = { key: 'draft', name: 'draft', kind: 'rule', rule: 'country = "GB"', publish: false, author: null } as const;
  await createSegment(database(), shop.clock, draft);
  expect(await impactOf('draft', 1)).toMatchObject({ entering: 30, leaving: 0, staying: 0, rulesDiff: { against: null } });
  await pauseSegment(database(), shop.clock, 'aside');
  await shop.write({ deletedOrderIds: ['o39'] });
  expect(await impactOf('aside', 1)).toMatchObject({ entering: 0, leaving: 1, staying: 39, sampleLeaving: ['c39'] });
});

it('refuses what publishing would refuse', async () => {
  const number = await addVersion(database(), shop.clock, 'base', { rule: 'in segment "aside"', author: null });
  await expect(impactOf('base', number)).rejects.toMatchObject({ code: 'invalid_rule' });
  const looping = await addVersion(database(), shop.clock, 'aside', { rule: 'everyone', author: null });
  await expect(impactOf('aside', looping, { against: 99 })).rejects.toMatchObject({ code: 'not_found' });
});

it('counts everybody at one moment', async () => {
  const { pool } = database();
  const connect = pool.connect.bind(pool);
  let isWritten = false;
  // once the first chunk is counted, somebody of a later one is written
  const beside: typeof pool.connect = async () => {
    const client = await connect();
    return new Proxy(client, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (name !== 'query' || typeof member !== 'function') return typeof member === 'function' ? member.bind(target) : member;
        return async (...given: unknown[]) => {
          const answer: unknown = await member.apply(target, given);
          if (!isWritten && typeof given[0] === 'string' && given[0].includes('as entering')) {
            isWritten = true;
            await shop.write({ customers: IDS.map((id) => customer(id, { profile: { country: 'GB' } })) });
          }
          return answer;
        };
      },
    });
  };
  const number = await addVersion(database(), shop.clock, 'base', { rule: 'country = "CN"', author: null });
  const { clock, timeZone, programs } = shop.strata;
  const asking = {
    database: { ...database(), pool: Object.assign(Object.create(pool), { connect: beside }) },
    clock,
    timeZone,
    limits: programs.get().limits,
  };
  const expected = await impactOf('base', number);
  const found = await findImpact(asking, { key: 'base', wanted: { number }, sample: 3 }, new AbortController().signal);
  expect(isWritten).toBe(true);
  expect([found.entering, found.leaving, found.staying]).toEqual([expected.entering, expected.leaving, expected.staying]);
});

it('previews who was there by then', async () => {
  const created = [
    ['early', START_MS - 10 * DAY_MS],
    ['then', START_MS - 5 * DAY_MS],
    ['ahead', START_MS + DAY_MS],
  ] as const;
  await shop.write({ customers: created.map(([id, createdAtMs]) => customer(id, { profile: { country: 'XX' }, createdAtMs })) });
  const { checked } = checkInput('country = "XX"', EMPTY_CATALOG, { purpose: 'preview' });
  const preview = async (pastMs: number | null, sample: number) => {
    const { clock, timeZone, programs } = shop.strata;
    const request = { checked: checked as CheckedRule, pastMs, sample, timeZone, timeoutMs: 60_000 };
    const { count, population, sampleIds } = await previewRule(database(), clock, programs.get().definitions, request);
    return [count, population, sampleIds];
  };
  expect(await preview(null, 2)).toEqual([3, IDS.length + 3, ['ahead', 'early']]);
  const buyersBy = async (atMs: number) => {
    const text = 'select count(distinct o.customer_id)::integer as n from orders as o where o.placed_at <= $1::timestamptz';
    return (await database().query<{ n: number }>({ text, values: [new Date(atMs).toISOString()] }))[0]?.n ?? 0; // created later, all of them
  };
  const thenMs = START_MS - 5 * DAY_MS;
  expect(await preview(thenMs, 5)).toEqual([2, 2 + (await buyersBy(thenMs)), ['early', 'then']]);
  expect(await preview(thenMs - 1, 0)).toEqual([1, 1 + (await buyersBy(thenMs - 1)), []]);
  const [row] = await database().query<{ statement_timeout: string }>({ text: 'show statement_timeout' });
  expect(row?.statement_timeout).toBe('0'); // the limit was the preview's
});
