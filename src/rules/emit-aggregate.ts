// In charge of aggregates: each distinct (function, source, field, filter, window) is computed once per customer, for all segments; and of when
// its rows move.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { formatInstant } from '../base/calendar.ts';
import { TIME_COLUMN, type ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression, FieldExpression } from './ast.ts';
import { emitCondition } from './emit-condition.ts';
import { emitField } from './emit-field.ts';
import type { EmitScope, Flips, SqlOperand } from './emit-operand.ts';
import { asOf, edgeInstant, fragmentKey, type Parameters, span, today } from './emit-parameters.ts';
import { createScan, type Narrowing, type Scan } from './emit-scan.ts';
import { movingEdge, planWindow, type WindowPlan } from './plan.ts';
import { RepeatableFlips } from './repeatable-flips.ts';

export interface Aggregates {
  operand(aggregate: Aggregate, types: ReadonlyMap<Expression, ValueType>): SqlOperand;
  joins(): SQL[];
}

export interface AskedAggregate {
  readonly aggregate: Aggregate;
  readonly types: ReadonlyMap<Expression, ValueType>;
  /** at this count and above, all answers about it stay the same; null: there is no such count */
  readonly lastingCount: number | null;
}

/**
 * `asked`: every aggregate that will be asked for; events whose rows are all bounded by windows are read apart from the others. `flips` null:
 * nobody wants to know when they move, and nothing is computed for it.
 */
export function createAggregates(
  asked: readonly AskedAggregate[],
  narrowing: Narrowing,
  parameters: Parameters,
  flips: Flips | null,
): Aggregates {
  const scans = new Map<string, Scan>();
  const scanOf = chooseScans(
    asked.map(({ aggregate }) => aggregate),
    narrowing,
    parameters,
    scans,
  );
  const lastingCounts = new Map<string, number>();
  for (const one of asked) {
    const key = aggregateKey(one.aggregate, one.types);
    lastingCounts.set(key, Math.max(lastingCounts.get(key) ?? 0, one.lastingCount ?? Number.POSITIVE_INFINITY));
  }
  const repeatable = flips === null ? null : new RepeatableFlips(flips);
  const emitter: Emitter = { parameters, flips: repeatable ?? UNASKED_FLIPS, once: (key, add) => repeatable?.once(key, add) };
  const operands = new Map<string, SqlOperand>();
  return {
    operand: (aggregate, types) => {
      const key = aggregateKey(aggregate, types);
      const lasting = lastingCounts.get(key);
      assert(lasting !== undefined, 'all aggregates are known beforehand');
      const lastingCount = Number.isFinite(lasting) && flips !== null ? lasting : null;
      const emit = () => void operands.set(key, emitAggregate({ aggregate, types, lastingCount }, scanOf(aggregate), emitter));
      if (repeatable !== null) repeatable.once(`aggregate ${key}`, emit);
      else if (!operands.has(key)) emit();
      const operand = operands.get(key);
      assert(operand !== undefined, 'what was emitted is known');
      return operand;
    },
    joins: () => [...scans.values()].flatMap((scan) => scan.joins()),
  };
}

const aggregateKeys = new WeakMap<ReadonlyMap<Expression, ValueType>, WeakMap<Aggregate, string>>();

/** What is asked, wherever it is written. Types are part of it, since two rules may assume different types for a property that nobody has sent. */
function aggregateKey(aggregate: Aggregate, types: ReadonlyMap<Expression, ValueType>): string {
  const ofRule = aggregateKeys.get(types) ?? new WeakMap<Aggregate, string>();
  aggregateKeys.set(types, ofRule);
  const known = ofRule.get(aggregate);
  if (known !== undefined) return known;
  const key = JSON.stringify(aggregate, (name, value: unknown) => {
    if (name === 'place') return undefined;
    const type = types.get(value as Expression);
    return type === undefined ? value : { ...(value as Expression), checkedType: type };
  });
  ofRule.set(aggregate, key);
  return key;
}

interface Emitter {
  readonly parameters: Parameters;
  readonly flips: Flips;
  /** Runs `add` once per distinct key whose flips it adds, for each asker. */
  once(key: string, add: () => void): void;
}

