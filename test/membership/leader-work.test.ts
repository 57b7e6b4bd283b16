// The work of the leading process: what fails is started again without anybody asking, and neither that nor what takes long holds up the rest.
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import pg from 'pg';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { readFeedEnd } from '../../src/changes/read-changes.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { lead } from '../../src/lead.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { customer, openStrataUnderTest, order } from './strata-under-test.ts';

test('work that fails holds up no other', async () => {
  const { database, drop } = await createTestDatabase();
  await database.query({ text: 'alter table audit_head rename to audit_head_away' });
  const lines = new PassThrough({ encoding: 'utf8' });
  const options = { cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD', background: true };
  const strata = await openStrata({ database, clock: systemClock, log: pino({ level: 'error' }, lines), ...options });
  try {
    const [line] = (await once(lines, 'data')) as [string];
    expect(JSON.parse(line.split('\n')[0] ?? '')).toMatchObject({ work: 'audit', msg: 'work in the background failed; it is begun again' });
    await createSegment(database, systemClock, { key: 'all', name: 'All', kind: 'rule', rule: 'everyone', publish: true, author: null });
    const grown = new Promise<void>((resolve) => strata.publisher.onGrowth(resolve));
    await write(strata, { customers: [customer('ada')], orders: [], deletedOrderIds: [], events: [] });
    await grown;
    expect(await readFeedEnd(database)).toBe('1');
    const { values } = await strata.meters.failedWork.get();
    expect(values.map(({ labels }) => labels.work)).toEqual(['audit']);
  } finally {
    await strata.close();
    await drop();
  }
});

test('a segment flips while looks take long', async () => {
  const shop = await openStrataUnderTest();
  const { database } = shop.strata;
  const connect = async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    return client;
  };
  const holder = await connect();
  const term = new AbortController();
  let leading: Promise<void> = Promise.resolve();
  try {
    await shop.define('recent', 'count(orders in the last 2 days) >= 1');
    await shop.define('german-summer', 'country = "DE" and today >= 2026-06-20');
    await shop.write({ orders: [order('1', 'held')] });
    await shop.write({ customers: [customer('german', { profile: { country: 'DE' } })] });
    await holder.query('begin');
    await holder.query('update customers set revision = revision + 1 where id = $1', [customerKey('held')]);
    shop.clock.set(Date.parse('2026-06-20T00:00:00.000Z'));
    leading = lead(shop.strata, {}, await connect(), term.signal);
    await vi.waitFor(async () => expect(await shop.segmentsOf('german')).toEqual(['german-summer']), 20_000);
    expect(await shop.segmentsOf('held')).toEqual(['recent']); // its look still waits
    await holder.query('rollback');
    await vi.waitFor(async () => expect(await shop.segmentsOf('held')).toEqual([]), 20_000);
  } finally {
    term.abort();
    await holder.end();
    await leading;
    await shop.drop();
  }
});
