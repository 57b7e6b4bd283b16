// The kinds of segment that real shops ask for, each as a rule text, on one small shop at noon on 10 March 2026: every rule checks without a
// mistake, and its members, written down by hand, are found by the emitted SQL and by the naive evaluator.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Catalog, CatalogSegment, ValueType } from '../src/catalog/catalog.ts';
import { checkRule } from '../src/rules/check-rule.ts';
import type { CheckedRule } from '../src/rules/checked-rule.ts';
import { emitEvaluation } from '../src/rules/emit.ts';
import { createTestDatabase } from './database.ts';
import { evaluateRule } from './oracle/evaluate.ts';
import { facts, type HandMadeFacts } from './oracle/hand-made-shop.ts';
import { parse } from './oracle/parse.ts';
import { apply, EMPTY_SHOP } from './oracle/shop.ts';
import { storeShop } from './oracle/store-shop.ts';

const AS_OF_MS = Date.parse('2026-03-10T12:00:00Z');
const TIME_ZONE = 'UTC';

interface Kind {
  readonly key: string;
  readonly rule: string;
  readonly members: readonly string[];
}

const KINDS: readonly Kind[] = [
  // who they are
  { key: 'country', rule: 'country = "CN"', members: ['ann', 'gus'] },
  { key: 'city', rule: 'country = "CN" and city = "Beijing"', members: ['ann'] },
  { key: 'gender', rule: 'gender = "female"', members: ['ann', 'cyd', 'eve'] },
  { key: 'age-band', rule: 'age between 25 and 40', members: ['ann', 'eve'] },
  { key: 'language', rule: 'language in ("de", "fr")', members: ['bob', 'dan'] },
  { key: 'tags', rule: 'tags has any ("vip", "wholesale")', members: ['ann', 'bob'] },
  { key: 'custom-field', rule: 'attributes.loyalty_tier in ("gold", "platinum")', members: ['ann'] },
  { key: 'consent', rule: 'email is not missing and consent.email = true', members: ['ann', 'cyd'] },
  { key: 'new-this-month', rule: 'created_at in this month', members: ['cyd', 'eve'] },
  // where they stand
  { key: 'prospect', rule: 'count(orders) = 0', members: ['cyd', 'gus'] },
  { key: 'first-time', rule: 'count(orders) = 1 and last(orders.placed_at) >= 30 days ago', members: ['eve'] },
  { key: 'repeat', rule: 'count(orders) >= 2', members: ['ann', 'dan', 'fay'] },
  { key: 'loyal', rule: 'count(orders where status = "paid" in the last 365 days) >= 4', members: ['ann'] },
  { key: 'at-risk', rule: 'count(orders) >= 1 and count(orders in the last 90 days) = 0', members: ['bob', 'dan'] },
  { key: 'lost', rule: 'last(orders.placed_at) < 365 days ago', members: ['bob'] },
  { key: 'bulk-buyer', rule: 'count(orders) = 1 and max(orders.item_count) >= 20', members: ['bob'] },
  {
    key: 'steady-buyer',
    rule: 'count(orders) >= 4 and days_between(first(orders.placed_at), last(orders.placed_at)) / (count(orders) - 1) < 100',
    members: ['ann'],
  },
  { key: 'never-bought', rule: 'not count(orders where status = "paid") >= 1', members: ['cyd', 'gus'] },
  // what they are worth
  {
    key: 'high-value',
    rule: 'sum(orders.total in the last 365 days) >= 500 and count(orders in the last 365 days) >= 3',
    members: ['ann'],
  },
  { key: 'middle-value', rule: 'sum(orders.total in the last 365 days) between 100 and 499.99', members: ['dan', 'fay'] },
  { key: 'low-value', rule: 'sum(orders.total in the last 365 days) < 100', members: ['bob', 'cyd', 'eve', 'gus'] },
  { key: 'average-order', rule: 'avg(orders.total) > 100', members: ['ann', 'bob'] },
  // what they buy
  { key: 'product', rule: 'count(items where product_id = "P-1" in the last 365 days) >= 1', members: ['ann'] },
  { key: 'brand', rule: 'count(items where brand = "Acme" in the last 90 days) >= 1', members: ['fay'] },
  { key: 'category', rule: 'count(items where category = "Shoes" and unit_price >= 80 since 2026-01-01) >= 1', members: ['fay'] },
  { key: 'never-category', rule: 'count(orders) >= 1 and count(items where category = "Shoes") = 0', members: ['dan', 'eve'] },
  { key: 'promotions', rule: 'count(orders where discount > 0) / count(orders) >= 0.5', members: ['dan'] },
  { key: 'coupons', rule: 'count(orders where coupons has ("SUMMER") in last year) >= 1', members: ['dan'] },
  { key: 'new-products', rule: 'count(items where category = "New arrivals") / count(items) >= 0.5', members: ['eve'] },
  { key: 'pos-only', rule: 'count(orders) >= 1 and count(orders where channel != "pos") = 0', members: ['bob', 'fay'] },
  { key: 'web-only', rule: 'count(orders) >= 1 and count(orders where channel != "web") = 0', members: ['dan', 'eve'] },
  { key: 'returns', rule: 'count(orders where total < 0) / count(orders) > 0.3', members: ['fay'] },
  // what they do
  { key: 'active', rule: 'count(events "page_view" in the last 7 days) >= 1', members: ['ann', 'cyd'] },
  {
    key: 'silent',
    rule: 'count(events "page_view" in the last 90 days) + count(events "mail_open" in the last 90 days) = 0',
    members: ['bob', 'fay', 'gus'],
  },
  { key: 'opens-mails', rule: 'count(events "mail_open" in the last 30 days) >= 1', members: ['ann', 'eve'] },
  { key: 'takes-part', rule: 'count(events "workshop_joined" in the last 365 days) >= 1', members: ['ann'] },
  {
    key: 'cart-abandoned',
    rule: 'count(events "cart_abandoned" in the last 7 days) >= 1 and not last(orders.placed_at) >= last(events "cart_abandoned".occurred_at)',
    members: ['cyd'],
  },
  { key: 'complained', rule: 'count(events "complaint" in the last 30 days) >= 1', members: ['eve'] },
  { key: 'low-score', rule: 'last(events "survey".properties.score) <= 3', members: ['eve'] },
  {
    key: 'interest',
    rule: 'count(events "page_view" where properties.category = "Shoes") / count(events "page_view") > 0.5',
    members: ['cyd'],
  },
  // when
  { key: 'birthday-next-week', rule: 'birthday anniversary in the next 7 days', members: ['ann'] },
  { key: 'first-order-anniversary', rule: 'first(orders.placed_at) anniversary in the next 14 days', members: ['ann'] },
  // among segments
  { key: 'repeat-not-loyal', rule: 'in segment "repeat" and not in segment "loyal"', members: ['dan', 'fay'] },
  { key: 'half', rule: 'bucket("spring-test") < 50', members: ['bob', 'cyd', 'dan', 'fay', 'gus'] },
];

