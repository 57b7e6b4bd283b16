// What a rule cannot hold without, told from the rule alone.
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

  'count(orders in the last 30 days) >= 3': ['', 'count(orders in the last 30 days) >= 3', '3 orders from now -2592000000'],
  '2.5 < count(orders since 7 days ago)': ['', '2.5 < count(orders since 7 days ago)', '3 orders from now -604800000'],
  'count(orders in this month) > 0': ['', '', '1 orders from month 0'],
  'count(orders since 2026-01-01) >= 1': ['', 'count(orders since 2026-01-01) >= 1', '1 orders from day 20454'],
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
};

describe('what a rule cannot hold without', () => {
  it.each(Object.entries(CASES))('%s', (text, expected) => {
    const { profile, falling, rows } = necessaryOf(parse(text));
    expect([profile.map(printRule).join('; '), falling.map(printRule).join('; '), rows?.map(printRows).join('; ') ?? '']).toEqual(expected);
  });
});

function printRows({ source, edges, atLeast }: NecessaryRows): string {
  const what = source.kind === 'events' ? source.event : source.kind;
  return `${atLeast} ${what} from ${edges.map(({ name }) => name).join(', ')}`;
}
