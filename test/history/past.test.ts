// SeededRandom shops through the real write path at a clock that is moved, remembering who was in what after each step. Afterwards the past that
// is asked for must be what was remembered: with changes that nobody has numbered yet, over any marks, and after trimming.
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/base/durations.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { readKeptHistory, readPast } from '../../src/changes/kept-history.ts';
import { markChanges } from '../../src/changes/marks.ts';
import { type PastChange, readHistory } from '../../src/changes/read-history.ts';
import { countMembersAt, readCustomerSegmentsAt } from '../../src/changes/read-past.ts';
import { periodsBetween, RESOLUTIONS, readSizes } from '../../src/changes/read-sizes.ts';
import { readMembersAt } from '../../src/changes/read-snapshot.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';
import { propertySettings } from '../property/settings.ts';

const TIME_ZONE = 'Asia/Kathmandu'; // 05:45 from UTC
const CUSTOMERS = Array.from({ length: 12 }, (_, index) => `c${index}`);
const RULES: Readonly<Record<string, string>> = {
  big: 'sum(orders.total) > 250',
  chinese: 'country = "CN"',
  recent: 'count(orders in the last 3 days) >= 1',
  seen: 'in segment "recent" or in segment "chinese" and not in segment "big"',
};
const KEYS = Object.keys(RULES);

/** What was true from an instant on: `customer segment` → since and version. */
interface Remembered {
  readonly atMs: number;
  readonly members: ReadonlyMap<string, string>;
}

interface Play {
  readonly shop: StrataUnderTest;
  readonly random: SeededRandom;
  readonly ids: ReadonlyMap<string, number>;
  readonly past: Remembered[];
}

const { seed, numRuns } = propertySettings('the past as it was', 2);
const seeds = Array.from({ length: numRuns }, (_, index) => seed + index);

test.each(seeds)('answers as it was remembered, seed %i', { timeout: 300_000 }, async (chosen) => {
  const play = await start(chosen);
  try {
    for (let step = 0; step < 60; step += 1) await takeStep(play, step);
    await comparePast(play, play.past); // with the changes of the last steps still in the outbox
    await play.shop.publish();
    await comparePast(play, play.past.slice(-20)); // which these changes are near to
    await compareSizes(play);
    await compareHistory(play);
    await trimAndCompare(play);
  } finally {
    await play.shop.drop();
  }
});

async function start(chosen: number): Promise<Play> {
  const shop = await openStrataUnderTest({ timeZone: TIME_ZONE });
  for (const [key, rule] of Object.entries(RULES)) await shop.define(key, rule);
  const rows = await shop.strata.database.query<{ id: number; key: string }>({ text: 'select s.id, s.key from segments as s' });
  return { shop, random: new SeededRandom(chosen), ids: new Map(rows.map((row) => [row.key, row.id])), past: [] };
}

async function takeStep({ shop, random, past }: Play, step: number): Promise<void> {
  const { strata, clock } = shop;
  const waitMs = random.pick([1, 1000, HOUR_MS, 7 * HOUR_MS, DAY_MS, 2 * DAY_MS]) + random.below(1000);
  await shop.moveTo(clock.nowMs() + waitMs);
  for (let write = random.below(4); write > 0; write -= 1) await writeSomething(shop, random);
  if (random.below(12) === 0) {
    const number = await addVersion(strata.database, clock, 'big', {
      rule: `sum(orders.total) > ${random.pick([120, 250, 400])}`,
      author: null,
    });
    await publishVersion(strata.database, clock, 'big', number);
    await finishRuns(strata);
  }
  if (step < 50 && random.below(3) === 0) {
    await shop.publish();
    if (random.below(2) === 0) await mark(shop);
  }
  past.push({ atMs: clock.nowMs(), members: await presentMembers(shop) });
}

