// What is found in a rule without running it: the names that not everybody may ask about, and counts from which on an answer lasts.
import { expect, test } from 'vitest';
import { namedInInput } from '../../src/rules/named-in-rule.ts';
import { printExpression } from '../../src/rules/print-text.ts';
import { aggregatesOf, lastingCounts } from '../../src/rules/walk-rule.ts';
import { parse } from '../oracle/parse.ts';

const NAMED: readonly (readonly [rule: string, segments: readonly string[], personal: readonly string[]])[] = [
  ['in segment "vip" and not in segment "old"', ['vip', 'old'], []],
  ['email is missing or not phone is missing', [], ['email', 'phone']],
  ['attributes.tier = "gold" and country = "CN"', [], ['attributes.tier']],
  ['days_between(birthday, created_at) > 5', [], ['birthday']],
  ['count(events "e" where properties.email = "x") > 1', [], []],
  ['count(orders where email = "x") > 1 and in segment "vip"', ['vip'], []],
  ['((', [], []],
];

test.each(NAMED)('names in %s', (rule, segments, personal) => {
  const named = namedInInput(rule);
  expect([[...named.segments].sort(), [...named.personal].sort()]).toEqual([[...segments].sort(), [...personal].sort()]);
});

/** Null: it never does. */
const LASTING: readonly (readonly [condition: string, from: number | null])[] = [
  ['count(orders) >= 3', 3],
  ['count(orders) >= 2.5', 3],
  ['count(orders) < 3', 3],
  ['count(orders) > 3', 4],
  ['count(orders) > 2.5', 3],
  ['count(orders) <= 3', 4],
  ['count(orders) = 3', 4],
  ['count(orders) != 3', 4],
  ['count(orders) >= 0', 1],
  ['count(orders) > -5', 1],
  ['3 >= count(orders)', 4],
  ['count(orders) between 2 and 5', 6],
  ['count(orders) between 7 and 5', 7],
  ['count(orders) in (1, 9, 4)', 10],
  ['not count(orders) >= 3', 3],
  ['age > 5 or count(orders) >= 3', 3],
  ['age > 5 and count(orders) >= 3', 3],
  ['count(orders) between 2 and count(items)', null],
  ['count(orders) > age', null],
  ['count(orders) + 1 > 5', null],
];

test.each(LASTING)('an answer lasts: %s', (condition, from) => {
  const [count] = [...lastingCounts(parse(condition)).values()].filter(Number.isFinite);
  expect(count ?? null).toBe(from);
});

test('every aggregate is found', () => {
  const rule =
    'days_between(first(orders.placed_at), last(orders.placed_at)) / (count(orders) - 1) < min(orders.total)' +
    ' and not (max(orders.total) between avg(orders.total) and sum(orders.total) or last(orders.id) contains "x")';
  expect(aggregatesOf(parse(rule)).map(printExpression)).toEqual([
    'first(orders.placed_at)',
    'last(orders.placed_at)',
    'count(orders)',
    'min(orders.total)',
    'max(orders.total)',
    'avg(orders.total)',
    'sum(orders.total)',
    'last(orders.id)',
  ]);
});
