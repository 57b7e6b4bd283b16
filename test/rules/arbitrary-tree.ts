// Any rule tree that the two forms can write, well-typed or not: odd names, odd strings, every construct. For round trips. Rules that also check
// without a mistake are made by test/oracle/arbitrary-rule.ts.
import fc from 'fast-check';
import type {
  AnniversaryWindow,
  Duration,
  Expression,
  FieldExpression,
  Instant,
  Literal,
  Place,
  Rule,
  Source,
  Window,
} from '../../src/rules/ast.ts';
import { ARITHMETIC_OPERATORS, COMPARISON_OPERATORS, LIST_OPERATORS, TEXT_OPERATORS } from '../../src/rules/operators.ts';
import { readDecimal } from '../../src/rules/read-literal.ts';
import { AGGREGATE_FUNCTIONS, CALENDAR_PERIODS, UNITS } from '../../src/rules/vocabulary.ts';

const place: Place = { pointer: '' };

const string = fc.oneof(
  fc.constantFrom('', 'CN', 'a"b', 'a\\', '--', 'two\nlines', '%', "O'Neil", '多', '𝒳', '\u202e'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => text.replaceAll('\u0000', '').toWellFormed()),
);
/** Keywords too: they are names after a dot. */
const name = fc.oneof(
  fc.constantFrom('tier', 'loyalty-tier', 'a.b', 'in', 'not', 'where', 'true', 'größe', '2fa', '', 'a..b', '30 days', '.', 'Country'),
  string,
);
const fieldName = fc.constantFrom(
  'country',
  'age',
  'tags',
  'id',
  'count',
  'last',
  'segment',
  'score.churn',
  'orders.total',
  'x.in',
  'x."',
  'ago',
);

const field: fc.Arbitrary<FieldExpression> = fc.oneof(
  fieldName.map((text) => ({ kind: 'field' as const, name: text, place })),
  fc
    .tuple(fc.constantFrom('attribute' as const, 'property' as const, 'consent' as const), name)
    .map(([kind, text]) => ({ kind, name: text, place })),
);

const date: fc.Arbitrary<Extract<Literal, { kind: 'date' }>> = fc
  .date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2200-12-31T00:00:00Z'), noInvalidDate: true })
  .map((day) => ({ kind: 'date', value: day.toISOString().slice(0, 10), place }));
const timestamp: fc.Arbitrary<Extract<Literal, { kind: 'timestamp' }>> = fc
  .integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2200, 11, 31) })
  .map((value) => ({ kind: 'timestamp', value, place }));
const number: fc.Arbitrary<Literal> = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 999_999_999_999_999n }), fc.integer({ min: 0, max: 18 }))
  .map(([negative, digits, decimals]) => {
    const text = digits.toString().padStart(decimals + 1, '0');
    const whole = text.slice(0, text.length - decimals);
    return { kind: 'number', value: readDecimal(`${negative ? '-' : ''}${whole}.${text.slice(text.length - decimals)}`).value, place };
  });

const literal: fc.Arbitrary<Literal> = fc.oneof(
  string.map((value) => ({ kind: 'string' as const, value, place })),
  number,
  fc.boolean().map((value) => ({ kind: 'boolean' as const, value, place })),
  date,
  timestamp,
);
const duration: fc.Arbitrary<Duration> = fc.record({
  amount: fc.constantFrom(0, 1, 2, 7, 30, 100_000),
  unit: fc.constantFrom(...UNITS.map((row) => row.unit)),
});
const instant: fc.Arbitrary<Instant> = fc.oneof(
  date,
  timestamp,
  fc.constantFrom({ kind: 'now' as const, place }, { kind: 'today' as const, place }),
  fc.tuple(fc.constantFrom('ago' as const, 'from_now' as const), duration).map(([kind, length]) => ({ kind, duration: length, place })),
);
const operandWindow: fc.Arbitrary<Window> = fc.oneof(
  duration.map((length) => ({ kind: 'last' as const, duration: length, place })),
  fc.constantFrom(...CALENDAR_PERIODS).map((period) => ({ kind: 'calendar' as const, period, place })),
  fc.tuple(fc.constantFrom('since' as const, 'before' as const), instant).map(([kind, at]) => ({ kind, instant: at, place })),
);
const window: fc.Arbitrary<Window> = fc.oneof(
  operandWindow,
  fc.tuple(instant, instant).map(([from, to]) => ({ kind: 'between' as const, from, to, place })),
);
const anniversary: fc.Arbitrary<AnniversaryWindow> = fc.oneof(
  fc.constantFrom<AnniversaryWindow>({ kind: 'today' }, { kind: 'this_month' }, { kind: 'next_month' }),
  fc.tuple(fc.constantFrom('next' as const, 'last' as const), duration).map(([kind, length]) => ({ kind, duration: length })),
);
const source: fc.Arbitrary<Source> = fc.oneof(
  fc.constantFrom<Source>({ kind: 'orders' }, { kind: 'items' }, { kind: 'events', event: null }),
  string.map((event) => ({ kind: 'events' as const, event })),
);

