// In charge of aggregates: each distinct (function, source, field, filter, window) once per customer, for all segments, and when its rows move.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { TIME_COLUMN, type ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression, FieldExpression } from './ast.ts';
import { emitCondition } from './emit-condition.ts';
import { emitField } from './emit-field.ts';
import type { EmitScope, Flips, SqlOperand } from './emit-operand.ts';
import { asOf, edgeInstant, fragmentKey, type Parameters, span, today } from './emit-parameters.ts';
import { createScan, type Narrowing, type Scan } from './emit-scan.ts';
import { planWindow, type WindowPlan } from './plan.ts';

export interface Aggregates {
  operand(aggregate: Aggregate, types: ReadonlyMap<Expression, ValueType>): SqlOperand;
  joins(): SQL[];
}

/** `all`: every aggregate that will be asked for; events whose rows are all bounded by windows are read apart from the others. */
export function createAggregates(all: readonly Aggregate[], narrowing: Narrowing, parameters: Parameters, flips: Flips): Aggregates {
  const scans = new Map<string, Scan>();
  const scanOf = chooseScans(all, parameters, scans);
  const seen = new Set<string>();
  /** Runs once per distinct thing whose flips it adds. */
  const once = (key: string, add: () => void): void => {
    if (seen.has(key)) return;
    seen.add(key);
    add();
  };
  const emitter: Emitter = { parameters, flips, once };
  const operands = new Map<string, SqlOperand>();
  return {
    operand: (aggregate, types) => {
      const key = aggregateKey(aggregate, types);
      const known = operands.get(key);
      if (known !== undefined) return known;
      const operand = emitAggregate(aggregate, scanOf(aggregate), types, emitter);
      operands.set(key, operand);
      return operand;
    },
    joins: () => [...scans.values()].flatMap((scan) => scan.joins(narrowing)),
  };
}

/** What is asked, wherever it is written; types are part of it, as two rules may take a property nobody has sent for different things. */
function aggregateKey(aggregate: Aggregate, types: ReadonlyMap<Expression, ValueType>): string {
  return JSON.stringify(aggregate, (name, value: unknown) => {
    if (name === 'place') return undefined;
    const type = types.get(value as Expression);
    return type === undefined ? value : { ...(value as Expression), checkedType: type };
  });
}

interface Emitter {
  readonly parameters: Parameters;
  readonly flips: Flips;
  once(key: string, add: () => void): void;
}

function chooseScans(all: readonly Aggregate[], parameters: Parameters, scans: Map<string, Scan>): (aggregate: Aggregate) => Scan {
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
      scan = createScan(alias, kind, names, parameters);
      scans.set(alias, scan);
    }
    return scan;
  };
}

function emitAggregate(aggregate: Aggregate, scan: Scan, types: ReadonlyMap<Expression, ValueType>, emitter: Emitter): SqlOperand {
  const { parameters } = emitter;
  const time = sql`s.${sql.identifier(TIME_COLUMN[scan.source])}`;
  const plan = aggregate.window === null ? NO_WINDOW : planWindow(aggregate.window);
  scan.reads(plan.lower);
  const own: SQL[] = [];
  if (aggregate.source.kind === 'events' && aggregate.source.event !== null) {
    own.push(sql`(s.name = ${parameters.constant('text', aggregate.source.event)})`);
  }
  const rows: Rows = { scan, time, own };
  addWindowFlips(plan, rows, emitter);
  const flags = [windowFlag(plan, time, parameters), ...own];
  if (aggregate.where !== null) flags.push(emitFilter(aggregate, rows, types, emitter));
  const scope: EmitScope = { scope: scan.source, types, parameters, flips: NO_FLIPS, customer: null };
  const value = aggregate.field === null ? null : emitField(aggregate.field, scope);
  return applyFunction(aggregate, value, flags, rows);
}

const NO_WINDOW: WindowPlan = { lower: null, lowerOpen: false, upper: null };
const NO_FLIPS: Flips = {
  addInstant: () => assert(false, 'a row field does not move'),
  addDay: () => assert(false, 'a row field does not move'),
};

interface Rows {
  readonly scan: Scan;
  readonly time: SQL;
  /** what makes a row one of the source, besides the table */
  readonly own: readonly SQL[];
}

/** Whether a row has come to be and lies in the window. */
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

/** A filter's flag; what in it moves with time is taken as the least over the rows that there are. */
function emitFilter(aggregate: Aggregate, rows: Rows, types: ReadonlyMap<Expression, ValueType>, emitter: Emitter): SQL {
  assert(aggregate.where !== null, 'the aggregate has a filter');
  const { parameters, flips, once } = emitter;
  const live = [sql`(${rows.time} <= ${asOf(parameters)})`, ...rows.own];
  const add = (candidate: SQL, to: (least: SQL) => void): void =>
    once(`filter ${fragmentKey(allOf([candidate, ...live]))}`, () =>
      to(
        rows.scan.aggregate(
          [candidate, ...live],
          ([value, ...flags]) => sql`min(${value ?? sql.empty()}) filter (where ${conjunction(flags)})`,
        ),
      ),
    );
  const rowFlips: Flips = {
    addInstant: (instant) => add(sql`nullif(greatest(${instant}, ${asOf(parameters)}), ${asOf(parameters)})`, flips.addInstant),
    addDay: (day) => add(sql`nullif(greatest(${day}, ${today(parameters)}), ${today(parameters)})`, flips.addDay),
  };
  return emitCondition(aggregate.where, { scope: rows.scan.source, types, parameters, flips: rowFlips, customer: null });
}