function chooseScans(
  all: readonly Aggregate[],
  narrowing: Narrowing,
  parameters: Parameters,
  scans: Map<string, Scan>,
): (aggregate: Aggregate) => Scan {
  const bounded = new Set<string>();
  const unbounded = new Set<string>();
  for (const { source, window } of all) {
    if (source.kind !== 'events' || source.event === null) continue;
    const hasLower = window !== null && planWindow(window).lower !== null;
    (hasLower ? bounded : unbounded).add(source.event);
  }
  for (const name of unbounded) bounded.delete(name);
  return ({ source }) => {
    const { kind } = source;
    const names = kind !== 'events' || source.event === null ? null : bounded.has(source.event) ? bounded : unbounded;
    const alias = kind === 'orders' ? 'o' : kind === 'items' ? 'i' : names === null ? 'e' : names === bounded ? 'w' : 'n';
    let scan = scans.get(alias);
    if (scan === undefined) {
      scan = createScan(alias, kind, names, narrowing, parameters);
      scans.set(alias, scan);
    }
    return scan;
  };
}

function emitAggregate({ aggregate, types, lastingCount }: AskedAggregate, scan: Scan, emitter: Emitter): SqlOperand {
  const { parameters } = emitter;
  const time = sql`s.${sql.identifier(TIME_COLUMN[scan.source])}`;
  const plan = aggregate.window === null ? NO_WINDOW : planWindow(aggregate.window);
  scan.reads(plan.lower);
  const own = ownConditions(aggregate, parameters);
  const rows: Rows = { scan, time, own };
  const flags = [windowFlag(plan, time, parameters), ...own];
  if (aggregate.where !== null) flags.push(emitFilter(aggregate, rows, types, emitter));
  const scope: EmitScope = { scope: scan.source, types, parameters, flips: NO_FLIPS, nullIsFalse: true, customer: null };
  const value = aggregate.field === null ? null : emitField(aggregate.field, scope);
  addExistenceFlips(plan, rows, emitter);
  const enough = aggregate.function === 'count' && scan.source === 'events' && plan.upper === null ? lastingCount : null;
  if (enough !== null && plan.lower?.kind === 'moving' && plan.lower.offsetMs < 0) {
    const counted = value?.nullable ? [...flags, sql`(${value.sql} is not null)`] : flags;
    addCountFlips(plan, plan.lower.offsetMs, enough, counted, rows, emitter);
  } else addWindowFlips(plan, rows, emitter);
  return applyFunction(aggregate, value, flags, rows);
}

const NO_WINDOW: WindowPlan = { lower: null, lowerOpen: false, upper: null };
/** Accepts flips and ignores them. */
export const UNASKED_FLIPS: Flips = { addInstant: () => {}, addDay: () => {}, addArrival: () => {} };
const NO_FLIPS: Flips = {
  addInstant: () => assert(false, 'a row field does not move'),
  addDay: () => assert(false, 'a row field does not move'),
  addArrival: () => assert(false, 'a row field does not move'),
};

interface Rows {
  readonly scan: Scan;
  readonly time: SQL;
  /** what makes a row one of the source, besides the table */
  readonly own: readonly SQL[];
}

function ownConditions({ source }: Aggregate, parameters: Parameters): SQL[] {
  return source.kind === 'events' && source.event !== null ? [sql`(s.name = ${parameters.constant('text', source.event)})`] : [];
}

/** Whether a row `s` counts for the aggregate: the window, the source and the filter, each asked once per row. */
export function emitRowCondition({ aggregate, types }: Omit<AskedAggregate, 'lastingCount'>, parameters: Parameters): SQL {
  const scope: EmitScope = { scope: aggregate.source.kind, types, parameters, flips: UNASKED_FLIPS, nullIsFalse: true, customer: null };
  const time = sql`s.${sql.identifier(TIME_COLUMN[aggregate.source.kind])}`;
  const value = aggregate.field === null || KEEPS_MISSING.has(aggregate.function) ? null : emitField(aggregate.field, scope);
  return allOf([
    windowFlag(aggregate.window === null ? NO_WINDOW : planWindow(aggregate.window), time, parameters),
    ...ownConditions(aggregate, parameters),
    ...(aggregate.where === null ? [] : [emitCondition(aggregate.where, scope)]),
    ...(value?.nullable === true ? [sql`(${value.sql} is not null)`] : []),
  ]);
}

