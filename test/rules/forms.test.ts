// The two written forms, as tables: text as written, canonical text, JSON.
import { expect, test } from 'vitest';
import { parseAnyRule, parseJsonRule } from '../../src/rules/parse-json.ts';
import { parseRule } from '../../src/rules/parse-text.ts';
import { type Json, ruleToJson } from '../../src/rules/print-json.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { ruleJsonSchema } from '../../src/rules/rule-json-schema.ts';
import { withoutPlaces } from './arbitrary-tree.ts';
import { accepts } from './schema-validator.ts';

const SAME = Symbol('canonical already');

const FORMS: readonly (readonly [text: string, canonical: string | typeof SAME, json: Json])[] = [
  // the examples of the language's page
  [
    'country = "CN" and gender = "female" and age between 25 and 40',
    SAME,
    {
      and: [
        { op: '=', left: { field: 'country' }, right: 'CN' },
        { op: '=', left: { field: 'gender' }, right: 'female' },
        { op: 'between', left: { field: 'age' }, low: 25, high: 40 },
      ],
    },
  ],
  [
    'tags has any ("vip", "wholesale") and attributes.loyalty_tier in ("gold", "platinum")',
    SAME,
    {
      and: [
        { op: 'has_any', left: { field: 'tags' }, values: ['vip', 'wholesale'] },
        { op: 'in', left: { attribute: 'loyalty_tier' }, values: ['gold', 'platinum'] },
      ],
    },
  ],
  [
    'count(orders where status = "paid" in the last 90 days) >= 2 and sum(orders.total) > 500',
    SAME,
    {
      and: [
        {
          op: '>=',
          left: { aggregate: 'count', of: 'orders', where: { op: '=', left: { field: 'status' }, right: 'paid' }, window: { last: '90d' } },
          right: 2,
        },
        { op: '>', left: { aggregate: 'sum', of: 'orders', field: 'total' }, right: 500 },
      ],
    },
  ],
  [
    'last(orders.placed_at) < 60 days ago                       -- lapsed; never-ordered customers do not match',
    'last(orders.placed_at) < 60 days ago',
    { op: '<', left: { aggregate: 'last', of: 'orders', field: 'placed_at' }, right: { ago: '60d' } },
  ],
  [
    'count(orders) = 0 and created_at in the last 30 days        -- new, not yet bought',
    'count(orders) = 0 and created_at in the last 30 days',
    {
      and: [
        { op: '=', left: { aggregate: 'count', of: 'orders' }, right: 0 },
        { op: 'within', left: { field: 'created_at' }, window: { last: '30d' } },
      ],
    },
  ],
  [
    'count(items where category = "Shoes" and unit_price >= 80 since 2026-01-01) >= 1',
    SAME,
    {
      op: '>=',
      left: {
        aggregate: 'count',
        of: 'items',
        where: {
          and: [
            { op: '=', left: { field: 'category' }, right: 'Shoes' },
            { op: '>=', left: { field: 'unit_price' }, right: 80 },
          ],
        },
        window: { since: { date: '2026-01-01' } },
      },
      right: 1,
    },
  ],
  [
    'count(events "cart_abandoned" in the last 7 days) >= 1 and count(orders in the last 7 days) = 0',
    SAME,
    {
      and: [
        { op: '>=', left: { aggregate: 'count', of: { events: 'cart_abandoned' }, window: { last: '7d' } }, right: 1 },
        { op: '=', left: { aggregate: 'count', of: 'orders', window: { last: '7d' } }, right: 0 },
      ],
    },
  ],
  [
    'count(events "page_view" where properties.path starts with "/sale" in the last 24 hours) > 3',
    SAME,
    {
      op: '>',
      left: {
        aggregate: 'count',
        of: { events: 'page_view' },
        where: { op: 'starts_with', left: { property: 'path' }, value: '/sale' },
        window: { last: '24h' },
      },
      right: 3,
    },
  ],
  [
    'count(orders where discount > 0) / count(orders) >= 0.5      -- likes promotions; no orders: does not match',
    'count(orders where discount > 0) / count(orders) >= 0.5',
    {
      op: '>=',
      left: {
        op: '/',
        left: { aggregate: 'count', of: 'orders', where: { op: '>', left: { field: 'discount' }, right: 0 } },
        right: { aggregate: 'count', of: 'orders' },
      },
      right: 0.5,
    },
  ],
  [
    'days_between(first(orders.placed_at), last(orders.placed_at)) / (count(orders) - 1) < 30',
    SAME,
    {
      op: '<',
      left: {
        op: '/',
        left: {
          days_between: [
            { aggregate: 'first', of: 'orders', field: 'placed_at' },
            { aggregate: 'last', of: 'orders', field: 'placed_at' },
          ],
        },
        right: { op: '-', left: { aggregate: 'count', of: 'orders' }, right: 1 },
      },
      right: 30,
    },
  ],
  [
    'distinct(items.category in the last 365 days) >= 3',
    SAME,
    { op: '>=', left: { aggregate: 'distinct', of: 'items', field: 'category', window: { last: '365d' } }, right: 3 },
  ],
  ['birthday anniversary in the next 7 days', SAME, { op: 'anniversary', left: { field: 'birthday' }, window: { next: '7d' } }],
  [
    'email is not missing and consent.email = true and attributes."loyalty-tier" != "none"',
    SAME,
    {
      and: [
        { not: { op: 'missing', left: { field: 'email' } } },
        { op: '=', left: { consent: 'email' }, right: true },
        { op: '!=', left: { attribute: 'loyalty-tier' }, right: 'none' },
      ],
    },
  ],
  ['in segment "vip" and not in segment "blocked"', SAME, { and: [{ segment: 'vip' }, { not: { segment: 'blocked' } }] }],
  [
    'bucket("spring-test") < 50                                   -- a stable half of all customers',
    'bucket("spring-test") < 50',
    { op: '<', left: { bucket: 'spring-test' }, right: 50 },
  ],
  [
    'count(orders between 180 days ago and 90 days ago) >= 1 and count(orders since 90 days ago) = 0',
    SAME,
    {
      and: [
        { op: '>=', left: { aggregate: 'count', of: 'orders', window: { between: [{ ago: '180d' }, { ago: '90d' }] } }, right: 1 },
        { op: '=', left: { aggregate: 'count', of: 'orders', window: { since: { ago: '90d' } } }, right: 0 },
      ],
    },
  ],
  [
    'not (country = "CN" or country is missing)',
    SAME,
    {
      not: {
        or: [
          { op: '=', left: { field: 'country' }, right: 'CN' },
          { op: 'missing', left: { field: 'country' } },
        ],
      },
    },
  ],

  // what the canonical form does away with
  ['EVERYONE', 'everyone', { everyone: true }],
  [
    '((age > 1) and ((age < 9) and (country="x")))',
    'age > 1 and age < 9 and country = "x"',
    {
      and: [
        { op: '>', left: { field: 'age' }, right: 1 },
        { op: '<', left: { field: 'age' }, right: 9 },
        { op: '=', left: { field: 'country' }, right: 'x' },
      ],
    },
  ],
  [
    'age > 1 or age < 9 and country = "x"',
    SAME,
    {
      or: [
        { op: '>', left: { field: 'age' }, right: 1 },
        {
          and: [
            { op: '<', left: { field: 'age' }, right: 9 },
            { op: '=', left: { field: 'country' }, right: 'x' },
          ],
        },
      ],
    },
  ],
  ['not (age = 1)', 'not age = 1', { not: { op: '=', left: { field: 'age' }, right: 1 } }],
  ['not not not age = 1', SAME, { not: { not: { not: { op: '=', left: { field: 'age' }, right: 1 } } } }],
  ['not (country in ("a"))', 'country not in ("a")', { not: { op: 'in', left: { field: 'country' }, values: ['a'] } }],
  ['not country not in ("a")', SAME, { not: { not: { op: 'in', left: { field: 'country' }, values: ['a'] } } }],
  ['not age between 1 and 2', 'age not between 1 and 2', { not: { op: 'between', left: { field: 'age' }, low: 1, high: 2 } }],
  ['not city contains "x"', 'city not contains "x"', { not: { op: 'contains', left: { field: 'city' }, value: 'x' } }],
  ['not city ends with "x"', 'city not ends with "x"', { not: { op: 'ends_with', left: { field: 'city' }, value: 'x' } }],
  ['not tags has all ("x")', 'tags not has all ("x")', { not: { op: 'has_all', left: { field: 'tags' }, values: ['x'] } }],
  ['tags has ("x")', 'tags has any ("x")', { op: 'has_any', left: { field: 'tags' }, values: ['x'] }],
  ['not in segment "x"', SAME, { not: { segment: 'x' } }],
  ['created_at not in last month', SAME, { not: { op: 'within', left: { field: 'created_at' }, window: { in: 'last_month' } } }],
  ['created_at not since today', SAME, { not: { op: 'within', left: { field: 'created_at' }, window: { since: { at: 'today' } } } }],
  [
    'birthday not anniversary in next month',
    SAME,
    { not: { op: 'anniversary', left: { field: 'birthday' }, window: { in: 'next_month' } } },
  ],
  ['birthday anniversary today', SAME, { op: 'anniversary', left: { field: 'birthday' }, window: 'today' }],
  [
    'created_at in the last 1 weeks',
    'created_at in the last 1 week',
    { op: 'within', left: { field: 'created_at' }, window: { last: '1w' } },
  ],
  ['age = 007', 'age = 7', { op: '=', left: { field: 'age' }, right: 7 }],
  ['age = -0.50', 'age = -0.5', { op: '=', left: { field: 'age' }, right: -0.5 }],
  ['age = - 0.0', 'age = 0', { op: '=', left: { field: 'age' }, right: 0 }],
  ['age = 0.0000001', SAME, { op: '=', left: { field: 'age' }, right: 1e-7 }],
  [
    'age - 1 = age - -1',
    SAME,
    { op: '=', left: { op: '-', left: { field: 'age' }, right: 1 }, right: { op: '-', left: { field: 'age' }, right: -1 } },
  ],
  [
    '(1 - 2) - (3 - 4) * 5 = 1',
    '1 - 2 - (3 - 4) * 5 = 1',
    {
      op: '=',
      left: {
        op: '-',
        left: { op: '-', left: 1, right: 2 },
        right: { op: '*', left: { op: '-', left: 3, right: 4 }, right: 5 },
      },
      right: 1,
    },
  ],
  [
    '6 / (2 * 3) = 6 / 2 * 3',
    SAME,
    {
      op: '=',
      left: { op: '/', left: 6, right: { op: '*', left: 2, right: 3 } },
      right: { op: '*', left: { op: '/', left: 6, right: 2 }, right: 3 },
    },
  ],
  [
    'created_at > 2026-01-31T09:30:00+08:00',
    'created_at > 2026-01-31T01:30:00Z',
    {
      op: '>',
      left: { field: 'created_at' },
      right: { timestamp: '2026-01-31T01:30:00Z' },
    },
  ],
  [
    'created_at <= 2026-01-31t09:30:00.5z',
    'created_at <= 2026-01-31T09:30:00.500Z',
    {
      op: '<=',
      left: { field: 'created_at' },
      right: { timestamp: '2026-01-31T09:30:00.500Z' },
    },
  ],
  ['birthday = 7 days from now', SAME, { op: '=', left: { field: 'birthday' }, right: { from_now: '7d' } }],
  ['city = "a \\"b\\" \\\\ c\n--d"', SAME, { op: '=', left: { field: 'city' }, right: 'a "b" \\ c\n--d' }],
  [
    'attributes."a.b" = attributes.a.b',
    'attributes.a.b = attributes.a.b',
    { op: '=', left: { attribute: 'a.b' }, right: { attribute: 'a.b' } },
  ],
  [
    'attributes.in = attributes.2fa',
    'attributes.in = attributes."2fa"',
    { op: '=', left: { attribute: 'in' }, right: { attribute: '2fa' } },
  ],
  // what belongs to the aggregate, what to an operand
  [
    'count(orders where placed_at in last month) > 1',
    SAME,
    {
      op: '>',
      left: { aggregate: 'count', of: 'orders', where: { op: 'within', left: { field: 'placed_at' }, window: { in: 'last_month' } } },
      right: 1,
    },
  ],
  [
    'count(orders where (status = "a") in last month) > 1',
    'count(orders where status = "a" in last month) > 1',
    {
      op: '>',
      left: {
        aggregate: 'count',
        of: 'orders',
        where: { op: '=', left: { field: 'status' }, right: 'a' },
        window: { in: 'last_month' },
      },
      right: 1,
    },
  ],
  [
    'count(orders where total between 1 and 2 between 2026-01-01 and today) > 1',
    SAME,
    {
      op: '>',
      left: {
        aggregate: 'count',
        of: 'orders',
        where: { op: 'between', left: { field: 'total' }, low: 1, high: 2 },
        window: { between: [{ date: '2026-01-01' }, { at: 'today' }] },
      },
      right: 1,
    },
  ],
  [
    'sum(events "buy".properties.cart.total before now) > 1',
    SAME,
    {
      op: '>',
      left: { aggregate: 'sum', of: { events: 'buy' }, field: 'properties.cart.total', window: { before: { at: 'now' } } },
      right: 1,
    },
  ],
  ['count(Events) = 1', 'count(events) = 1', { op: '=', left: { aggregate: 'count', of: 'events' }, right: 1 }],
];

test.each(FORMS)('%s', (text, canonical, json) => {
  const parsed = parseRule(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const printed = printRule(parsed.value);
  expect(printed).toBe(canonical === SAME ? text : canonical);
  expect(ruleToJson(parsed.value)).toEqual(json);
  const fromJson = parseJsonRule(json);
  expect(fromJson.ok ? withoutPlaces(fromJson.value) : fromJson.problems).toEqual(withoutPlaces(parsed.value));
  expect(accepts(ruleJsonSchema(), json)).toBe(true);
});

test('lists of one rule are that rule', () => {
  const parsed = parseAnyRule({ and: [{ or: [{ everyone: true }] }] });
  expect(parsed.ok && ruleToJson(parsed.value)).toEqual({ everyone: true });
});

test('a dotted field becomes its own kind', () => {
  const parsed = parseAnyRule({ op: 'missing', left: { field: 'attributes.a.b' } });
  expect(parsed.ok && ruleToJson(parsed.value)).toEqual({ op: 'missing', left: { attribute: 'a.b' } });
});

// after a change of the language: npx vitest run test/rules/forms.test.ts -u
test('the committed schema is current', async () => {
  await expect(`${JSON.stringify(ruleJsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../../src/rules/rule.schema.json');
});