const SHOP: HandMadeFacts = {
  customers: [
    {
      id: 'ann',
      profile: { email: 'ann@example.com', country: 'CN', city: 'Beijing', gender: 'female', birthday: '1990-03-14', language: 'zh' },
      tags: ['vip'],
      attributes: { loyalty_tier: 'gold' },
      consents: { email: true },
      createdAt: '2025-01-10T00:00:00Z',
    },
    {
      id: 'bob',
      profile: { email: 'bob@example.com', country: 'DE', city: 'Berlin', gender: 'male', birthday: '1970-07-01', language: 'de' },
      tags: ['wholesale', 'slow'],
      attributes: { loyalty_tier: 'none' },
      consents: { email: false },
      createdAt: '2023-05-01T00:00:00Z',
    },
    {
      id: 'cyd',
      profile: { email: 'cyd@example.com', country: 'US', gender: 'female', birthday: '2002-11-11', language: 'en' },
      consents: { email: true },
      createdAt: '2026-03-02T00:00:00Z',
    },
    { id: 'dan', profile: { country: 'FR', gender: 'male', language: 'fr' }, consents: { email: true }, createdAt: '2025-05-01T00:00:00Z' },
    { id: 'eve', profile: { email: 'eve@example.com', gender: 'female', birthday: '1996-02-29' }, createdAt: '2026-03-01T00:00:00Z' },
    { id: 'fay', profile: { email: 'fay@example.com', country: 'US' }, createdAt: '2025-12-31T00:00:00Z' },
    { id: 'gus', profile: { country: 'CN', city: 'Shanghai', gender: 'male' }, createdAt: '2025-11-01T00:00:00Z' },
  ],
  orders: [
    {
      id: 'a1',
      of: 'ann',
      at: '2025-03-20T10:00:00Z',
      channel: 'web',
      total: 120,
      items: [{ productId: 'P-1', category: 'Shoes', brand: 'Acme', unitPrice: 120 }],
    },
    {
      id: 'a2',
      of: 'ann',
      at: '2025-06-15T10:00:00Z',
      channel: 'web',
      total: 80,
      items: [{ category: 'Shoes', brand: 'Acme', unitPrice: 80 }],
    },
    {
      id: 'a3',
      of: 'ann',
      at: '2025-09-10T10:00:00Z',
      channel: 'pos',
      total: 200,
      items: [{ category: 'Coats', brand: 'Nord', unitPrice: 200 }],
    },
    {
      id: 'a4',
      of: 'ann',
      at: '2025-12-05T10:00:00Z',
      channel: 'web',
      total: 150,
      items: [{ category: 'Shoes', brand: 'Acme', unitPrice: 150 }],
    },
    {
      id: 'a5',
      of: 'ann',
      at: '2026-02-20T10:00:00Z',
      channel: 'web',
      total: 90,
      discount: 10,
      items: [{ category: 'New arrivals', brand: 'Nord', unitPrice: 100 }],
    },
    {
      id: 'b1',
      of: 'bob',
      at: '2023-06-01T10:00:00Z',
      channel: 'pos',
      total: 2000,
      items: [{ productId: 'P-1', category: 'Shoes', brand: 'Bulkco', quantity: 40, unitPrice: 50 }],
    },
    {
      id: 'd1',
      of: 'dan',
      at: '2025-06-01T10:00:00Z',
      channel: 'web',
      total: 60,
      discount: 15,
      coupons: ['SUMMER'],
      items: [{ category: 'Hats', brand: 'Acme', unitPrice: 75 }],
    },
    {
      id: 'd2',
      of: 'dan',
      at: '2025-10-15T10:00:00Z',
      channel: 'web',
      total: 50,
      discount: 5,
      items: [{ category: 'Hats', brand: 'Acme', unitPrice: 55 }],
    },
    {
      id: 'e1',
      of: 'eve',
      at: '2026-03-05T10:00:00Z',
      channel: 'web',
      total: 45,
      items: [{ category: 'New arrivals', brand: 'Nord', unitPrice: 45 }],
    },
    {
      id: 'f1',
      of: 'fay',
      at: '2026-01-05T10:00:00Z',
      channel: 'pos',
      total: 100,
      items: [{ category: 'Coats', brand: 'Nord', unitPrice: 100 }],
    },
    {
      id: 'f2',
      of: 'fay',
      at: '2026-01-12T10:00:00Z',
      channel: 'pos',
      total: -100,
      status: 'returned',
      items: [{ category: 'Coats', brand: 'Nord', quantity: -1, unitPrice: 100 }],
    },
    {
      id: 'f3',
      of: 'fay',
      at: '2026-02-01T10:00:00Z',
      channel: 'pos',
      total: 300,
      items: [{ category: 'Shoes', brand: 'Acme', quantity: 3, unitPrice: 100 }],
    },
  ].map((order) => ({ status: 'paid', ...order })),
  events: [
    { of: 'ann', at: '2026-03-07T10:00:00Z', name: 'page_view', properties: { category: 'Coats' } },
    { of: 'ann', at: '2026-03-09T10:00:00Z', name: 'mail_open' },
    { of: 'ann', at: '2026-02-25T10:00:00Z', name: 'survey', properties: { score: 5 } },
    { of: 'ann', at: '2026-02-28T10:00:00Z', name: 'workshop_joined' },
    { of: 'cyd', at: '2026-03-08T10:00:00Z', name: 'page_view', properties: { category: 'Shoes' } },
    { of: 'cyd', at: '2026-03-08T11:00:00Z', name: 'page_view', properties: { category: 'Shoes' } },
    { of: 'cyd', at: '2026-03-08T12:00:00Z', name: 'cart_abandoned' },
    { of: 'cyd', at: '2026-03-09T10:00:00Z', name: 'page_view', properties: { category: 'Hats' } },
    { of: 'dan', at: '2026-02-01T10:00:00Z', name: 'mail_open' },
    { of: 'eve', at: '2026-03-01T10:00:00Z', name: 'mail_open' },
    { of: 'eve', at: '2026-03-04T10:00:00Z', name: 'cart_abandoned' },
    { of: 'eve', at: '2026-03-06T10:00:00Z', name: 'complaint' },
    { of: 'eve', at: '2026-03-06T11:00:00Z', name: 'survey', properties: { score: 2 } },
    { of: 'gus', at: '2025-12-01T10:00:00Z', name: 'page_view' },
    { of: 'gus', at: '2025-12-02T10:00:00Z', name: 'mail_open' },
  ],
};

