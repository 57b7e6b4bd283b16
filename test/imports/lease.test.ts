// An import's debts are settled by its own process for as long as that works on it, however slowly.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { isWorkedOnHere, openLease } from '../../src/ingest/imports/lease.ts';
import { RENEW_MS } from '../../src/ingest/imports/limits.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';

let under: TestDatabase;
const clock = new TestClock(Date.parse('2026-06-15T12:00:00.000Z'));

beforeAll(async () => {
  under = await createTestDatabase();
});
afterAll(() => under?.drop());

test('is worked on until it is closed', async () => {
  const { database } = under;
  const lease = await openLease(database, clock, 'orders');
  expect([isWorkedOnHere(database, lease.importId), isWorkedOnHere(database, '0')]).toEqual([true, false]);
  await lease.close('done');
  expect(isWorkedOnHere(database, lease.importId)).toBe(false);
});

test('is not worked on once it is lost', async () => {
  const { database } = under;
  const lease = await openLease(database, clock, 'orders');
  await database.query({ text: `update imports set status = 'failed'` });
  const lost = once(lease.lost, 'abort');
  clock.set(clock.nowMs() + RENEW_MS);
  await lost;
  expect(isWorkedOnHere(database, lease.importId)).toBe(false);
  await expect(lease.close('done')).rejects.toThrow('stood still');
});