/** All other functions skip rows whose field is missing. */
const KEEPS_MISSING = new Set<Aggregate['function']>(['first', 'last']);

/** Whether a row's time has come and lies in the window. */
function windowFlag(plan: WindowPlan, time: SQL, parameters: Parameters): SQL {
  return allOf([
    sql`${time} <= ${asOf(parameters)}`,
    ...(plan.lower === null ? [] : [sql`${time} ${sql.raw(plan.lowerOpen ? '>' : '>=')} ${edgeInstant(parameters, plan.lower)}`]),
    ...(plan.upper === null ? [] : [sql`${time} < ${edgeInstant(parameters, plan.upper)}`]),
  ]);
}

function allOf(conditions: readonly SQL[]): SQL {
  return sql`(${sql.join([...conditions], sql.raw(' and '))})`;
}

/** A filter's flag; of the times at which it may change, the least over the rows that have come to be is taken. */
function emitFilter(aggregate: Aggregate, rows: Rows, types: ReadonlyMap<Expression, ValueType>, emitter: Emitter): SQL {
  assert(aggregate.where !== null, 'the aggregate has a filter');
  const { parameters, flips, once } = emitter;
  const live = [sql`(${rows.time} <= ${asOf(parameters)})`, ...rows.own];
  const add = (candidate: SQL, to: (least: SQL) => void): void =>
    once(`filter ${fragmentKey(allOf([sql.raw(rows.scan.source), candidate, ...live]))}`, () =>
      to(
        rows.scan.aggregate(
          [candidate, ...live],
          ([value, ...flags]) => sql`min(${value ?? sql.empty()}) filter (where ${conjunction(flags)})`,
        ),
      ),
    );
  const rowFlips: Flips = {
    addInstant: (instant) =>
      add(sql`nullif(greatest(${instant}, ${asOf(parameters)}), ${asOf(parameters)})`, (least) => flips.addInstant(least, true)),
    addDay: (day) => add(sql`nullif(greatest(${day}, ${today(parameters)}), ${today(parameters)})`, (least) => flips.addDay(least, true)),
    addArrival: () => assert(false, 'no rows are counted in where'),
  };
  return emitCondition(aggregate.where, { scope: rows.scan.source, types, parameters, flips: rowFlips, nullIsFalse: true, customer: null });
}

function conjunction(flags: readonly SQL[]): SQL {
  return sql.join([...flags], sql.raw(' and '));
}

/** Adds the earliest time of the rows for which the conditions hold as a candidate, once for all aggregates that ask for the same. */
function addLeast(key: string, conditions: readonly SQL[], rows: Rows, { once }: Emitter, to: (earliest: SQL) => void): void {
  const { scan, time, own } = rows;
  once(`${key} ${fragmentKey(allOf([sql.raw(scan.source), ...conditions, ...own]))}`, () =>
    to(
      scan.aggregate(
        [time, allOf(conditions), ...own],
        ([at, ...flags]) => sql`min(${at ?? sql.empty()}) filter (where ${conjunction(flags)})`,
      ),
    ),
  );
}

function lowerCondition(plan: WindowPlan, time: SQL, parameters: Parameters): readonly SQL[] {
  if (plan.lower === null) return [];
  return [sql`${time} ${sql.raw(plan.lowerOpen ? '>' : '>=')} ${edgeInstant(parameters, plan.lower)}`];
}

/** A row whose time lies ahead exists from that time on. */
function addExistenceFlips(plan: WindowPlan, rows: Rows, emitter: Emitter): void {
  const { parameters, flips } = emitter;
  const conditions = [sql`${rows.time} > ${asOf(parameters)}`];
  if (plan.lower?.kind === 'fixed') conditions.push(...lowerCondition(plan, rows.time, parameters));
  if (plan.upper?.kind === 'fixed') conditions.push(sql`${rows.time} < ${edgeInstant(parameters, plan.upper)}`);
  addLeast('exists', conditions, rows, emitter, flips.addArrival);
}

