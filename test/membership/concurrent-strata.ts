// In charge of a whole Strata with the real clock and everything in the background, for tests in which many act at once: waiting until nothing
// is left to do, and what must hold then. Who acts, and how, is up to the tests.
import { pino } from 'pino';
import { expect } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { openStrata } from '../../src/open-strata.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { listOpenRuns } from '../../src/segments/runs.ts';
import { listSegments } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { replayFeed, storedPairs } from './replay-feed.ts';

/** Runs `work` on it and then holds everything that is stored to what it must be; exits of the erased are blanked at once. */
export async function withConcurrentStrata(work: (strata: Strata) => Promise<void>): Promise<void> {
  const { database, drop } = await createTestDatabase();
  const strata = await openStrata({
    database,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    erasureDays: 0,
    background: true,
  });
  try {
    await work(strata);
  } finally {
    await strata.close();
    await drop();
  }
}

export async function defineSegments(strata: Strata, rules: Readonly<Record<string, string | null>>): Promise<void> {
  const { database, clock } = strata;
  for (const [key, rule] of Object.entries(rules)) {
    const kind = rule === null ? ('manual' as const) : ('rule' as const);
    await createSegment(database, clock, { key, name: key, kind, rule, publish: true, author: null });
  }
  strata.runsWaiting.ring();
}

/** Until no window can flip any more, no run is open, the outbox is empty, nothing is owed and every exit has been blanked. */
export async function settle(strata: Strata): Promise<void> {
  for (;;) {
    const [open] = await strata.database.query<{ waiting: number }>({
      text: `
        select ((select count(*) from rechecks) + (select count(*) from outbox) + (select count(*) from pending)
          + (select count(*) from erasures as e where e.blanked_at is null))::integer as waiting`,
    });
    if (open?.waiting === 0 && (await listOpenRuns(strata.database)).length === 0) return;
    await systemClock.sleep(50);
  }
}

export async function expectWhole(strata: Strata): Promise<void> {
  expect(await deadlocks(strata)).toBe(0);
  expect(await orphans(strata)).toEqual([]);
  expect(await differences(strata)).toEqual([]);
  expect(await replayFeed(strata.database)).toEqual(await storedPairs(strata.database));
  const counted = (await listSegments(strata.database, { limit: 100 })).map(({ key, memberCount }) => [key, memberCount]);
  expect(counted.sort()).toEqual(await membersCounted(strata));
}

/** Locks are taken in one order everywhere: nobody ever had to be sent back. */
async function deadlocks(strata: Strata): Promise<number> {
  const [row] = await strata.database.query<{ deadlocks: number }>({
    text: 'select d.deadlocks::integer as deadlocks from pg_stat_database as d where d.datname = current_database()',
  });
  return row?.deadlocks ?? 0;
}

async function orphans(strata: Strata): Promise<string[]> {
  const found: string[] = [];
  for (const table of ['orders', 'order_items', 'events', 'memberships', 'rechecks', 'pending', 'pins', 'pin_log', 'order_owners']) {
    const rows = await strata.database.query({
      text: `select from ${table} as t where t.customer_id not in (select c.id from customers as c)`,
    });
    if (rows.length > 0) found.push(`${table}: ${rows.length}`);
  }
  const unmatched = await strata.database.query({
    text: `
      with owners as materialized (select * from order_owners)
      select
      from orders as o
      full join owners as w on w.order_id = o.id and w.customer_id = o.customer_id
      where o.id is null or w.order_id is null`,
  });
  if (unmatched.length > 0) found.push(`orders without owners: ${unmatched.length}`);
  return found;
}

/** Of everybody from an evaluation of all facts. */
async function differences(strata: Strata): Promise<readonly unknown[]> {
  const program = await strata.programs.reload();
  const client = await strata.database.pool.connect();
  try {
    const customers = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
    const input = { asOfMs: systemClock.nowMs(), timeZone: 'UTC', customers };
    return (await findDifferences(client, program, program.all, input)).differences;
  } finally {
    client.release();
  }
}

async function membersCounted(strata: Strata): Promise<(readonly [string, number])[]> {
  const rows = await strata.database.query<{ key: string; members: number }>({
    text: `
      select s.key, coalesce(h.members, 0) as members
      from segments as s
      left join (select m.segment_id, count(*)::integer as members from memberships as m group by m.segment_id) as h on h.segment_id = s.id`,
  });
  return rows.map(({ key, members: count }) => [key, count] as const).sort();
}