async function writeSomething(shop: StrataUnderTest, random: SeededRandom): Promise<void> {
  const id = random.pick(CUSTOMERS);
  const orderId = `o${random.below(25)}`;
  switch (random.below(4)) {
    case 0:
      await shop.write({ customers: [customer(id, { profile: { country: random.pick(['CN', 'DE']) } })] });
      break;
    case 1:
      await shop.write({ deletedOrderIds: [orderId] });
      break;
    default: {
      const total = String(10_000 * (50 + random.below(200)));
      await shop.write({ orders: [order(orderId, id, { total, placedAtMs: shop.clock.nowMs() - random.below(4) * DAY_MS })] });
    }
  }
}

/** A mark each five changes, so that a short log has many. */
async function mark({ strata }: StrataUnderTest): Promise<void> {
  const client = await strata.database.pool.connect();
  await markChanges(client, 5).finally(() => client.release());
}

async function presentMembers({ strata }: StrataUnderTest): Promise<ReadonlyMap<string, string>> {
  const rows = await strata.database.query<{ member: string; since: number; version: number }>({
    text: `
      select c.external_id || ' ' || s.key as member, m.since, m.version
      from memberships as m
      join segments as s on s.id = m.segment_id
      join customers as c on c.id = m.customer_id`,
  });
  return inOrder(rows.map(({ member, since, version }) => [member, `${since} ${version}`]));
}

