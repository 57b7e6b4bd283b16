// Erasures beside writers of the same people, orders that move, imports, publishes, pins, due looks and readers, on many connections with
// the real clock: nobody meets an error, nothing is orphaned, and what is left equals a full evaluation and the feed replayed.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { AppError } from '../../src/errors.ts';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { writePin } from '../../src/membership/write-pins.ts';
import { openStrata } from '../../src/open-strata.ts';
import { erase, evaluatePending, readSegments, write, writeDeferred } from '../../src/pipeline.ts';
import { listOpenRuns } from '../../src/segments/runs.ts';
import { addVersion, createSegment, listSegments, publishVersion } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { findTraces } from './dump-database.ts';
import { Random } from './random.ts';
import { customer, order } from './strata-under-test.ts';

const CUSTOMERS = 12;
const ORDERS = 40;
const WRITERS = 8;
const WRITES_EACH = 40;
const ERASERS = 3;
const ERASURES_EACH = 40;
const SEED = Number(process.env['SEED'] ?? 20260731);

const customerId = (random: Random) => `person-${random.below(CUSTOMERS)}`;
const orderId = (random: Random) => `person-order-${random.below(ORDERS)}`;

it('erases beside everything else', { timeout: 120_000 }, async () => {
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
    await define(strata);
    const random = new Random(SEED);
    const own = () => new Random(random.below(2 ** 31));
    const [erased] = await Promise.all([
      Promise.all(Array.from({ length: ERASERS }, () => eraseMuch(strata, own()))),
      ...Array.from({ length: WRITERS }, () => writeMuch(strata, own())),
      publishMuch(strata, own()),
      importMuch(strata, '1', own()),
      pinMuch(strata, own()),
      readMuch(strata, own()),
    ]);
    expect(erased.flat().length).toBeGreaterThan(ERASERS);
    await settle(strata);
    expect(await deadlocks(strata)).toBe(0);
    expect(await orphans(strata)).toEqual([]);
    expect(await differences(strata)).toEqual([]);
    expect(await replayed(strata)).toEqual(await members(strata));
    expect(await remainingEntries(strata)).toEqual(await memberCount(strata));

    for (let n = 0; n < CUSTOMERS; n += 1) await eraseIfThere(strata, `person-${n}`);
    await settle(strata);
    const keys = Array.from({ length: CUSTOMERS }, (_, n) => customerKey(`person-${n}`));
    expect(await findTraces(database, ['person-', ...keys])).toEqual([]);
    expect(await members(strata)).toEqual([]);
    expect((await listSegments(database, { limit: 100 })).map((segment) => segment.memberCount)).toEqual([0, 0, 0, 0, 0]);
  } finally {
    await strata.close();
    await drop();
  }
});

async function define(strata: Strata): Promise<void> {
  const rules: Record<string, string> = {
    buyers: 'count(orders) >= 1',
    moment: 'count(orders in the last 1 second) >= 1',
    loyal: 'count(orders where status = "paid") >= 3',
    rest: 'not in segment "buyers"',
    viewers: 'count(events "view" in the last 2 seconds) >= 1',
  };
  for (const [key, rule] of Object.entries(rules)) {
    await createSegment(strata.database, strata.clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
  }
  strata.runsWaiting.ring();
}

async function eraseIfThere(strata: Strata, id: string): Promise<boolean> {
  try {
    await erase(strata, id);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return false;
    throw error;
  }
}

async function eraseMuch(strata: Strata, random: Random): Promise<string[]> {
  const erased: string[] = [];
  for (let n = 0; n < ERASURES_EACH; n += 1) {
    const id = customerId(random);
    if (await eraseIfThere(strata, id)) erased.push(id);
    await systemClock.sleep(random.below(30));
  }
  return erased;
}

function randomFacts(random: Random) {
  const id = customerId(random);
  const nowMs = systemClock.nowMs();
  switch (random.below(6)) {
    case 0:
      return { ...NO_FACTS, customers: [customer(id, { profile: { email: `${id}@example.org` } })] };
    case 1:
      return { ...NO_FACTS, deletedOrderIds: [orderId(random)] };
    case 2: {
      const event = { id: `event-${random.below(500)}`, customerId: id, customerKey: customerKey(id), name: 'view', properties: {} };
      return { ...NO_FACTS, events: [{ ...event, occurredAtMs: nowMs - random.below(3000) }] };
    }
    default:
      return { ...NO_FACTS, orders: [order(orderId(random), id, { placedAtMs: nowMs - 1500 + random.below(2000) })] };
  }
}

function manyOrders(random: Random) {
  const orders = Array.from({ length: 20 }, () => order(orderId(random), customerId(random)));
  return { ...NO_FACTS, orders: [...new Map(orders.map((each) => [each.id, each])).values()] };
}

async function writeMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < WRITES_EACH; n += 1) await write(strata, random.below(6) === 0 ? manyOrders(random) : randomFacts(random));
}

