// No input, however hostile or deep, ends in a crash; work stays in proportion to the input (counted, not timed).
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkInput, checkRule } from '../../src/rules/check-rule.ts';
import { parseAnyRule } from '../../src/rules/parse-json.ts';
import { parseRule } from '../../src/rules/parse-text.ts';
import { tokenize } from '../../src/rules/tokens.ts';

function firstCode(input: unknown): string | undefined {
  return checkInput(input, EMPTY_CATALOG, { purpose: 'check' }).errors[0]?.code;
}

const WORDS =
  'and or not ( ) in between since before has any all is missing anniversary the last next 7 days ago from now today this month segment "x" country tags orders . total count( sum( events where = != < >= + - * / , 2026-01-01 2026-02-30T00:00:00Z -1 1.5 everyone bucket( days_between( percentile( for at least attributes -- " \' \\ \n'.split(
    / /,
  );

test('no string crashes the parser', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      parseRule(text);
    }),
    { numRuns: 1000 },
  );
});

test('no jumble of words crashes it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }), (words) => {
      const text = words.join(' ');
      const outcome = checkInput(text, EMPTY_CATALOG, { purpose: 'check' });
      expect(outcome.checked === null).toBe(outcome.errors.length > 0);
      for (const { place } of outcome.errors)
        if ('start' in place) expect(0 <= place.start && place.start <= place.end && place.end <= text.length).toBe(true);
    }),
    { numRuns: 1500 },
  );
});

const MEMBERS = [
  'and',
  'or',
  'not',
  'op',
  'left',
  'right',
  'values',
  'value',
  'window',
  'aggregate',
  'of',
  'field',
  'where',
  'last',
  'between',
];
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.constantFrom<unknown>(
      '=',
      'in',
      'has_any',
      'within',
      'count',
      'orders',
      'country',
      '7d',
      null,
      1,
      -0,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      true,
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...MEMBERS, '__proto__', 'constructor'), tie('value'), { maxKeys: 4 }),
  ),
})).value;

test('no JSON crashes the parser', () => {
  fc.assert(
    fc.property(fc.oneof(json, fc.jsonValue()), (value) => {
      const outcome = checkInput(value, EMPTY_CATALOG, { purpose: 'check' });
      expect(outcome.checked === null).toBe(outcome.errors.length > 0);
    }),
    { numRuns: 1500 },
  );
});

test.each([
  ['brackets', '('.repeat(100_000)],
  ['brackets within the text limit', '('.repeat(32_000)],
  ['a bracket too many', `${'('.repeat(257)}age > 1${')'.repeat(257)}`],
  ['brackets skipped over', `percentile(${'('.repeat(300)}`],
  ['brackets of functions', 'count(orders where '.repeat(1700)],
  ['nots', 'not '.repeat(100_000)],
  ['nots within the text limit', `${'not '.repeat(8000)}everyone`],
  ['a not too many', `${'not '.repeat(32)}everyone`],
  ['a long sum', `1${' + 1'.repeat(8000)} = 1`],
  ['alternating connectives', `${'(everyone or everyone and '.repeat(32)}everyone${')'.repeat(32)}`],
  ['conditions', Array(501).fill('age = 1').join(' or ')],
  ['conditions inside where', `count(orders where ${Array(500).fill('total = 1').join(' or ')}) > 1`],
  ['nots inside where', `count(orders where ${'not '.repeat(31)}total = 1) > 1`],
  ['a long list', `age in (${Array(1001).fill('1').join(', ')})`],
  ['a text that is too long', `country = "${'x'.repeat(32 * 1024)}"`],
  ['a text that is too long once printed', `country = "${'多'.repeat(10_916)}"or(age>1)`],
])('past a limit: %s', (_name, text) => {
  expect(firstCode(text)).toBe('limit_exceeded');
});

test.each([
  ['brackets', `${'('.repeat(256)}age > 1${')'.repeat(256)}`],
  ['nots', `${'not '.repeat(31)}everyone`],
  ['conditions', Array(500).fill('age = 1').join(' or ')],
  ['a long list', `age in (${Array(1000).fill('1').join(', ')})`],
  ['the longest text', `country = "${'x'.repeat(32 * 1024 - 12)}"`],
  ['the longest duration', 'created_at > 3660 days ago'],
])('at a limit: %s', (_name, text) => {
  expect(firstCode(text)).toBeUndefined();
});

