// Full runs in small pieces: interrupted by a stop or a crash they go on where they were, cancelled ones stop, progress tells how fast they are,
// and whoever is written meanwhile is right under the one version or the other.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import type { Database } from '../../src/db/database.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import type { Deciding } from '../../src/membership/in-decision.ts';
import { readSegments } from '../../src/pipeline.ts';
import { archiveSegment, cancelRun, refreshSegment } from '../../src/segments/lifecycle.ts';
import { getRun, listRuns, startRuns } from '../../src/segments/runs.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { trimRuns } from '../../src/segments/trim-runs.ts';
import { addPublishedVersion } from '../../src/segments/versions.ts';
import { customer, DAY_MS, openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

const CUSTOMERS = 400;
const IDS = Array.from({ length: CUSTOMERS }, (_, n) => `c${n}`);

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { chunkCustomers: 60, pieceCustomers: 20 } });
  const rows = IDS.map((id, n) => customer(id, { profile: { country: n % 2 === 0 ? 'CN' : 'GB' } }));
  await shop.write({ customers: rows });
  await shop.write({ orders: IDS.map((id, n) => order(`o${n}`, id, { total: String(n * 10_000) })) });
});
afterAll(() => shop.drop());

const never = new AbortController().signal;

async function runAll(): Promise<void> {
  while (await runOpenRuns(shop.strata, never));
}

async function countMembers(key: string): Promise<number> {
  const [row] = await shop.strata.database.query<{ count: number }>({
    text: 'select count(*)::integer as count from memberships as m join segments as s on s.id = m.segment_id where s.key = $1',
    values: [key],
  });
  return row?.count ?? 0;
}

/** A clock that does something the n-th time a transaction of a run asks it for the instant. */
function whenAsked(times: number, act: () => void): Deciding {
  let asked = 0;
  const clock: Clock = {
    nowMs: () => shop.clock.nowMs(),
    sleep: (durationMs, signal) => shop.clock.sleep(durationMs, signal),
    fixedMs: () => {
      asked += 1;
      if (asked === times) act();
      return shop.clock.fixedMs();
    },
  };
  return { ...shop.strata, clock };
}