async function publishMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 8; n += 1) {
    const number = await addVersion(strata.database, strata.clock, 'loyal', {
      rule: `count(orders) >= ${1 + random.below(4)}`,
      author: null,
    });
    await publishVersion(strata.database, strata.clock, 'loyal', number);
    strata.runsWaiting.ring();
    await systemClock.sleep(random.below(80));
  }
}

async function importMuch(strata: Strata, importId: string, random: Random): Promise<void> {
  await strata.database.query({
    text: `insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', 'infinity', clock_timestamp())`,
  });
  for (let n = 0; n < 15; n += 1) await writeDeferred(strata, manyOrders(random), importId);
  await evaluatePending(strata, importId);
}

async function pinMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 30; n += 1) {
    const wish = random.pick(['add', 'remove', 'release'] as const);
    const request = {
      segment: 'loyal',
      customerId: customerId(random),
      wish,
      actor: 'somebody',
      reason: null,
      untilMs: null,
      replace: false,
    };
    await writePin(strata, request).catch((error: unknown) => {
      if (!(error instanceof AppError && (error.code === 'not_found' || error.code === 'conflict'))) throw error;
    });
  }
}

async function readMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 200; n += 1) await readSegments(strata, customerKey(customerId(random)));
}

/** Until no window can flip any more, no run is open, the outbox is empty, and every exit has been blanked. */
async function settle(strata: Strata): Promise<void> {
  for (;;) {
    const [open] = await strata.database.query<{ waiting: number }>({
      text: `
        select ((select count(*) from rechecks) + (select count(*) from outbox)
          + (select count(*) from erasures as e where e.blanked_at is null))::integer as waiting`,
    });
    if (open?.waiting === 0 && (await listOpenRuns(strata.database)).length === 0) return;
    await systemClock.sleep(50);
  }
}

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
      text: `select from ${table} as t where not exists (select from customers as c where c.id = t.customer_id)`,
    });
    if (rows.length > 0) found.push(`${table}: ${rows.length}`);
  }
  const unmatched = await strata.database.query({
    text: `
      select
      from orders as o
      full join order_owners as w on w.order_id = o.id and w.customer_id = o.customer_id
      where o.id is null or w.order_id is null`,
  });
  if (unmatched.length > 0) found.push(`orders without owners: ${unmatched.length}`);
  return found;
}

async function differences(strata: Strata): Promise<unknown[]> {
  const program = await strata.programs.reload();
  const client = await strata.database.pool.connect();
  try {
    const everybody = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
    const input = { asOfMs: systemClock.nowMs(), timeZone: 'UTC', customers: everybody };
    return [...(await findDifferences(client, program, program.all, input)).differences];
  } finally {
    client.release();
  }
}

/** From empty: tombstones say nothing, and what is told of somebody new begins with nothing. */
async function replayed(strata: Strata): Promise<string[]> {
  const pairs = new Set<string>();
  for (const { type, segment, customerId, position } of await readChanges(strata.database, { afterPosition: '0', limit: 1_000_000 })) {
    if (type === 'erased') continue;
    const pair = `${segment} ${customerId}`;
    expect([position, pairs.has(pair)]).toEqual([position, type === 'exited']);
    if (type === 'entered') pairs.add(pair);
    else pairs.delete(pair);
  }
  return [...pairs].sort();
}

async function members(strata: Strata): Promise<string[]> {
  const rows = await strata.database.query<{ pair: string }>({
    text: `
      select s.key || ' ' || c.external_id as pair
      from memberships as m
      join segments as s on s.id = m.segment_id
      join customers as c on c.id = m.customer_id`,
  });
  return rows.map((row) => row.pair).sort();
}

async function memberCount(strata: Strata): Promise<Record<string, number>> {
  const rows = await strata.database.query<{ key: string; members: number }>({
    text: `
      select s.key, (select count(*)::integer from memberships as m where m.segment_id = s.id) as members
      from segments as s
      order by s.key`,
  });
  return Object.fromEntries(rows.map((row) => [row.key, row.members]));
}

/** What the counters say. */
async function remainingEntries(strata: Strata): Promise<Record<string, number>> {
  const segments = await listSegments(strata.database, { limit: 100 });
  return Object.fromEntries(segments.map((segment) => [segment.key, segment.memberCount]));
}
