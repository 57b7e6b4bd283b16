// In charge of what an evaluation tells about its reasons: every value that a condition compares, once for all segments, where a membership is
// going to change. And of reading from that what the conditions of one segment saw, in the form that changes record. Whether a condition held is
// not told: it follows from the values and the instant (emit-recorded.ts), and would otherwise be computed for everybody at every evaluation.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { anniversaryIn, type Day, parseDay, partsOfDay } from '../base/calendar.ts';
import type { Expression, Rule } from './ast.ts';
import { emitExpression } from './emit-expression.ts';
import type { EmitScope, SqlOperand } from './emit-operand.ts';
import { fragmentKey } from './emit-parameters.ts';
import { list } from './emit-scan.ts';
import type { SeenJson } from './explain-rule.ts';
import { type Condition, isComputed, numberedConditions, sidesOf } from './walk-rule.ts';

/** A row has at most 1,664 columns. */
const RECORD_VALUES = 1_000;

/** One of the values told: in which record it is, at which place in it, and what it is. */
interface ToldValue {
  readonly record: number;
  readonly place: number;
  readonly type: SqlOperand['type'] | 'age';
  /** for numbers: the value is what is told × 10^-scale */
  readonly scale: number;
}

/** The values of a condition's computed sides; for a named segment whether the customer is in it, or, if it is computed too, its id. */
type PlannedCondition =
  | { readonly kind: 'values'; readonly values: readonly ToldValue[] }
  | { readonly kind: 'member'; readonly value: ToldValue }
  | { readonly kind: 'wanted'; readonly segmentId: number };

/** By segment, for each numbered condition of its rule. */
export type SeenPlan = ReadonlyMap<number, readonly PlannedCondition[]>;

/** What the segments of one group see. A value that several of them compare is there once. */
export class SeenValues {
  readonly #values: SQL[] = [];
  readonly #places = new Map<string, number>();
  readonly #plan = new Map<number, readonly PlannedCondition[]>();

  /** `scope`: its flips have already been added. `computed`: key → id of segments whose answer is in `want`. */
  add(segmentId: number, rule: Rule, scope: EmitScope, computed: ReadonlyMap<string, number>): void {
    this.#plan.set(
      segmentId,
      numberedConditions(rule).map((condition) => this.#condition(condition, scope, computed)),
    );
  }

  #condition(condition: Condition, scope: EmitScope, computed: ReadonlyMap<string, number>): PlannedCondition {
    if (condition.kind === 'segment') {
      const wanted = computed.get(condition.key);
      if (wanted !== undefined) return { kind: 'wanted', segmentId: wanted };
      assert(scope.customer !== null, 'no segment stands in where');
      return { kind: 'member', value: this.#tell(scope.customer.segment(condition.key), 'boolean', 0) };
    }
    return {
      kind: 'values',
      values: sidesOf(condition)
        .filter(isComputed)
        .map((side) => this.#side(side, scope)),
    };
  }

  #side(side: Expression, scope: EmitScope): ToldValue {
    const operand = emitExpression(side, scope);
    assert(operand.kind === 'value', 'what is computed is a value');
    if (operand.type === 'list') return this.#tell(sql`to_jsonb(${operand.sql})::text`, 'list', 0); // only scalars are told
    if (operand.type !== 'number') return this.#tell(operand.sql, operand.type, 0);
    // a database function called for everybody who is evaluated took a twentieth of a full evaluation
    if (operand.birthday !== undefined) return this.#tell(operand.birthday, 'age', 0);
    return this.#tell(operand.sql, 'number', operand.scale);
  }

  #tell(value: SQL, type: ToldValue['type'], scale: number): ToldValue {
    const key = fragmentKey(value);
    const index = this.#places.get(key) ?? this.#values.push(value) - 1;
    this.#places.set(key, index);
    return { record: Math.floor(index / RECORD_VALUES), place: index % RECORD_VALUES, type, scale };
  }

  get plan(): SeenPlan {
    return this.#plan;
  }

  /** The records that hold the values, as they are stored; they are turned into text only for customers for whom something changes. */
  get records(): readonly SQL[] {
    const count = Math.ceil(this.#values.length / RECORD_VALUES);
    return Array.from({ length: count }, (_, record) => {
      const values = this.#values.slice(record * RECORD_VALUES, (record + 1) * RECORD_VALUES);
      return sql`row(${list(values)})`;
    });
  }
}

/** Several groups' plans as one, with their records one after the other. */
export function joinPlans(groups: readonly SeenValues[]): SeenPlan {
  const joined = new Map<number, readonly PlannedCondition[]>();
  let before = 0;
  for (const { plan, records } of groups) {
    const moved = (value: ToldValue): ToldValue => ({ ...value, record: value.record + before });
    for (const [segmentId, conditions] of plan)
      joined.set(
        segmentId,
        conditions.map((condition) => moveRecords(condition, moved)),
      );
    before += records.length;
  }
  return joined;
}

