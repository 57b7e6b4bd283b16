// In charge of the small shop for the tests of emitted statements: four customers with all their facts, rules with who is in them, and asking
// Postgres. Not of what else is expected.
import { afterAll, beforeAll } from 'vitest';
import type { Catalog, CatalogSegment } from '../../src/catalog/catalog.ts';
import type { Database } from '../../src/db/database.ts';
import { GREATEST_KEY, LEAST_KEY } from '../../src/ingest/customer-key.ts';
import { type EmitRequest, type EmittedEvaluation, emitEvaluation } from '../../src/rules/emit.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { facts, type HandMadeFacts } from '../oracle/hand-made-shop.ts';
import { apply, EMPTY_SHOP } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, customerKeyOf } from '../oracle/world.ts';
import { checkText } from './check-text.ts';

export const NOW = '2026-11-21T12:00:00.000Z'; // a Saturday; 20:00 in Shanghai
export const ZONE = 'Asia/Shanghai';
export const IDS = ['ann', 'bob', 'cleo', 'dan'] as const;

const SHOP: HandMadeFacts = {
  customers: [
    {
      id: 'ann',
      profile: { country: 'CN', gender: 'female', birthday: '2000-02-29', email: 'ann@example.com' },
      tags: ['vip', 'new'],
      attributes: { tier: 'gold', points: 12.5, joined: '2026-11-21', seen: '2026-11-20T16:00:00.000Z', interests: ['tea', 'silk'] },
      consents: { email: true },
      createdAt: '2026-11-01T00:00:00Z',
    },
    { id: 'bob', profile: { country: 'DE', birthday: '1990-11-23' }, createdAt: '2026-10-22T12:00:00Z' },
    { id: 'cleo', profile: { country: 'CN' }, attributes: { joined: '2026-11-01' }, createdAt: '2024-01-01T00:00:00Z' },
    { id: 'dan', createdAt: '2026-11-21T12:00:00Z' },
  ],
  orders: [
    {
      id: 'a1',
      of: 'ann',
      at: '2026-11-20T12:00:00Z',
      total: 100,
      status: 'paid',
      discount: 5,
      coupons: ['x'],
      items: [{ name: 'cup', category: 'Tea', unitPrice: 20, quantity: 5 }],
    },
    {
      id: 'a2',
      of: 'ann',
      at: '2026-10-22T12:00:00Z',
      total: 33.3333,
      status: 'paid',
      items: [{ name: 'pot', category: 'Tea', unitPrice: '33.3333' }],
    },
    { id: 'a3', of: 'ann', at: '2026-12-24T00:00:00Z', total: 1, status: 'paid' },
    { id: 'b1', of: 'bob', at: '2026-08-23T12:00:00Z', total: 0.1, status: 'open', coupons: ['x', 'y'] },
    { id: 'b2', of: 'bob', at: '2026-08-23T12:00:00Z', total: 200, status: 'paid', channel: 'web' },
  ],
  events: [
    { of: 'ann', name: 'login', at: NOW },
    { of: 'bob', name: 'page_view', at: '2026-11-21T11:59:30Z', properties: { path: '/sale/%', seconds: 3, promo: true, topics: ['a'] } },
    { of: 'bob', name: 'page_view', at: '2026-11-14T12:00:00Z', properties: { path: '/home', seconds: 4.5 } },
    { of: 'cleo', name: 'booked', at: '2026-11-01T00:00:00Z', properties: { day: '2026-11-22', until: '2026-11-21T12:00:00.000Z' } },
    // what ingest would refuse: values of other types count as missing
    { of: 'dan', name: 'page_view', at: '2026-11-21T00:00:00Z', properties: { path: 7, seconds: 'many', promo: 'yes', topics: { a: 1 } } },
    { of: 'dan', name: 'booked', at: '2026-11-21T00:00:00Z', properties: { day: '2026-02-30', until: 'soon' } },
  ],
};

