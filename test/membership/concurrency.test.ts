// Everything at once about the same few people, on real connections with the real clock: writers, files, versions published and rolled back,
// pauses, a group that changes its order, pins, moves, erasures, and readers. No single answer is wrong, nobody meets an unexpected error, and
// what is stored in the end is what an evaluation and the feed say.
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { AppError } from '../../src/errors.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { erase, evaluatePending, move, pin, readSegments, write, writeDeferred } from '../../src/pipeline.ts';
import { changeGroup, createGroup, getGroup } from '../../src/segments/groups.ts';
import { cancelRun, pauseSegment, refreshSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { listSegments } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import type { Strata } from '../../src/strata.ts';
import { defineSegments, expectWhole, settle, withConcurrentStrata } from './concurrent-strata.ts';
import { findTraces } from './dump-database.ts';
import { customer, order } from './strata-under-test.ts';

const CUSTOMERS = 16;
const ORDERS = 60;
const GROUP = ['gold', 'silver', 'bronze', 'guests'];
const SEED = Number(process.env['SEED'] ?? 20261121);
/** What a caller may be told while others say otherwise. */
const EXPECTED = ['not_found', 'conflict', 'not_a_member', 'pinned_elsewhere'];

const RULES: Readonly<Record<string, string | null>> = {
  guests: null,
  buyers: 'count(orders) >= 1',
  moment: 'count(orders in the last 2 seconds) >= 1',
  loyal: 'count(orders where status = "paid") >= 3',
  big: 'sum(orders.total) > 500',
  china: 'country = "CN"',
  rest: 'not in segment "buyers"',
  viewers: 'count(events "view" in the last 2 seconds) >= 2',
  gold: 'sum(orders.total) >= 600',
  silver: 'sum(orders.total) >= 300',
  bronze: 'count(orders in the last 3 seconds) >= 1',
  precious: 'in segment "gold" or in segment "silver"',
  aside: 'in segment "loyal" and in segment "china"',
};

const customerId = (random: SeededRandom) => `person-${random.below(CUSTOMERS)}`;
const orderId = (random: SeededRandom) => `person-order-${random.below(ORDERS)}`;

it('everything at once leaves everything right', { timeout: 300_000 }, async () => {
  await withConcurrentStrata(async (strata) => {
    await defineSegments(strata, RULES);
    await putGroup(strata);
    const random = new SeededRandom(SEED);
    const own = () => new SeededRandom(random.below(2 ** 31));
    const done = new AbortController();
    const readers = [readCustomers(strata, own(), done.signal), readTogether(strata, done.signal)];
    const [erased] = await Promise.all([
      Promise.all([eraseMuch(strata, own()), eraseMuch(strata, own())]),
      ...Array.from({ length: 6 }, () => writeMuch(strata, own())),
      ...Array.from({ length: 3 }, (_, n) => writeAlone(strata, `alone-${n}`, own())),
      ...Array.from({ length: 3 }, () => sayMuch(strata, own())),
      publishMuch(strata, own()),
      pauseMuch(strata, own()),
      importMuch(strata, '1', own()),
      importMuch(strata, '2', own()),
    ]);
    await settle(strata);
    done.abort();
    expect(Math.min(...(await Promise.all(readers)))).toBeGreaterThan(20);
    expect(erased.reduce((sum, count) => sum + count)).toBeGreaterThan(3);
    await expectWhole(strata);
    await eraseEverybody(strata);
  });
});

async function putGroup(strata: Strata): Promise<void> {
  const { database, clock } = strata;
  await createGroup(database, clock, 'value', { name: 'value', segments: ['gold', 'silver', 'bronze'], otherwise: 'guests' }, null);
  strata.runsWaiting.ring();
  while ((await getGroup(database, 'value')).status === 'building') await systemClock.sleep(10);
}

/** On a starved machine a decision may come later than the instant until which it was to hold. */
const isUntilPast = ({ code, errors }: AppError) => code === 'invalid_fields' && errors.every(({ pointer }) => pointer === '/until');

/** Done, or refused as may be. → whether it was done */
async function expected(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof AppError && (EXPECTED.includes(error.code) || isUntilPast(error))) return false;
    throw error;
  }
}

