// What is missing for a rule to hold, in words and numbers: how far each condition is from holding, and which way of several is the nearest.
import { expect, test } from 'vitest';
import { DAY_MS } from '../../src/base/durations.ts';
import { type Catalog, EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { explainRule, type SeenCondition } from '../../src/rules/explain-rule.ts';
import { type Missing, type MissingCondition, missingOf } from '../../src/rules/missing.ts';
import { parse } from '../oracle/parse.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');
const CATALOG: Catalog = { ...EMPTY_CATALOG, segments: new Map([['vip', { id: 1, key: 'vip', status: 'active', references: [] }]]) };

function find(text: string, seen: readonly SeenCondition[] | null, timeZone = 'UTC'): readonly Missing[] {
  const { checked } = checkRule(parse(text), CATALOG, { purpose: 'check' });
  if (checked === null) throw new Error(`${text} is refused`);
  const tree = explainRule({ rule: checked.rule, types: checked.types, moment: { asOfMs: NOW_MS, timeZone }, seen });
  return missingOf(tree, timeZone);
}

/** Of several ways each in brackets. */
function describeAll(missing: readonly Missing[], describe: (condition: MissingCondition) => string): string {
  return missing
    .map((part) => (part.kind === 'any' ? part.alternatives.map((way) => `[${describeAll(way, describe)}]`).join(' or ') : describe(part)))
    .join(' and ');
}

/** In words, how far, and what is needed. */
function inFull({ sentence, short, unit, need }: MissingCondition): string {
  const distance = short === null ? [] : [`${short} ${unit}`];
  return [sentence, ...distance, ...(need === null ? [] : [`${need.operator} ${need.value.value}`])].join(' | ');
}

const agoMs = (days: number) => NOW_MS - days * DAY_MS;
const at = (text: string) => Date.parse(text);

