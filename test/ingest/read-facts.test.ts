// What is read: customers, orders and events as the API shows them, in pages that neither repeat nor skip anything.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogEntries, loadCatalog } from '../../src/catalog/load-catalog.ts';
import { RegisteredTypes } from '../../src/catalog/registered-types.ts';
import type { Database } from '../../src/db/database.ts';
import { prepareBatch, type RowKind } from '../../src/ingest/prepare-batch.ts';
import { listCustomers, readCustomer, readCustomers } from '../../src/ingest/read-customers.ts';
import { listEvents } from '../../src/ingest/read-events.ts';
import { listOrders, readOrder, type TimePlace } from '../../src/ingest/read-orders.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { writeFacts } from './shop-database.ts';

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  database = test.database;
  await send('customers', [
    {
      id: 'a',
      email: 'a@x',
      birthday: '1990-05-01',
      country: 'NO',
      tags: ['vip', 'new'],
      consent: { email: true, 'post, mail': false },
      attributes: { tier: 'gold', 'a, b': 'c', o: [{ p: 1 }] },
      createdAt: '2024-01-01T00:00:00Z',
    },
    { id: 'B', email: 'b@x', country: 'SE' },
    { id: 'c', email: 'a@x', country: 'NO' },
  ]);
  const placedAt = '2026-01-01T10:00:00Z';
  await send('orders', [
    {
      id: '1',
      customerId: 'a',
      status: 'paid',
      placedAt,
      currency: 'EUR',
      exchangeRate: 1.1,
      total: 100,
      discount: '0.005',
      coupons: ['X'],
      items: [{ productId: 'p', quantity: 2.5, unitPrice: 3 }, { sku: 's' }],
    },
    { id: '2', customerId: 'a', placedAt, total: 8.995 },
    { id: '3', customerId: 'a', placedAt: '2026-01-02T10:00:00Z' },
    { id: '4', customerId: 'a', placedAt: '2025-01-02T10:00:00Z' },
  ]);
  await send('events', [
    { id: '1', customerId: 'a', name: 'page_view', occurredAt: placedAt, properties: { path: '/sale', n: 1, rows: [{ p: 1 }] } },
    { id: '2', customerId: 'a', name: 'page_view', occurredAt: placedAt, properties: { path: '/sale' } },
    { id: '3', customerId: 'a', name: 'login', occurredAt: '2026-01-02T10:00:00Z' },
  ]);
});
afterAll(() => test.drop());

async function send(kind: RowKind, rows: readonly unknown[]): Promise<void> {
  const context = { database, types: await RegisteredTypes.load(database), currency: 'USD', newEventId: null };
  const { facts, rejected } = await prepareBatch(rows, kind, context, { partial: false });
  expect(rejected).toEqual([]);
  await writeFacts(database, facts);
}

describe('customers', () => {
  it('come back as they were sent', async () => {
    expect(await readCustomer(database, 'a')).toEqual({
      id: 'a',
      email: 'a@x',
      phone: null,
      firstName: null,
      lastName: null,
      gender: null,
      birthday: '1990-05-01',
      country: 'NO',
      region: null,
      city: null,
      postalCode: null,
      language: null,
      source: null,
      tags: ['vip', 'new'],
      consent: { email: true, 'post, mail': false },
      attributes: { tier: 'gold', 'a, b': 'c', o: [{ p: 1 }] },
      createdAt: '2024-01-01T00:00:00.000Z',
    });
    expect(await readCustomer(database, 'A')).toBeNull();
  });

  it('come in the order asked for', async () => {
    expect((await readCustomers(database, ['c', 'nobody', 'a'])).map(({ id }) => id)).toEqual(['c', 'a']);
  });

  it('are listed by bytes of id', async () => {
    const ids = async (after: string | null, email: string | null = null) =>
      (await listCustomers(database, { limit: 2, after, email })).map(({ id }) => id);
    expect([await ids(null), await ids('a'), await ids('c')]).toEqual([['B', 'a'], ['c'], []]);
    expect([await ids(null, 'a@x'), await ids('a', 'a@x'), await ids(null, "' or true --")]).toEqual([['a', 'c'], ['c'], []]);
  });
});

