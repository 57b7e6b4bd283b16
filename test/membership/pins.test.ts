// Pins and manual segments: whoever is put in or out by hand is so at once, stays so through everything, until the very instant at which it
// ends.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { openStrata } from '../../src/open-strata.ts';
import { refreshSegment } from '../../src/segments/lifecycle.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import type { Strata } from '../../src/strata.ts';
import { changesOf, defineManual, pin } from './by-hand.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

let test: StrataUnderTest;
let strata: Strata;
let id = '';
let count = 0;

beforeAll(async () => {
  test = await openStrataUnderTest();
  strata = test.strata;
  await test.define('buyers', 'count(orders) >= 1');
  await test.define('recent', 'count(orders in the last 30 days) >= 1');
  await test.define('buyers-in-china', 'in segment "buyers" and country = "CN"');
  await defineManual(strata, 'guests');
  await test.define('guests-or-buyers', 'in segment "guests" or in segment "buyers"');
});
afterAll(() => test.drop());
beforeEach(async () => {
  count += 1;
  id = `c${count}`;
  await test.write({ customers: [customer(id, { profile: { country: 'CN' } })] });
});

const buy = () => test.write({ orders: [order(`o${count}`, id, { placedAtMs: test.clock.nowMs() })] });

it('puts a customer in, and dependents along', async () => {
  const outcome = await pin(strata, 'add', 'buyers', id, { reason: 'asked for it' });
  expect([...outcome.segments.values()]).toEqual([['buyers', 'buyers-in-china', 'guests-or-buyers']]);
  expect(outcome.changes).toBe(3);
  const said = { type: 'entered', cause: 'pin', reason: 'asked for it', actor: 'tester' };
  expect(await changesOf(strata, id)).toEqual(['buyers', 'buyers-in-china', 'guests-or-buyers'].map((segment) => ({ ...said, segment })));
});

it('keeps a customer out whatever the rule says', async () => {
  await buy();
  await pin(strata, 'remove', 'buyers', id);
  expect(await test.segmentsOf(id)).toEqual(['recent']);
  await test.write({ orders: [order(`more${count}`, id)] });
  expect(await test.segmentsOf(id)).toEqual(['recent']);
});

it('gives the word back to the rule', async () => {
  await pin(strata, 'add', 'buyers', id);
  const { changes } = await pin(strata, 'release', 'buyers', id, { reason: 'enough' });
  expect(changes).toBe(3);
  expect((await changesOf(strata, id)).at(-1)).toMatchObject({ type: 'exited', cause: 'unpin', reason: 'enough' });
  expect((await pin(strata, 'release', 'buyers', id)).changes).toBe(0);
});

it('stays through writes, refreshes and publishes', async () => {
  await pin(strata, 'add', 'buyers', id);
  await test.write({ customers: [customer(id, { profile: { country: 'DE' } })] });
  await refreshSegment(strata.database, strata.clock, 'buyers');
  await finishRuns(strata);
  const rule = 'count(orders) >= 5';
  const number = await addVersion(strata.database, strata.clock, 'buyers', { rule, author: null });
  await publishVersion(strata.database, strata.clock, 'buyers', number);
  await finishRuns(strata);
  expect(await test.segmentsOf(id)).toEqual(['buyers', 'guests-or-buyers']);
  await publishVersion(strata.database, strata.clock, 'buyers', 1);
  await finishRuns(strata);
  expect(await test.segmentsOf(id)).toEqual(['buyers', 'guests-or-buyers']);
});

it('ends exactly at its time', async () => {
  const untilMs = test.clock.nowMs() + DAY_MS;
  await pin(strata, 'add', 'recent', id, { untilMs });
  await test.moveTo(untilMs - 1);
  expect(await test.segmentsOf(id)).toEqual(['recent']);
  await test.moveTo(untilMs);
  expect(await test.segmentsOf(id)).toEqual([]);
  expect((await changesOf(strata, id)).at(-1)).toMatchObject({ type: 'exited', segment: 'recent', cause: 'time' });
});

