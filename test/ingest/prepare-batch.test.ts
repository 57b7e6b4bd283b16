// Batches: all or nothing, partial, folding, and types that the first accepted value sets for every process.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { declareType, listAttributes } from '../../src/catalog/declare-type.ts';
import { RegisteredTypes } from '../../src/catalog/registered-types.ts';
import type { Database } from '../../src/db/database.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { type IngestContext, prepareBatch, type RowKind, withCurrentTypes } from '../../src/ingest/prepare-batch.ts';
import { readCustomers } from '../../src/ingest/read-customers.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { writeFacts } from './shop-database.ts';

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  database = test.database;
});
afterAll(() => test.drop());
beforeEach(() => database.query({ text: 'truncate customers, orders, order_items, order_owners, events, registered_types' }));

async function makeContext(): Promise<IngestContext> {
  return { database, types: await RegisteredTypes.load(database), currency: 'USD', newEventId: null };
}

async function prepare(rows: readonly unknown[], kind: RowKind = 'customers', partial = false, context?: IngestContext) {
  return prepareBatch(rows, kind, context ?? (await makeContext()), { partial });
}

describe('a batch', () => {
  it('folds rows of one customer in order', async () => {
    const batch = await prepare([
      { id: 'a', city: 'Oslo', country: 'NO', tags: ['x'], attributes: { n: 1, m: 'k' }, createdAt: '2020-01-01T00:00:00Z' },
      { id: 'b' },
      { id: 'a', city: null, tags: [], attributes: { n: null }, consent: { email: true } },
    ]);
    expect(batch).toMatchObject({ accepted: 3, repeated: 1, rejectedRows: 0, rejected: [] });
    expect(batch.facts.customers).toMatchObject([
      {
        id: 'a',
        profile: { city: null, country: 'NO' },
        tags: [],
        attributes: { n: null, m: 'k' },
        consents: { email: true },
        createdAtMs: Date.UTC(2020, 0, 1),
      },
      { id: 'b', profile: {} },
    ]);
  });

  it('is refused whole by one bad row', async () => {
    const batch = await prepare([
      { id: 'a', attributes: { n: 1 } },
      { id: 'b', birthday: 'x' },
    ]);
    expect(batch).toMatchObject({ facts: { customers: [] }, accepted: 0, rejectedRows: 1, rejected: [{ pointer: '/data/1/birthday' }] });
    expect(await listAttributes(database)).toEqual([]);
  });

  it('gives the good rows when partial', async () => {
    const batch = await prepare(
      [
        { id: 'a', attributes: { n: 1 } },
        { id: 'b', attributes: { m: 1, '': 2 } },
      ],
      'customers',
      true,
    );
    expect(batch).toMatchObject({ accepted: 1, rejectedRows: 1 });
    expect(await listAttributes(database)).toMatchObject([{ name: 'n', type: 'number', declared: false }]);
  });

  it('counts repeated orders and events', async () => {
    const row = { id: '1', customerId: 'a', name: 'x' };
    expect(
      await prepare(
        [
          { id: '1', customerId: 'a' },
          { id: '1', customerId: 'b' },
        ],
        'orders',
      ),
    ).toMatchObject({ accepted: 2, repeated: 1 });
    expect(await prepare([row, row, { ...row, customerId: 'b' }], 'events')).toMatchObject({ accepted: 3, repeated: 1 });
  });
});

describe('types', () => {
  it('come from the first accepted row', async () => {
    const rows = [
      { id: 'bad', birthday: 'x', attributes: { n: 'text' } },
      { id: 'a', attributes: { n: 1, l: ['x'], o: [{}], b: true } },
      { id: 'b', attributes: { n: 'one' } },
      { id: 'c', attributes: { l: [{}], o: 'x', b: 'true' } },
      { id: 'd', attributes: { n: null, l: [], o: [], b: '' } },
    ];
    const batch = await prepare(rows, 'customers', true);
    expect(batch.facts.customers.map((fact) => fact.id)).toEqual(['a', 'd']);
    expect(batch.rejected.slice(1)).toEqual([
      {
        pointer: '/data/2/attributes/n',
        code: 'type_mismatch',
        detail: 'attribute "n" is a number by an earlier row; the string "one" cannot be one',
        hint: 'send a number without quotes, or use another name',
      },
      expect.objectContaining({ pointer: '/data/3/attributes/l', code: 'type_mismatch' }),
      expect.objectContaining({ pointer: '/data/3/attributes/o', code: 'type_mismatch' }),
      expect.objectContaining({ pointer: '/data/3/attributes/b', code: 'type_mismatch' }),
    ]);
  });

  it('belong to one event name each', async () => {
    const event = (id: string, name: string, value: unknown) => ({ id, customerId: 'a', name, properties: { v: value } });
    const batch = await prepare([event('1', 'x', 1), event('2', 'y', 'text'), event('3', 'x', 'text')], 'events', true);
    expect(batch).toMatchObject({ accepted: 2, rejected: [{ pointer: '/data/2/properties/v', code: 'type_mismatch' }] });
    const rows = await database.query({ text: 'select event_name, name, type from registered_types order by 1, 2' });
    expect(rows).toEqual([
      { event_name: 'x', name: '', type: 'event' },
      { event_name: 'x', name: 'v', type: 'number' },
      { event_name: 'y', name: '', type: 'event' },
      { event_name: 'y', name: 'v', type: 'string' },
    ]);
  });

  it('set elsewhere first hold here', async () => {
    const [here, elsewhere] = [await makeContext(), await makeContext()];
    await prepare([{ id: 'a', attributes: { n: 'text' } }], 'customers', false, elsewhere);
    const batch = await prepare([{ id: 'b', attributes: { n: 1 } }], 'customers', true, here);
    expect(batch).toMatchObject({
      accepted: 0,
      rejected: [{ detail: 'attribute "n" is a string by its first value; the number 1 cannot be one' }],
    });
  });

  it('have one winner among many processes', async () => {
    const contexts = await Promise.all(Array.from({ length: 8 }, makeContext));
    const rows = (index: number) =>
      Array.from({ length: 20 }, (_, name) => ({ id: `${index}`, attributes: { [`n${name}`]: index % 2 ? 1 : 'x' } }));
    const batches = await Promise.all(contexts.map((context, index) => prepare(rows(index), 'customers', true, context)));
    await Promise.all(batches.map((batch) => writeFacts(database, batch.facts)));
    const strays = await database.query({
      text: `
        select c.external_id, a.key
        from customers as c
        cross join jsonb_each(c.attributes) as a
        join registered_types as t on t.name = a.key
        where jsonb_typeof(a.value) <> t.type`,
    });
    expect(strays).toEqual([]);
    expect(batches.reduce((sum, batch) => sum + batch.accepted, 0)).toBe(80);
  });
});