function moveRecords(condition: PlannedCondition, moved: (value: ToldValue) => ToldValue): PlannedCondition {
  switch (condition.kind) {
    case 'values':
      return { ...condition, values: condition.values.map(moved) };
    case 'member':
      return { ...condition, value: moved(condition.value) };
    case 'wanted':
      return condition;
    default:
      return unreachable(condition);
  }
}

/**
 * SQL: the text of columns that hold records, as it is read here: the way Postgres prints records, one after the other. As JSON the same 58
 * values took 34 µs a customer, and so they take 11 (20,000 rows, 22 November 2026).
 */
export function recordsAsText(columns: readonly string[]): string {
  return columns.length === 0 ? `''` : columns.map((column) => `${column}::text`).join(' || ');
}

/**
 * What a change records of its reasons: when the rule was asked (in a scan, that is before the change), and by numbered condition the values of
 * its computed sides, or for a named segment whether the customer was in it.
 */
export interface RecordedSeen {
  readonly at: number;
  readonly saw: readonly (readonly SeenJson[])[];
}

/** What was told about one customer. */
export interface Told {
  /** by record and place, as `readRecords` gives them */
  readonly records: readonly (readonly (string | null)[])[];
  /** ids of those computed segments that the customer ought to be in */
  readonly want: ReadonlySet<number>;
  readonly asOfMs: number;
  readonly today: Day;
}

/** What the conditions of a segment saw, as JSON text of a RecordedSeen. null: its reasons are not recorded. */
export function seenOf(plan: SeenPlan, told: Told, segmentId: number): string | null {
  const conditions = plan.get(segmentId);
  if (conditions === undefined) return null;
  const recorded: RecordedSeen = { at: told.asOfMs, saw: conditions.map((condition) => toSaw(condition, told)) };
  return JSON.stringify(recorded);
}

function toSaw(condition: PlannedCondition, told: Told): readonly SeenJson[] {
  switch (condition.kind) {
    case 'values':
      return condition.values.map((value) => toSeen(value, told));
    case 'member':
      return [toSeen(condition.value, told) === true];
    case 'wanted':
      return [told.want.has(condition.segmentId)];
    default:
      return unreachable(condition);
  }
}

function toSeen(value: ToldValue, told: Told): SeenJson {
  const text = told.records[value.record]?.[value.place];
  assert(text !== undefined, 'every value was told');
  if (text === null) return null;
  switch (value.type) {
    case 'number':
      return inUnits(text, value.scale);
    case 'boolean':
      return text === 't';
    case 'age':
      return ageOf(parseDay(text), told.today);
    case 'timestamp':
      return Date.parse(`${text.replace(' ', 'T')}:00`); // sessions are in UTC: +00
    case 'string':
    case 'date':
      return text;
    case 'list':
      return JSON.parse(text) as readonly string[];
    default:
      return unreachable(value.type);
  }
}

/** A value in quotes, or one that needs none; nothing at all means null. */
const VALUE = /"((?:[^"\\]|""|\\\\)*)"|[^,()]*/y;

/** The text of `EmittedEvaluation.seen`: `(a,"b c",,"")(d)`, where quotes and backslashes within quotes are doubled. */
export function readRecords(text: string): Told['records'] {
  const records: (string | null)[][] = [];
  for (let at = 0; at < text.length; at += 1) {
    const values: (string | null)[] = [];
    do {
      VALUE.lastIndex = at + 1;
      const [whole, quoted] = VALUE.exec(text) ?? [];
      assert(whole !== undefined, 'every place has a value');
      values.push(quoted === undefined ? whole || null : quoted.replace(/(["\\])\1/g, '$1'));
      at += 1 + whole.length;
    } while (text[at] === ',');
    assert(text[at] === ')', 'a record ends with a bracket');
    records.push(values);
  }
  return records;
}

/** Full years on a day; null: not born yet. Somebody born on 29 February turns a year older on 1 March in years without that day (strata_age). */
function ageOf(birthday: Day, today: Day): string | null {
  if (birthday > today) return null;
  const [born, now] = [partsOfDay(birthday), partsOfDay(today)];
  return String(now.year - born.year - (anniversaryIn(birthday, now.year) > today ? 1 : 0));
}

/** A decimal × 10^-scale, without meaningless zeros at the end. */
function inUnits(decimal: string, scale: number): string {
  const [, sign = '', whole = '', behind = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
  assert(whole !== '', `${decimal} is a plain decimal`);
  const digits = whole.padStart(scale + 1, '0');
  const point = digits.length - scale;
  const fraction = (digits.slice(point) + behind).replace(/0+$/, '');
  const units = digits.slice(0, point).replace(/^0+(?=\d)/, '');
  return fraction === '' ? (units === '0' ? units : `${sign}${units}`) : `${sign}${units}.${fraction}`;
}