function nest(levels: number, wrap: (inner: unknown) => unknown, innermost: unknown = { everyone: true }): unknown {
  let value = innermost;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
}

test('a tree too deep is refused unwalked', () => {
  const tree = (nots: number) =>
    nest(nots, (rule) => ({ kind: 'not', rule, place: { pointer: '' } }), { kind: 'everyone', place: { pointer: '' } });
  const codes = (nots: number) => checkRule(tree(nots) as Rule, EMPTY_CATALOG, { purpose: 'check' }).errors.map(({ code }) => code);
  expect([codes(31), codes(32)]).toEqual([[], ['limit_exceeded']]);
});

test.each([
  ['not', nest(100_000, (inner) => ({ not: inner }))],
  ['and', nest(100_000, (inner) => ({ and: [inner] }))],
  ['and in or', nest(40, (inner) => ({ and: [{ or: [inner, { everyone: true }] }, { everyone: true }] }))],
  ['arithmetic', { op: '=', left: nest(100_000, (inner) => ({ op: '+', left: inner, right: 1 })), right: 1 }],
  ['where', nest(100_000, (inner) => ({ op: '=', left: { aggregate: 'count', of: 'orders', where: inner }, right: 1 }))],
  ['values', { op: 'in', left: { field: 'age' }, values: Array(1001).fill(1) }],
  ['conditions', { or: Array(100_000).fill({ op: '=', left: { field: 'age' }, right: 1 }) }],
  ['text once printed', { segment: 'x'.repeat(40_000) }],
])('past a limit in JSON: %s', (_name, value) => {
  const codes = checkInput(value, EMPTY_CATALOG, { purpose: 'check' }).errors.map((error) => error.code);
  expect(codes).toContain('limit_exceeded');
});

test('a list of mistakes ends, and says so', () => {
  const mistakes = Array(400).fill('x = 1').join(' or ');
  const { errors } = checkInput(mistakes, EMPTY_CATALOG, { purpose: 'check' });
  expect(errors).toHaveLength(201);
  expect(errors.at(-1)).toMatchObject({ code: 'limit_exceeded', detail: expect.stringContaining('400 entries') });
});

test('only the first mistakes get a hint', () => {
  const { errors } = checkInput(Array(40).fill('contry = "x"').join(' or '), EMPTY_CATALOG, { purpose: 'check' });
  expect(errors.map(({ hint }) => hint !== undefined)).toEqual([...Array(30).fill(true), ...Array(10).fill(false)]);
});

test('a limit is told beside other mistakes', () => {
  const codes = (value: unknown) => checkInput(value, EMPTY_CATALOG, { purpose: 'check' }).errors.map(({ code }) => code);
  const condition = { op: '=', left: { field: 'age' }, right: 1 };
  expect(codes({ or: [...Array(501).fill(condition), 5] })).toEqual(['limit_exceeded', 'syntax_error']);
  expect(codes({ or: [5, nest(32, (inner) => ({ not: inner }))] })).toEqual(['syntax_error', 'limit_exceeded']);
  expect(codes({ or: [...Array(500).fill(condition), 5] })).toEqual(['syntax_error']); // what stands in for it is no condition
});

test('no character is cut into two tokens', () => {
  for (const unit of ['(', '"', '1', '-', '.', ' ', 'a', '2026-01-01', "'", '\\', '--\n', '2026-01-01T']) {
    const text = unit.repeat(10_000);
    const tokens = tokenize(text);
    expect(tokens.length).toBeLessThanOrEqual(text.length + 1);
    expect(tokens.every((token, index) => token.start >= (tokens[index - 1]?.end ?? 0) || token.kind === 'end')).toBe(true);
  }
});

test('inherited members are no members', () => {
  expect(parseAnyRule(Object.create({ everyone: true })).ok).toBe(false);
  expect(parseAnyRule(JSON.parse('{"__proto__": {"everyone": true}}')).ok).toBe(false);
});
