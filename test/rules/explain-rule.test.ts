// What a condition asked, as of the moment: windows and anniversaries with both their ends, instants with their days.
import { expect, test } from 'vitest';
import { type Catalog, EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { conditionsIn, explainRule, type SeenCondition, type Value } from '../../src/rules/explain-rule.ts';
import { parse } from '../oracle/parse.ts';

/** 20:00 of a Saturday in Shanghai. */
const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');
const CATALOG: Catalog = { ...EMPTY_CATALOG, segments: new Map([['vip', { id: 1, key: 'vip', status: 'active', references: [] }]]) };

function explain(text: string, seen: readonly SeenCondition[] | null) {
  const { checked } = checkRule(parse(text), CATALOG, { purpose: 'check' });
  if (checked === null) throw new Error(`${text} is refused`);
  return explainRule({ rule: checked.rule, types: checked.types, moment: { asOfMs: NOW_MS, timeZone: 'Asia/Shanghai' }, seen });
}

const print = (value: Value | null): string => (value === null ? 'open' : `${value.text} = ${value.value}`);

const WINDOWS: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['created_at in the last 30 days', 'in the last 30 days = 2026-10-22T12:00:00.000Z', 'open'],
  ['created_at in this month', 'in this month = 2026-10-31T16:00:00.000Z', 'in this month = 2026-11-30T16:00:00.000Z'],
  ['created_at in last quarter', 'in last quarter = 2026-06-30T16:00:00.000Z', 'in last quarter = 2026-09-30T16:00:00.000Z'],
  ['created_at since 2026-11-01', '2026-11-01 = 2026-10-31T16:00:00.000Z', 'open'],
  ['created_at before 5 days ago', 'open', '5 days ago = 2026-11-16T12:00:00.000Z'],
  ['count(orders) >= 1', 'open', 'open'],
  ['birthday in last month', 'in last month = 2026-10-01', 'in last month = 2026-11-01'],
  ['birthday since 5 days ago', '5 days ago = 2026-11-16', 'open'],
  ['birthday anniversary today', 'today = 2026-11-21', 'today = 2026-11-22'],
  ['birthday anniversary in the next 7 days', 'in the next 7 days = 2026-11-21', 'in the next 7 days = 2026-11-28'],
  ['birthday anniversary in the last 7 days', 'in the last 7 days = 2026-11-15', 'in the last 7 days = 2026-11-22'],
  ['birthday anniversary in this month', 'in this month = 2026-11-01', 'in this month = 2026-12-01'],
  ['birthday anniversary in next month', 'in next month = 2026-12-01', 'in next month = 2027-01-01'],
];

test.each(WINDOWS)('%s', (rule, from, to) => {
  const [condition] = conditionsIn(explain(rule, null));
  expect([print(condition?.asked.from ?? null), print(condition?.asked.to ?? null)]).toEqual([from, to]);
});

const ASKED: readonly (readonly [rule: string, expected: string])[] = [
  ['last(orders.placed_at) < 60 days ago', '<: 60 days ago = 2026-09-22T12:00:00.000Z'],
  ['created_at > 90 seconds ago', '>: 90 seconds ago = 2026-11-21T11:58:30.000Z'],
  ['created_at > 45 minutes ago', '>: 45 minutes ago = 2026-11-21T11:15:00.000Z'],
  ['created_at > 36 hours ago', '>: 36 hours ago = 2026-11-20T00:00:00.000Z'],
  ['created_at < 2 weeks from now', '<: 2 weeks from now = 2026-12-05T12:00:00.000Z'],
  ['created_at > now', '>: now = 2026-11-21T12:00:00.000Z'],
  ['created_at > 2026-11-01T00:00:00Z', '>: 2026-11-01T00:00:00Z = 2026-11-01T00:00:00.000Z'],
  ['birthday = today', '=: today = 2026-11-21'],
  ['birthday > 5 days ago', '>: 5 days ago = 2026-11-16'],
  ['birthday < 3 days from now', '<: 3 days from now = 2026-11-24'],
  ['country in ("CN", "DE")', 'in: "CN" = CN, "DE" = DE'],
  ['tags has all ("a", "b")', 'has all: "a" = a, "b" = b'],
  ['country starts with "C"', 'starts with: "C" = C'],
  ['in segment "vip"', 'in segment: in segment "vip" = vip'],
  ['country is missing', 'is missing: '],
  ['consent.email = true', '=: true = true'],
  ['age between 5 and 7.5', 'between: 5 = 5, 7.5 = 7.5'],
  ['bucket("a") < 50', '<: 50 = 50'],
  ['days_between(birthday, created_at) > 5', '>: 5 = 5'],
  ['everyone', 'everyone: '],
];

test.each(ASKED)('%s', (rule, expected) => {
  const [condition] = conditionsIn(explain(rule, null));
  expect(`${condition?.asked.operator}: ${condition?.asked.values.map(print).join(', ')}`).toBe(expected);
});

test('both sides that are computed are seen', () => {
  const [condition] = conditionsIn(explain('sum(orders.total) >= sum(items.total)', [[true, '12.5', '12']]));
  expect([condition?.seen, ...(condition?.asked.values ?? [])].map((value) => print(value ?? null))).toEqual([
    'sum(orders.total) = 12.5',
    'sum(items.total) = 12',
  ]);
});

test('a seen instant is told as one', () => {
  const [condition] = conditionsIn(explain('created_at > now', [[false, NOW_MS]]));
  expect(condition?.seen).toEqual({ text: 'created_at', type: 'timestamp', value: '2026-11-21T12:00:00.000Z' });
});

const TRUTHS: readonly (readonly [rule: string, truths: string])[] = [
  ['everyone and not everyone', 'f'],
  ['everyone and everyone', 't'],
  ['not everyone or everyone', 't'],
  ['not everyone or not everyone', 'f'],
  ['not (everyone and everyone)', 'f'],
];

test.each(TRUTHS)('%s comes to %s', (rule, truth) => {
  expect(explain(rule, [[true], [true]]).holds).toBe(truth === 't');
  expect(explain(rule, null).holds).toBeNull();
});
