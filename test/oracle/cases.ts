// Cases of the language's semantics worked out by hand, a handful for each sentence. Every rule is asked about customer `x` at the case's
// instant; `holds` and `fails` list rules that must be true and false. Run against the oracle and against the emitted SQL.
import type { Catalog, ValueType } from '../../src/catalog/catalog.ts';
import { facts, type HandMadeCustomer, type HandMadeEvent, type HandMadeOrder } from './hand-made-shop.ts';
import { apply, EMPTY_SHOP, type Shop } from './shop.ts';

export interface Case {
  readonly title: string;
  readonly customer?: Omit<HandMadeCustomer, 'id'>;
  readonly orders?: readonly Omit<HandMadeOrder, 'of'>[];
  readonly events?: readonly Omit<HandMadeEvent, 'of'>[];
  /** 2026-03-10T12:00:00Z, a Tuesday, unless given */
  readonly at?: string;
  readonly zone?: string;
  readonly holds?: readonly string[];
  readonly fails?: readonly string[];
}

export const CASE_CATALOG: Catalog = {
  attributes: new Map<string, ValueType>([
    ['tier', 'string'],
    ['points', 'number'],
    ['vip', 'boolean'],
    ['joined', 'date'],
    ['seen', 'timestamp'],
    ['likes', 'list'],
  ]),
  events: new Map([
    [
      'view',
      new Map<string, ValueType>([
        ['path', 'string'],
        ['seconds', 'number'],
        ['day', 'date'],
        ['shown', 'list'],
      ]),
    ],
    ['buy', new Map<string, ValueType>([['path', 'string']])],
    ['cart', new Map<string, ValueType>()],
  ]),
  opaque: new Map([['cart', new Set(['shown', 'path'])]]),
  consents: new Set(['email']),
  segments: new Map(),
};

export const NOW = '2026-03-10T12:00:00.000Z';

/** The one customer is `x`. */
export function shopOf(given: Case): Shop {
  const written = facts({
    customers: [{ createdAt: '2020-01-01T00:00:00Z', ...given.customer, id: 'x' }],
    orders: (given.orders ?? []).map((row) => ({ ...row, of: 'x' })),
    events: (given.events ?? []).map((row) => ({ ...row, of: 'x' })),
  });
  return apply({ ...EMPTY_SHOP, catalog: CASE_CATALOG }, written, Date.parse('2020-01-01T00:00:00Z'));
}