describe('declared types', () => {
  const declare = (name: string, type: Parameters<typeof declareType>[1]['type'], readBy: readonly string[] = []) =>
    inTransaction(database, (client) => declareType(client, { event: null, name, type, description: `about ${name}` }, readBy));

  it('judge dates and times', async () => {
    await declare('d', 'date');
    await declare('t', 'timestamp');
    const batch = await prepare(
      [
        { id: 'a', attributes: { d: '2026-02-28', t: '2026-02-28T10:00:00.1239+01:00' } },
        { id: 'b', attributes: { d: '2026-02-30', t: '2026-02-28' } },
        { id: 'c', attributes: { d: 5, t: true } },
      ],
      'customers',
      true,
    );
    expect(batch.facts.customers).toMatchObject([{ attributes: { d: '2026-02-28', t: '2026-02-28T09:00:00.123Z' } }]);
    expect(batch.rejected.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/data/1/attributes/d invalid_date',
      '/data/1/attributes/t invalid_timestamp',
      '/data/2/attributes/d type_mismatch',
      '/data/2/attributes/t type_mismatch',
    ]);
    expect(batch.rejected[2]?.detail).toBe('attribute "d" is a date by declaration; the number 5 cannot be one');
    expect(await listAttributes(database)).toMatchObject([
      { event: null, name: 'd', type: 'date', declared: true, description: 'about d' },
      { name: 't', type: 'timestamp' },
    ]);
  });

  it('convert what is stored', async () => {
    const attributes = { n: '12.50', d: '2024-02-29', t: '2024-02-29T23:30:00.5559-01:00', b: 'true', l: 'x', s: 5 };
    await writeFacts(database, (await prepare([{ id: 'a', attributes }, { id: 'b' }])).facts);
    await declare('n', 'number');
    await declare('d', 'date');
    await declare('t', 'timestamp');
    await declare('b', 'boolean');
    await declare('l', 'list');
    await declare('s', 'string');
    const [stored] = await readCustomers(database, ['a']);
    expect(stored?.attributes).toEqual({ n: 12.5, d: '2024-02-29', t: '2024-03-01T00:30:00.555Z', b: true, l: ['x'], s: '5' });
  });

  it.each([
    ['number', '1e5'],
    ['number', '12345678901234567890'],
    ['date', '2023-02-29'],
    ['date', '2024-02-29x'],
    ['timestamp', '2024-02-30T00:00:00Z'],
    ['timestamp', 'infinity'],
    ['timestamp', '2024-01-01T00:00:00+23:59'],
    ['boolean', 'yes'],
  ] as const)('are refused as %s while %s is stored', async (type, value) => {
    await writeFacts(database, (await prepare([{ id: 'a', attributes: { n: value } }])).facts);
    await expect(declare('n', type)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(value) });
    expect(await listAttributes(database)).toMatchObject([{ type: 'string', declared: false }]);
  });

  it('cannot change under a live rule', async () => {
    await writeFacts(database, (await prepare([{ id: 'a', attributes: { n: '1' } }])).facts);
    await expect(declare('n', 'number', ['vip'])).rejects.toMatchObject({ code: 'in_use', message: /vip/ });
    await expect(declare('n', 'string', ['vip'])).resolves.toMatchObject({ declared: { declared: true } });
  });

  it('are noticed by writes under way', async () => {
    const context = await makeContext();
    const rows = [{ id: 'a', attributes: { n: '1' } }];
    await writeFacts(database, (await prepare(rows, 'customers', false, context)).facts);
    let attempts = 0;
    const rejected = await withCurrentTypes(context, async () => {
      const batch = await prepare([{ id: 'b', attributes: { n: '2' } }], 'customers', true, context);
      attempts += 1;
      if (attempts === 1) await declare('n', 'number');
      await writeFacts(database, batch.facts);
      return batch.rejected;
    });
    expect(attempts).toBe(2);
    expect(rejected).toMatchObject([{ code: 'type_mismatch' }]);
    expect(await readCustomers(database, ['a', 'b'])).toMatchObject([{ id: 'a', attributes: { n: 1 } }]);
  });

  it('convert properties of one event', async () => {
    const rows = ['x', 'y'].map((name) => ({ id: name, customerId: 'a', name, properties: { v: '1' } }));
    await writeFacts(database, (await prepare(rows, 'events')).facts);
    await inTransaction(database, (client) => declareType(client, { event: 'x', name: 'v', type: 'number' }, []));
    expect(await database.query({ text: 'select name, properties from events order by 1' })).toEqual([
      { name: 'x', properties: { v: 1 } },
      { name: 'y', properties: { v: '1' } },
    ]);
  });
});
