// What has changed in a rule: a table of rules before and after.
import { expect, test } from 'vitest';
import type { Rule } from '../../src/rules/ast.ts';
import { diffRules } from '../../src/rules/diff-rules.ts';
import { parseRule } from '../../src/rules/parse-text.ts';

function read(text: string): Rule {
  const parsed = parseRule(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

function told(before: string | null, after: string): string[] {
  const { added, removed, changed } = diffRules(before === null ? null : read(before), read(after));
  return [
    ...removed.map(({ text }) => `- ${text}`),
    ...changed.map((change) => `~ ${change.before} -> ${change.after}`),
    ...added.map(({ text }) => `+ ${text}`),
  ];
}

const A = 'country = "CN"';
const B = 'count(orders) >= 2';
const C = 'age > 18';

test.each<[string, string | null, string, string[]]>([
  ['nothing', `${A} and ${B}`, `${A} and ${B}`, []],
  ['order and brackets', `${A} and (${B})`, `${B} and ${A}`, []],
  ['a first rule', null, `${A} and ${B}`, [`+ ${A}`, `+ ${B}`]],
  ['a first rule of alternatives', null, `${A} or ${B}`, [`+ ${A} or ${B}`]],
  ['one more', A, `${A} and ${B}`, [`+ ${B}`]],
  ['one less', `${A} and ${B} and ${C}`, `${A} and ${C}`, [`- ${B}`]],
  ['one alone', `${A} or ${B}`, B, [`- ${A}`]],
  ['a group gets company', `${A} or ${B}`, `(${A} or ${B}) and ${C}`, [`+ ${C}`]],
  ['another operator of one field', `${A} and ${B}`, `country is missing and ${B}`, [`~ ${A} -> country is missing`]],
  ['no operator any more', `country is missing and ${B}`, `${A} and ${B}`, [`~ country is missing -> ${A}`]],
  ['a threshold', `${A} and ${B}`, `${A} and count(orders) >= 3`, [`~ ${B} -> count(orders) >= 3`]],
  ['a window', B, 'count(orders in the last 30 days) >= 2', [`~ ${B} -> count(orders in the last 30 days) >= 2`]],
  ['a filter', B, 'count(orders where status = "paid") >= 2', [`~ ${B} -> count(orders where status = "paid") >= 2`]],
  ['another operator', A, 'country in ("CN", "DE")', [`~ ${A} -> country in ("CN", "DE")`]],
  ['a negation', A, `not ${A}`, [`~ ${A} -> not ${A}`]],
  ['another field', A, 'city = "CN"', [`- ${A}`, '+ city = "CN"']],
  ['another segment', 'in segment "a"', 'in segment "b"', ['- in segment "a"', '+ in segment "b"']],
  ['another connective', `${A} and ${B}`, `${A} or ${B}`, [`~ ${A} and ${B} -> ${A} or ${B}`]],
  ['a change inside', `${C} and (${A} or ${B})`, `${C} and (${A} or count(orders) >= 5)`, [`~ ${B} -> count(orders) >= 5`]],
  ['one more inside', `${C} and (${A} or ${B})`, `${C} and (${A} or ${B} or city = "x")`, ['+ city = "x"']],
  [
    'the nearer of two',
    `${B} and count(orders in the last 7 days) >= 1`,
    'count(orders in the last 7 days) >= 2',
    [`- ${B}`, '~ count(orders in the last 7 days) >= 1 -> count(orders in the last 7 days) >= 2'],
  ],
  [
    'the nearer by its words',
    'count(orders in the last 30 days) >= 1 and count(orders in the last 7 days) >= 1',
    'count(orders in the last 7 days) >= 2',
    ['- count(orders in the last 30 days) >= 1', '~ count(orders in the last 7 days) >= 1 -> count(orders in the last 7 days) >= 2'],
  ],
  ['the same twice', `${A} or ${A}`, A, [`- ${A}`]],
  ['a negated group', `not (${A} and ${B})`, `not (${A} and ${C})`, [`~ not (${A} and ${B}) -> not (${A} and ${C})`]],
])('%s', (_title, before, after, expected) => {
  expect(told(before, after)).toEqual(expected);
});

test('five hundred conditions are compared', () => {
  const rule = (from: number) => Array.from({ length: 500 }, (_, n) => `count(orders) >= ${from + n}`).join(' and ');
  expect(told(rule(0), rule(1))).toEqual(['~ count(orders) >= 0 -> count(orders) >= 500']);
});
