// A database whose clock was ahead and is corrected: what was decided in the meantime is decided again, without anybody asking.
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { HOUR_MS } from '../../src/base/durations.ts';
import { openDatabase } from '../../src/db/database.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { watchClock } from '../../src/membership/clock-set-back.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { createTestDatabase } from '../database.ts';
import { makeShiftedClock, shiftClock } from '../shifted-clock.ts';
import { finishRuns } from './leader-by-hand.ts';
import { DAY_MS, openStrataUnderTest, order, START_MS } from './strata-under-test.ts';

it('looks at everybody again when set back', async () => {
  const test = await createTestDatabase();
  await makeShiftedClock(test.database);
  const database = openDatabase(test.url); // sessions opened from now on have that clock
  await shiftClock(database, START_MS - systemClock.nowMs());
  const strata = await openStrata({
    database,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: 's'.repeat(32),
    timeZone: 'UTC',
    currency: 'USD',
    background: true,
  });
  const members = () => database.query({ text: 'select from memberships' });
  try {
    const segment = { key: 'fresh', name: 'fresh', kind: 'rule' as const, rule: 'count(orders in the last 1 hour) >= 1' };
    await createSegment(database, systemClock, { ...segment, publish: true, author: null });
    strata.runsWaiting.ring();
    await vi.waitUntil(async () => (await database.query({ text: `select from segments where status = 'active'` })).length === 1, 30_000);
    const placed = { ...NO_FACTS, orders: [order('o', 'c', { placedAtMs: START_MS + 2 * HOUR_MS })] };
    await shiftClock(database, START_MS + 2 * HOUR_MS - systemClock.nowMs() + 10_000);
    await write(strata, placed);
    expect(await members()).toHaveLength(1);
    await shiftClock(database, START_MS - systemClock.nowMs());
    await vi.waitUntil(async () => (await members()).length === 0, 30_000);
  } finally {
    await strata.close();
    await database.close();
    await test.drop();
  }
});

it('builds from the beginning what was being built', async () => {
  const CUSTOMERS = 100;
  const shop = await openStrataUnderTest({ limits: { chunkCustomers: 20, pieceCustomers: 20 } });
  const { database } = shop.strata;
  let nowMs = START_MS + 2 * HOUR_MS;
  const stopping = new AbortController();
  let asked = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: async () => {},
    fixedMs: () => {
      asked += 1;
      if (asked === 4) stopping.abort(); // behind the first chunks
      return nowMs;
    },
  };
  const strata = { ...shop.strata, clock };
  const placedAtMs = START_MS - 30 * DAY_MS + HOUR_MS; // left the window an hour ago, by this clock
  await shop.write({ orders: Array.from({ length: CUSTOMERS }, (_, n) => order(`o${n}`, `c${n}`, { placedAtMs })) });
  const segment = { key: 'fresh', name: 'fresh', kind: 'rule' as const, rule: 'count(orders in the last 30 days) >= 1' };
  await createSegment(database, clock, { ...segment, publish: true, author: null });
  await strata.programs.reload();
  await runOpenRuns(strata, stopping.signal);
  const [stopped] = await database.query<{ done: string }>({ text: `select r.done from runs as r where r.status = 'running'` });
  expect(Number(stopped?.done)).toBeGreaterThan(0);

  const watching = new AbortController();
  const noticed = watchClock(strata, async () => watching.abort(), watching.signal);
  await vi.waitUntil(() => asked > 5, 30_000); // it has read the instant that is taken back
  nowMs = START_MS;
  await noticed;
  await finishRuns(strata);
  expect(await database.query({ text: 'select from memberships' })).toHaveLength(CUSTOMERS);
  const runs = await database.query({ text: 'select r.status, r.cause from runs as r order by r.id' });
  expect(runs).toEqual(['superseded', 'done'].map((status) => ({ status, cause: 'definition' })));
  await shop.drop();
});