/** The same connective is never nested directly, as both parsers leave it. */
function flatten(kind: 'and' | 'or', rules: readonly Rule[]): Rule {
  return { kind, rules: rules.flatMap((rule) => (rule.kind === kind ? rule.rules : [rule])), place };
}

export const arbitraryTree: fc.Arbitrary<Rule> = fc.letrec<{ rule: Rule; condition: Rule; expression: Expression }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    tie('condition'),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('rule'), { minLength: 2, maxLength: 3 }))
      .map(([kind, rules]) => flatten(kind, rules)),
    tie('rule').map((rule) => ({ kind: 'not' as const, rule, place })),
  ),
  condition: fc.oneof(
    fc.constant({ kind: 'everyone' as const, place }),
    string.map((key) => ({ kind: 'segment' as const, key, place })),
    fc.record({
      kind: fc.constant('comparison' as const),
      op: fc.constantFrom(...COMPARISON_OPERATORS),
      left: tie('expression'),
      right: tie('expression'),
      place: fc.constant(place),
    }),
    fc.record({
      kind: fc.constant('between' as const),
      left: tie('expression'),
      low: tie('expression'),
      high: tie('expression'),
      place: fc.constant(place),
    }),
    fc.record({
      kind: fc.constant('in' as const),
      left: tie('expression'),
      values: fc.array(literal, { minLength: 1, maxLength: 3 }),
      place: fc.constant(place),
    }),
    fc.record({
      kind: fc.constant('has' as const),
      op: fc.constantFrom(...LIST_OPERATORS),
      left: tie('expression'),
      values: fc.array(literal, { minLength: 1, maxLength: 3 }),
      place: fc.constant(place),
    }),
    fc.record({
      kind: fc.constant('text' as const),
      op: fc.constantFrom(...TEXT_OPERATORS),
      left: tie('expression'),
      value: string,
      place: fc.constant(place),
    }),
    fc.record({ kind: fc.constant('missing' as const), left: tie('expression'), place: fc.constant(place) }),
    fc.record({ kind: fc.constant('within' as const), left: tie('expression'), window: operandWindow, place: fc.constant(place) }),
    fc.record({ kind: fc.constant('anniversary' as const), left: tie('expression'), window: anniversary, place: fc.constant(place) }),
  ),
  expression: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    field,
    literal,
    instant,
    string.map((salt) => ({ kind: 'bucket' as const, salt, place })),
    fc.record({
      kind: fc.constant('arithmetic' as const),
      op: fc.constantFrom(...ARITHMETIC_OPERATORS),
      left: tie('expression'),
      right: tie('expression'),
      place: fc.constant(place),
    }),
    fc.record({ kind: fc.constant('days_between' as const), from: tie('expression'), to: tie('expression'), place: fc.constant(place) }),
    fc.record({
      kind: fc.constant('aggregate' as const),
      function: fc.constantFrom(...AGGREGATE_FUNCTIONS.map((row) => row.name)),
      source,
      field: fc.option(field),
      where: fc.option(tie('rule')),
      window: fc.option(window),
      place: fc.constant(place),
    }),
  ),
})).rule;

/** A tree without its places, to compare by. */
export function withoutPlaces(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutPlaces);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([member]) => member !== 'place')
      .map(([member, value]) => [member, withoutPlaces(value)]),
  );
}