/**
 * The rows of a window that move next, per cause; see the table in plan.ts. Shared by all aggregates over the same rows and window. A row that
 * is in the window leaves it after asOf, and one that is past its end has yet to enter it: all of these times lie ahead.
 */
function addWindowFlips(plan: WindowPlan, rows: Rows, emitter: Emitter): void {
  const { parameters, flips } = emitter;
  const { lower, upper } = plan;
  const { time } = rows;
  const exists = sql`${time} <= ${asOf(parameters)}`;
  const behind = lowerCondition(plan, time, parameters);
  const before = upper === null ? [] : [sql`${time} < ${edgeInstant(parameters, upper)}`];
  const past = upper === null ? [] : [sql`${time} >= ${edgeInstant(parameters, upper)}`];
  const fixedLower = lower?.kind === 'fixed' ? behind : [];
  const fixedUpper = upper?.kind === 'fixed' ? before : [];
  const add = (key: string, conditions: readonly SQL[], to: (earliest: SQL) => void): void => addLeast(key, conditions, rows, emitter, to);

  if (lower?.kind === 'moving') {
    const after = spanInWindow(plan, lower.offsetMs);
    add('leaves', [exists, ...behind, ...fixedUpper], (earliest) => flips.addInstant(sql`${earliest} + ${span(parameters, after)}`, true));
  }
  if (upper?.kind === 'moving' && upper.offsetMs <= 0) {
    const after = 1 - upper.offsetMs;
    add('enters', [exists, ...past, ...fixedLower], (earliest) => flips.addInstant(sql`${earliest} + ${span(parameters, after)}`, true));
  }
  const stepping = lower?.kind === 'stepping' ? lower : upper?.kind === 'stepping' ? upper : null;
  if (stepping !== null) {
    const next = parameters.bound('timestamptz', stepping.nextName, (input) => formatInstant(stepping.nextMs(input)));
    const moved = stepping === lower ? [...behind, ...fixedUpper] : [...past, ...fixedLower];
    add(`steps ${stepping.nextName}`, [exists, ...moved], (earliest) =>
      flips.addInstant(sql`case when ${earliest} is not null then ${next} end`, true),
    );
  }
}

/** How long after its time a row leaves the window. */
function spanInWindow(plan: WindowPlan, lowerOffsetMs: number): number {
  return -lowerOffsetMs + (plan.lowerOpen ? 0 : 1);
}

/**
 * Events that are only counted, and whose count is compared with numbers in the rule: once a count is large enough, its answers last as long as
 * the newer half of the window alone is large enough, so nothing flips before half the window has gone by. A robot with 100,000 page views is
 * then looked at twice per window, and not whenever one of them leaves. Only the counted rows are taken, not the whole window: this is one more
 * aggregate, worth it only for events.
 */
function addCountFlips(
  plan: WindowPlan,
  lowerOffsetMs: number,
  lastingCount: number,
  counted: readonly SQL[],
  rows: Rows,
  { parameters, flips }: Emitter,
): void {
  const halfMs = Math.floor(-lowerOffsetMs / 2);
  const newerHalf = sql`(${rows.time} > ${edgeInstant(parameters, movingEdge(-halfMs))})`;
  const newer = rows.scan.aggregate([...counted, newerHalf], (flags) => sql`count(*) filter (where ${conjunction(flags)})`);
  const earliest = rows.scan.aggregate(
    [rows.time, ...counted],
    ([at, ...flags]) => sql`min(${at ?? sql.empty()}) filter (where ${conjunction(flags)})`,
  );
  const enough = parameters.constant('bigint', String(lastingCount));
  const unchanged = edgeInstant(parameters, movingEdge(-lowerOffsetMs - halfMs));
  flips.addInstant(
    sql`case when ${newer} >= ${enough} then ${unchanged} else ${earliest} + ${span(parameters, spanInWindow(plan, lowerOffsetMs))} end`,
    true,
  );
}

const SUMMED = new Set<Aggregate['function']>(['sum', 'avg']);

