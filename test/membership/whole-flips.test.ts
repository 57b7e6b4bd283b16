// A part of a rule that depends on no row flips for everybody at once and starts a run: nobody who asks meanwhile gets the old answer.
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { parseImportOptions } from '../../src/ingest/imports/import-options.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { readSegmentsOf } from '../../src/membership/read-segments-of.ts';
import { importFile, readSegments } from '../../src/pipeline.ts';
import { queueConstantFlips } from '../../src/segments/lifecycle.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

const SUMMER_MS = Date.parse('2026-06-20T00:00:00.000Z');

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('summer', 'today >= 2026-06-20');
  await shop.define('summer-buyers', 'in segment "summer" and count(orders) >= 1');
  await shop.write({ customers: ['read', 'written', 'many', 'queued', 'waiting'].map((id) => customer(id)) });
  shop.clock.set(SUMMER_MS);
});
afterAll(() => shop.drop());

async function keysRead(customerId: string): Promise<string[] | undefined> {
  return (await readSegments(shop.strata, customerKey(customerId)))?.segments.map(({ key }) => key);
}

async function isLate(customerId: string): Promise<boolean | undefined> {
  const found = await readSegmentsOf(shop.strata.database, [customerKey(customerId)], new Date(shop.clock.nowMs()).toISOString());
  return found.get(customerKey(customerId))?.isLate;
}

async function importCustomers({ strata }: StrataUnderTest, file: string): Promise<void> {
  const options = parseImportOptions('customers', {}, 'UTC');
  if (!options.ok) throw new Error('no options');
  const stream = Readable.from([Buffer.from(file)]);
  await importFile(strata, { kind: 'customers', format: 'csv', options: options.value, stream, encoding: 'identity' });
}

it('who reads then sees the new answer', async () => {
  expect(await shop.segmentsOf('read')).toEqual([]);
  expect(await keysRead('read')).toEqual(['summer']);
});

it('the storefront sees it too', async () => {
  const { database, storefront } = shop.strata;
  const answer = await storefront.segmentsOf(database, 'many', '404');
  expect(JSON.parse(answer ?? '').segments.map(({ key }: { key: string }) => key)).toEqual(['summer']);
  const [summer] = await database.query<{ id: number }>({ text: `select s.id from segments as s where s.key = 'summer'` });
  const inside = await storefront.check(database, ['waiting'], [summer?.id ?? 0], '404');
  expect(inside.get('waiting')).toEqual([summer?.id]);
});

it('a write answers with it', async () => {
  const { segments } = await shop.write({ orders: [order('1', 'written')] });
  expect(segments.get(customerKey('written'))).toEqual(['summer', 'summer-buyers']);
});

it('a reader while the run waits sees it', async () => {
  await queueConstantFlips(shop.strata.database, shop.clock, shop.clock.nowMs());
  expect(await isLate('queued')).toBe(true);
  expect(await keysRead('queued')).toEqual(['summer']);
});

it('nobody is late when the run has ended', async () => {
  while (await runOpenRuns(shop.strata, new AbortController().signal));
  expect(await isLate('read')).toBe(false);
});

it('each change is told once, by its cause', async () => {
  await shop.publish();
  const changes = await readChanges(shop.strata.database, { afterPosition: '0', limit: 100 });
  const told = changes.map(({ customerId, segment, type, cause }) => `${customerId} ${type} ${segment} ${cause}`);
  expect(told.sort()).toEqual([
    ...['many', 'queued', 'read', 'waiting', 'written'].map((id) => `${id} entered summer time`),
    'written entered summer-buyers data',
  ]);
});

it('tells a new customer only what happened', async () => {
  const other = await openStrataUnderTest();
  try {
    await other.define('summer', 'today >= 2026-06-20');
    await other.define('never', 'count(orders) = 0');
    await other.define('german', 'country = "DE"');
    other.clock.set(SUMMER_MS);
    const bought = await other.write({ orders: [order('1', 'buyer')] });
    expect([bought.changes, bought.segments.get(customerKey('buyer'))]).toEqual([1, ['summer']]);
    await other.write({ customers: [customer('written', { profile: { country: 'DE' } })] });
    await other.write({ orders: [order('2', 'mover')], deletedOrderIds: ['404'] }); // locked step by step
    await importCustomers(other, 'id,country\nimported,DE\n');
    await queueConstantFlips(other.strata.database, other.clock, other.clock.nowMs());
    await other.write({ orders: [order('3', 'queued')] });
    await finishRuns(other.strata);
    await other.publish();
    const changes = await readChanges(other.strata.database, { afterPosition: '0', limit: 100 });
    expect(changes.map(({ customerId, segment, type, cause }) => `${customerId} ${type} ${segment} ${cause}`)).toEqual([
      'buyer entered summer data',
      ...['summer', 'never', 'german'].map((key) => `written entered ${key} data`),
      'mover entered summer data',
      ...['summer', 'never', 'german'].map((key) => `imported entered ${key} data`),
      'queued entered summer data',
    ]);
  } finally {
    await other.drop();
  }
});