it('shows a rule that came to hold meanwhile', async () => {
  const untilMs = test.clock.nowMs() + DAY_MS;
  await pin(strata, 'remove', 'buyers', id, { untilMs });
  await buy();
  expect(await test.segmentsOf(id)).toEqual(['recent']);
  await test.moveTo(untilMs);
  expect(await test.segmentsOf(id)).toEqual(['buyers', 'buyers-in-china', 'guests-or-buyers', 'recent']);
});

it('catches up with the clock first', async () => {
  await buy();
  test.clock.advance(31 * DAY_MS);
  await pin(strata, 'remove', 'guests', id);
  expect((await changesOf(strata, id)).at(-1)).toMatchObject({ type: 'exited', segment: 'recent', cause: 'time', actor: null });
});

it('keeps a pin that changes nothing', async () => {
  await buy();
  expect((await pin(strata, 'add', 'buyers', id, { reason: 'for sure' })).changes).toBe(0);
  await test.write({ deletedOrderIds: [`o${count}`] });
  expect(await test.segmentsOf(id)).toContain('buyers');
  const log = await strata.database.query({
    text: 'select l.action, l.reason from pin_log as l where l.customer_id = $1::bigint',
    values: [customerKey(id)],
  });
  expect(log).toEqual([{ action: 'pinned_in', reason: 'for sure' }]);
});

it('says the same twice only once', async () => {
  await pin(strata, 'add', 'buyers', id);
  await pin(strata, 'add', 'buyers', id);
  const [row] = await strata.database.query({
    text: 'select count(*)::integer as entries from pin_log as l where l.customer_id = $1::bigint',
    values: [customerKey(id)],
  });
  expect(row).toEqual({ entries: 1 });
});

it('fills a manual segment by hand alone', async () => {
  await pin(strata, 'add', 'guests', id);
  expect(await test.segmentsOf(id)).toEqual(['guests', 'guests-or-buyers']);
  await pin(strata, 'remove', 'guests', id);
  expect(await test.segmentsOf(id)).toEqual([]);
  expect((await changesOf(strata, id)).map((change) => change.cause)).toEqual(['pin', 'pin', 'unpin', 'unpin']);
});

it('calls it unpin in every process', async () => {
  const database = openDatabase(strata.database.url, { connections: 3 });
  const { clock, log, cluster, secretKey, timeZone, currency } = strata;
  const other = await openStrata({ database, clock, log, cluster, secretKey, timeZone, currency, background: false });
  try {
    await defineManual(strata, 'friends'); // which the other process has not heard of
    await pin(strata, 'add', 'friends', id);
    expect((await pin(other, 'remove', 'friends', id)).changes).toBe(1);
    expect((await changesOf(strata, id)).map((change) => change.cause)).toEqual(['pin', 'unpin']);
  } finally {
    await other.close();
    await database.close();
  }
});

it.each([
  ['an unknown customer', () => ({ customerId: 'nobody' }), 'not_found'],
  ['an unknown segment', () => ({ segment: 'nothing' }), 'not_found'],
  ['a time that has come', () => ({ untilMs: test.clock.nowMs() }), 'invalid_fields'],
])('refuses %s', async (_, more, code) => {
  await expect(pin(strata, 'add', 'buyers', id, more())).rejects.toMatchObject({ code });
  const [row] = await strata.database.query({ text: `select count(*)::integer as count from customers where external_id = 'nobody'` });
  expect(row).toEqual({ count: 0 });
});

it('refuses segments that are not live', async () => {
  await strata.database.query({ text: `update segments set status = 'paused' where key = 'recent'` });
  await strata.database.query({ text: 'update definitions set epoch = epoch + 1' });
  await expect(pin(strata, 'add', 'recent', id)).rejects.toMatchObject({ code: 'conflict' });
  await strata.database.query({ text: `update segments set status = 'active' where key = 'recent'` });
  await strata.database.query({ text: 'update definitions set epoch = epoch + 1' });
});
