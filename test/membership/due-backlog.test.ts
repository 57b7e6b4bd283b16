// A backlog of due customers: more of them than one transaction takes are scanned without locks, and applied in order of their instants.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { DAY_MS, MINUTE_MS } from '../../src/base/durations.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { verify } from '../../src/changes/verify.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import type { Due } from '../../src/membership/due-queue.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import type { Deciding } from '../../src/membership/in-decision.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { archiveSegment } from '../../src/segments/lifecycle.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { breakDivision } from './break-division.ts';
import { openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

const LOOKED_AT_ONCE = 3;

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { lookCustomers: LOOKED_AT_ONCE } });
  await shop.define('recent', 'count(orders in the last 30 days) >= 1');
  await shop.define('recent-paid', 'in segment "recent" and sum(orders.total where status = "paid" in the last 30 days) > 0');
  await shop.define('lapsed', 'last(orders.placed_at) < 30 days ago');
});

afterAll(() => shop.drop());

/** Customers `<prefix>0`, `<prefix>1`, …, each with one order; the first is the last to flip. */
async function writeBuyers(prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, place) => `${prefix}${place}`);
  const placedAtMs = (place: number) => shop.clock.nowMs() - place * MINUTE_MS;
  await shop.write({ orders: ids.map((id, place) => order(`order-${id}`, id, { placedAtMs: placedAtMs(place) })) });
  return ids;
}

function fail(error: unknown): never {
  throw error;
}

async function changesOf(ids: readonly string[]): Promise<{ customerId: string; text: string; cause: string }[]> {
  await shop.publish();
  const changes = await readChanges(shop.strata.database, { afterPosition: '0', limit: 10_000 });
  return changes
    .filter(({ customerId }) => customerId !== null && ids.includes(customerId))
    .map(({ customerId, type, segment, cause }) => ({ customerId: String(customerId), text: `${type} ${segment}`, cause: String(cause) }));
}

/** Outcomes of `strata verify` that are not as they should be. */
async function findWrong(): Promise<string[]> {
  const { outcomes } = await verify(shop.strata, { repair: false, samples: 3, onProgress: () => {}, onOutcome: () => {} });
  return outcomes.filter(({ differences }) => differences > 0).map(({ name, samples }) => `${name}: ${samples.join('; ')}`);
}

/** Somebody else's transaction moves the customer's order ahead, and ends only when the work has come to wait for its customer. */
async function writeDuring(customerId: string, work: () => Promise<unknown>): Promise<void> {
  const writer = new pg.Client({ connectionString: shop.strata.database.url });
  await writer.connect();
  try {
    await writer.query('begin');
    await writer.query('update customers set revision = revision + 1 where id = $1', [customerKey(customerId)]);
    await writer.query('update orders set placed_at = $3 where customer_id = $1 and id = $2', [
      customerKey(customerId),
      `order-${customerId}`,
      new Date(shop.clock.nowMs() + 30 * DAY_MS),
    ]);
    const done = work();
    const isWaiting = async () =>
      (await writer.query(`select from pg_stat_activity as a where a.datname = current_database() and a.wait_event_type = 'Lock'`))
        .rowCount !== 0;
    while (!(await isWaiting())) await systemClock.sleep(5);
    await writer.query('commit');
    await done;
  } finally {
    await writer.end();
  }
}

/** The same Strata, in which `act` is awaited before the next connection is taken, once it has been asked for. */
function withInterlude(act: () => Promise<unknown>): { readonly deciding: Deciding; ask(): void } {
  let asked = false;
  const { pool } = shop.strata.database;
  const connect = async () => {
    const isAsked = asked;
    asked = false;
    if (isAsked) await act();
    return pool.connect();
  };
  const watched = new Proxy(pool, { get: (target, name) => (name === 'connect' ? connect : Reflect.get(target, name, target)) });
  return {
    deciding: { ...shop.strata, database: { ...shop.strata.database, pool: watched } },
    ask: () => {
      asked = true;
    },
  };
}

