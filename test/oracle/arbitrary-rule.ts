// Random well-typed rules about the shops of arbitrary-shop.ts: fields, literals and windows come from the same pools. Only rules that check
// without a mistake are made; mistakes in rules are left to other tests.
import fc from 'fast-check';
import { BUILT_IN_FIELDS, type Scope, type ValueType } from '../../src/catalog/catalog.ts';
import type {
  Aggregate,
  AnniversaryWindow,
  CalendarPeriod,
  ComparisonOperator,
  Expression,
  FieldExpression,
  Instant,
  Literal,
  Place,
  Rule,
  Source,
  Window,
} from '../../src/rules/ast.ts';
import { addDays } from './local-days.ts';
import { ATTRIBUTES, CONSENTS, DURATIONS, EVENTS, MOMENTS, NUMBERS, STRINGS, WORDS } from './world.ts';

const place: Place = { pointer: '' };

/** Where an expression stands: at the top or inside `where`, and then of which events. */
interface Standing {
  readonly scope: Scope;
  readonly event: string | null;
  /** segments a rule may name here */
  readonly segments: readonly string[];
  /** how many levels of and, or, not and arithmetic may still follow */
  readonly depth: number;
}

const PERIODS: readonly CalendarPeriod[] = [
  'today',
  'yesterday',
  'this_week',
  'this_month',
  'this_quarter',
  'this_year',
  'last_week',
  'last_month',
  'last_quarter',
  'last_year',
];

const EQUALITIES: readonly ComparisonOperator[] = ['=', '!='];
const ORDERINGS: readonly ComparisonOperator[] = ['=', '!=', '<', '<=', '>', '>='];

/** A rule for the top; `segments` are the keys that it may name. */
export function arbitraryRule(segments: readonly string[] = [], depth = 3): fc.Arbitrary<Rule> {
  return rule({ scope: 'customers', event: null, segments, depth });
}

function rule(at: Standing): fc.Arbitrary<Rule> {
  if (at.depth === 0) return condition(at);
  const deeper = { ...at, depth: at.depth - 1 };
  return fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: condition(at) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(rule(deeper), { minLength: 2, maxLength: 3 }))
        .map(([kind, rules]) => connect(kind, rules)),
    },
    { weight: 1, arbitrary: rule(deeper).map((negated) => ({ kind: 'not', rule: negated, place }) as const) },
  );
}

/** Connectives are n-ary: an `and` directly in an `and` is one `and`. */
function connect(kind: 'and' | 'or', rules: readonly Rule[]): Rule {
  return { kind, rules: rules.flatMap((part) => (part.kind === kind ? part.rules : [part])), place };
}

function condition(at: Standing): fc.Arbitrary<Rule> {
  const conditions: { weight: number; arbitrary: fc.Arbitrary<Rule> }[] = [
    { weight: 4, arbitrary: numberCondition(at) },
    { weight: 3, arbitrary: textCondition(at) },
    { weight: at.scope === 'customers' ? 4 : 2, arbitrary: timeCondition(at) },
    { weight: 1, arbitrary: missingCondition(at) },
    { weight: 1, arbitrary: fc.constant({ kind: 'everyone', place }) },
  ];
  if (fieldsOf('list', at).length > 0) conditions.push({ weight: 1, arbitrary: listCondition(at) });
  if (fieldsOf('boolean', at).length > 0) conditions.push({ weight: 1, arbitrary: booleanCondition(at) });
  if (at.scope === 'customers' && at.segments.length > 0) {
    conditions.push({ weight: 5, arbitrary: fc.constantFrom(...at.segments).map((key) => ({ kind: 'segment', key, place })) });
  }
  return fc.oneof({ withCrossShrink: true }, ...conditions);
}

// ---------------------------------------------------------------- conditions by type

function numberCondition(at: Standing): fc.Arbitrary<Rule> {
  const left = numberExpression(at);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: comparison(ORDERINGS, left, fc.oneof({ weight: 3, arbitrary: numberLiteral }, { weight: 1, arbitrary: left })),
    },
    { weight: 1, arbitrary: between(left, numberLiteral) },
    { weight: 1, arbitrary: isIn(left, numberLiteral) },
  );
}

function textCondition(at: Standing): fc.Arbitrary<Rule> {
  const left = expressionOf('string', at);
  return fc.oneof(
    { weight: 3, arbitrary: comparison(ORDERINGS, left, fc.oneof(stringLiteral, stringLiteral, left)) },
    { weight: 1, arbitrary: between(left, stringLiteral) },
    { weight: 2, arbitrary: isIn(left, stringLiteral) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('contains' as const, 'starts_with' as const, 'ends_with' as const), left, fc.constantFrom('', ...STRINGS))
        .map(([op, operand, value]): Rule => ({ kind: 'text', op, left: operand, value, place })),
    },
  );
}