/** rule → who is in */
export const MEMBERS: Readonly<Record<string, string>> = {
  everyone: 'ann bob cleo dan',
  'country = "CN"': 'ann cleo',
  'country != "CN"': 'bob dan',
  'not (country = "CN" or country is missing)': 'bob',
  'country > "C" and country < "D"': 'ann cleo',
  'country in ("DE", "FR")': 'bob',
  'email ends with "example.com" and email contains "@" and email starts with "ann"': 'ann',
  'email contains "_"': '',
  'tags has any ("vip", "x")': 'ann',
  'tags has all ("vip", "x")': '',
  'tags is missing': 'bob cleo dan',
  'consent.email = true': 'ann',
  'attributes.tier in ("gold") and attributes.points > 12.49': 'ann',
  'attributes.interests has all ("tea", "silk")': 'ann',
  'attributes.joined = today': 'ann',
  'attributes.seen >= 2026-11-21': 'ann',
  'attributes.seen in today': 'ann',
  'attributes.seen in yesterday': '',
  'age = 26': 'ann',
  'age between 26 and 35': 'ann bob',
  'age > 26.5': 'bob',
  'age < 34.5': 'ann',
  'age <= 34.5': 'ann',
  'age <= 35': 'ann bob',
  'age <= 34': 'ann',
  'age >= 34.5': 'bob',
  'age >= 35.5': '',
  'age = 35.5': '',
  'age in (26, 35)': 'ann bob',
  'age is missing': 'cleo dan',
  'birthday anniversary in the next 2 days': '',
  'birthday anniversary in the next 3 days': 'bob',
  'birthday anniversary in this month': 'bob',
  'created_at in the last 30 days': 'ann dan',
  'created_at in the last 31 days': 'ann bob dan',
  'created_at = today': 'dan',
  'created_at in last month': 'bob',
  'count(orders) = 2': 'ann bob',
  'count(orders) = 0': 'cleo dan',
  'count(orders) > 1.5': 'ann bob',
  'count(orders where status = "paid" in the last 30 days) >= 1': 'ann',
  'count(orders in the last 30 days) = 2': '',
  'count(orders since 30 days ago) = 2': 'ann',
  'count(orders between 90 days ago and 30 days ago) = 2': 'bob',
  'count(orders in this week) = 1 and count(orders in yesterday) = 1': 'ann',
  'count(orders before 2026-11-20) = 1': 'ann',
  'sum(orders.total) = 133.3333': 'ann',
  'sum(orders.total) > 200.09999': 'bob',
  'sum(orders.total) / count(orders) = 66.66665': 'ann',
  'avg(orders.total) between 66 and 67': 'ann',
  'avg(orders.total) is missing': 'cleo dan',
  'max(orders.total) in (100, 200)': 'ann bob',
  'min(orders.discount) = 0 and max(orders.discount) = 5': 'ann',
  'last(orders.id) = "b2" and first(orders.id) = "b1"': 'bob',
  'first(orders.coupons) has any ("y")': 'bob',
  'last(orders.coupons) is missing': 'bob cleo dan',
  'last(orders.placed_at) < 60 days ago': 'bob',
  'days_between(first(orders.placed_at), last(orders.placed_at)) = 29': 'ann',
  'count(orders where discount > 0) / count(orders) >= 0.5': 'ann',
  'distinct(items.category) = 1': 'ann',
  'sum(items.total) = 133.3333': 'ann',
  'sum(items.total) = sum(orders.total)': 'ann cleo dan',
  'last(items.name) = "cup" and sum(items.quantity) = 6': 'ann',
  'count(events "page_view" where properties.path starts with "/sale/%" in the last 1 hour) = 1': 'bob',
  'sum(events "page_view".properties.seconds) = 7.5': 'bob',
  'count(events "page_view".properties.topics) = 1': 'bob',
  'count(events "page_view") >= 1': 'bob dan',
  'count(events) = 2': 'bob dan',
  'last(events "booked".properties.day) > today': 'cleo',
  'count(events "booked" where properties.until <= now and properties.day >= 2026-11-22) = 1': 'cleo',
  'bucket("s") >= 0 and bucket("s") < 100': 'ann bob cleo dan',
  'today >= 2026-11-21 and now < 2026-11-22': 'ann bob cleo dan',
};

const KEYS = ['s1', 's2', 's3', 's4', 'stored'];
export const SEGMENT_IDS = new Map(KEYS.map((key, place) => [key, place + 1]));
export const catalog: Catalog = {
  ...CATALOG,
  segments: new Map(
    KEYS.map((key): [string, CatalogSegment] => [key, { id: SEGMENT_IDS.get(key) ?? 0, key, status: 'active', references: [] }]),
  ),
};

export function emit(rules: readonly string[], more: Partial<EmitRequest> = {}): EmittedEvaluation {
  const segments = rules.map((text, place) => ({ id: place + 1, key: `s${place + 1}`, checked: checkText(text, catalog) }));
  return emitEvaluation({ segments, segmentIds: SEGMENT_IDS, catalog, narrow: 'ids', memberships: 'present', ...more });
}

export interface Row {
  readonly id: string;
  readonly have: readonly number[];
  readonly want: readonly number[];
  readonly dueAtMs: number | null;
}

/** The shop in a database of its own, for the length of a test file. */
export function useShop() {
  let testDatabase: TestDatabase;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    const client = await testDatabase.database.pool.connect();
    try {
      await storeShop(client, apply({ ...EMPTY_SHOP, catalog: CATALOG }, facts(SHOP), Date.parse('2026-11-21T12:00:00Z')));
    } finally {
      client.release();
    }
  });
  afterAll(() => testDatabase.drop());

  async function evaluate(
    emitted: EmittedEvaluation,
    asOfMs = Date.parse(NOW),
    ids: readonly string[] = IDS,
    range = false,
    timeZone = ZONE,
  ): Promise<readonly Row[]> {
    const customers = range ? { afterKey: LEAST_KEY, throughKey: GREATEST_KEY } : { keys: ids.map(customerKeyOf) };
    const rows = await testDatabase.database.query<{ customer_id: string; have: number[]; want: number[]; due_at: number | null }>({
      text: `select e.* from (${emitted.text}) as e`,
      values: emitted.bind({ asOfMs, timeZone, customers }),
    });
    return rows
      .map((row) => ({
        id: ids.find((id) => customerKeyOf(id) === row.customer_id) ?? '',
        have: row.have,
        want: row.want,
        dueAtMs: row.due_at,
      }))
      .sort((a, b) => a.id.localeCompare(b.id));
  }

  return {
    get database(): Database {
      return testDatabase.database;
    },
    evaluate,
  };
}