const ONE_CONDITION: readonly (readonly [rule: string, seen: SeenCondition, expected: string])[] = [
  ['count(orders) >= 3', [false, '1'], '1 of 3 orders | 2 number | >= 3'],
  ['count(orders) > 2', [false, '2'], '2 of 3 orders | 1 number | >= 3'],
  ['count(orders) >= 2.5', [false, '1'], '1 of 3 orders | 2 number | >= 3'],
  ['count(orders) < 3', [false, '3'], '3 orders, 1 too many | 1 number | <= 2'],
  ['count(orders) <= 2.5', [false, '4'], '4 orders, 2 too many | 2 number | <= 2'],
  ['count(orders) = 2', [false, '5'], '5 orders, 3 too many | 3 number | = 2'],
  ['3 <= count(orders)', [false, '1'], '1 of 3 orders | 2 number | >= 3'],
  ['3 > count(orders)', [false, '4'], '4 orders, 2 too many | 2 number | <= 2'],
  ['count(orders) != 2', [false, '2'], 'count(orders) != 2 does not hold: count(orders) is 2'],
  ['distinct(items.category) >= 2', [false, '1'], '1 of 2 different items.category | 1 number | >= 2'],
  ['count(events "page_view") >= 2', [false, '0'], '0 of 2 “page_view” events | 2 number | >= 2'],
  ['count(events) >= 2', [false, '0'], '0 of 2 events | 2 number | >= 2'],
  ['sum(orders.total) > 500', [false, '460.5'], '39.50 short of 500.00 | 39.5 number | > 500'],
  ['sum(orders.total) > 500', [false, '500'], 'sum(orders.total) is exactly 500.00; more is needed | 0 number | > 500'],
  ['sum(orders.total) < 500', [false, '500'], 'sum(orders.total) is exactly 500.00; less is needed | 0 number | < 500'],
  ['sum(orders.total) < 500', [false, '512.345'], '12.345 over 500.00 | 12.345 number | < 500'],
  ['sum(orders.total) > 0.1', [false, '-0.25'], '0.35 short of 0.10 | 0.35 number | > 0.1'],
  ['sum(items.quantity) >= 5', [false, '4.5'], '0.5 short of 5 | 0.5 number | >= 5'],
  ['sum(orders.total) >= sum(items.total)', [false, '10', '12'], '2.00 short of 12.00 | 2 number | >= 12'],
  ['avg(orders.total) >= 50', [false, '33.33333333333333333333'], '16.6667 short of 50.00 | 16.66666666666666666667 number | >= 50'],
  ['avg(orders.total) >= 50', [false, '49.99999'], '0.0001 short of 50.00 | 0.00001 number | >= 50'],
  ['avg(orders.total) < 5', [false, '5.99996'], '1.00 over 5.00 | 0.99996 number | < 5'],
  ['avg(orders.total) > 5', [false, null], 'avg(orders.total) is missing | > 5'],
  ['avg(orders.total) > avg(items.unit_price)', [false, '1', null], 'avg(items.unit_price) is missing | > null'],
  ['age between 18 and 30', [false, '16'], '2 short of 18 | 2 number | >= 18'],
  ['age between 18 and 30', [false, '35'], '5 over 30 | 5 number | <= 30'],
  ['age between 18 and 30', [false, null], 'age is missing'],
  ['age between 18 and 30', [false, '9'], '9 short of 18 | 9 number | >= 18'],
  ['birthday < 2000-01-01T12:00:00Z', [false, '2000-01-03'], 'birthday is 3 days too late | 3 days | < 2000-01-01'],
  ['created_at in the last 30 days', [false, null], 'created_at is missing'],
  ['birthday > 2000-01-01', [false, '1999-12-31'], 'birthday is 2 days too early | 2 days | > 2000-01-01'],
  ['birthday <= 2000-01-01', [false, '2000-01-03'], 'birthday is 2 days too late | 2 days | <= 2000-01-01'],
  ['birthday = 2000-01-01', [false, '1999-12-31'], 'birthday is 1 day too early | 1 days | = 2000-01-01'],
  ['birthday = 2000-01-01', [false, '2000-01-02'], 'birthday is 1 day too late | 1 days | = 2000-01-01'],
  ['birthday since 2000-01-01', [false, '1999-12-30'], 'birthday is 2 days too early | 2 days | >= 2000-01-01'],
  ['birthday before 2000-01-01', [false, '2000-01-01'], 'birthday is 1 day too late | 1 days | < 2000-01-01'],
  [
    'last(orders.placed_at) < 60 days ago',
    [false, agoMs(10)],
    'last(orders.placed_at) is 50 days too recent | 4320000 seconds | < 2026-09-22T12:00:00.000Z',
  ],
  [
    'last(orders.placed_at) > 60 days ago',
    [false, agoMs(70)],
    'last(orders.placed_at) is 10 days too long ago | 864000 seconds | > 2026-09-22T12:00:00.000Z',
  ],
  [
    'created_at in the last 30 days',
    [false, agoMs(30) - 1],
    'created_at is 1 second too long ago | 0.001 seconds | > 2026-10-22T12:00:00.000Z',
  ],
  ['created_at in the last 30 days', [false, agoMs(30)], 'created_at is 1 second too long ago | 0 seconds | > 2026-10-22T12:00:00.000Z'],
  [
    'created_at since 30 days ago',
    [false, agoMs(30) - 1],
    'created_at is 1 second too long ago | 0.001 seconds | >= 2026-10-22T12:00:00.000Z',
  ],
  [
    'created_at in last month',
    [false, at('2026-10-01T00:00:00Z') - 7_200_000],
    'created_at is 2 hours too early | 7200 seconds | >= 2026-10-01T00:00:00.000Z',
  ],
  [
    'created_at in last month',
    [false, at('2026-11-01T00:00:00Z')],
    'created_at is 1 second too late | 0 seconds | < 2026-11-01T00:00:00.000Z',
  ],
  [
    'created_at between 90 days ago and 30 days ago',
    [false, agoMs(10)],
    'created_at is 20 days too recent | 1728000 seconds | <= 2026-10-22T12:00:00.000Z',
  ],
  [
    'created_at between 90 days ago and 30 days ago',
    [false, agoMs(100)],
    'created_at is 10 days too long ago | 864000 seconds | >= 2026-08-23T12:00:00.000Z',
  ],
  ['created_at > 2026-11-20', [false, at('2026-11-20T23:59:30Z')], 'created_at is 30 seconds too early | 30 seconds | > 2026-11-20'],
  ['created_at >= 2026-11-22', [false, at('2026-11-21T11:30:00Z')], 'created_at is 13 hours too early | 45000 seconds | >= 2026-11-22'],
  ['created_at <= 2026-11-20', [false, at('2026-11-21T00:01:00Z')], 'created_at is 1 minute too late | 60 seconds | <= 2026-11-20'],
  ['created_at < 2026-11-20', [false, at('2026-11-20T01:00:00Z')], 'created_at is 1 hour too late | 3600 seconds | < 2026-11-20'],
  [
    'created_at is missing',
    [false, at('2026-11-20T01:00:00Z')],
    'created_at is missing does not hold: created_at is 2026-11-20T01:00:00.000Z',
  ],
  ['country = "CN"', [false, 'DE'], 'country = "CN" does not hold: country is “DE” | = CN'],
  ['country > "CN"', [false, 'CH'], 'country > "CN" does not hold: country is “CH” | > CN'],
  ['country = "CN"', [false, null], 'country is missing | = CN'],
  ['country in ("CN", "DE")', [false, 'FR'], 'country in ("CN", "DE") does not hold: country is “FR”'],
  ['country is missing', [false, 'DE'], 'country is missing does not hold: country is “DE”'],
  ['tags has any ("a")', [false, ['x', 'y']], 'tags has any ("a") does not hold: tags is x, y'],
  ['in segment "vip"', [false], 'not in segment "vip"'],
  ['birthday anniversary today', [false, '2000-01-01'], 'birthday anniversary today does not hold: birthday is 2000-01-01'],
];
test.each(ONE_CONDITION)('%s of %j', (rule, seen, expected) => {
  expect(describeAll(find(rule, [seen]), inFull)).toBe(expected);
});