function timeCondition(at: Standing): fc.Arbitrary<Rule> {
  return fc.constantFrom('date' as const, 'timestamp' as const).chain((wished): fc.Arbitrary<Rule> => {
    const type = fieldsOf(wished, at).length > 0 ? wished : 'timestamp';
    const left = expressionOf(type, at);
    const instants = instant(type);
    const times = fc.oneof({ weight: 4, arbitrary: instants }, { weight: 1, arbitrary: expressionOf('timestamp', at) });
    return fc.oneof(
      { weight: 3, arbitrary: comparison(ORDERINGS, left, times) },
      { weight: 1, arbitrary: between(left, instants) },
      { weight: 1, arbitrary: isIn(left, timeLiteral) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(left, window(type))
          .filter(([, chosen]) => chosen.kind !== 'between')
          .map(([operand, chosen]): Rule => ({ kind: 'within', left: operand, window: chosen, place })),
      },
      {
        weight: 2,
        arbitrary: fc
          .tuple(left, anniversaryWindow)
          .map(([operand, chosen]): Rule => ({ kind: 'anniversary', left: operand, window: chosen, place })),
      },
      { weight: 1, arbitrary: constantCondition },
    );
  });
}

function listCondition(at: Standing): fc.Arbitrary<Rule> {
  return fc
    .tuple(
      fc.constantFrom('has_any' as const, 'has_all' as const),
      expressionOf('list', at),
      fc.array(stringLiteral, { minLength: 1, maxLength: 2 }),
    )
    .map(([op, left, values]) => ({ kind: 'has', op, left, values, place }));
}

function booleanCondition(at: Standing): fc.Arbitrary<Rule> {
  const literal = fc.boolean().map((value): Literal => ({ kind: 'boolean', value, place }));
  return comparison(EQUALITIES, expressionOf('boolean', at), literal);
}

function missingCondition(at: Standing): fc.Arbitrary<Rule> {
  const types = (['string', 'number', 'boolean', 'date', 'timestamp', 'list'] as const).filter((type) => fieldsOf(type, at).length > 0);
  return fc
    .constantFrom(...types)
    .chain((type) => (type === 'number' ? numberExpression(at) : expressionOf(type, at)))
    .map((left) => ({ kind: 'missing', left, place }));
}

function comparison(
  ops: readonly ComparisonOperator[],
  left: fc.Arbitrary<Expression>,
  right: fc.Arbitrary<Expression>,
): fc.Arbitrary<Rule> {
  return fc.tuple(fc.constantFrom(...ops), left, right, fc.integer({ min: 0, max: 4 })).map(([op, first, second, turn]) => ({
    kind: 'comparison',
    op,
    left: turn === 0 ? second : first,
    right: turn === 0 ? first : second,
    place,
  }));
}

function between(left: fc.Arbitrary<Expression>, bound: fc.Arbitrary<Expression>): fc.Arbitrary<Rule> {
  return fc.tuple(left, bound, bound).map(([operand, low, high]) => ({ kind: 'between', left: operand, low, high, place }));
}

function isIn(left: fc.Arbitrary<Expression>, literal: fc.Arbitrary<Literal>): fc.Arbitrary<Rule> {
  return fc
    .tuple(left, fc.array(literal, { minLength: 1, maxLength: 3 }))
    .map(([operand, values]) => ({ kind: 'in', left: operand, values, place }));
}

// ---------------------------------------------------------------- expressions

const numberLiteral = fc.constantFrom(...NUMBERS).map((value): Literal => ({ kind: 'number', value, place }));
const stringLiteral = fc
  .constantFrom('', ...STRINGS, ...STRINGS, ...WORDS, ...WORDS)
  .map((value): Literal => ({ kind: 'string', value, place }));

/** Days whose number is that of a shift in calendar words: -1 yesterday, 0 today, 1 tomorrow. */
const EPOCH_DAYS = ['1969-12-31', '1970-01-01', '1970-01-02'];

const movedDate = fc
  .tuple(fc.constantFrom(...MOMENTS), fc.constantFrom(0, 1, -1, -7, -30, -365, -7_000, -12_000))
  .map(([moment, days]): Literal & Instant => ({
    kind: 'date',
    value: addDays(new Date(moment.asOfMs).toISOString().slice(0, 10), days),
    place,
  }));

const dateLiteral = fc.oneof(
  { weight: 12, arbitrary: movedDate },
  { weight: 1, arbitrary: fc.constantFrom(...EPOCH_DAYS).map((value): Literal & Instant => ({ kind: 'date', value, place })) },
);

