// The tables of the words of the rule language besides operators: functions, sources, units, calendar periods, reserved names.
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../base/durations.ts';
import type { ValueType } from '../catalog/catalog.ts';
import type { AggregateFunction, CalendarPeriod, Duration, DurationUnit } from './ast.ts';

export interface FunctionRow {
  readonly name: AggregateFunction;
  /** null: takes a field of any type, or none */
  readonly fieldTypes: readonly ValueType[] | null;
  /** 'field': the type of its field */
  readonly result: 'number' | 'field';
}

export const AGGREGATE_FUNCTIONS: readonly FunctionRow[] = [
  { name: 'count', fieldTypes: null, result: 'number' },
  { name: 'sum', fieldTypes: ['number'], result: 'number' },
  { name: 'avg', fieldTypes: ['number'], result: 'number' },
  { name: 'min', fieldTypes: ['number', 'date', 'timestamp'], result: 'field' },
  { name: 'max', fieldTypes: ['number', 'date', 'timestamp'], result: 'field' },
  { name: 'first', fieldTypes: ['string', 'number', 'boolean', 'date', 'timestamp', 'list'], result: 'field' },
  { name: 'last', fieldTypes: ['string', 'number', 'boolean', 'date', 'timestamp', 'list'], result: 'field' },
  { name: 'distinct', fieldTypes: ['string', 'number', 'boolean', 'date', 'timestamp'], result: 'number' },
];

const FUNCTIONS_BY_NAME: ReadonlyMap<string, FunctionRow> = new Map(AGGREGATE_FUNCTIONS.map((row) => [row.name, row]));

export function aggregateFunction(name: string): FunctionRow | undefined {
  return FUNCTIONS_BY_NAME.get(name);
}

export const SOURCES = ['orders', 'items', 'events'] as const;

interface UnitRow {
  readonly unit: DurationUnit;
  readonly singular: string;
  /** its letter in JSON durations */
  readonly letter: string;
  readonly ms: number;
}

export const UNITS: readonly UnitRow[] = [
  { unit: 'seconds', singular: 'second', letter: 's', ms: 1000 },
  { unit: 'minutes', singular: 'minute', letter: 'm', ms: MINUTE_MS },
  { unit: 'hours', singular: 'hour', letter: 'h', ms: HOUR_MS },
  { unit: 'days', singular: 'day', letter: 'd', ms: DAY_MS },
  { unit: 'weeks', singular: 'week', letter: 'w', ms: 7 * DAY_MS },
];

const UNITS_BY_WORD: ReadonlyMap<string, UnitRow> = new Map(
  UNITS.flatMap((row): [string, UnitRow][] => [
    [row.unit, row],
    [row.singular, row],
  ]),
);
const UNITS_BY_LETTER: ReadonlyMap<string, UnitRow> = new Map(UNITS.map((row) => [row.letter, row]));

export function unitOfWord(word: string): DurationUnit | undefined {
  return UNITS_BY_WORD.get(word)?.unit;
}

export function unitOfLetter(letter: string): DurationUnit | undefined {
  return UNITS_BY_LETTER.get(letter)?.unit;
}

export function unitRow(unit: DurationUnit): UnitRow {
  const row = UNITS_BY_WORD.get(unit);
  if (row === undefined) throw new Error(`no row for unit ${unit}`);
  return row;
}

/** Milliseconds; a day is 24 hours, a week 7 days. */
export function durationMs(duration: Duration): number {
  return duration.amount * unitRow(duration.unit).ms;
}

/** Calendar periods; the text form is the name with a space for `_`. */
export const CALENDAR_PERIODS: readonly CalendarPeriod[] = [
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

/** Functions that are reserved for later; `score.…` and `for at least` are reserved too. */
export const RESERVED_FUNCTIONS: readonly string[] = ['percentile', 'sequence', 'within_km'];

/** Words that cannot begin a path, since the grammar expects them (or something else) where an operand begins. */
const NO_PATH_BEGINS_WITH: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'in',
  'is',
  'between',
  'contains',
  'has',
  'where',
  'since',
  'before',
  'anniversary',
  'everyone',
  'true',
  'false',
  'now',
  'today',
]);

const IDENTIFIER = /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u;

export function isIdentifier(word: string): boolean {
  return IDENTIFIER.test(word);
}

export function canBeginPath(word: string): boolean {
  return isIdentifier(word) && !NO_PATH_BEGINS_WITH.has(word.toLowerCase());
}
