// A copy of every table and sequence into a fresh database, with changes still waiting for their number, goes on as if nothing had happened: no
// stall, no reordering, the same positions, the same tokens. (pg_dump is not available everywhere; COPY of everything is what it does.)
import { pipeline as pipe } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { EVERYTHING } from '../../src/changes/feed-filter.ts';
import { type Change, isUnpublished, readChanges } from '../../src/changes/read-changes.ts';
import { readToken } from '../../src/changes/write-token.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import type { Strata } from '../../src/strata.ts';

import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';
import { replayFeed, storedPairs } from '../membership/replay-feed.ts';
import { openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

let old: StrataUnderTest;
let target: TestDatabase;
let strata: Strata;

beforeAll(async () => {
  old = await openStrataUnderTest({ startMs: systemClock.nowMs() });
  target = await createTestDatabase();
});
afterAll(async () => {
  await strata.close();
  await target.drop();
  await old.drop();
});

async function copyAll(source: string, into: string): Promise<void> {
  const [reader, writer] = [new pg.Client(source), new pg.Client(into)];
  await Promise.all([reader.connect(), writer.connect()]);
  const names = async (kind: string): Promise<string[]> => {
    const text = `select c.relname from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind = any($1) order by c.relname`;
    return (await reader.query<{ relname: string }>(text, [kind.split('')])).rows.map((row) => row.relname);
  };
  const tables = await names('rp');
  expect(tables).toEqual(expect.arrayContaining(['outbox', 'changes', 'feed', 'settings', 'memberships']));
  await writer.query(`set session_replication_role = 'replica'`); // the order of tables is nobody's business
  await writer.query(`truncate ${tables.map((name) => pg.escapeIdentifier(name)).join(', ')} cascade`);
  await reader.query('begin isolation level repeatable read, read only');
  for (const table of tables.map((name) => pg.escapeIdentifier(name))) {
    await pipe(reader.query(copyTo(`copy ${table} to stdout`)), writer.query(copyFrom(`copy ${table} from stdin`)));
  }
  for (const name of await names('S')) {
    const { rows } = await reader.query<{ last_value: string; is_called: boolean }>(
      `select last_value, is_called from ${pg.escapeIdentifier(name)}`,
    );
    await writer.query('select setval($1::regclass, $2, $3)', [pg.escapeIdentifier(name), rows[0]?.last_value, rows[0]?.is_called]);
  }
  await Promise.all([reader.end(), writer.end()]);
}

const told = (changes: readonly Change[]) => changes.map(({ type, segment, customerId }) => `${type} ${segment} ${customerId}`);

test('a copy goes on where the original was', async () => {
  await old.define('any', 'count(orders) >= 1');
  await old.define('two', 'count(orders) >= 2');
  for (const name of ['ann', 'bob', 'cat']) await old.write({ orders: [order(`${name}-1`, name, { placedAtMs: START_MS })] });
  await old.publish();
  const before = await readChanges(old.strata.database, { afterPosition: '0', limit: 100 });
  await old.write({ orders: [order('bob-2', 'bob')] });
  const { token } = await old.write({ orders: [order('ann-2', 'ann'), order('dan-1', 'dan')] });
  await copyAll(old.strata.database.url, target.url);

  strata = await openStrata({
    database: target.database,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    cluster: old.strata.cluster, // as the copied settings say
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: true,
  });
  const follower = strata.feedTail.follow(EVERYTHING, before.at(-1)?.position ?? '');
  const read: Change[] = [];
  const readOn = async (count: number) => {
    while (read.length < count) read.push(...(await follower.next(100)).changes);
  };
  await readOn(3); // what was waiting is numbered first, in its order
  expect(told(read)).toEqual(
    ['entered two bob', 'entered any dan', 'entered two ann'].sort((a, b) => told(read).indexOf(a) - told(read).indexOf(b)),
  );
  expect(told(read)[0]).toBe('entered two bob');
  const { decision } = readToken(token, strata.cluster);
  expect(await isUnpublished(target.database, String(decision))).toBe(false);

  const later = await write(strata, { ...NO_FACTS, orders: [order('dan-2', 'dan')], deletedOrderIds: ['bob-2'] });
  await readOn(5);
  expect(told(read.slice(3)).sort()).toEqual(['entered two dan', 'exited two bob']);
  expect(BigInt(readToken(later.token, strata.cluster).decision ?? 0) > BigInt(decision ?? 0)).toBe(true);
  follower.close();

  const all = await readChanges(target.database, { afterPosition: '0', limit: 100 });
  expect(all).toEqual([...before, ...read]);
  expect(all.map((change) => Number(change.position))).toEqual(all.map((_, index) => index + 1));
  expect(await replayFeed(target.database)).toEqual(await storedPairs(target.database));
});