const timestampLiteral = fc
  .tuple(fc.constantFrom(...MOMENTS), fc.constantFrom(0, 1, -1, 3_600_000, -86_400_000, -30 * 86_400_000, -365 * 86_400_000))
  .map(([moment, offsetMs]): Literal & Instant => ({ kind: 'timestamp', value: moment.asOfMs + offsetMs, place }));

const timeLiteral: fc.Arbitrary<Literal> = fc.oneof(dateLiteral, timestampLiteral);

const wholeDays = DURATIONS.filter((duration) => duration.unit === 'days' || duration.unit === 'weeks');

/** Against a date, `ago` and `from now` go by whole days. */
function instant(type: 'date' | 'timestamp'): fc.Arbitrary<Instant> {
  const duration = fc.constantFrom(...(type === 'date' ? wholeDays : DURATIONS));
  return fc.oneof(
    { weight: 2, arbitrary: dateLiteral },
    { weight: 2, arbitrary: timestampLiteral },
    { weight: 1, arbitrary: fc.constantFrom({ kind: 'now' as const, place }, { kind: 'today' as const, place }) },
    { weight: 3, arbitrary: duration.map((length) => ({ kind: 'ago' as const, duration: length, place })) },
    { weight: 1, arbitrary: duration.map((length) => ({ kind: 'from_now' as const, duration: length, place })) },
  );
}

function window(type: 'date' | 'timestamp'): fc.Arbitrary<Window> {
  const duration = fc.constantFrom(...(type === 'date' ? wholeDays : DURATIONS));
  return fc.oneof(
    { weight: 4, arbitrary: duration.map((length) => ({ kind: 'last' as const, duration: length, place })) },
    { weight: 2, arbitrary: fc.constantFrom(...PERIODS).map((period) => ({ kind: 'calendar' as const, period, place })) },
    { weight: 1, arbitrary: instant(type).map((chosen) => ({ kind: 'since' as const, instant: chosen, place })) },
    { weight: 1, arbitrary: instant(type).map((chosen) => ({ kind: 'before' as const, instant: chosen, place })) },
    { weight: 2, arbitrary: fc.tuple(instant(type), instant(type)).map(([from, to]) => ({ kind: 'between' as const, from, to, place })) },
  );
}

const anniversaryWindow: fc.Arbitrary<AnniversaryWindow> = fc.oneof(
  fc.constantFrom<AnniversaryWindow>({ kind: 'today' }, { kind: 'this_month' }, { kind: 'next_month' }),
  fc.constantFrom(...wholeDays).map((duration) => ({ kind: 'next' as const, duration })),
  fc.constantFrom(...wholeDays).map((duration) => ({ kind: 'last' as const, duration })),
);

/** Depends on the clock alone: `today >= 2026-12-01`. */
export const constantCondition: fc.Arbitrary<Rule> = instant('timestamp').chain((left): fc.Arbitrary<Rule> => {
  const isDate = left.kind === 'date' || left.kind === 'today';
  return fc.oneof(
    { weight: 3, arbitrary: comparison(ORDERINGS, fc.constant(left), instant('timestamp')) },
    { weight: 1, arbitrary: between(fc.constant(left), instant('timestamp')) },
    { weight: 1, arbitrary: isIn(fc.constant(left), timeLiteral) },
    {
      weight: 2,
      arbitrary: window(isDate ? 'date' : 'timestamp')
        .filter((chosen) => chosen.kind !== 'between')
        .map((chosen): Rule => ({ kind: 'within', left, window: chosen, place })),
    },
    { weight: 2, arbitrary: anniversaryWindow.map((chosen): Rule => ({ kind: 'anniversary', left, window: chosen, place })) },
  );
});

/** Of rows. */
export const arbitraryWindow: fc.Arbitrary<Window> = window('timestamp');

/** Every field of that type that can be named here. */
function fieldsOf(type: ValueType, at: Pick<Standing, 'scope' | 'event'>): readonly FieldExpression[] {
  const fields: FieldExpression[] = BUILT_IN_FIELDS.filter((field) => field.scope === at.scope && field.type === type).map((field) => ({
    kind: 'field',
    name: field.name,
    place,
  }));
  if (at.scope === 'customers') {
    for (const [name, its] of ATTRIBUTES) if (its === type) fields.push({ kind: 'attribute', name, place });
    if (type === 'boolean') for (const name of CONSENTS) fields.push({ kind: 'consent', name, place });
  }
  if (at.scope === 'events') {
    const events = at.event === null ? [...EVENTS.values()] : [EVENTS.get(at.event) ?? new Map()];
    const names = new Set(events.flatMap((properties) => [...properties].filter(([, its]) => its === type).map(([name]) => name)));
    for (const name of names) fields.push({ kind: 'property', name, place });
  }
  return fields;
}

