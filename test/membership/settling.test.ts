// What was published recently is evaluated in a separate statement, until connections have planned the one of all segments.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Touch } from '../../src/evaluation/program.ts';
import { settleProgram } from '../../src/evaluation/settle-program.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { finishRuns } from './leader-by-hand.ts';
import { openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

const VIEW = {
  customerKey: customerKey('written'),
  customerId: 'written',
  name: 'view',
  occurredAtMs: START_MS,
  properties: {},
};
const ORDERS: Touch = { profile: false, orders: true, events: new Set() };
const VIEWS: Touch = { profile: false, orders: false, events: new Set(['view']) };

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('bought', 'count(orders) >= 1');
  await shop.define('twice', 'count(orders) >= 2');
});
afterAll(() => shop.drop());

function parts(): readonly (readonly number[])[] {
  const program = shop.strata.programs.get();
  return program.inParts(program.touchedBy(ORDERS));
}

async function settle(): Promise<boolean> {
  await shop.strata.programs.reload(); // the end of the last run is known to the next write only
  return settleProgram(shop.strata.database, shop.strata.programs, 'UTC');
}

it('asks a new segment apart until settled', async () => {
  await settle();
  expect(parts()).toEqual([[1, 2]]);
  await shop.define('thrice', 'count(orders) >= 3');
  expect(parts()).toEqual([[1, 2], [3]]);
  await shop.write({ orders: ['a', 'b', 'c'].map((id) => order(id, 'both')) });
  expect(await shop.segmentsOf('both')).toEqual(['bought', 'thrice', 'twice']);
  expect(await settle()).toBe(true);
  expect(parts()).toEqual([[1, 2, 3]]);
  expect(await settle()).toBe(false);
});

it('asks together what names what', async () => {
  await settle();
  await shop.define('loyal', 'in segment "thrice" or count(orders) >= 5');
  expect(parts()).toEqual([[1, 2, 3, 4]]);
  await shop.write({ orders: ['d', 'e', 'f'].map((id) => order(id, 'named')) });
  expect(await shop.segmentsOf('named')).toEqual(['bought', 'loyal', 'thrice', 'twice']);
});

it('touches those that read what is written', async () => {
  for (const [key, rule] of [
    ['china', 'country = "CN"'],
    ['viewed', 'count(events "view") >= 1'],
    ['came', 'count(events) >= 1'],
    ['half', 'bucket("a") < 50'],
    ['on-china', 'not in segment "china"'],
  ] as const) {
    await shop.define(key, rule);
  }
  const program = await shop.strata.programs.reload(); // nothing is building any more
  const touched = (profile: boolean, orders: boolean, ...events: string[]) =>
    program.touchedBy({ profile, orders, events: new Set(events) }).map((id) => program.definitions.names.get(id)?.key);
  const ofOrders = ['bought', 'twice', 'thrice', 'loyal'];
  expect(touched(true, false)).toEqual(['china', 'on-china']);
  expect(touched(false, true)).toEqual(ofOrders);
  expect(touched(false, false, 'view')).toEqual(['viewed', 'came']);
  expect(touched(false, false, 'other')).toEqual(['came']);
  expect(touched(true, true, 'view')).toEqual([...ofOrders, 'china', 'viewed', 'came', 'on-china']);
});

it('gives back statements of older definitions', async () => {
  const writeAll = async () => {
    await shop.write({ orders: [order('x', 'written')] });
    await shop.write({ events: [{ ...VIEW, id: String(shop.clock.nowMs()) }] });
  };
  const preparedNow = async (): Promise<readonly (readonly string[])[]> => {
    const { pool } = shop.strata.database;
    const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()));
    try {
      const found = await Promise.all(
        clients.map((client) => client.query(`select p.name from pg_prepared_statements as p where p.name like 'evaluate%'`)),
      );
      return found.map(({ rows }) => rows.map((row: { name: string }) => row.name));
    } finally {
      for (const client of clients) client.release();
    }
  };
  const epochOf = new Map<string, number>();
  for (let epoch = 0; epoch < 6; epoch += 1) {
    await shop.define(`both${epoch}`, `count(orders) >= ${epoch + 2} and count(events "view") >= ${epoch + 2}`);
    await settle();
    await writeAll();
    for (const name of (await preparedNow()).flat()) if (!epochOf.has(name)) epochOf.set(name, epoch);
  }
  expect(new Set(epochOf.values()).size).toBe(6); // each has statements of its own
  for (const names of await preparedNow()) expect(new Set(names.map((name) => epochOf.get(name))).size).toBeLessThanOrEqual(2);
});

it('gives customers and scans their own time', async () => {
  await shop.strata.database.query({
    text: `
      create or replace function strata_divide(a numeric, b numeric) returns numeric language sql as $$
        select s.setting::numeric from pg_settings as s where s.name = 'statement_timeout'
      $$`,
  });
  const { customersTimeoutMs, scanTimeoutMs } = shop.strata.programs.get().limits;
  await shop.define('scanned', `sum(orders.total) / count(orders) = ${scanTimeoutMs}`);
  expect(await shop.segmentsOf('both')).toContain('scanned');
  await shop.define('written', `sum(orders.total) / count(orders) = ${customersTimeoutMs}`);
  await shop.write({ orders: [order('y', 'both')] });
  const segments = await shop.segmentsOf('both');
  expect(['scanned', 'written'].filter((key) => segments.includes(key))).toEqual(['written']);
});

it('settles what is building with its like', async () => {
  const own = await openStrataUnderTest();
  try {
    const { strata, clock } = own;
    const publish = (key: string, rule: string) =>
      createSegment(strata.database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
    const settleOwn = () => settleProgram(strata.database, strata.programs, 'UTC');
    const partsOf = (touch: Touch) => {
      const program = strata.programs.get();
      return program.inParts(program.touchedBy(touch)).map((ids) => ids.map((id) => program.definitions.names.get(id)?.key));
    };
    await own.define('bought', 'count(orders) >= 1');
    await own.define('came', 'count(events) >= 1');
    await strata.programs.reload();
    await settleOwn();
    await publish('twice', 'count(orders) >= 2');
    await publish('viewed', 'count(events "view") >= 1');
    expect(partsOf(ORDERS)).toEqual([['bought'], ['twice', 'viewed']]);
    await own.write({ orders: ['a', 'b'].map((id) => order(id, 'both')), events: [{ ...VIEW, id: 'v' }] });
    expect(await settleOwn()).toBe(true);
    expect(partsOf(ORDERS)).toEqual([['bought', 'twice'], ['viewed']]); // it reads no orders, and will not be asked once it is built
    expect(partsOf(VIEWS)).toEqual([['came', 'viewed'], ['twice']]);
    expect(partsOf({ ...ORDERS, events: VIEWS.events })).toEqual([['bought', 'came', 'twice', 'viewed']]);
    await own.write({ orders: ['c', 'd'].map((id) => order(id, 'later')) });
    await own.write({ events: [{ ...VIEW, id: 'w', customerKey: customerKey('later'), customerId: 'later' }] });
    expect(await settleOwn()).toBe(false);
    expect(await own.segmentsOf('later')).toEqual(['bought', 'came', 'twice', 'viewed']);
    await finishRuns(strata);
    await strata.programs.reload();
    expect(partsOf(ORDERS)).toEqual([['bought', 'twice']]);
    expect(partsOf(VIEWS)).toEqual([['came', 'viewed']]);
    expect(await own.segmentsOf('both')).toEqual(['bought', 'twice']);
    expect(await own.segmentsOf('written')).toEqual(['came', 'viewed']);
  } finally {
    await own.drop();
  }
});
