// Many writers on the same customers beside publishes, imports, due looks and readers, on real connections with the real clock:
// afterwards the stored state equals a full evaluation, the feed replayed equals the members, and no caller met an error.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { evaluatePending, readSegments, write, writeDeferred } from '../../src/pipeline.ts';
import { listOpenRuns } from '../../src/segments/runs.ts';
import { addVersion, createSegment, listSegments, publishVersion, refreshSegment } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { Random } from './random.ts';
import { customer, order } from './strata-under-test.ts';

const CUSTOMERS = 25;
const ORDERS = 60;
const WRITERS = 12;
const WRITES_EACH = 40;
const SEED = Number(process.env['SEED'] ?? 20261121);

it('stays equal to a full evaluation', { timeout: 120_000 }, async () => {
  const { database, drop } = await createTestDatabase();
  const strata = await openStrata({
    database,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: true,
  });
  try {
    await define(strata);
    const random = new Random(SEED);
    await Promise.all([
      ...Array.from({ length: WRITERS }, () => writeMuch(strata, new Random(random.below(2 ** 31)))),
      publishMuch(strata, new Random(random.below(2 ** 31))),
      importMuch(strata, '1', new Random(random.below(2 ** 31))),
      importMuch(strata, '2', new Random(random.below(2 ** 31))),
      readMuch(strata, new Random(random.below(2 ** 31))),
    ]);
    await settle(strata);
    expect(await differences(strata)).toEqual([]);
    expect(await replayed(strata)).toEqual(await members(strata));
  } finally {
    await strata.close();
    await drop();
  }
});

async function define(strata: Strata): Promise<void> {
  const rules: Record<string, string> = {
    buyers: 'count(orders) >= 1',
    moment: 'count(orders in the last 2 seconds) >= 1',
    loyal: 'count(orders where status = "paid") >= 3',
    big: 'sum(orders.total) > 500',
    china: 'country = "CN"',
    'loyal-china': 'in segment "loyal" and in segment "china"',
    rest: 'not in segment "buyers"',
    viewers: 'count(events "view" in the last 3 seconds) >= 2',
  };
  for (const [key, rule] of Object.entries(rules)) {
    await createSegment(strata.database, strata.clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
  }
  strata.runsWaiting.ring();
}

function randomFacts(random: Random) {
  const id = `c${random.below(CUSTOMERS)}`;
  const nowMs = systemClock.nowMs();
  switch (random.below(5)) {
    case 0:
      return { ...NO_FACTS, customers: [customer(id, { profile: { country: random.pick(['CN', 'DE', null]) } })] };
    case 1:
      return { ...NO_FACTS, deletedOrderIds: [`o${random.below(ORDERS)}`] };
    case 2: {
      const event = { id: `e${random.below(1000)}`, customerId: id, customerKey: customerKey(id), name: 'view', properties: {} };
      return { ...NO_FACTS, events: [{ ...event, occurredAtMs: nowMs - random.below(4000) }] };
    }
    default: {
      const placedAtMs = nowMs - 3000 + random.below(4000); // some of them in the future
      const orders = [order(`o${random.below(ORDERS)}`, id, { placedAtMs, status: random.pick(['paid', 'open']) })];
      return { ...NO_FACTS, orders };
    }
  }
}

async function writeMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < WRITES_EACH; n += 1) {
    if (random.below(8) > 0) await write(strata, randomFacts(random));
    else {
      const many = new Map(
        Array.from({ length: 30 }, () => order(`o${random.below(ORDERS)}`, `c${random.below(CUSTOMERS)}`)).map((o) => [o.id, o]),
      );
      await write(strata, { ...NO_FACTS, orders: [...many.values()] });
    }
  }
}

async function publishMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 12; n += 1) {
    const key = random.pick(['big', 'loyal', 'china']);
    const rule = {
      big: `sum(orders.total) > ${random.below(900)}`,
      loyal: `count(orders) >= ${random.below(5)}`,
      china: 'country is missing',
    }[key];
    const number = await addVersion(strata.database, strata.clock, key, { rule, author: null });
    await publishVersion(strata.database, strata.clock, key, number);
    strata.runsWaiting.ring();
    if (n % 4 === 0) await refreshSegment(strata.database, strata.clock, 'buyers');
    await systemClock.sleep(random.below(60));
  }
}

async function importMuch(strata: Strata, importId: string, random: Random): Promise<void> {
  await strata.database.query({
    text: `insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', 'infinity', clock_timestamp())`,
  });
  for (let n = 0; n < 15; n += 1) {
    const rows = new Map(
      Array.from({ length: 20 }, () => order(`o${random.below(ORDERS)}`, `c${random.below(CUSTOMERS)}`)).map((o) => [o.id, o]),
    );
    await writeDeferred(strata, { ...NO_FACTS, orders: [...rows.values()] }, importId);
  }
  await evaluatePending(strata, importId);
}

async function readMuch(strata: Strata, random: Random): Promise<void> {
  for (let n = 0; n < 200; n += 1) await readSegments(strata, customerKey(`c${random.below(CUSTOMERS)}`));
}

/** Until no window can flip any more, no run is open, and the outbox is empty. */
async function settle(strata: Strata): Promise<void> {
  for (;;) {
    const [open] = await strata.database.query<{ waiting: number }>({
      text: 'select (select count(*) from rechecks)::integer + (select count(*) from outbox)::integer as waiting',
    });
    if (open?.waiting === 0 && (await listOpenRuns(strata.database)).length === 0) return;
    await systemClock.sleep(50);
  }
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

async function replayed(strata: Strata): Promise<string[]> {
  const pairs = new Set<string>();
  for (const { type, segment, customerId } of await readChanges(strata.database, { afterPosition: '0', limit: 1_000_000 })) {
    const pair = `${segment} ${customerId}`;
    expect(pairs.has(pair)).toBe(type === 'exited');
    if (type === 'entered') pairs.add(pair);
    else pairs.delete(pair);
  }
  const sizes = new Map((await listSegments(strata.database, { limit: 100 })).map((segment) => [segment.key, segment.memberCount]));
  for (const [key, size] of sizes) expect([...pairs].filter((pair) => pair.startsWith(`${key} `)).length, key).toBe(size);
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