function applyFunction(aggregate: Aggregate, value: SqlOperand | null, flags: readonly SQL[], rows: Rows): SqlOperand {
  const { scan } = rows;
  const overRows = (): SqlOperand => {
    const count = scan.count(flags, (columns) => sql`count(*) filter (where ${conjunction(columns)})`);
    return { kind: 'value', type: 'number', sql: count, nullable: false, scale: 0, integer: true };
  };
  if (value === null) {
    assert(aggregate.function === 'count', 'only count needs no field');
    return overRows();
  }
  const overValues = (build: (column: SQL, filter: SQL) => SQL, take: 'aggregate' | 'count' | 'total' = 'aggregate'): SQL =>
    scan[take]([value.sql, ...flags], ([column, ...columns]) => build(column ?? sql.empty(), sql`filter (where ${conjunction(columns)})`));
  if (SUMMED.has(aggregate.function)) assert(value.type === 'number', 'sums are of numbers');
  switch (aggregate.function) {
    case 'count': {
      if (!value.nullable) return overRows();
      const count = overValues((column, filter) => sql`count(${column}) ${filter}`, 'count');
      return { kind: 'value', type: 'number', sql: count, nullable: false, scale: 0, integer: true };
    }
    case 'distinct': {
      const count = overValues((column, filter) => sql`count(distinct ${column}) ${filter}`, 'count');
      return { kind: 'value', type: 'number', sql: count, nullable: false, scale: 0, integer: true };
    }
    case 'sum': {
      const sum = overValues((column, filter) => sql`sum(${column}) ${filter}`, 'total');
      return { ...numberOf(value), sql: sum, nullable: false, integer: false };
    }
    case 'avg': {
      // 20 significant digits are the same whatever power of ten the sum is stored in
      const sum = overValues((column, filter) => sql`sum(${column}) ${filter}`);
      const count = overValues((column, filter) => sql`count(${column}) ${filter}`);
      return { ...numberOf(value), sql: sql`strata_divide(${sum}, ${count}::numeric)`, nullable: true, integer: false };
    }
    case 'min':
    case 'max':
      return { ...value, sql: overValues((column, filter) => sql`${sql.raw(aggregate.function)}(${column}) ${filter}`), nullable: true };
    case 'first':
    case 'last':
      return edgeRow(aggregate.function, aggregate.field, value, flags, rows);
    default:
      return unreachable(aggregate.function);
  }
}

function numberOf(value: SqlOperand): Extract<SqlOperand, { type: 'number' }> {
  assert(value.type === 'number', 'a number');
  return value;
}

/** The value of the least or greatest row by (time, id by bytes, line). */
function edgeRow(which: 'first' | 'last', field: FieldExpression | null, value: SqlOperand, flags: readonly SQL[], rows: Rows): SqlOperand {
  const { scan, time } = rows;
  if (field?.kind === 'field' && field.name === TIME_COLUMN[scan.source]) {
    const own = scan.aggregate([time, ...flags], ([at, ...columns]) => {
      return sql`${sql.raw(which === 'first' ? 'min' : 'max')}(${at ?? sql.empty()}) filter (where ${conjunction(columns)})`;
    });
    return { ...value, sql: own, nullable: true };
  }
  const order = [time, ...(scan.source === 'items' ? [sql`s.order_id`, sql`s.line`] : [sql`s.id`])];
  // arrays of different lengths cannot be aggregated: lists are passed as jsonb
  const isArray = value.type === 'list' && value.form === 'array';
  const cell = isArray ? sql`to_jsonb(${value.sql})` : value.sql;
  const direction = sql.raw(which === 'first' ? '' : ' desc');
  const found = scan.aggregate([cell, ...order, ...flags], ([column, ...columns]) => {
    const ordered = columns.slice(0, order.length).map((key) => sql`${key}${direction}`);
    const filter = conjunction(columns.slice(order.length));
    return sql`(array_agg(${column ?? sql.empty()} order by ${sql.join(ordered, sql.raw(', '))}) filter (where ${filter}))[1]`;
  });
  return isArray ? { kind: 'value', type: 'list', sql: found, nullable: true, form: 'jsonb' } : { ...value, sql: found, nullable: true };
}
