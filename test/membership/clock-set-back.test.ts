// A database whose clock was ahead and is corrected: what was decided in the meantime is decided again, without anybody asking.
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/db/database.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { createTestDatabase } from '../database.ts';
import { makeShiftedClock, shiftClock } from '../shifted-clock.ts';
import { order, START_MS } from './strata-under-test.ts';

const HOUR_MS = 3_600_000;

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
    await vi.waitUntil(async () => (await database.query({ text: `select from segments where status = 'active'` })).length === 1, 20_000);
    const placed = { ...NO_FACTS, orders: [order('o', 'c', { placedAtMs: START_MS + 2 * HOUR_MS })] };
    await shiftClock(database, START_MS + 2 * HOUR_MS - systemClock.nowMs() + 10_000);
    await write(strata, placed);
    expect(await members()).toHaveLength(1);
    await shiftClock(database, START_MS - systemClock.nowMs());
    await vi.waitUntil(async () => (await members()).length === 0, 20_000);
  } finally {
    await strata.close();
    await database.close();
    await test.drop();
  }
});