// ---------------------------------------------------------------- facts

function randomFacts(random: SeededRandom) {
  const id = customerId(random);
  const nowMs = systemClock.nowMs();
  switch (random.below(6)) {
    case 0:
      return {
        ...NO_FACTS,
        customers: [customer(id, { profile: { country: random.pick(['CN', 'DE', null]), email: `${id}@example.org` } })],
      };
    case 1:
      return { ...NO_FACTS, deletedOrderIds: [orderId(random)] };
    case 2: {
      const event = { id: `event-${random.below(500)}`, customerId: id, customerKey: customerKey(id), name: 'view', properties: {} };
      return { ...NO_FACTS, events: [{ ...event, occurredAtMs: nowMs - random.below(3000) }] };
    }
    default:
      return { ...NO_FACTS, orders: [someOrder(random)] };
  }
}

function someOrder(random: SeededRandom) {
  const placedAtMs = systemClock.nowMs() - 2500 + random.below(3000); // some of them in the future
  const total = String(random.below(400) * 10_000);
  return order(orderId(random), customerId(random), { placedAtMs, total, status: random.pick(['paid', 'open']) });
}

function manyOrders(random: SeededRandom) {
  const orders = Array.from({ length: 25 }, () => someOrder(random));
  return { ...NO_FACTS, orders: [...new Map(orders.map((each) => [each.id, each])).values()] };
}

async function writeMuch(strata: Strata, random: SeededRandom): Promise<void> {
  for (let n = 0; n < 40; n += 1) await write(strata, random.below(7) === 0 ? manyOrders(random) : randomFacts(random));
}

/** Whom nobody else writes: each answer must say what the rules that nobody changes say of the facts just written. */
async function writeAlone(strata: Strata, id: string, random: SeededRandom): Promise<void> {
  const paid = new Map<string, boolean>();
  let country: string | null = null;
  for (let n = 0; n < 30; n += 1) {
    const orders = Array.from({ length: random.below(3) }, () => `${id}-order-${random.below(5)}`);
    const facts = {
      customers: [customer(id, { profile: { country: random.pick(['CN', 'DE']) } })],
      orders: [...new Set(orders)].map((each) => order(each, id, { status: random.pick(['paid', 'open']) })),
      deletedOrderIds: [],
      events: [],
    };
    country = facts.customers[0]?.profile.country ?? null;
    for (const each of facts.orders) paid.set(each.id, each.status === 'paid');
    const { segments } = await write(strata, facts);
    const right = { buyers: paid.size > 0, china: country === 'CN', rest: paid.size === 0 };
    const found = segments.get(customerKey(id)) ?? [];
    expect(Object.fromEntries(Object.keys(right).map((key) => [key, found.includes(key)]))).toEqual(right);
    expect(found.filter((key) => GROUP.includes(key)).length, found.join()).toBeLessThan(2);
  }
}

async function importMuch(strata: Strata, importId: string, random: SeededRandom): Promise<void> {
  await strata.database.query({
    text: `insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', 'infinity', clock_timestamp())`,
  });
  for (let n = 0; n < 12; n += 1) await writeDeferred(strata, manyOrders(random), importId);
  await evaluatePending(strata, importId);
}

async function eraseMuch(strata: Strata, random: SeededRandom): Promise<number> {
  let erased = 0;
  for (let n = 0; n < 30; n += 1) {
    if (await expected(() => erase(strata, customerId(random)))) erased += 1;
    await systemClock.sleep(random.below(40));
  }
  return erased;
}