export const SECTIONS: Readonly<Record<string, readonly Case[]>> = {
  'two values': [
    {
      title: 'compares what is there',
      customer: { profile: { country: 'CN', city: 'Bern' } },
      holds: ['country = "CN"', 'country != "DE"', 'country in ("DE", "CN")', 'everyone', 'country = "CN" and city = "Bern"'],
      fails: ['country != "CN"', 'country = "cn"', 'country not in ("CN")', 'not everyone', 'country = "DE" or city = "bern"'],
    },
    {
      title: 'answers false for comparisons with missing',
      fails: [
        'country = "CN"',
        'country < "CN"',
        'country >= "CN"',
        'country in ("CN")',
        'country between "A" and "Z"',
        'country contains "C"',
        'country = region',
        'age > 0',
        'tags has ("a")',
        'birthday anniversary today',
        'birthday in this year',
        'attributes.vip = true',
      ],
    },
    {
      title: 'negates exactly, also for missing',
      holds: [
        'country != "CN"',
        'not country = "CN"',
        'country not in ("CN")',
        'country not between "A" and "Z"',
        'country not contains "C"',
        'tags not has any ("a")',
        'birthday not anniversary today',
        'birthday not in this year',
        'country is missing',
        'country != region',
      ],
      fails: ['country is not missing'],
    },
    {
      title: 'makes division by zero missing',
      customer: { attributes: { points: 5 } },
      holds: ['1 / (attributes.points - 5) is missing', '1 / count(orders) != 1', 'attributes.points + avg(orders.total) is missing'],
      fails: ['1 / count(orders) > 0', '1 / count(orders) <= 0', '0 * (1 / count(orders)) = 0'],
    },
  ],
  'nothing happened': [
    {
      title: 'counts nothing as zero',
      holds: [
        'count(orders) = 0',
        'count(orders.status) = 0',
        'sum(orders.total) = 0',
        'distinct(items.category) = 0',
        'avg(orders.total) is missing',
        'min(orders.total) is missing',
        'max(orders.placed_at) is missing',
        'first(orders.status) is missing',
        'last(orders.placed_at) is missing',
      ],
      fails: ['last(orders.placed_at) < 60 days ago', 'last(orders.placed_at) >= 60 days ago'],
    },
    {
      title: 'skips missing values, keeps missing rows',
      orders: [
        { id: 'a', at: '2026-01-01T00:00:00Z', total: 10, channel: 'web', items: [{ quantity: 2, unitPrice: 5 }] },
        { id: 'b', at: '2026-01-02T00:00:00Z', total: 20, items: [{ quantity: 3 }] },
        { id: 'c', at: '2026-01-03T00:00:00Z', total: -6, channel: 'web' },
      ],
      holds: [
        'count(orders) = 3',
        'count(orders.channel) = 2',
        'distinct(orders.channel) = 1',
        'sum(orders.total) = 24',
        'avg(orders.total) = 8',
        'min(orders.total) = -6',
        'max(orders.total) = 20',
        'first(orders.channel) = "web"',
        'last(orders.channel where total > 0) is missing',
        'sum(items.total) = 10',
        'sum(items.quantity) = 5',
        'avg(items.unit_price) = 5',
        'count(items.unit_price) = 1',
        'first(orders.placed_at) = 2026-01-01',
        'max(orders.placed_at) = 2026-01-03T00:00:00Z',
      ],
    },
    {
      title: 'orders rows by time, id, line',
      orders: [
        { id: '😀', at: '2026-01-02T00:00:00Z', total: 3, items: [{ name: 'first' }, { name: 'second' }] },
        { id: '\uffee', at: '2026-01-02T00:00:00Z', total: 2, items: [{ name: 'third' }] },
        { id: 'zz', at: '2026-01-01T23:59:59.999Z', total: 1 },
      ],
      holds: [
        'first(orders.total) = 1',
        'first(orders.total where total > 1) = 2',
        'last(orders.total) = 3',
        'first(items.name) = "third"',
        'last(items.name) = "second"',
      ],
    },
  ],
  'instants and windows': [
    {
      title: 'holds a row until exactly its length',
      orders: [{ id: 'a', at: '2026-02-08T12:00:00.001Z' }],
      holds: ['count(orders in the last 30 days) = 1', 'count(orders in the last 720 hours) = 1', 'count(orders since 30 days ago) = 1'],
    },
    {
      title: 'lets a row leave at its end',
      orders: [{ id: 'a', at: '2026-02-08T12:00:00.000Z' }],
      holds: [
        'count(orders in the last 30 days) = 0',
        'count(orders since 30 days ago) = 1', // t >= A
        'count(orders between 60 days ago and 30 days ago) = 0',
        'count(orders before 30 days ago) = 0',
        'count(orders before 29 days ago) = 1',
        'last(orders.placed_at) <= 30 days ago',
      ],
      fails: ['last(orders.placed_at) < 30 days ago', 'last(orders.placed_at) > 30 days ago'],
    },
    {
      title: 'counts a day as 24 hours',
      zone: 'Europe/Berlin', // clocks go forward on 29 March 2026, 01:00Z
      at: '2026-03-29T12:00:00Z',
      orders: [{ id: 'a', at: '2026-03-28T12:00:00Z' }],
      holds: ['count(orders in the last 1 day) = 0', 'count(orders since 24 hours ago) = 1', 'count(orders in yesterday) = 1'],
    },
    {
      title: 'has windows half open',
      orders: [{ id: 'a', at: '2026-01-10T00:00:00Z' }],
      holds: [
        'count(orders since 2026-01-10T00:00:00Z) = 1',
        'count(orders before 2026-01-10T00:00:00Z) = 0',
        'count(orders between 2026-01-10T00:00:00Z and 2026-01-10T00:00:00.001Z) = 1',
        'count(orders between 2026-01-09T00:00:00Z and 2026-01-10T00:00:00Z) = 0',
        'count(orders between 10 days ago and 20 days ago) = 0',
      ],
    },
    {
      title: 'ignores future rows',
      orders: [
        { id: 'a', at: '2026-03-10T12:00:00.000Z', total: 1 },
        { id: 'b', at: '2026-03-10T12:00:00.001Z', total: 2 },
      ],
      events: [{ name: 'view', at: '2026-03-11T00:00:00Z' }],
      holds: [
        'count(orders) = 1',
        'last(orders.total) = 1',
        'count(orders in today) = 1',
        'count(events "view") = 0',
        'count(orders since now) = 1',
      ],
    },
    {
      title: 'lets from now serve dates',
      customer: { attributes: { joined: '2026-03-17', seen: '2026-03-17T12:00:00.000Z' } },
      holds: [
        'attributes.joined <= 7 days from now',
        'attributes.joined = 7 days from now',
        'attributes.seen <= 7 days from now',
        'attributes.joined > today',
        'attributes.joined > now',
      ],
      fails: ['attributes.joined < 7 days from now', 'attributes.seen < 7 days from now', 'attributes.joined <= 6 days from now'],
    },
  ],
  calendar: [
    {
      title: 'begins weeks on Monday',
      orders: [
        { id: 'sunday', at: '2026-03-08T23:59:59.999Z' },
        { id: 'monday', at: '2026-03-09T00:00:00Z' },
        { id: 'last monday', at: '2026-03-02T00:00:00Z' },
      ],
      holds: [
        'count(orders in this week) = 1',
        'count(orders in last week) = 2',
        'count(orders in yesterday) = 1',
        'count(orders in this month) = 3',
        'count(orders in this quarter) = 3',
        'count(orders in today) = 0',
        'first(orders.placed_at) in last week',
      ],
      fails: ['last(orders.placed_at) in last week'],
    },
    {
      title: 'knows months, quarters and years',
      orders: [
        { id: '1', at: '2026-02-28T23:59:59.999Z' },
        { id: '2', at: '2026-02-01T00:00:00Z' },
        { id: '3', at: '2026-01-31T23:59:59.999Z' },
        { id: '4', at: '2025-12-31T23:59:59.999Z' },
        { id: '5', at: '2025-10-01T00:00:00Z' },
        { id: '6', at: '2025-09-30T23:59:59.999Z' },
        { id: '7', at: '2025-01-01T00:00:00Z' },
      ],
      holds: [
        'count(orders in last month) = 2',
        'count(orders in this quarter) = 3',
        'count(orders in last quarter) = 2',
        'count(orders in this year) = 3',
        'count(orders in last year) = 4',
      ],
    },
    {
      title: 'begins days in the zone',
      zone: 'Asia/Kolkata', // 5:30 ahead
      orders: [{ id: 'a', at: '2026-03-09T18:29:59.999Z' }],
      holds: [
        'count(orders in today) = 0',
        'count(orders in yesterday) = 1',
        'last(orders.placed_at) = 2026-03-09',
        'last(orders.placed_at) < today',
      ],
    },
    {
      title: 'begins a day whose midnight comes twice',
      zone: 'America/St_Johns', // 7 November 2010: 00:01 (-2:30) becomes 23:01 (-3:30) of the day before
      at: '2010-11-07T12:00:00Z',
      orders: [
        { id: 'before', at: '2010-11-07T02:29:59.999Z' },
        { id: 'first midnight', at: '2010-11-07T02:30:00Z' },
        { id: 'the day before once more', at: '2010-11-07T03:00:00Z' },
      ],
      holds: ['count(orders in today) = 2', 'count(orders in yesterday) = 1', 'last(orders.placed_at) >= 2010-11-07'],
    },
    {
      title: 'begins a day without a midnight',
      zone: 'America/Sao_Paulo', // 4 November 2018 begins at 01:00 (-2:00)
      at: '2018-11-04T12:00:00Z',
      orders: [
        { id: 'before', at: '2018-11-04T02:59:59.999Z' },
        { id: 'begin', at: '2018-11-04T03:00:00Z' },
      ],
      holds: ['count(orders in today) = 1', 'count(orders in yesterday) = 1', 'count(orders since 2018-11-04) = 1'],
    },
    {
      title: 'passes over a day that was skipped',
      zone: 'Pacific/Apia', // there was no 30 December 2011
      at: '2011-12-30T12:00:00Z',
      orders: [{ id: 'a', at: '2011-12-30T09:59:59.999Z' }],
      holds: ['count(orders in today) = 0', 'last(orders.placed_at) = 2011-12-29', 'last(orders.placed_at) < 2011-12-30'],
      fails: ['last(orders.placed_at) = 2011-12-30', 'last(orders.placed_at) in yesterday'],
    },
  ],
  'dates against timestamps': [
    {
      title: 'means the whole day',
      zone: 'America/New_York', // 4 hours behind from 8 March 2026
      customer: { createdAt: '2026-03-09T03:59:59.999Z' },
      holds: [
        'created_at = 2026-03-08',
        'created_at <= 2026-03-08',
        'created_at >= 2026-03-08',
        'created_at < 2026-03-09',
        'created_at > 2026-03-07',
        'created_at between 2026-03-08 and 2026-03-08',
        'created_at in (2026-03-08)',
        '2026-03-09 > created_at',
        'created_at != 2026-03-09',
      ],
      fails: [
        'created_at > 2026-03-08',
        'created_at < 2026-03-08',
        'created_at = 2026-03-09',
        'created_at between 2026-03-09 and 2026-03-10',
      ],
    },
    {
      title: 'ends a day before the next begins',
      zone: 'America/New_York',
      customer: { createdAt: '2026-03-09T04:00:00.000Z' },
      holds: ['created_at = 2026-03-09', 'created_at > 2026-03-08', 'created_at >= 2026-03-09', 'created_at != 2026-03-08'],
      fails: [
        'created_at <= 2026-03-08',
        'created_at = 2026-03-08',
        'created_at < 2026-03-09',
        'created_at between 2026-03-07 and 2026-03-08',
      ],
    },
    {
      title: 'begins and ends windows with days',
      orders: [
        { id: 'a', at: '2026-01-10T00:00:00Z' },
        { id: 'b', at: '2026-01-11T23:59:59.999Z' },
        { id: 'c', at: '2026-01-12T00:00:00Z' },
      ],
      holds: [
        'count(orders since 2026-01-11) = 2',
        'count(orders before 2026-01-11) = 1',
        'count(orders between 2026-01-10 and 2026-01-11) = 2',
        'count(orders between 2026-01-10 and 2026-01-11T00:00:00Z) = 1',
        'count(orders since today) = 0',
      ],
    },
    {
      title: 'takes ago as a local date',
      zone: 'Asia/Tokyo', // now is 21:00 there
      customer: { attributes: { joined: '2026-03-08' } },
      at: '2026-03-10T14:59:59.999Z',
      holds: [
        'attributes.joined = 2 days ago',
        'attributes.joined >= 2 days ago',
        'attributes.joined < 1 day ago',
        'attributes.joined < now',
      ],
      fails: ['attributes.joined < 2 days ago'],
    },
    {
      title: 'keeps dates in windows by whole days',
      customer: { profile: { birthday: '2026-03-03' } },
      holds: [
        'birthday in this month',
        'birthday in the last 8 days',
        'birthday since 2026-03-03',
        'birthday before 2026-03-04',
        'birthday in last week',
      ],
      fails: ['birthday in the last 7 days', 'birthday before 2026-03-03', 'birthday since 2026-03-04', 'birthday in this week'],
    },
    {
      title: 'means the whole day of a stored date',
      zone: 'America/New_York',
      customer: { createdAt: '2026-03-01T20:00:00Z', attributes: { joined: '2026-03-01', seen: '2026-03-02T05:00:00Z' } }, // midnight after it
      holds: [
        'created_at = attributes.joined',
        'created_at <= attributes.joined',
        'attributes.seen > attributes.joined',
        'attributes.joined < attributes.seen',
        'attributes.seen >= attributes.joined',
        'attributes.joined in this month',
      ],
      fails: [
        'created_at > attributes.joined',
        'created_at < attributes.joined',
        'attributes.seen = attributes.joined',
        'attributes.seen <= attributes.joined',
        'attributes.joined in last month',
      ],
    },
  ],
  'anniversaries and age': [
    {
      title: 'comes round in whole dates',
      customer: { profile: { birthday: '1990-03-17' } },
      holds: [
        'birthday anniversary in the next 8 days',
        'birthday anniversary in this month',
        'birthday anniversary in the last 365 days',
        'age = 35',
      ],
      fails: [
        'birthday anniversary in the next 7 days',
        'birthday anniversary today',
        'birthday anniversary in next month',
        'birthday anniversary in the last 358 days', // 17 March 2025 is 358 days before today
        'birthday anniversary in the last 1 week',
      ],
    },
    {
      title: 'counts the day itself',
      customer: { profile: { birthday: '1990-03-10' } },
      holds: ['birthday anniversary today', 'birthday anniversary in the next 1 day', 'birthday anniversary in the last 1 day', 'age = 36'],
    },
    {
      title: 'has no anniversary in year zero',
      customer: { profile: { birthday: '2026-03-10' }, attributes: { joined: '2026-03-12' } },
      holds: ['age = 0', 'birthday anniversary in the next 366 days'],
      fails: [
        'birthday anniversary today',
        'birthday anniversary in this month',
        'birthday anniversary in the next 365 days',
        'attributes.joined anniversary in the next 7 days',
        'attributes.joined anniversary in the next 400 days', // a future date has none
      ],
    },
    {
      title: 'has no age for a future birthday',
      customer: { profile: { birthday: '2026-03-11' } },
      holds: ['age is missing'],
      fails: ['age < 1'],
    },
    {
      title: 'moves leap days to 1 March',
      customer: { profile: { birthday: '2004-02-29' } },
      at: '2026-03-01T00:00:00Z',
      holds: ['birthday anniversary today', 'age = 22', 'birthday anniversary in this month'],
    },
    {
      title: 'grows no older on 28 February',
      customer: { profile: { birthday: '2004-02-29' } },
      at: '2026-02-28T23:59:59.999Z',
      holds: ['age = 21', 'birthday anniversary in the next 2 days', 'birthday anniversary in next month'],
      fails: ['birthday anniversary today', 'birthday anniversary in this month'],
    },
    {
      title: 'keeps leap days in leap years',
      customer: { profile: { birthday: '2004-02-29' } },
      at: '2028-02-29T00:00:00Z',
      holds: ['age = 24', 'birthday anniversary today', 'birthday anniversary in this month'],
    },
    {
      title: 'takes a timestamp by its local date',
      zone: 'Asia/Tokyo',
      orders: [{ id: 'a', at: '2024-03-09T15:30:00Z' }], // 10 March there
      holds: ['first(orders.placed_at) anniversary today'],
      fails: ['first(orders.placed_at) anniversary in next month'],
    },
    {
      title: 'counts anniversaries from the day after',
      customer: { attributes: { joined: '2026-03-10' } },
      holds: ['attributes.joined anniversary in the next 400 days'],
      fails: ['attributes.joined anniversary today', 'attributes.joined anniversary in the next 365 days'],
    },
  ],
  'types and numbers': [
    {
      title: 'orders strings by code point',
      customer: { profile: { first_name: '😀', last_name: 'a' } },
      holds: ['first_name > "\uffee"', 'last_name > "Z"', 'last_name < "aa"', 'first_name between "\uffee" and "😁"'],
      fails: ['first_name < "\uffee"', 'last_name < "B"'],
    },
    {
      title: 'computes exact decimals',
      customer: { attributes: { points: 0.1 } },
      orders: [{ id: 'a', at: '2026-01-01T00:00:00Z', total: '0.2' }],
      holds: [
        'attributes.points + sum(orders.total) = 0.3',
        'attributes.points * 3 = 0.3',
        '1 - 0.9 = attributes.points',
        'sum(orders.total) * 0.0001 * 0.0001 = 0.000000002',
        '2 + 3 * 4 = 14',
        '(2 + 3) * 4 = 20',
        '10 - 2 - 3 = 5',
        '12 / 2 / 3 = 2',
      ],
    },
    {
      title: 'divides to 20 significant digits',
      holds: [
        '1 / 3 * 3 < 1',
        '1 / 3 * 3 > 0.99999999999999',
        '2 / 3 * 3 > 2', // ...67 at the twentieth digit
        '1 / 3 + 1 / 3 != 2 / 3',
        '200 / 3 - 66 > 0.66666666666666',
        '1 / 8 = 0.125',
        '1 / 1073741824 - 0.000000000931322574615 = 0.00000000000000000000047851562', // …5625: half to even, down
        '3 / 536870912 - 0.0000000055879354476 = 0.0000000000000000000928710938', // …375: half to even, up
        '-1 / 3 = 0 - 1 / 3',
      ],
    },
    {
      title: 'averages like it divides',
      orders: [
        { id: 'a', at: '2026-01-01T00:00:00Z', total: 1 },
        { id: 'b', at: '2026-01-02T00:00:00Z', total: 1 },
        { id: 'c', at: '2026-01-03T00:00:00Z', total: 0 },
      ],
      holds: ['avg(orders.total) = 2 / 3', 'avg(orders.total) = sum(orders.total) / count(orders)'],
    },
    {
      title: 'reads attributes by their types',
      customer: {
        attributes: { tier: 'gold', points: 12.5, vip: true, joined: '2026-01-01', seen: '2026-01-01T10:00:00.000Z', likes: ['a', 'b'] },
        consents: { email: false },
      },
      holds: [
        'attributes.tier = "gold"',
        'attributes.points = 12.5',
        'attributes.vip = true',
        'attributes.joined = 2026-01-01',
        'attributes.seen = 2026-01-01',
        'attributes.seen > 2026-01-01T09:59:59.999Z',
        'attributes.likes has all ("b", "a")',
        'attributes.likes has any ("c", "a")',
        'attributes.likes has ("a")',
        'consent.email = false',
        'consent.email != true',
      ],
      fails: ['attributes.likes has all ("a", "c")', 'attributes.likes has ("c")', 'consent.email = true', 'attributes.vip = false'],
    },
    {
      title: 'reads properties of each event',
      events: [
        { name: 'view', at: '2026-03-01T00:00:00Z', properties: { path: '/sale/1', seconds: 10, day: '2026-04-01' } },
        { name: 'view', at: '2026-03-02T00:00:00Z', properties: { path: '/home' } },
        { name: 'buy', at: '2026-03-03T00:00:00Z', properties: { path: '/sale/1' } },
      ],
      holds: [
        'count(events) = 3',
        'count(events "view") = 2',
        'count(events where properties.path starts with "/sale") = 2',
        'count(events "view" where properties.path starts with "/sale") = 1',
        'sum(events "view".properties.seconds) = 10',
        'count(events "view".properties.seconds) = 1',
        'distinct(events.properties.path) = 2',
        'last(events "view".properties.path) = "/home"',
        'max(events "view".properties.day) = 2026-04-01',
        'count(events "view" where properties.day > today) = 1',
        'count(events "none") = 0',
      ],
    },
    {
      title: 'takes lists of objects for missing',
      events: [
        { name: 'view', at: '2026-03-10T10:00:00Z', properties: { shown: ['a', 'b'] } },
        { name: 'cart', at: '2026-03-10T10:00:01Z', properties: { shown: ['a', 1], path: [{ sku: 'A' }] } },
        { name: 'cart', at: '2026-03-10T10:00:02Z', properties: { shown: [['a']] } },
      ],
      holds: [
        'count(events where properties.shown has any ("a")) = 1',
        'count(events where properties.shown has all ("a", "b")) = 1',
        'count(events where properties.shown is missing) = 2',
        'count(events.properties.shown) = 1',
        'count(events where properties.path is missing) = 3',
        'last(events.properties.shown) is missing',
      ],
      fails: ['count(events where properties.path is not missing) > 0'],
    },
    {
      title: 'has no total without a price',
      orders: [{ id: 'a', at: '2026-03-01T00:00:00Z', items: [{ name: 'cup', unitPrice: 2, quantity: 3 }, { name: 'gift' }] }],
      holds: ['count(items.total) = 1', 'count(items) = 2', 'sum(items.total) = 6', 'last(items.total) is missing'],
    },
  ],
  'missing and texts': [
    {
      title: 'takes texts literally',
      customer: { profile: { city: '100%_A\\' } },
      holds: [
        'city contains "%_"',
        'city starts with "100%"',
        'city ends with "A\\\\"',
        'city contains ""',
        'city starts with ""',
        'city != ""',
      ],
      fails: ['city contains "0_"', 'city contains "a"', 'city starts with "%"', 'city = ""', 'region contains ""'],
    },
    {
      title: 'counts empty lists as missing',
      customer: { tags: [] },
      orders: [
        { id: 'a', at: '2026-01-01T00:00:00Z', coupons: ['X', 'Y'] },
        { id: 'b', at: '2026-01-02T00:00:00Z' },
      ],
      holds: [
        'tags is missing',
        'count(orders.coupons) = 1',
        'count(orders where coupons has ("X")) = 1',
        'first(orders.coupons) has all ("Y", "X")',
        'last(orders.coupons) is missing',
      ],
      fails: ['tags has all ("a")'],
    },
  ],
  'segments, buckets, days': [
    {
      title: 'asks segments as they are',
      holds: ['in segment "vip"', 'not in segment "other"', 'in segment "vip" and not in segment "other"'],
      fails: ['in segment "other"', 'not in segment "vip"'],
    },
    {
      title: 'puts buckets between 0 and 100',
      holds: ['bucket("a") >= 0', 'bucket("a") < 100', 'bucket("a") = bucket("a")', 'bucket("a") != bucket("b")'],
    },
    {
      title: 'counts days between dates and instants',
      zone: 'Europe/Berlin',
      customer: { profile: { birthday: '2026-03-28' }, attributes: { joined: '2026-03-30' }, createdAt: '2026-03-28T11:00:00Z' },
      orders: [{ id: 'a', at: '2026-03-29T23:00:00Z' }],
      at: '2026-04-01T00:00:00Z',
      holds: [
        'days_between(birthday, attributes.joined) = 2',
        'days_between(attributes.joined, birthday) = -2',
        'days_between(created_at, last(orders.placed_at)) = 1.5',
        'days_between(birthday, created_at) = 0.5', // the day began at 23:00Z
        'days_between(birthday, last(orders.placed_at)) = 2', // 48 hours, though the clocks went forward
        'days_between(last(orders.placed_at), attributes.joined) = -1 / 24', // the 30th began at 22:00Z
        'days_between(birthday, first(events.occurred_at)) is missing',
      ],
    },
  ],
};