describe('orders', () => {
  it('show amounts in the own currency', async () => {
    expect(await readOrder(database, 'USD', '1')).toEqual({
      id: '1',
      customerId: 'a',
      status: 'paid',
      channel: null,
      currency: 'USD',
      exchangeRate: null,
      total: '110.00',
      discount: '0.0055',
      coupons: ['X'],
      itemCount: '3.5',
      placedAt: '2026-01-01T10:00:00.000Z',
      items: [
        { productId: 'p', sku: null, name: null, category: null, brand: null, quantity: '2.5', unitPrice: '3.30' },
        { productId: null, sku: 's', name: null, category: null, brand: null, quantity: '1', unitPrice: null },
      ],
      original: {
        currency: 'EUR',
        exchangeRate: '1.1',
        total: '100.00',
        discount: '0.005',
        items: [{ unitPrice: '3.00' }, { unitPrice: null }],
      },
    });
    expect(await readOrder(database, 'USD', 'none')).toBeNull();
  });

  it('tell only originals that still fit', async () => {
    const original = async () => (await readOrder(database, 'USD', 'old'))?.original;
    const unknown = { currency: 'EUR', exchangeRate: '1.1', total: null, discount: null, items: null };
    await send('orders', [{ id: 'old', customerId: 'c', currency: 'EUR', exchangeRate: 1.1, total: 10 }]);
    expect(await original()).toMatchObject({ total: '10.00' });
    await database.query({ text: `update orders set total = 220000 where id = 'old'` }); // by a service that does not know of originals
    expect(await original()).toEqual(unknown);
    await database.query({ text: `update orders set original = null where id = 'old'` });
    expect(await original()).toEqual(unknown);
  });

  it('are listed newest first, page by page', async () => {
    const seen: string[] = [];
    let after: TimePlace | null = null;
    for (;;) {
      const rows: Awaited<ReturnType<typeof listOrders>> = await listOrders(database, 'USD', 'a', { limit: 1, after });
      const last = rows[0];
      if (last === undefined) break;
      seen.push(`${last.id} ${last.total}`);
      after = { atMs: Date.parse(last.placedAt), id: last.id };
    }
    expect(seen).toEqual(['3 0.00', '2 8.995', '1 110.00', '4 0.00']);
  });
});

describe('events', () => {
  it('are listed newest first, by name', async () => {
    const ids = async (name: string | null, after: TimePlace | null) =>
      (await listEvents(database, 'a', { limit: 5, after, name })).map(({ id }) => id);
    const place = { atMs: Date.UTC(2026, 0, 1, 10), id: '2' };
    expect([await ids(null, null), await ids(null, place), await ids('page_view', null), await ids('page_view', place)]).toEqual([
      ['3', '2', '1'],
      ['1'],
      ['2', '1'],
      ['1'],
    ]);
    expect(await listEvents(database, 'a', { limit: 1, after: null, name: 'login' })).toEqual([
      { id: '3', customerId: 'a', name: 'login', occurredAt: '2026-01-02T10:00:00.000Z', properties: {} },
    ]);
  });
});

describe('the catalog', () => {
  it('knows what was sent, opaque lists aside', async () => {
    await database.query({
      text: `
        with made as (
          insert into segments (key, name, kind, status, version, created_at, updated_at)
          values ('vip', 'V', 'rule', 'active', 1, '2026-01-01', '2026-01-01'), ('base', 'B', 'manual', 'draft', null, '2026-01-01', '2026-01-01')
          returning id, key
        )
        insert into segment_versions (segment_id, number, text, rule, created_at)
        select made.id, 1, '', '{"and":[{"segment":"base"},{"not":{"segment":"x"}},{"segment":"base"}]}', '2026-01-01' from made where made.key = 'vip'`,
    });
    const catalog = await loadCatalog(database);
    expect(catalog.attributes).toEqual(
      new Map([
        ['a, b', 'string'],
        ['tier', 'string'],
      ]),
    );
    expect(catalog.events).toEqual(
      new Map([
        ['login', new Map()],
        [
          'page_view',
          new Map([
            ['n', 'number'],
            ['path', 'string'],
          ]),
        ],
      ]),
    );
    expect(catalog.opaque).toEqual(new Map([['page_view', new Set(['rows'])]]));
    expect(catalog.consents).toEqual(new Set(['email', 'post, mail']));
    expect(catalog.segments.get('vip')).toMatchObject({ status: 'active', references: ['base', 'x'] });
    expect(catalog.segments.get('base')).toMatchObject({ status: 'draft', references: [] });
  });

  it('offers frequent values first', async () => {
    const entries = new Map((await catalogEntries(database)).map((entry) => [`${entry.scope} ${entry.path}`, entry]));
    expect(entries.has('events properties.rows')).toBe(false);
    expect(entries.get('customers country')).toMatchObject({ type: 'string', kind: 'field', values: ['NO', 'SE'] });
    expect(entries.get('customers tags')?.values).toEqual(['new', 'vip']);
    expect(entries.get('customers attributes.a, b')?.values).toEqual(['c']);
    expect(entries.get('customers consent.email')?.type).toBe('boolean');
    expect(entries.get('orders status')?.values).toEqual(['paid']);
    expect(entries.get('items product_id')?.values).toEqual(['p']);
    expect(entries.get('events properties.path')).toMatchObject({ event: 'page_view', values: ['/sale'] });
    expect(entries.get('customers email')?.values).toEqual([]);
  });
});
