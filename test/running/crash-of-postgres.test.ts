// Postgres crashes while a run commits without waiting for the disk. What was numbered is still there; what was not may be lost, with the place of
// the run and with the memberships, and is decided again.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { migrate } from '../../src/db/migrate.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import type { Strata } from '../../src/strata.ts';
import { SECRET_KEY } from '../database.ts';
import { PostgresServer } from '../faults/postgres-server.ts';
import { replayFeed, storedPairs } from '../membership/replay-feed.ts';
import { customer } from '../membership/strata-under-test.ts';

const CUSTOMERS = 1000;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-crash-'));
let server: PostgresServer;

beforeAll(async () => {
  fs.chmodSync(folder, 0o755); // the server runs as another user
  server = await PostgresServer.start(path.join(folder, 'data'));
});
afterAll(async () => {
  await server.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function openOn(database: Database): Promise<Strata> {
  const log = pino({ level: 'silent' });
  const names = { cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD' };
  const limits = { chunkCustomers: 100, pieceCustomers: 50 };
  const strata = await openStrata({ database, clock: systemClock, log, ...names, limits, background: false });
  await strata.programs.reload();
  return strata;
}

/** Some pieces of the open run, as far as a clock is asked so often. */
async function runPieces(strata: Strata, asks: number): Promise<void> {
  const stopping = new AbortController();
  let asked = 0;
  const fixedMs = () => {
    asked += 1;
    if (asked === asks) stopping.abort();
    return null;
  };
  const clock: Clock = { ...systemClock, fixedMs };
  await runOpenRuns({ ...strata, clock }, stopping.signal);
}

async function count(database: Database, table: string): Promise<number> {
  const [row] = await database.query<{ n: number }>({ text: `select count(*)::integer as n from ${table} as t` });
  return row?.n ?? 0;
}

test('what the feed told survives a crash', { timeout: 300_000 }, async () => {
  const before = openDatabase(server.url);
  before.pool.on('error', () => {}); // of connections that the crash ends
  await migrate(before);
  await before.query({ text: `alter system set wal_writer_delay = '10s'` }); // nobody else writes the log out
  await before.query({ text: 'select pg_reload_conf()' });
  const crashing = await openOn(before);
  const customers = Array.from({ length: CUSTOMERS }, (_, n) => customer(`c${n}`, { profile: { country: 'CN' } }));
  await write(crashing, { ...NO_FACTS, customers });
  const segment = { key: 'china', name: 'china', kind: 'rule' as const, rule: 'country = "CN"' };
  await createSegment(before, systemClock, { ...segment, publish: true, author: null });
  await crashing.programs.reload();
  await runPieces(crashing, 8);
  const told = await moveOutbox(before.pool);
  await runPieces(crashing, 8);
  expect([told > 0, (await count(before, 'outbox')) > 0, (await count(before, 'memberships')) < CUSTOMERS]).toEqual([true, true, true]);
  await server.kill();
  await crashing.close().catch(() => {}); // its connections are gone
  await before.close().catch(() => {});
  await server.startAgain();

  const database = openDatabase(server.url);
  expect(await count(database, 'changes')).toBe(told);
  expect(await count(database, 'memberships')).toBe(told + (await count(database, 'outbox')));
  const strata = await openOn(database);
  while (await runOpenRuns(strata, new AbortController().signal));
  while ((await moveOutbox(database.pool)) > 0);
  expect(await replayFeed(database)).toEqual(await storedPairs(database));
  expect(await count(database, 'memberships')).toBe(CUSTOMERS);
  await strata.close();
  await database.close();
});