const WAYS: readonly (readonly [rule: string, seen: readonly SeenCondition[] | null, expected: string])[] = [
  ['age > 5', null, ''],
  [
    'age > 5 and (age > 5 or age > 7)',
    [
      [true, '6'],
      [true, '6'],
      [false, '6'],
    ],
    '',
  ],
  ['everyone and age > 5', [[true], [false, '3']], '2 short of 5'],
  [
    'count(orders) >= 3 and sum(orders.total) > 50',
    [
      [false, '1'],
      [false, '40'],
    ],
    '1 of 3 orders and 10.00 short of 50.00',
  ],
  [
    'count(orders) >= 10 or sum(orders.total) > 500',
    [
      [false, '1'],
      [false, '460'],
    ],
    '[40.00 short of 500.00] or [1 of 10 orders]',
  ],
  [
    'sum(orders.total) > 0 or count(orders) > 0',
    [
      [false, '0'],
      [false, '0'],
    ],
    '[sum(orders.total) is exactly 0.00; more is needed] or [0 of 1 orders]',
  ],
  [
    '(count(orders) >= 2 and age > 10) or sum(orders.total) > 500',
    [
      [false, '1'],
      [true, '11'],
      [false, '100'],
    ],
    '[1 of 2 orders] or [400.00 short of 500.00]',
  ],
  [
    '(count(orders) >= 2 and country = "CN") or sum(orders.total) > 500',
    [
      [false, '1'],
      [false, 'DE'],
      [false, '10'],
    ],
    '[490.00 short of 500.00] or [1 of 2 orders and country = "CN" does not hold: country is “DE”]',
  ],
  // of nothing, anything is far
  [
    'sum(orders.total) >= 0 or age >= 100',
    [
      [false, '-0.5'],
      [false, '20'],
    ],
    '[80 short of 100] or [0.50 short of 0.00]',
  ],
  // 10 days are nearer than half of 500, and further than a fifth of it; thirty days are as far as a half
  [
    'sum(orders.total) > 500 or created_at > 60 days ago',
    [
      [false, '250'],
      [false, agoMs(70)],
    ],
    '[created_at is 10 days too long ago] or [250.00 short of 500.00]',
  ],
  [
    'created_at > 60 days ago or sum(orders.total) > 500',
    [
      [false, agoMs(70)],
      [false, '400'],
    ],
    '[100.00 short of 500.00] or [created_at is 10 days too long ago]',
  ],
  [
    'birthday >= 2000-01-31 or sum(orders.total) > 500',
    [
      [false, '2000-01-01'],
      [false, '251'],
    ],
    '[249.00 short of 500.00] or [birthday is 30 days too early]',
  ],
  [
    'sum(orders.total) > 500 or birthday >= 2000-01-31',
    [
      [false, '249'],
      [false, '2000-01-01'],
    ],
    '[birthday is 30 days too early] or [251.00 short of 500.00]',
  ],
  [
    'country = "CN" or birthday > 2000-01-01',
    [
      [false, 'DE'],
      [false, '1999-06-01'],
    ],
    '[birthday is 215 days too early] or [country = "CN" does not hold: country is “DE”]',
  ],
  ['not age >= 18', [[true, '20']], '2 over 18'],
  ['not age < 18', [[true, '10']], '8 short of 18'],
  ['not age != 18', [[true, '10']], '8 short of 18'],
  ['not age between 1 and 5', [[true, '3']], 'age between 1 and 5 holds and must not'],
  ['not created_at in the last 5 days', [[true, agoMs(1)]], 'created_at in the last 5 days holds and must not'],
  ['not created_at in this month', [[true, agoMs(1)]], 'created_at in this month holds and must not'],
  [
    'not (country = "CN" and age >= 18)',
    [
      [true, 'CN'],
      [true, '20'],
    ],
    '[2 over 18] or [country = "CN" holds and must not]',
  ],
  [
    'not (country = "CN" or age >= 18)',
    [
      [true, 'CN'],
      [true, '20'],
    ],
    'country = "CN" holds and must not and 2 over 18',
  ],
  [
    'not (country = "CN" or age >= 18)',
    [
      [false, 'DE'],
      [true, '20'],
    ],
    '2 over 18',
  ],
  ['not in segment "vip"', [[true]], 'in segment "vip"'],
];