/** The database, for work whose next transaction begins when something else has ended. */
function afterwards(ended: () => Promise<unknown>): Database {
  const { database } = shop.strata;
  const pool = new Proxy(database.pool, {
    get: (target, name) => {
      if (name === 'connect') return () => ended().then(() => target.connect());
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...database, pool };
}

it('goes on where a stopped leader left it', async () => {
  await shop.define('all', 'everyone');
  const { runId } = await addPublishedVersion(shop.strata.database, shop.clock, 'all', { rule: 'country = "CN"', author: null });
  const stopping = new AbortController();
  await runOpenRuns(
    whenAsked(6, () => stopping.abort()),
    stopping.signal,
  );
  const stopped = await getRun(shop.strata.database, runId);
  expect(stopped.status).toBe('running');
  expect(stopped.done).toBeGreaterThan(0);
  expect(stopped.done).toBeLessThan(CUSTOMERS);
  expect(await countMembers('all')).toBe(CUSTOMERS - stopped.changes);

  shop.clock.advance(10_000);
  await runAll();
  const ended = await getRun(shop.strata.database, runId);
  expect(ended).toMatchObject({ status: 'done', done: CUSTOMERS, total: CUSTOMERS, changes: CUSTOMERS / 2, resumedDone: stopped.done });
  expect(ended.resumedAtMs).toBe(shop.clock.nowMs());
  expect(await countMembers('all')).toBe(CUSTOMERS / 2);
});

it('goes on after a crash inside a piece', async () => {
  const { runId } = await addPublishedVersion(shop.strata.database, shop.clock, 'all', { rule: 'country = "GB"', author: null });
  const crash = new Error('the process died');
  const crashing = whenAsked(7, () => {
    throw crash;
  });
  await expect(runOpenRuns(crashing, never)).rejects.toBe(crash);
  const crashed = await getRun(shop.strata.database, runId);
  expect(crashed.done).toBeGreaterThan(0);
  await runAll();
  expect(await getRun(shop.strata.database, runId)).toMatchObject({ status: 'done', done: CUSTOMERS, changes: CUSTOMERS });
  expect(await countMembers('all')).toBe(CUSTOMERS / 2);
});

it('archives on after a crash', async () => {
  await shop.define('leaving', 'everyone');
  await shop.publish();
  const { runId } = await archiveSegment(shop.strata.database, shop.clock, 'leaving');
  const crash = new Error('the process died');
  await expect(
    runOpenRuns(
      whenAsked(5, () => {
        throw crash;
      }),
      never,
    ),
  ).rejects.toBe(crash);
  const crashed = await getRun(shop.strata.database, runId ?? '');
  expect(crashed.total).toBe(CUSTOMERS);
  expect(crashed.done).toBe(CUSTOMERS - (await countMembers('leaving')));
  expect(crashed.done).toBeGreaterThan(0);
  await runAll();
  expect(await getRun(shop.strata.database, runId ?? '')).toMatchObject({ status: 'done', done: CUSTOMERS, changes: CUSTOMERS });
  expect([(await getSegment(shop.strata.database, 'leaving')).status, await countMembers('leaving')]).toEqual(['archived', 0]);
});

it('stops between two pieces when cancelled', async () => {
  await shop.strata.database.query({ text: 'delete from memberships' });
  await Promise.all([1, 2, 3].map(() => shop.strata.database.query({ text: 'select 1' }))); // connections for both: making one can take as long as the run
  const runId = await refreshSegment(shop.strata.database, shop.clock, 'all');
  let cancelled: Promise<number> = Promise.resolve(0);
  const deciding = whenAsked(4, () => {
    cancelled = cancelRun(shop.strata.database, shop.clock, runId).then(() => countMembers('all'));
  });
  await runOpenRuns({ ...deciding, database: afterwards(() => cancelled) }, never);
  expect(await countMembers('all')).toBe(await cancelled);
  const run = await getRun(shop.strata.database, runId);
  expect(run.status).toBe('cancelled');
  expect(run.done).toBeLessThan(CUSTOMERS);
  expect(await runOpenRuns(shop.strata, never)).toBe(false);
});

it('judges a write by the version being built', async () => {
  await shop.define('turned', 'count(orders) >= 1');
  await addPublishedVersion(shop.strata.database, shop.clock, 'turned', { rule: 'country = "CN"', author: null });
  // reads no orders any more: yet whoever had one was a member, and keeping c1 (GB) would be right under neither version
  const { segments } = await shop.write({ deletedOrderIds: ['o1'] });
  expect(segments.get(customerKey('c1'))).not.toContain('turned');
  await runAll();
  expect(await countMembers('turned')).toBe(CUSTOMERS / 2);
  await shop.write({ orders: [order('o1', 'c1')] });
});

it('is right under either version at every moment', { timeout: 300_000 }, async () => {
  const versions = [
    ['count(orders) >= 1', (facts: CustomerFacts) => facts.orders >= 1],
    ['country = "CN" and count(orders) <= 1', (facts: CustomerFacts) => facts.country === 'CN' && facts.orders <= 1],
    ['sum(orders.total) > 150', (facts: CustomerFacts) => facts.orders * 100 > 150],
  ] as const;
  const facts = new Map(IDS.slice(0, 40).map((id) => [id, { country: 'CN', orders: 0 }]));
  for (const id of facts.keys())
    await shop.write({ customers: [customer(id, { profile: { country: 'CN' } })], deletedOrderIds: [`o${id.slice(1)}`] });
  await shop.define('swung', versions[0][0]);
  await shop.define('not-swung', 'not in segment "swung"');
  const seen = { old: 0, new: 0 };

  for (let round = 1; round <= 6; round += 1) {
    const before = versions[(round - 1) % 3] ?? versions[0];
    const after = versions[round % 3] ?? versions[0];
    await addPublishedVersion(shop.strata.database, shop.clock, 'swung', { rule: after[0], author: null });
    const running = { on: true };
    const run = runAll().finally(() => {
      running.on = false;
    });
    const act = async (ids: readonly string[], random: SeededRandom) => {
      while (running.on) {
        const id = random.pick(ids);
        const own = facts.get(id) ?? { country: 'CN', orders: 0 };
        const segments = random.below(3) === 0 ? await read(id) : await change(id, own, random);
        const isMember = segments.includes('swung');
        expect(segments.includes('not-swung'), `${id} is in one of the two`).toBe(!isMember);
        expect([before[1](own), after[1](own)], `${id} ${JSON.stringify(own)} under ${before[0]} or ${after[0]}`).toContain(isMember);
        if (before[1](own) !== after[1](own)) seen[isMember === after[1](own) ? 'new' : 'old'] += 1;
      }
    };
    const groups = [0, 1, 2, 3].map((n) => [...facts.keys()].filter((_, index) => index % 4 === n));
    await Promise.all([run, ...groups.map((ids, n) => act(ids, new SeededRandom(round * 10 + n)))]);
    expect((await getSegment(shop.strata.database, 'swung')).status).toBe('active');
    for (const [id, own] of facts) expect((await read(id)).includes('swung'), id).toBe(after[1](own));
  }
  expect(seen.old).toBeGreaterThan(0);
  expect(seen.new).toBeGreaterThan(0);
});

interface CustomerFacts {
  country: string;
  orders: number;
}

async function read(id: string): Promise<readonly string[]> {
  return (await readSegments(shop.strata, customerKey(id)))?.segments.map((segment) => segment.key) ?? [];
}

/** `own` follows what was written. → the segments of the answer */
async function change(id: string, own: CustomerFacts, random: SeededRandom): Promise<readonly string[]> {
  const kind = random.below(3);
  if (kind === 0) own.country = random.pick(['CN', 'GB']);
  if (kind === 1) own.orders += 1;
  if (kind === 2 && own.orders > 0) own.orders -= 1;
  const outcome = await shop.write(
    kind === 0
      ? { customers: [customer(id, { profile: { country: own.country } })] }
      : kind === 1
        ? { orders: [order(`${id}-${own.orders}`, id)] }
        : { customers: [customer(id)], deletedOrderIds: [`${id}-${own.orders + 1}`] },
  );
  return outcome.segments.get(customerKey(id)) ?? [];
}

describe('trimming', () => {
  /** version, cause, status, and whether it goes */
  const PAST: readonly (readonly [version: number, cause: string, status: string, isKept: boolean])[] = [
    [1, 'refresh', 'done', false],
    [1, 'time', 'done', false],
    [2, 'definition', 'failed', true], // since when the second version was in force
    [2, 'definition', 'failed', false],
    [2, 'move', 'done', false],
    [2, 'definition', 'failed', false],
    [2, 'definition', 'failed', true], // whether it has been brought about
    [2, 'refresh', 'cancelled', false],
    [2, 'refresh', 'done', true], // the last that is done of its version
    [1, 'definition', 'done', true],
    [1, 'refresh', 'failed', false],
    [1, 'refresh', 'done', true], // the segment's own
    [1, 'move', 'done', true], // the newest two
    [1, 'move', 'done', true],
  ];

  it('leaves what old runs still tell', async () => {
    const { database } = shop.strata;
    await shop.define('trimmed', 'everyone');
    const { id: segmentId } = await getSegment(database, 'trimmed');
    const list = () => listRuns(database, { segments: ['trimmed'], limit: 99 });
    const [first] = await list();
    const kept = [first?.id];
    for (const [version, cause, status, isKept] of PAST) {
      const [run] = await database.query<{ id: string }>({
        text: `
          insert into runs (segment_id, version, cause, status, queued_at, finished_at)
          values ($1, $2, $3, $4, $5::timestamptz, $5::timestamptz)
          returning runs.id`,
        values: [segmentId, version, cause, status, new Date(shop.clock.nowMs()).toISOString()],
      });
      if (isKept) kept.push(run?.id);
      if (cause === 'move')
        await database.query({
          text: `insert into run_moves (run_id, from_id, to_id, replaces, actor) values ($1::bigint, $2, $2, false, 'me')`,
          values: [run?.id, segmentId],
        });
    }
    const before = await getSegment(database, 'trimmed');
    const trim = (days: number, runs: number) => trimRuns(database, shop.clock.nowMs() + days * DAY_MS, { kept: runs, atOnce: 4 });
    expect([await trim(90, 2), await trim(91, 99)]).toEqual([0, 0]);
    expect(await trim(91, 2)).toBe(4); // of other segments too
    while ((await trim(91, 2)) > 0);
    expect((await list()).map(({ id }) => id).reverse()).toEqual(kept);
    expect(await getSegment(database, 'trimmed')).toEqual(before);
  });
});

it('estimates how many customers there are', async () => {
  const { database } = shop.strata;
  await database.query({
    text: `
      insert into customers (id, external_id, revision, created_at)
      select n, 'many' || n, 1, '2026-01-01'
      from generate_series(1, 60000) as n`,
  });
  await database.query({ text: 'analyze customers' });
  const runId = await refreshSegment(database, shop.clock, 'all');
  await startRuns(database, [runId], null);
  const { total } = await getRun(database, runId);
  expect(total).toBeGreaterThan(55_000);
  expect(total).toBeLessThan(65_000);
});

it('halves a slow chunk without beginning again', async () => {
  const [chunkCustomers, customers] = [600, 2_400];
  const own = await openStrataUnderTest({ limits: { chunkCustomers, scanTimeoutMs: 60_000 } });
  try {
    const { database } = own.strata;
    const rows = Array.from({ length: customers }, (_, n) => customer(`c${n}`, { attributes: { points: n } }));
    for (let from = 0; from < customers; from += chunkCustomers) await own.write({ customers: rows.slice(from, from + chunkCustomers) });
    await database.query({ text: `insert into registered_types (scope, name, type) values ('attribute', 'points', 'number')` });
    // behind the first chunk a scan of as many customers is cancelled, but no half of it, and none that looks for culprits in a quarter of the time
    await database.query({
      text: `
        create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql as $$
        declare
          started text := statement_timestamp()::text;
          divided text[] := string_to_array(coalesce(current_setting('test.divided', true), ''), '/');
          times integer := case when divided[1] = started then divided[2]::integer + 1 else 1 end;
        begin
          if times > ${chunkCustomers} and current_setting('statement_timeout') = '1min'
            and exists (select from runs as r where r.status = 'running' and r.done >= ${chunkCustomers})
          then
            raise exception 'canceling statement due to statement timeout' using errcode = '57014';
          end if;
          perform set_config('test.divided', started || '/' || times, false);
          return a / nullif(b, 0);
        end $$`,
    });
    await own.define('halves', 'attributes.points / 2 >= 600');
    const { run } = await getSegment(database, 'halves');
    expect(run).toMatchObject({ status: 'done', done: customers, total: customers });
    await own.publish();
    expect((await getSegment(database, 'halves')).memberCount).toBe(customers / 2);
  } finally {
    await own.drop();
  }
});
