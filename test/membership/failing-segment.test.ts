// A rule that can suddenly not be computed: its segment fails with the reason and keeps its members; writes, looks and runs go on without it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { breakDivision } from './break-division.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('average', 'sum(orders.total) / count(orders) > 10');
  await shop.define('above', 'in segment "average"');
  await shop.define('buyers', 'count(orders) >= 1');
  await shop.write({ orders: [order('1', 'a', { total: '200000' })] });
  await breakDivision(shop.strata.database);
});

afterAll(() => shop.drop());

it('fails alone when a write meets it', async () => {
  const outcome = await shop.write({ orders: [order('2', 'b', { total: '10' })] });
  expect(outcome.segments.get(customerKey('b'))).toEqual(['buyers']);
  const segment = await getSegment(shop.strata.database, 'average');
  expect(segment.status).toBe('failed');
  expect(segment.failure).toBe('this division is broken');
});

it('keeps its members, and its dependents go on', async () => {
  expect(await shop.segmentsOf('a')).toEqual(['above', 'average', 'buyers']);
  await shop.write({ orders: [order('3', 'a')] });
  expect(await shop.segmentsOf('a')).toEqual(['above', 'average', 'buyers']);
});

it('fails a run without holding up another', async () => {
  const { database } = shop.strata;
  const number = await addVersion(database, shop.clock, 'average', { rule: 'sum(orders.total) / count(orders) > 20', author: null });
  await publishVersion(database, shop.clock, 'average', number);
  const other = await addVersion(database, shop.clock, 'buyers', { rule: 'count(orders) >= 2', author: null });
  await publishVersion(database, shop.clock, 'buyers', other);
  await finishRuns(shop.strata);
  expect((await getSegment(database, 'average')).run?.status).toBe('failed');
  expect((await getSegment(database, 'buyers')).status).toBe('active');
  expect(await shop.segmentsOf('b')).toEqual([]);
});

it('fails alone when a look meets it', async () => {
  await shop.write({ customers: [customer('c')], orders: [order('4', 'c', { placedAtMs: START_MS + DAY_MS })] });
  await shop.define('recent', 'count(orders in the last 10 days) >= 1');
  const { database } = shop.strata;
  await database.query({ text: `update segments set status = 'active', failure = null where key = 'average'` });
  await database.query({ text: 'update definitions set epoch = epoch + 1' });
  await shop.strata.programs.reload();
  await shop.moveTo(START_MS + DAY_MS);
  expect(await shop.segmentsOf('c')).toEqual(['recent']);
  expect((await getSegment(database, 'average')).status).toBe('failed');
});

it('fails alone when its statement is wrong', async () => {
  const { database } = shop.strata;
  await breakDivision(database, '42883');
  await database.query({ text: `update segments set status = 'active', failure = null where key = 'average'` });
  await database.query({ text: 'update definitions set epoch = epoch + 1' });
  await shop.strata.programs.reload();
  const outcome = await shop.write({ orders: [order('5', 'd'), order('6', 'd')] });
  expect(outcome.segments.get(customerKey('d'))).toContain('buyers');
  expect((await getSegment(database, 'average')).status).toBe('failed');
});
