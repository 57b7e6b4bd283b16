// What a database keeps about itself: set once, and never silently changed.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepSettings } from '../src/db/settings.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

describe('settings', () => {
  let fresh: TestDatabase;
  beforeEach(async () => {
    fresh = await createTestDatabase();
  });
  afterEach(() => fresh?.drop());

  test('are made once and then stay', async () => {
    const first = await keepSettings(fresh.database, { timeZone: 'Europe/London', currency: 'GBP' });
    expect(first).toMatchObject({ clusterId: expect.stringMatching(/^[0-9a-f-]{36}$/), timeZone: 'Europe/London', currency: 'GBP' });
    expect(await keepSettings(fresh.database, { timeZone: 'Europe/London', currency: 'GBP' })).toEqual(first);
    expect(await keepSettings(fresh.database, {})).toEqual(first);
  });

  test('are UTC and USD when nothing is said', async () => {
    expect(await keepSettings(fresh.database, {})).toMatchObject({ timeZone: 'UTC', currency: 'USD' });
  });

  test('agree among processes that start at once', async () => {
    const kept = await Promise.all(Array.from({ length: 5 }, () => keepSettings(fresh.database, {})));
    expect(new Set(kept.map((settings) => settings.clusterId)).size).toBe(1);
  });

  test('refuse another value, all at once', async () => {
    await keepSettings(fresh.database, {});
    await expect(keepSettings(fresh.database, { timeZone: 'Asia/Tokyo', currency: 'JPY' })).rejects.toThrow(
      'TIME_ZONE is Asia/Tokyo, but this database was made with UTC. CURRENCY is JPY, but this database was made with USD.',
    );
  });

  test('refuse a zone unknown to the database', async () => {
    await expect(keepSettings(fresh.database, { timeZone: 'Mars/Olympus' })).rejects.toThrow(
      'The database does not know the time zone Mars/Olympus.',
    );
  });
});