test.each(WAYS)('%s', (rule, seen, expected) => {
  expect(describeAll(find(rule, seen), ({ sentence }) => sentence)).toBe(expected);
});

/** Noon of a day, by which its date is the same in both zones. */
const NOON = (day: number) => at(`2000-01-0${day}T17:00:00Z`);

const DAYS_IN_NEW_YORK: readonly (readonly [rule: string, seen: SeenCondition, expected: string])[] = [
  // a date meets an instant by its day
  ['birthday < first(orders.placed_at)', [false, '2000-01-03', NOON(1)], 'birthday is 3 days too late'],
  ['birthday <= first(orders.placed_at)', [false, '2000-01-03', NOON(1)], 'birthday is 2 days too late'],
  ['birthday >= first(orders.placed_at)', [false, '2000-01-03', NOON(4)], 'birthday is 1 day too early'],
  ['birthday > first(orders.placed_at)', [false, '2000-01-03', NOON(4)], 'birthday is 2 days too early'],
  ['birthday = first(orders.placed_at)', [false, '2000-01-03', NOON(4)], 'birthday is 1 day too early'],
  // three in the morning in UTC is the evening before
  ['created_at between 2000-01-03 and 2000-01-05', [false, at('2000-01-03T03:00:00Z')], 'created_at is 2 hours too early'],
  ['created_at between 2000-01-03 and 2000-01-05', [false, at('2000-01-06T06:00:00Z')], 'created_at is 1 hour too late'],
  ['created_at = 2000-01-03', [false, at('2000-01-03T03:00:00Z')], 'created_at is 2 hours too early'],
  ['created_at = 2000-01-03', [false, at('2000-01-04T06:00:00Z')], 'created_at is 1 hour too late'],
];

test.each(DAYS_IN_NEW_YORK)('days of a zone: %s of %j', (rule, seen, expected) => {
  expect(describeAll(find(rule, [seen], 'America/New_York'), ({ sentence }) => sentence)).toBe(expected);
});

test('a date begins and ends with its zone', () => {
  const noon: readonly SeenCondition[] = [[false, at('2026-11-20T12:00:00Z')]];
  expect(describeAll(find('created_at > 2026-11-20', noon, 'Asia/Shanghai'), inFull)).toContain('4 hours too early');
  expect(describeAll(find('created_at > 2026-11-20', noon), inFull)).toContain('12 hours too early');
});
