// Types that are redeclared while an import is under way, or that another process has redeclared: rows are judged by the type in force.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inTransactionWith } from '../../src/db/transaction.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { type EventFact, NO_FACTS } from '../../src/ingest/facts.ts';
import { declareField } from '../../src/segments/declare-field.ts';
import { writeOnlyAtOnce } from '../../src/write-steps.ts';
import { type ImportService, startImportService } from './service.ts';

let service: ImportService;
beforeEach(async () => {
  service = await startImportService();
});
afterEach(() => service.close());

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const declare = (event: string | null) => declareField(service.strata.database, service.strata.clock, { event, name: 'n', type: 'number' });
const waiting = () => service.rows(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`);

/** As another process does it, of which this one has not heard. */
async function declareElsewhere(): Promise<void> {
  await service.ndjson('customers', lines([{ id: 'a', attributes: { n: '1' } }]));
  await declare(null);
}

test('what a type no longer takes is rejected', async () => {
  await declareElsewhere();
  const { errors } = await service.ndjson('customers', lines([{ id: 'a', attributes: { n: '2' } }]));
  expect(errors).toMatchObject([{ detail: 'attribute "n" is a number by declaration; the string "2" cannot be one' }]);
});

test.each(['false', 'true'])('what is right now is taken, atomic: %s', async (atomic) => {
  await declareElsewhere();
  expect(await service.ndjson('customers', lines([{ id: 'a', attributes: { n: 2 } }]), { atomic })).toMatchObject({
    accepted: 1,
    errors: [],
  });
});

test('a redeclaration waits for events under way', async () => {
  await service.ndjson('events', lines([{ id: 'e1', customerId: 'a', name: 'view', properties: { n: '1' } }]));
  const { strata } = service;
  const event = { id: 'e2', customerId: 'a', customerKey: customerKey('a'), name: 'view', occurredAtMs: null, properties: { n: 'x' } };
  const fact: EventFact = { ...event, typesVersion: strata.types.version };
  const { statements, end } = writeOnlyAtOnce(strata, { ...NO_FACTS, events: [fact] }, '1');
  let declaring: Promise<unknown> = Promise.resolve();
  await inTransactionWith(strata.database, statements, async (_client, rows) => {
    declaring = declare('view');
    declaring.catch(() => {}); // looked at below
    await vi.waitUntil(async () => (await waiting()).length > 0, 30_000);
    return end(rows);
  });
  await expect(declaring).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('"x"') });
});

type EventRow = Readonly<Record<string, unknown>>;

/** An import of these events of 600 customers, one half of which is written when the type is redeclared, while the other waits. */
async function redeclareBetweenHalves(rowOf: (customerId: string) => EventRow) {
  const customers = Array.from({ length: 600 }, (_, index) => `c${index}`);
  const other = customers.find((id) => customerKey(id).charCodeAt(customerKey(id).length - 1) % 2 === 1) ?? '';
  const client = await service.strata.database.pool.connect();
  await service.ndjson('customers', lines([{ id: other }]));
  await service.ndjson('events', lines([{ id: 'e', customerId: 'c0', name: 'view', properties: { n: '1' } }]));
  await client.query('begin');
  await client.query('update customers set revision = revision where id = $1::bigint', [customerKey(other)]);
  const imported = service.ndjson('events', lines(customers.map((customerId) => ({ id: customerId, customerId, ...rowOf(customerId) }))));
  await vi.waitUntil(async () => (await waiting()).length > 0 && (await service.rows('select from events')).length > 1, 30_000);
  await declare('view');
  await client.query('commit');
  client.release();
  return imported;
}

test('a half that stays counts once', async () => {
  expect(await redeclareBetweenHalves(() => ({ name: 'buy' }))).toMatchObject({ accepted: 600, repeated: 0 });
  expect(await service.rows('select from events')).toHaveLength(601);
});

test('what was written is not listed as rejected', async () => {
  const { accepted, rejected, errors } = await redeclareBetweenHalves(() => ({ name: 'view', properties: { n: '1' } }));
  expect([accepted + rejected, rejected > 0]).toEqual([600, true]);
  expect(await service.rows('select from events')).toHaveLength(1 + accepted);
  const stored = new Set((await service.rows('select events.id from events')).map(({ id }) => id));
  expect(errors.map(({ line = 0 }) => `c${line - 1}`).filter((id) => stored.has(id))).toEqual([]);
});