async function eraseEverybody(strata: Strata): Promise<void> {
  const ids = Array.from({ length: CUSTOMERS }, (_, n) => `person-${n}`);
  for (const id of ids) await expected(() => erase(strata, id));
  await settle(strata);
  expect(await findTraces(strata.database, ['person-', ...ids.map(customerKey)])).toEqual([]);
  for (let n = 0; n < 3; n += 1) await erase(strata, `alone-${n}`);
  await settle(strata);
  expect((await listSegments(strata.database, { limit: 100 })).filter((segment) => segment.memberCount !== 0)).toEqual([]);
}

// ---------------------------------------------------------------- segments

async function sayMuch(strata: Strata, random: SeededRandom): Promise<void> {
  for (let n = 0; n < 40; n += 1) await expected(() => saySomething(strata, random));
}

async function saySomething(strata: Strata, random: SeededRandom): Promise<void> {
  const said = { actor: 'somebody', reason: null, untilMs: random.below(2) === 0 ? null : systemClock.nowMs() + 4_000 };
  const [from, to] = [random.pick(GROUP), random.pick(GROUP)];
  const replace = random.below(2) === 0;
  const one = { segment: random.pick([...GROUP, 'loyal', 'precious', 'aside']), customerId: customerId(random), replace };
  switch (random.below(6)) {
    case 0:
    case 1:
      await pin(strata, { ...said, ...one, wish: 'add' });
      return;
    case 2:
      await pin(strata, { ...said, ...one, wish: 'remove', untilMs: one.segment === 'guests' ? null : said.untilMs });
      return;
    case 3:
      await pin(strata, { ...said, ...one, wish: 'release', untilMs: null });
      return;
    case 4:
      if (random.below(8) === 0 && from !== to)
        await queueMove(strata.database, strata.clock, { ...said, untilMs: null, from, to, rule: null, replace });
      return;
    default: {
      const customerIds = [...new Set(Array.from({ length: 1 + random.below(8) }, () => customerId(random)))];
      if (from !== to) await move(strata, { ...said, customerIds, from, to, partial: random.below(2) === 0, replace });
    }
  }
}

async function publishMuch(strata: Strata, random: SeededRandom): Promise<void> {
  const { database, clock } = strata;
  for (let n = 0; n < 14; n += 1) {
    const key = random.pick(['gold', 'silver', 'big', 'loyal']);
    if (n % 4 === 3) {
      const segments = [...['gold', 'silver', 'bronze']].sort(() => random.below(3) - 1);
      await changeGroup(database, clock, 'value', { name: 'value', segments, otherwise: 'guests' }, null);
    } else if (n % 4 === 2) {
      await publishVersion(database, clock, key, 1); // rolled back
    } else {
      const rule = key === 'loyal' ? `count(orders) >= ${random.below(5)}` : `sum(orders.total) >= ${random.below(900)}`;
      await publishVersion(database, clock, key, await addVersion(database, clock, key, { rule, author: null }));
    }
    strata.runsWaiting.ring();
    await systemClock.sleep(random.below(100));
  }
}

/** Nobody names it, so that it may stand still for a while; runs are cancelled as well. */
async function pauseMuch(strata: Strata, random: SeededRandom): Promise<void> {
  const { database, clock } = strata;
  for (let n = 0; n < 8; n += 1) {
    await expected(() => pauseSegment(database, clock, 'aside'));
    await systemClock.sleep(random.below(100));
    await expected(() => resumeSegment(database, clock, 'aside'));
    strata.runsWaiting.ring();
    const runId = await refreshSegment(database, clock, 'buyers');
    strata.runsWaiting.ring();
    if (n % 2 === 0) await expected(() => cancelRun(database, clock, runId));
  }
  await expected(() => resumeSegment(database, clock, 'aside'));
}

// ---------------------------------------------------------------- readers

/** → how many answers */
async function readCustomers(strata: Strata, random: SeededRandom, signal: AbortSignal): Promise<number> {
  let answers = 0;
  for (; !signal.aborted; answers += 1) {
    const found = await readSegments(strata, customerKey(customerId(random)));
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