const properties = (...names: readonly (readonly [string, ValueType])[]) => new Map<string, ValueType>(names);
const CATALOG: Catalog = {
  attributes: properties(['loyalty_tier', 'string']),
  events: new Map([
    ['page_view', properties(['category', 'string'])],
    ['survey', properties(['score', 'number'])],
    ['mail_open', properties()],
    ['workshop_joined', properties()],
    ['cart_abandoned', properties()],
    ['complaint', properties()],
  ]),
  consents: new Set(['email']),
  segments: new Map(KINDS.map(({ key }, id): [string, CatalogSegment] => [key, { id: id + 1, key, status: 'active', references: [] }])),
};

const shop = apply({ ...EMPTY_SHOP, catalog: CATALOG }, facts(SHOP), AS_OF_MS);

/** Null: the rule does not check. */
function check(kind: Kind): CheckedRule | null {
  return checkRule(parse(kind.rule), CATALOG, { purpose: 'publish', segmentKey: kind.key }).checked ?? null;
}

/** Ids of its members by the emitted SQL, all kinds in one statement. */
const found = new Map<string, string[]>();

beforeAll(async () => {
  const { database, drop } = await createTestDatabase();
  const client = await database.pool.connect();
  try {
    await storeShop(client, shop);
    const segments = KINDS.flatMap((kind, id) => {
      const checked = check(kind);
      return checked === null ? [] : [{ id: id + 1, key: kind.key, checked }];
    });
    const segmentIds = new Map(KINDS.map(({ key }, id) => [key, id + 1]));
    const emitted = emitEvaluation({ segments, segmentIds, catalog: CATALOG, narrow: 'ids', memberships: 'present' });
    const keys = shop.customers.map((customer) => customer.key);
    const { rows } = await client.query<{ customer_id: string; want: number[] }>(
      emitted.text,
      emitted.bind({ asOfMs: AS_OF_MS, timeZone: TIME_ZONE, customers: { keys } }),
    );
    const wanted = new Map(rows.map((row) => [row.customer_id, row.want]));
    for (const [id, { key }] of KINDS.entries()) {
      found.set(
        key,
        shop.customers.filter((customer) => wanted.get(customer.key)?.includes(id + 1)).map((customer) => customer.id),
      );
    }
  } finally {
    client.release();
    await drop();
  }
});

function naiveMembers(key: string): string[] {
  const kind = KINDS.find((each) => each.key === key);
  if (kind === undefined) throw new Error(`there is no kind ${key}`);
  const rule = parse(kind.rule);
  return shop.customers
    .filter((customer) => evaluateRule(rule, customer, shop, AS_OF_MS, TIME_ZONE, (named, id) => naiveMembers(named).includes(id)))
    .map((customer) => customer.id);
}

describe.each(KINDS)('$key', (kind) => {
  it('checks clean', () => {
    const { errors, warnings } = checkRule(parse(kind.rule), CATALOG, { purpose: 'publish', segmentKey: kind.key });
    expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
  });

  it('has the members written down', () => {
    expect(naiveMembers(kind.key)).toEqual(kind.members);
    expect(found.get(kind.key)).toEqual(kind.members);
  });
});
