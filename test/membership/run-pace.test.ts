// How a run goes on while others decide: in short pieces while anybody else does, at full speed when nobody does.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunPace } from '../../src/membership/run-pace.ts';
import { Pieces } from '../../src/membership/run-pieces.ts';
import { refreshSegment } from '../../src/segments/lifecycle.ts';
import { getRun } from '../../src/segments/runs.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, openStrataUnderTest, type StrataUnderTest } from './strata-under-test.ts';

const LIMITS = { chunkCustomers: 20_000, pieceCustomers: 2_000 };
const never = new AbortController().signal;

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
});
afterAll(() => shop.drop());

async function draw(): Promise<void> {
  await shop.strata.database.query({ text: `select nextval('decisions')` });
}

it('grows to its limits alone', async () => {
  const pace = await RunPace.begin(shop.strata, LIMITS, never);
  expect(pace.chunkCustomers).toBeLessThan(LIMITS.chunkCustomers);
  await pace.scanned({ customers: 2_000, seconds: 0.1 }, never);
  expect(pace.chunkCustomers).toBe(LIMITS.chunkCustomers);
  for (let piece = 0; piece < 5; piece += 1) {
    await draw(); // its own
    await pace.applied({ customers: pace.pieceCustomers, seconds: 0.02, heldSeconds: 0.01 }, never);
  }
  expect([pace.isAlone, pace.pieceCustomers]).toEqual([true, LIMITS.pieceCustomers]);
});

it('makes room from its first step on', async () => {
  const clock = { ...shop.strata.clock, fixedMs: () => null, sleep: draw };
  const pace = await RunPace.begin({ ...shop.strata, clock }, LIMITS, never);
  expect(pace.isAlone).toBe(false);
  expect((await RunPace.begin(shop.strata, LIMITS, never)).isAlone).toBe(true);
});

it('shortens its pieces beside a write', async () => {
  const pace = await RunPace.begin(shop.strata, LIMITS, never);
  await pace.scanned({ customers: 2_000, seconds: 0.1 }, never);
  await draw();
  await shop.write({ customers: [customer('a', {})] });
  await pace.applied({ customers: 2_000, seconds: 0.2, heldSeconds: 0.1 }, never);
  expect([pace.isAlone, pace.pieceCustomers]).toEqual([false, 240]);
  await pace.scanned({ customers: 20_000, seconds: 1 }, never);
  expect(pace.chunkCustomers).toBe(600);
});

it('decides only its end where nobody differs', async () => {
  await shop.define('everybody', 'count(orders) >= 0');
  await shop.write({ customers: [customer('b', {})] });
  const { database, clock } = shop.strata;
  const lastDecision = async () => {
    const [row] = await database.query<{ last: string }>({ text: 'select d.last_value as last from decisions as d' });
    return Number(row?.last);
  };
  const before = await lastDecision();
  const runId = await refreshSegment(database, clock, 'everybody');
  await finishRuns(shop.strata);
  expect(await getRun(database, runId)).toMatchObject({ status: 'done', changes: 0 });
  expect((await lastDecision()) - before).toBe(1); // a pace takes numbers that are not of its pieces for company
});

it('divides a chunk without leaving anybody out', () => {
  const found = ['7', '-9', '30', '4'].map((customerKey) => {
    return { customerKey, revision: '1', entered: [], exited: [], dueAtMs: null, storedDueAtMs: null, seen: new Map() };
  });
  const pieces = new Pieces(found, { afterKey: '-10', throughKey: '99', customers: 11 });
  const first = pieces.next(3);
  expect([first.differences.map((each) => each.customerKey), first.throughKey, first.customers]).toEqual([['-9', '4', '7'], '7', 8]);
  expect(pieces.next(3)).toEqual(first);
  pieces.pass(first);
  expect([pieces.isEmpty, pieces.left()]).toEqual([false, { afterKey: '7', throughKey: '99', customers: 3 }]);
  const last = pieces.next(1); // as many as are left
  expect([last.differences.length, last.throughKey, last.customers]).toEqual([1, '99', 3]);
  pieces.pass(last);
  expect(pieces.isEmpty).toBe(true);
});