function conjunction(flags: readonly SQL[]): SQL {
  return sql.join([...flags], sql.raw(' and '));
}

/** The rows of a window that move next, per cause; see the table in plan.ts. Shared by all aggregates over the same rows and window. */
function addWindowFlips(plan: WindowPlan, rows: Rows, { parameters, flips, once }: Emitter): void {
  const { scan, time, own } = rows;
  const { lower, upper } = plan;
  const now = asOf(parameters);
  const behind = lower === null ? [] : [sql`${time} ${sql.raw(plan.lowerOpen ? '>' : '>=')} ${edgeInstant(parameters, lower)}`];
  const before = upper === null ? [] : [sql`${time} < ${edgeInstant(parameters, upper)}`];
  const past = upper === null ? [] : [sql`${time} >= ${edgeInstant(parameters, upper)}`];
  const fixedLower = lower?.kind === 'fixed' ? behind : [];
  const fixedUpper = upper?.kind === 'fixed' ? before : [];
  const least = (conditions: readonly SQL[]): SQL =>
    scan.aggregate(
      [time, allOf(conditions), ...own],
      ([at, ...flags]) => sql`min(${at ?? sql.empty()}) filter (where ${conjunction(flags)})`,
    );
  const add = (key: string, conditions: readonly SQL[], to: (earliest: SQL) => void): void =>
    once(`${key} ${fragmentKey(allOf([sql.raw(scan.source), ...conditions, ...own]))}`, () => to(least(conditions)));

  // a row ahead exists from its time on
  add('exists', [sql`${time} > ${now}`, ...fixedLower, ...fixedUpper], flips.addInstant);
  const exists = sql`${time} <= ${now}`;
  if (lower?.kind === 'moving') {
    const after = -lower.offsetMs + (plan.lowerOpen ? 0 : 1);
    add('leaves', [exists, ...behind, ...fixedUpper], (earliest) => flips.addInstant(sql`${earliest} + ${span(parameters, after)}`));
  }
  if (upper?.kind === 'moving' && upper.offsetMs <= 0) {
    add('enters', [exists, ...past, ...fixedLower], (earliest) =>
      flips.addInstant(sql`${earliest} + ${span(parameters, 1 - upper.offsetMs)}`),
    );
  }
  const stepping = lower?.kind === 'stepping' ? lower : upper?.kind === 'stepping' ? upper : null;
  if (stepping !== null) {
    const next = parameters.bound('timestamptz', stepping.nextName, (input) => new Date(stepping.nextMs(input)).toISOString());
    const moved = stepping === lower ? [...behind, ...fixedUpper] : [...past, ...fixedLower];
    add(`steps ${stepping.nextName}`, [exists, ...moved], (earliest) =>
      flips.addInstant(sql`case when ${earliest} is not null then ${next} end`),
    );
  }
}

const SUMMED = new Set<Aggregate['function']>(['sum', 'avg']);

function applyFunction(aggregate: Aggregate, value: SqlOperand | null, flags: readonly SQL[], rows: Rows): SqlOperand {
  const { scan } = rows;
  const overRows = (): SqlOperand => {
    const count = scan.aggregate(flags, (columns) => sql`count(*) filter (where ${conjunction(columns)})`);
    return { kind: 'value', type: 'number', sql: sql`coalesce(${count}, 0)`, nullable: false, scale: 0, integer: true };
  };
  if (value === null) {
    assert(aggregate.function === 'count', 'only count needs no field');
    return overRows();
  }
  const overValues = (build: (column: SQL, filter: SQL) => SQL): SQL =>
    scan.aggregate([value.sql, ...flags], ([column, ...columns]) =>
      build(column ?? sql.empty(), sql`filter (where ${conjunction(columns)})`),
    );
  if (SUMMED.has(aggregate.function)) assert(value.type === 'number', 'sums are of numbers');
  switch (aggregate.function) {
    case 'count': {
      if (!value.nullable) return overRows();
      const count = overValues((column, filter) => sql`count(${column}) ${filter}`);
      return { kind: 'value', type: 'number', sql: sql`coalesce(${count}, 0)`, nullable: false, scale: 0, integer: true };
    }
    case 'distinct': {
      const count = overValues((column, filter) => sql`count(distinct ${column}) ${filter}`);
      return { kind: 'value', type: 'number', sql: sql`coalesce(${count}, 0)`, nullable: false, scale: 0, integer: true };
    }
    case 'sum': {
      const sum = overValues((column, filter) => sql`sum(${column}) ${filter}`);
      return { ...numberOf(value), sql: sql`coalesce(${sum}, 0)`, nullable: false, integer: false };
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
  // arrays of different lengths do not aggregate: lists go as jsonb
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
