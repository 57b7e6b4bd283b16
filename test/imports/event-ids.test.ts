// Events without ids in files that are sent again: each is there once, whatever types its properties have had in between.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ValueType } from '../../src/catalog/catalog.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { eventContentHash, eventIdOf } from '../../src/ingest/imports/event-id.ts';
import { writeDeferred } from '../../src/pipeline.ts';
import { declareField } from '../../src/segments/declare-field.ts';
import { type ImportService, startImportService } from './service.ts';

let service: ImportService;
beforeEach(async () => {
  service = await startImportService();
});
afterEach(() => service.close());

const AT = '2026-01-02T00:00:00Z';
const HEADER = 'customerId,name,occurredAt,properties.amount\n';
const csvOf = (...amounts: readonly string[]) => HEADER + amounts.map((amount) => `ann,purchase,${AT},${amount}\n`).join('');
const declare = (type: ValueType, name = 'amount') =>
  declareField(service.strata.database, service.strata.clock, { event: 'purchase', name, type });
const countStored = async () => (await service.rows('select from events')).length;

/** As they were stored when an id was the hash of the values in their types. */
async function storeAsFormerly(occurredAtMs: number | null, properties: Record<string, string | number>): Promise<void> {
  const { types, database } = service.strata;
  await types.reload(database);
  const content = { customerId: 'ann', customerKey: customerKey('ann'), name: 'purchase', occurredAtMs, properties };
  const event = { ...content, id: eventIdOf(eventContentHash(content), 1), typesVersion: types.version };
  await writeDeferred(service.strata, { ...NO_FACTS, events: [event] }, '1');
}

const CONVERSIONS: readonly (readonly [to: ValueType, cells: readonly string[]])[] = [
  ['number', ['5', '5.0', '5', '7']],
  ['boolean', ['true', 'false']],
  ['date', ['2026-01-05']],
  ['timestamp', ['2026-01-05T10:00:00+02:00']],
  ['list', ['a|b', 'c']],
];

test.each(CONVERSIONS)('a file stays itself once text becomes %s', async (to, cells) => {
  await service.csv('events', csvOf(...cells));
  await declare(to);
  for (const atomic of ['false', 'true']) {
    expect(await service.csv('events', csvOf(...cells), { atomic })).toMatchObject({ accepted: cells.length, repeated: cells.length });
  }
});

test.each([
  ['number', ['5.0', '007']],
  ['boolean', ['yes', 'N']],
  ['timestamp', ['2026-01-05 10:00']],
] as const)('a file stays itself once %s becomes text', async (from, cells) => {
  await declare(from);
  await service.csv('events', csvOf(...cells));
  await declare('string');
  expect(await service.csv('events', csvOf(...cells))).toMatchObject({ repeated: cells.length });
});

test('NDJSON stays itself as well', async () => {
  const file = `${JSON.stringify({ customerId: 'ann', name: 'purchase', occurredAt: AT, properties: { cart: { at: '2026-01-05T10:00:00+02:00' } } })}\n`;
  await service.ndjson('events', file + file);
  await declare('timestamp', 'cart.at');
  expect(await service.ndjson('events', file + file)).toMatchObject({ repeated: 2 });
  expect(await countStored()).toBe(2);
});

test.each([AT, ''])('what was stored by its types is known', async (at) => {
  await declare('number');
  await storeAsFormerly(at === '' ? null : Date.parse(at), { amount: 5 });
  const file = `${HEADER}ann,purchase,${at},5\n`;
  expect(await service.csv('events', file + file.split('\n')[1])).toMatchObject({ accepted: 2, repeated: 1 });
  expect(await service.csv('events', file + file.split('\n')[1])).toMatchObject({ accepted: 2, repeated: 2 });
});

test('what was stored half typed is known too', async () => {
  await declare('number');
  await declare('string', 'pieces');
  await storeAsFormerly(Date.parse(AT), { amount: 5, pieces: '2' });
  await declare('number', 'pieces');
  const file = `customerId,name,occurredAt,properties.amount,properties.pieces\nann,purchase,${AT},5,2\nann,purchase,${AT},5,3\n`;
  expect(await service.csv('events', file)).toMatchObject({ accepted: 2, repeated: 1 });
});

test('cells and JSON that agree are one', async () => {
  const json = `${JSON.stringify({ customerId: 'ann', name: 'purchase', occurredAt: AT, properties: { amount: 5 } })}\n`;
  await service.ndjson('events', json);
  expect(await service.csv('events', csvOf('5', '6'))).toMatchObject({ repeated: 1 });
  expect(await service.ndjson('events', json.replace('5}', '6}'))).toMatchObject({ repeated: 1 });
});

test('the caller’s own id is left alone', async () => {
  await declare('number');
  await service.csv('events', `id,${HEADER}mine,ann,purchase,${AT},5\n`);
  expect(await service.csv('events', csvOf('5'))).toMatchObject({ accepted: 1, repeated: 0 });
});