describe('a backlog', () => {
  it('is recorded in order of the instants', async () => {
    const ids = await writeBuyers('a', 3 * 24 + 8); // more than are found at once
    await shop.moveTo(START_MS + 31 * DAY_MS);
    const flips = (await changesOf(ids)).filter(({ cause }) => cause === 'time');
    const texts = ['exited recent', 'exited recent-paid', 'entered lapsed'];
    expect(flips).toEqual(ids.toReversed().flatMap((customerId) => texts.map((text) => ({ customerId, text, cause: 'time' }))));
    expect(await findWrong()).toEqual([]);
  });

  it('stops between two transactions', async () => {
    const ids = await writeBuyers('e', 30);
    shop.clock.set(shop.clock.nowMs() + 31 * DAY_MS);
    const stopping = new AbortController();
    const looked: string[] = [];
    const onLooked = (due: readonly Due[]) => {
      looked.push(...due.map(({ key }) => key));
      if (looked.length > 2 * LOOKED_AT_ONCE) stopping.abort();
    };
    const { customers } = await evaluateDue(shop.strata, { onFailure: fail, onLooked, signal: stopping.signal });
    expect([customers, looked]).toEqual([9, ids.toReversed().slice(0, 9).map(customerKey)]);
    expect(await evaluateDue(shop.strata, { onFailure: fail })).toMatchObject({ customers: 21 });
    expect(await findWrong()).toEqual([]);
  });

  it('evaluates who was written meanwhile again', async () => {
    const ids = await writeBuyers('b', 20);
    await writeDuring('b7', () => shop.moveTo(shop.clock.nowMs() + 31 * DAY_MS));
    expect(await shop.segmentsOf('b7')).toEqual(['recent', 'recent-paid']);
    expect(await shop.segmentsOf('b8')).toEqual(['lapsed']);
    const flipped = new Set((await changesOf(ids)).filter(({ text }) => text === 'entered lapsed').map(({ customerId }) => customerId));
    expect(flipped).toEqual(new Set(ids.filter((id) => id !== 'b7')));
    expect(await findWrong()).toEqual([]);
  });

  it('judges what it scanned by newer definitions', async () => {
    const ids = (await writeBuyers('f', 20)).toReversed();
    shop.clock.set(shop.clock.nowMs() + 31 * DAY_MS);
    const { deciding, ask } = withInterlude(() =>
      createSegment(shop.strata.database, shop.clock, {
        ...{ key: 'met', name: 'Met', kind: 'rule', publish: true, author: null },
        rule: 'count(orders) >= 1',
      }),
    );
    let pieces = 0;
    const onLooked = () => {
      pieces += 1;
      if (pieces === 1) ask(); // the first crowd is scanned, and its first piece applied
    };
    await evaluateDue(deciding, { onFailure: fail, onLooked });
    const [first, second] = [String(ids[0]), String(ids[LOOKED_AT_ONCE])]; // by piece
    expect([await shop.segmentsOf(first), await shop.segmentsOf(second)]).toEqual([['lapsed'], ['lapsed', 'met']]);
    while (await runOpenRuns(shop.strata, new AbortController().signal));
    expect(await shop.segmentsOf(first)).toEqual(['lapsed', 'met']);
    expect(await findWrong()).toEqual([]);
    await archiveSegment(shop.strata.database, shop.clock, 'met');
    while (await runOpenRuns(shop.strata, new AbortController().signal));
  });

  it('passes a customer who is gone', async () => {
    const ids = await writeBuyers('c', 8);
    await shop.strata.database.query({ text: 'delete from customers as c where c.id = $1::bigint', values: [customerKey('c2')] });
    await shop.moveTo(shop.clock.nowMs() + 31 * DAY_MS);
    expect(await Promise.all(ids.slice(3).map((id) => shop.segmentsOf(id)))).toEqual(ids.slice(3).map(() => ['lapsed']));
    const left = await shop.strata.database.query({
      text: 'select from rechecks as r where r.customer_id = $1::bigint',
      values: [customerKey('c2')],
    });
    expect(left).toEqual([]);
  });

  it('goes on without a segment that fails', async () => {
    await shop.define('dear', 'sum(orders.total in the last 30 days) / count(orders in the last 60 days) > 10');
    const ids = await writeBuyers('d', 12);
    await breakDivision(shop.strata.database);
    await shop.moveTo(shop.clock.nowMs() + 31 * DAY_MS);
    expect((await getSegment(shop.strata.database, 'dear')).status).toBe('failed');
    expect(await Promise.all(ids.map((id) => shop.segmentsOf(id)))).toEqual(ids.map(() => ['dear', 'lapsed']));
  });
});

it('a few are recorded in that order too', async () => {
  const ids = await writeBuyers('few', LOOKED_AT_ONCE); // by key they stand in another
  await shop.moveTo(shop.clock.nowMs() + 31 * DAY_MS);
  const flips = (await changesOf(ids)).filter(({ text, cause }) => text === 'exited recent' && cause === 'time');
  expect(flips.map(({ customerId }) => customerId)).toEqual(ids.toReversed());
});
