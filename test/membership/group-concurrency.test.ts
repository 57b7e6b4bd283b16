// A group under writes, pins, moves, publishes and new orders of it at once, on real connections with the real clock: no single answer
// shows a customer in two of its segments, no caller meets an unexpected error, and what is stored equals a full evaluation at the end.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { AppError } from '../../src/errors.ts';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { move, pin, readSegments, write } from '../../src/pipeline.ts';
import { changeGroup, createGroup, getGroup } from '../../src/segments/groups.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { listOpenRuns } from '../../src/segments/runs.ts';
import { addVersion, createSegment, publishVersion } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { Random } from './random.ts';
import { order } from './strata-under-test.ts';

const CUSTOMERS = 20;
const GROUP = ['gold', 'silver', 'bronze', 'guests'];
const SEED = Number(process.env['SEED'] ?? 20261121);
/** What a caller may be told while others say otherwise. */
const EXPECTED = ['not_a_member', 'pinned_elsewhere'];

it('shows nobody in two segments', { timeout: 120_000 }, async () => {
  const { database, drop } = await createTestDatabase();
  const log = pino({ level: 'silent' });
  const strata = await openStrata({
    database,
    clock: systemClock,
    log,
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: true,
  });
  try {
    const random = new Random(SEED);
    await define(strata, random);
    const done = new AbortController();
    const readers = [readCustomers(strata, new Random(random.below(2 ** 31)), done.signal), readTogether(strata, done.signal)];
    await Promise.all([
      ...Array.from({ length: 5 }, () => writeMuch(strata, new Random(random.below(2 ** 31)))),
      ...Array.from({ length: 4 }, () => sayMuch(strata, new Random(random.below(2 ** 31)))),
      publishMuch(strata, new Random(random.below(2 ** 31))),
    ]);
    await settle(strata);
    done.abort();
    const answers = await Promise.all(readers);
    expect(Math.min(...answers)).toBeGreaterThan(20);
    expect(await differences(strata)).toEqual([]);
  } finally {
    await strata.close();
    await drop();
  }
});

async function define(strata: Strata, random: Random): Promise<void> {
  const { database, clock } = strata;
  const rules: Record<string, string> = {
    gold: 'sum(orders.total) >= 600',
    silver: 'sum(orders.total) >= 300',
    bronze: 'count(orders in the last 3 seconds) >= 1',
    precious: 'in segment "gold" or in segment "silver"',
  };
  for (const [key, rule] of Object.entries(rules)) {
    await createSegment(database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
  }
  await createSegment(database, clock, { key: 'guests', name: 'guests', kind: 'manual', rule: null, publish: true, author: null });
  for (let n = 0; n < CUSTOMERS; n += 1) await write(strata, someOrder(random, n));
  await createGroup(database, clock, 'value', { name: 'value', segments: ['gold', 'silver', 'bronze'], otherwise: 'guests' }, null);
  strata.runsWaiting.ring();
  while ((await getGroup(database, 'value')).status === 'building') await systemClock.sleep(10);
}

function someOrder(random: Random, customer: number) {
  const placedAtMs = systemClock.nowMs() - random.below(4000);
  return {
    ...NO_FACTS,
    orders: [order(`o${random.below(80)}`, `c${customer}`, { placedAtMs, total: String(random.below(400) * 10_000) })],
  };
}

async function writeMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 60; n += 1) await write(strata, someOrder(random, random.below(CUSTOMERS)));
}

async function sayMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 50; n += 1) {
    try {
      await saySomething(strata, random);
    } catch (error) {
      if (!(error instanceof AppError) || !EXPECTED.includes(error.code)) throw error;
    }
  }
}

async function saySomething(strata: Strata, random: Random): Promise<void> {
  const said = { actor: 'test', reason: null, untilMs: random.below(2) === 0 ? null : systemClock.nowMs() + 5_000 };
  const customerId = `c${random.below(CUSTOMERS)}`;
  const [from, to] = [random.pick(GROUP), random.pick(GROUP)];
  const replace = random.below(2) === 0;
  switch (random.below(5)) {
    case 0:
      await pin(strata, { ...said, segment: to, customerId, wish: 'add', replace });
      return;
    case 1:
      await pin(strata, { ...said, segment: random.pick(['gold', 'silver', 'precious']), customerId, wish: 'remove', replace });
      return;
    case 2:
      await pin(strata, { ...said, untilMs: null, segment: from, customerId, wish: 'release', replace });
      return;
    case 3:
      if (random.below(10) === 0 && from !== to)
        await queueMove(strata.database, strata.clock, { ...said, untilMs: null, from, to, rule: null, replace });
      return;
    default: {
      const customerIds = Array.from({ length: 1 + random.below(8) }, () => `c${random.below(CUSTOMERS)}`);
      if (from !== to) await move(strata, { ...said, customerIds, from, to, partial: random.below(2) === 0, replace });
    }
  }
}

async function publishMuch(strata: Strata, random: Random): Promise<void> {
  const { database, clock } = strata;
  for (let n = 0; n < 10; n += 1) {
    if (n % 3 === 2) {
      const segments = [...['gold', 'silver', 'bronze']].sort(() => random.below(3) - 1);
      await changeGroup(database, clock, 'value', { name: 'value', segments, otherwise: 'guests' }, null);
    } else {
      const key = random.pick(['gold', 'silver']);
      const number = await addVersion(database, clock, key, { rule: `sum(orders.total) >= ${random.below(900)}`, author: null });
      await publishVersion(database, clock, key, number);
    }
    strata.runsWaiting.ring();
    await systemClock.sleep(random.below(150));
  }
}

/** → how many answers */
async function readCustomers(strata: Strata, random: Random, signal: AbortSignal): Promise<number> {
  let answers = 0;
  for (; !signal.aborted; answers += 1) {
    const found = await readSegments(strata, customerKey(`c${random.below(CUSTOMERS)}`));
    const keys = found?.segments.map(({ key }) => key) ?? [];
    expect(keys.filter((key) => GROUP.includes(key)).length, keys.join()).toBeLessThan(2);
  }
  return answers;
}

/** Everybody in one statement, as a page or an export reads them. */
async function readTogether(strata: Strata, signal: AbortSignal): Promise<number> {
  let answers = 0;
  for (; !signal.aborted; answers += 1) {
    const twice = await strata.database.query({
      text: `
        select m.customer_id, array_agg(s.key) as keys
        from memberships as m
        join segments as s on s.id = m.segment_id
        where s.key = any($1::text[])
        group by m.customer_id
        having count(*) > 1`,
      values: [GROUP],
    });
    expect(twice).toEqual([]);
  }
  return answers;
}

/** Until no window or pin can flip any more, no run is open, and the outbox is empty. */
async function settle(strata: Strata): Promise<void> {
  for (;;) {
    const [open] = await strata.database.query<{ waiting: number }>({
      text: 'select (select count(*) from rechecks)::integer + (select count(*) from outbox)::integer as waiting',
    });
    if (open?.waiting === 0 && (await listOpenRuns(strata.database)).length === 0) return;
    await systemClock.sleep(50);
  }
}

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