function expressionOf(type: 'string' | 'boolean' | 'date' | 'timestamp' | 'list', at: Standing): fc.Arbitrary<Expression> {
  const fields = fieldsOf(type, at);
  const field = fields.length > 0 ? [{ weight: 3, arbitrary: fc.constantFrom<Expression>(...fields) }] : [];
  if (at.scope !== 'customers') return fc.oneof(...field);
  const functions = type === 'date' || type === 'timestamp' ? (['first', 'last', 'min', 'max'] as const) : (['first', 'last'] as const);
  return fc.oneof(...field, { weight: 2, arbitrary: fc.constantFrom(...functions).chain((name) => aggregate(name, type, at)) });
}

function numberExpression(at: Standing): fc.Arbitrary<Expression> {
  const fields = fieldsOf('number', at);
  const simple: { weight: number; arbitrary: fc.Arbitrary<Expression> }[] = [];
  if (fields.length > 0) simple.push({ weight: 2, arbitrary: fc.constantFrom<Expression>(...fields) });
  if (at.scope === 'customers') {
    simple.push({ weight: 4, arbitrary: numberAggregate(at) });
    simple.push({ weight: 1, arbitrary: fc.constantFrom('s1', '', 'ü:1').map((salt) => ({ kind: 'bucket', salt, place })) });
  }
  const times = fc.oneof(
    timeLiteral,
    fc.constantFrom('date' as const, 'timestamp' as const).chain((type) => timeOperand(type, at)),
  );
  simple.push({
    weight: 1,
    arbitrary: fc.tuple(times, timeOperand('timestamp', at)).map(([from, to]) => ({ kind: 'days_between', from, to, place })),
  });
  simple.push({
    weight: 1,
    arbitrary: fc.tuple(timeOperand('date', at), times).map(([from, to]) => ({ kind: 'days_between', from, to, place })),
  });
  if (at.depth === 0) return fc.oneof(...simple);
  const deeper = { ...at, depth: 0 };
  const sums = fc
    .tuple(
      fc.constantFrom('+' as const, '-' as const, '*' as const, '/' as const, '/' as const),
      numberExpression(deeper),
      fc.oneof(numberLiteral, numberExpression(deeper)),
    )
    .map(([op, left, right]): Expression => ({ kind: 'arithmetic', op, left, right, place }));
  return fc.oneof({ withCrossShrink: true }, { weight: 5, arbitrary: fc.oneof(...simple) }, { weight: 2, arbitrary: sums });
}

function timeOperand(type: 'date' | 'timestamp', at: Standing): fc.Arbitrary<Expression> {
  return expressionOf(fieldsOf(type, at).length > 0 ? type : 'timestamp', at);
}

function numberAggregate(at: Standing): fc.Arbitrary<Aggregate> {
  const functions = ['count', 'count', 'count', 'sum', 'avg', 'min', 'max', 'first', 'last', 'distinct'] as const;
  return fc.constantFrom(...functions).chain((name) => aggregate(name, 'number', at));
}

const SOURCES: readonly Source[] = [
  { kind: 'orders' },
  { kind: 'orders' },
  { kind: 'items' },
  { kind: 'events', event: 'page_view' },
  { kind: 'events', event: 'booked' },
  { kind: 'events', event: 'login' },
  { kind: 'events', event: null },
];

/** An aggregate whose value is of that type; of `count` and `distinct` the field may be of others. */
function aggregate(name: Aggregate['function'], type: ValueType, at: Standing): fc.Arbitrary<Aggregate> {
  const insideOf = (source: Source): Standing => ({
    scope: source.kind,
    event: source.kind === 'events' ? source.event : null,
    segments: [],
    depth: Math.min(at.depth, 1),
  });
  const sources = SOURCES.filter((source) => aggregateFields(name, type, insideOf(source)).length > 0);
  return fc.constantFrom(...sources).chain((source) =>
    fc
      .record({
        field: fc.constantFrom(...aggregateFields(name, type, insideOf(source))),
        where: fc.option(rule(insideOf(source)), { freq: 2 }),
        window: fc.option(window('timestamp'), { freq: 2 }),
      })
      .map((parts) => ({ kind: 'aggregate', function: name, source, ...parts, place })),
  );
}

function aggregateFields(name: Aggregate['function'], type: ValueType, inside: Standing): readonly (FieldExpression | null)[] {
  const all = (['string', 'number', 'boolean', 'date', 'timestamp', 'list'] as const).flatMap((each) =>
    name === 'distinct' && each === 'list' ? [] : fieldsOf(each, inside),
  );
  switch (name) {
    case 'count':
      return [null, null, ...all];
    case 'distinct':
      return all;
    default:
      return fieldsOf(type, inside);
  }
}
