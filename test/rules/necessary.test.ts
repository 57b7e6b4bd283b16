// The conditions without which a rule cannot hold, found from the rule alone.
import { describe, expect, it } from 'vitest';
import { type NecessaryRows, necessaryOf } from '../../src/rules/necessary.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { parse } from '../oracle/parse.ts';

/** rule → conditions about the profile; those that only end; rows */
const CASES: Readonly<Record<string, readonly [profile: string, falling: string, rows: string]>> = {
  'country = "DE"': ['country = "DE"', '', ''],
  'country = "DE" and count(orders where status = "paid") >= 12': ['country = "DE"', 'count(orders where status = "paid") >= 12', ''],
  'country = "DE" or gender = "f"': ['country = "DE" or gender = "f"', '', ''],
  'not country is missing and bucket("a") < 50': ['country is not missing; bucket("a") < 50', '', ''],
  'birthday >= 1990-01-01 and created_at since 2026-01-01': ['birthday >= 1990-01-01; created_at since 2026-01-01', '', ''],
  'age >= 18 and birthday anniversary today': ['', '', ''],
  'birthday < today and created_at in the last 3 days and created_at < 3 days ago': ['', '', ''],
  'created_at between 2026-01-01 and today and everyone and in segment "vip"': ['', '', ''],
  'country = "DE" and (country = "FR" or age > 3)': ['country = "DE"', '', ''],
  'country = "DE" and gender = "f" or attributes.vip = true': ['country = "DE" and gender = "f" or attributes.vip = true', '', ''],
  'country in ("DE") and email contains "." and tags has any ("a") and consent.email = true': [
    'country in ("DE"); email contains "."; tags has any ("a"); consent.email = true',
    '',
    '',
  ],
  'created_at > 2026-01-01T00:00:00Z and created_at since 2026-01-01T00:00:00Z': [
    'created_at > 2026-01-01T00:00:00Z; created_at since 2026-01-01T00:00:00Z',
    '',
    '',
  ],
  'created_at < now and birthday < 7 days from now and created_at in this month and created_at since 7 days ago': ['', '', ''],
  '1 < attributes.points and attributes.points + age > 5': ['1 < attributes.points', '', ''],
  'days_between(birthday, created_at) > 5 and days_between(birthday, last(orders.placed_at)) > 5': [
    'days_between(birthday, created_at) > 5',
    '',
    '',
  ],

  'count(orders in the last 30 days) >= 3': ['', 'count(orders in the last 30 days) >= 3', '3 orders from now -2592000000'],
  'count(orders in the last 30 days) > 2': ['', 'count(orders in the last 30 days) > 2', '3 orders from now -2592000000'],
  'count(orders in the last 30 days) >= 2.5': ['', 'count(orders in the last 30 days) >= 2.5', '3 orders from now -2592000000'],
  '2.5 < count(orders since 7 days ago)': ['', '2.5 < count(orders since 7 days ago)', '3 orders from now -604800000'],
  'count(orders in this month) > 0': ['', '', '1 orders from month 0'],
  'count(orders since 2026-01-01) >= 1': ['', 'count(orders since 2026-01-01) >= 1', '1 orders from date 20454'],
  'count(orders before 2026-01-01) >= 1': ['', 'count(orders before 2026-01-01) >= 1', ''],
  'count(orders before 30 days ago) >= 1': ['', '', ''],
  'count(orders between 90 days ago and 30 days ago) >= 1': ['', '', '1 orders from now -7776000000'],
  'count(orders in the last 30 days) >= 0': ['', '', ''],
  'count(orders in the last 30 days) < 3': ['', '', ''],
  'count(orders in the last 30 days) = 2': ['', '', '1 orders from now -2592000000'],
  'count(orders in the last 30 days) != 0': ['', '', '1 orders from now -2592000000'],
  'count(orders in the last 30 days) != 1': ['', '', ''],
  'not count(orders in the last 30 days) = 0': ['', '', '1 orders from now -2592000000'],
  'sum(orders.total in the last 30 days) > 0': ['', '', '1 orders from now -2592000000'],
  'sum(orders.total in the last 30 days) > -1': ['', '', ''],
  'avg(orders.total in the last 30 days) < 5': ['', '', '1 orders from now -2592000000'],
  'avg(orders.total in the last 30 days) is missing': ['', '', ''],
  'max(orders.total in the last 7 days) > 5': ['', 'max(orders.total in the last 7 days) > 5', '1 orders from now -604800000'],
  'max(orders.total in the last 7 days) >= 5': ['', 'max(orders.total in the last 7 days) >= 5', '1 orders from now -604800000'],
  'max(orders.total in the last 7 days) < 5': ['', '', '1 orders from now -604800000'],
  'min(orders.total in the last 7 days) <= 5': ['', 'min(orders.total in the last 7 days) <= 5', '1 orders from now -604800000'],
  'min(orders.total in the last 7 days) < 5': ['', 'min(orders.total in the last 7 days) < 5', '1 orders from now -604800000'],
  'min(orders.total in the last 7 days) > 5': ['', '', '1 orders from now -604800000'],
  'distinct(items.category in the last 7 days) >= 2': [
    '',
    'distinct(items.category in the last 7 days) >= 2',
    '2 items from now -604800000',
  ],
  'last(orders.placed_at in the last 90 days) < 60 days ago': ['', '', '1 orders from now -7776000000'],
  'last(orders.placed_at) > 60 days ago': ['', '', ''],
  'count(orders where discount > 0 in the last 7 days) / count(orders in the last 7 days) >= 0.5': ['', '', '1 orders from now -604800000'],
  'count(orders where discount > 0 in the last 7 days) / count(orders) >= 0.5': ['', '', ''],
  'count(orders in the last 7 days) + count(orders) >= 5': ['', '', ''],
  'count(orders in the last 7 days) >= 1 and count(orders) = 1': [
    '',
    'count(orders in the last 7 days) >= 1',
    '1 orders from now -604800000',
  ],
  'count(orders in the last 7 days) = 1 and age > 30': ['', '', ''],
  'count(orders in the last 7 days) >= 1 and age > 30': ['', 'count(orders in the last 7 days) >= 1', '1 orders from now -604800000'],
  'count(orders in the last 7 days) = 1 and count(events "x" in the last 3 days) = 0': [
    '',
    '',
    '1 orders from now -604800000; 1 x from now -259200000',
  ],
  'count(orders in the last 7 days) = 1 or count(orders in the last 30 days) = 5': [
    '',
    '',
    '1 orders from now -604800000, now -2592000000',
  ],
  'count(orders in the last 7 days) >= 2 and count(events "x" in the last 3 days) >= 4': [
    '',
    'count(orders in the last 7 days) >= 2; count(events "x" in the last 3 days) >= 4',
    '4 x from now -259200000',
  ],
  'count(events "x" where properties.at < 3 days ago in the last 7 days) >= 1': ['', '', ''],
  'count(events "x" where properties.path = "a" in the last 7 days) = 1': ['', '', '1 x from now -604800000'],
  'count(events "x" where properties.path = "a" and properties.at < 3 days ago in the last 7 days) >= 1': ['', '', ''],
  'count(orders since 2026-01-01) >= 1 and count(orders in the last 7 days) >= 2': [
    '',
    'count(orders since 2026-01-01) >= 1; count(orders in the last 7 days) >= 2',
    '2 orders from now -604800000',
  ],
};