function inOrder(entries: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Each step's end, and the last millisecond before the next step. */
function instantsOf(past: readonly Remembered[]): (Remembered & { readonly askedMs: number })[] {
  return past.flatMap((was, index) => {
    const next = past[index + 1];
    return [was.atMs, ...(next === undefined ? [] : [next.atMs - 1])].map((askedMs) => ({ ...was, askedMs }));
  });
}

async function comparePast({ shop, ids }: Play, past: readonly Remembered[]): Promise<void> {
  const { database } = shop.strata;
  for (const { askedMs, members } of instantsOf(past)) {
    const found = await Promise.all(
      [...ids].map(async ([key, id]) => {
        const rows = await pagesOf(shop, id, askedMs);
        expect(await countMembersAt(database, id, askedMs)).toBe(rows.length);
        return rows.map((row) => [`${row.customerId} ${key}`, `${row.sinceMs} ${row.version}`] as const);
      }),
    );
    expect(inOrder(found.flat()), new Date(askedMs).toISOString()).toEqual(members);
    const byCustomer = await Promise.all(
      CUSTOMERS.map(async (customerId) => {
        const read = await readCustomerSegmentsAt(database, customerKey(customerId), askedMs);
        return (read?.segments ?? []).map((segment) => [`${customerId} ${segment.key}`, `${segment.sinceMs} ${segment.version}`] as const);
      }),
    );
    expect(inOrder(byCustomer.flat()), new Date(askedMs).toISOString()).toEqual(members);
  }
}

async function pagesOf({ strata }: StrataUnderTest, segmentId: number, atMs: number) {
  const rows = [];
  for (;;) {
    const afterKey = rows.at(-1)?.customerKey;
    const page = await readMembersAt(strata.database, segmentId, atMs, { ...(afterKey === undefined ? {} : { afterKey }), limit: 4 });
    rows.push(...page);
    if (page.length < 4) return rows;
  }
}

/** The size at a period's end is what was remembered last before it; the differences are what entered and left. */
async function compareSizes({ shop, ids, past }: Play): Promise<void> {
  const firstMs = past[0]?.atMs ?? 0;
  const lastMs = past.at(-1)?.atMs ?? 0;
  for (const resolution of RESOLUTIONS) {
    const periods = periodsBetween(resolution, resolution === 'hour' ? lastMs - 20 * DAY_MS : firstMs - 5 * DAY_MS, lastMs + 1, TIME_ZONE);
    if (periods === null) throw new Error('too many periods');
    const endsMs = [...periods.startsMs.slice(1), periods.endMs];
    for (const [key, id] of ids) {
      const { points } = await readSizes(shop.strata.database, id, periods, TIME_ZONE);
      const expected = endsMs.map((endMs) => sizeBefore(past, key, endMs));
      expect(points.map((point) => point.size)).toEqual(expected);
      for (const [index, { size, entered, left, causes }] of points.entries()) {
        if (index > 0) expect(entered - left).toBe(size - (points[index - 1]?.size ?? 0));
        const summed = Object.values(causes).reduce((sum, cause) => sum + cause.entered - cause.left, 0);
        expect(summed).toBe(entered - left);
      }
    }
  }
}

function sizeBefore(past: readonly Remembered[], key: string, endMs: number): number {
  const was = past.findLast(({ atMs }) => atMs < endMs);
  return [...(was?.members.keys() ?? [])].filter((member) => member.endsWith(` ${key}`)).length;
}

/** With and without filters and pages, against the whole log filtered here. */
async function compareHistory(play: Play): Promise<void> {
  const { shop, ids, past, random } = play;
  await mark(shop);
  const { database } = shop.strata;
  for (const [key, segmentId] of ids) {
    const all = await readHistory(database, { segmentId, limit: 10_000 });
    expect(
      all.map((change) => BigInt(change.position)).every((at, index) => index === 0 || at < BigInt(all[index - 1]?.position ?? 0)),
    ).toBe(true);
    for (let tries = 0; tries < 10; tries += 1) {
      const fromMs = random.pick(past).atMs;
      const toMs = fromMs + random.below(20) * DAY_MS;
      const customerId = random.pick(CUSTOMERS);
      const keep = (change: PastChange) => change.atMs >= fromMs && change.atMs < toMs;
      expect(await readHistory(database, { segmentId, fromMs, toMs, limit: 10_000 })).toEqual(all.filter(keep));
      expect(await readHistory(database, { segmentId, toMs: fromMs, limit: 7 })).toEqual(
        all.filter((change) => change.atMs < fromMs).slice(0, 7),
      );
      const own = all.filter((change) => change.customerId === customerId);
      expect(await readHistory(database, { segmentId, customerKey: customerKey(customerId), limit: 10_000 })).toEqual(own);
      const exits = { segmentId, customerKey: customerKey(customerId), type: 'exited', cause: 'time', fromMs } as const;
      expect(await readHistory(database, { ...exits, limit: 10_000 }), key).toEqual(
        own.filter((change) => change.type === 'exited' && change.cause === 'time' && change.atMs >= fromMs),
      );
    }
  }
}

async function trimAndCompare(play: Play): Promise<void> {
  const { shop, past, random } = play;
  const { strata, clock } = shop;
  const cutMs = past[20 + random.below(20)]?.atMs ?? 0;
  while ((await trimHistory(strata.database, cutMs, 7)) > 0);
  const { oldestMs } = await readKeptHistory(strata.database, clock);
  if (oldestMs === null) throw new Error('nothing was trimmed');
  expect(oldestMs).toBeLessThanOrEqual(cutMs);
  const kept = past.slice(past.findLastIndex(({ atMs }) => atMs < oldestMs) + 1);
  await comparePast(play, kept);
  expect(kept.at(-1)?.members).toEqual(await presentMembers(shop));
  const read = (atMs: number) => readPast(strata.database, clock, atMs, async () => 'kept');
  await expect(read(oldestMs)).resolves.toBe('kept');
  await expect(read(oldestMs - 1)).rejects.toMatchObject({
    code: 'history_trimmed',
    extensions: { oldest: new Date(oldestMs).toISOString() },
  });
  const days = periodsBetween('day', past[0]?.atMs ?? 0, clock.nowMs() + 1, TIME_ZONE);
  if (days === null) throw new Error('too many periods');
  const endsMs = [...days.startsMs.slice(1), days.endMs];
  for (const key of KEYS) {
    const { points } = await readSizes(strata.database, play.ids.get(key) ?? 0, days, TIME_ZONE);
    expect(points.map((point) => point.size)).toEqual(endsMs.map((endMs) => sizeBefore(past, key, endMs)));
  }
}