/** Nobody without an order of the last seven days holds them, now or later, however much else is true of them. `recent`: that many orders. */
const RECENT = 'count(orders in the last 7 days)';
const OF_SOMEBODY_RECENT = [
  // beside conditions that the clock does not move
  'recent = 1 and count(orders) = 1',
  'recent = 1 and count(orders before 2026-01-01) = 1',
  'recent = 1 and everyone and in segment "vip"',
  'recent = 1 and country between "A" and "F" and country in ("DE") and email contains "." and tags has any ("a") and city is missing',
  'recent = 1 and created_at since 2026-01-01 and today since 2026-01-01',
  'recent = 1 or recent = 2',
  'count(orders where everyone in the last 7 days) = 1',
  'count(orders where status = "a" or not (status = "b" and channel = "c") in the last 7 days) = 1',
  // what no rows give: nothing
  'recent between 1 and 3',
  'recent in (1, 2)',
  'recent < 0',
  'recent <= -1',
  '1 <= recent and recent < 5 and recent != 3',
  'first(orders.total in the last 7 days) > 5',
  'last(orders.total in the last 7 days) > 5',
  'last(orders.status in the last 7 days) contains "p"',
  'last(orders.coupons in the last 7 days) has any ("a")',
  'last(orders.placed_at in the last 7 days) since 2026-01-01',
  'last(orders.placed_at in the last 7 days) in this month',
  'last(orders.placed_at in the last 7 days) anniversary today',
  'last(orders.placed_at in the last 7 days) < now',
  'last(orders.placed_at in the last 7 days) = today',
  'last(orders.placed_at in the last 7 days) < 1 day from now',
  'avg(orders.total in the last 7 days) is not missing',
  'avg(orders.total in the last 7 days) > attributes.points',
  'attributes.points > avg(orders.total in the last 7 days)',
  'days_between(first(orders.placed_at in the last 7 days), created_at) > 3',
  'days_between(created_at, first(orders.placed_at in the last 7 days)) > 3',
  // what arithmetic makes of nothing, and of 0
  'avg(orders.total in the last 7 days) + 1 > 0',
  '1 + avg(orders.total in the last 7 days) > 0',
  '1 / recent > 0',
  'attributes.points / recent > 0',
  'recent + sum(orders.total in the last 7 days) >= 1',
  'recent / 5 > 0',
  'recent * 5 > 0',
  '5 * recent > 0',
];
const OF_ANYBODY = [
  'recent = 0',
  'recent >= 0',
  'recent <= 0',
  'recent between 0 and 3',
  'recent in (0, 1)',
  'avg(orders.total in the last 7 days) != 5',
  'recent - sum(orders.total in the last 7 days) = 0',
  'recent / 5 = 0',
  // beside something that the clock moves
  'recent = 1 and count(orders before 30 days ago) = 1',
  'recent = 1 and last(orders.placed_at) < 60 days ago',
  'recent = 1 and birthday anniversary today',
  'recent = 1 and created_at in the last 3 days',
  'recent = 1 and attributes.points + age > 3',
  'recent = 1 and age + attributes.points > 3',
  'recent = 1 and days_between(created_at, today) > 3',
  'recent = 1 and days_between(today, created_at) > 3',
  // beside something that may be true of anybody
  'recent = 1 or everyone',
  'recent = 1 or in segment "vip"',
  'recent = 1 or country = "DE"',
  'recent = 1 or country is missing',
  'recent = 1 or country contains "D"',
  'recent = 1 or tags has any ("a")',
  'recent = 1 or created_at since 2026-01-01',
  'recent = 1 or birthday > 1990-01-01',
  'recent = 1 or created_at > 2026-01-01T00:00:00Z',
  'recent = 1 or attributes.vip = true',
  'recent = 1 or consent.email = true',
  'recent = 1 or bucket("a") < 50',
  'recent = 1 or days_between(birthday, created_at) > 3',
  'recent = 1 or 2 * 3 > 5',
  'recent = 1 or 6 / 3 > 1',
  'not (country = "DE" and recent = 0)',
  // beside a value that may be anything
  'recent < attributes.points',
  'attributes.points < recent',
  'recent + attributes.points > 0',
  'recent / attributes.points != 0', // missing where the points are
  'recent * attributes.points != 0',
  'attributes.points * recent != 0',
  'attributes.points / 5 > -1',
];

describe('what a rule cannot hold without', () => {
  it.each(Object.entries(CASES))('%s', (text, expected) => {
    const { profile, falling, rows } = necessaryOf(parse(text));
    expect([profile.map(printRule).join('; '), falling.map(printRule).join('; '), rows?.map(printRows).join('; ') ?? '']).toEqual(expected);
  });

  it.each(OF_SOMEBODY_RECENT)('without a recent order nobody holds %s', (text) => {
    expect(necessaryOf(parse(text.replaceAll('recent', RECENT))).rows?.map(printRows)).toEqual(['1 orders from now -604800000']);
  });

  it.each(OF_ANYBODY)('without an order somebody may hold %s', (text) => {
    expect(necessaryOf(parse(text.replaceAll('recent', RECENT))).rows).toBeNull();
  });
});

function printRows({ source, edges, atLeast }: NecessaryRows): string {
  const what = source.kind === 'events' ? source.event : source.kind;
  return `${atLeast} ${what} from ${edges.map(({ name }) => name).join(', ')}`;
}
