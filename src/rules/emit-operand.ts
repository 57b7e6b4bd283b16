// In charge of what an expression is in SQL: its fragment, its type, and for numbers the power of ten it is stored in. Numbers stay in the form
// they are stored in (bigint ten-thousandths) until arithmetic turns them into units.
import { type SQL, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import type { ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression, Instant } from './ast.ts';
import type { Parameters } from './emit-parameters.ts';

/** A value of a row or a customer, or a constant that is not an instant. */
export type SqlOperand = TextOperand | NumberOperand | ListOperand;

export interface TextOperand {
  readonly kind: 'value';
  readonly type: Exclude<ValueType, 'number' | 'list'>;
  readonly sql: SQL;
  readonly nullable: boolean;
}

export interface NumberOperand {
  readonly kind: 'value';
  readonly type: 'number';
  readonly sql: SQL;
  readonly nullable: boolean;
  /** the value is sql × 10^-scale */
  readonly scale: number;
  /** sql is an integer type, not numeric */
  readonly integer: boolean;
  /** the number is the age of somebody born on this day */
  readonly birthday?: SQL;
}

export interface ListOperand {
  readonly kind: 'value';
  readonly type: 'list';
  /** null when missing or empty */
  readonly sql: SQL;
  readonly nullable: true;
  readonly form: 'array' | 'jsonb';
}

export type Operand =
  | SqlOperand
  | { readonly kind: 'number'; readonly type: 'number'; readonly decimal: string }
  | { readonly kind: 'instant'; readonly type: 'date' | 'timestamp'; readonly instant: Instant };

/**
 * Receives when time-dependent parts may change their answer: at an instant, or at the beginning of a day; times that do not lie ahead are
 * dropped later.
 */
export interface Flips {
  /** `isAhead`: by its construction it is either null or later than asOf, so it need not be checked. */
  addInstant(instant: SQL, isAhead?: true): void;
  addDay(day: SQL, isAhead?: true): void;
  /** The time of a row that lies ahead, or null: the row exists from then on. */
  addArrival(instant: SQL): void;
}

/** Where an expression occurs: at the top (a customer) or inside `where` (a row). */
export interface EmitScope {
  readonly scope: 'customers' | 'orders' | 'items' | 'events';
  readonly types: ReadonlyMap<Expression, ValueType>;
  readonly parameters: Parameters;
  readonly flips: Flips;
  /** where null counts as false: not under `not`, nor in a column that others read as having two values */
  readonly nullIsFalse: boolean;
  /** null inside `where` */
  readonly customer: {
    aggregate(aggregate: Aggregate): SqlOperand;
    segment(key: string): SQL;
    /** what an expression evaluated to, where that is recorded; absent: nothing is recorded */
    known?(expression: Expression): SqlOperand | undefined;
  } | null;
}

const BIGINT_LIMIT = 2n ** 63n;

/** A decimal times 10^scale as exact decimal text, and whether it is a whole number that fits bigint. */
export function scaleDecimal(decimal: string, scale: number): { readonly text: string; readonly integer: boolean } {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  assert(match !== null, `${decimal} is a plain decimal`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = fraction.padEnd(scale, '0');
  const rest = digits.slice(scale).replace(/0+$/, '');
  const integer = BigInt(`${sign}${whole}${digits.slice(0, scale)}`);
  if (rest === '') return { text: String(integer), integer: integer < BIGINT_LIMIT && integer > -BIGINT_LIMIT };
  const magnitude = String(integer < 0n ? -integer : integer);
  return { text: `${sign}${magnitude}.${rest}`, integer: false };
}

/** The constant in a form that can be compared with `beside`. */
export function numberLike(parameters: Parameters, decimal: string, beside: NumberOperand): SQL {
  const { text, integer } = scaleDecimal(decimal, beside.scale);
  return parameters.constant(integer && beside.integer ? 'bigint' : 'numeric', text);
}

/** Brings two numbers to the same power of ten; exact. */
export function alignNumbers(left: NumberOperand, right: NumberOperand): readonly [SQL, SQL] {
  if (left.scale === right.scale) return [left.sql, right.sql];
  const scale = Math.max(left.scale, right.scale);
  return [raise(left, scale), raise(right, scale)];
}

function raise(operand: NumberOperand, scale: number): SQL {
  if (operand.scale === scale) return operand.sql;
  return sql`(${operand.sql}::numeric * ${sql.raw(`1${'0'.repeat(scale - operand.scale)}`)})`;
}

/** The number in units, as numeric: the form that arithmetic works on. */
export function toUnits(parameters: Parameters, operand: Operand): SQL {
  if (operand.kind === 'number') return parameters.constant('numeric', operand.decimal);
  assert(operand.kind === 'value' && operand.type === 'number', 'arithmetic takes numbers');
  if (operand.scale === 0) return operand.integer ? sql`${operand.sql}::numeric` : operand.sql;
  return sql`(${operand.sql}::numeric * ${sql.raw(`0.${'0'.repeat(operand.scale - 1)}1`)})`;
}

export function isNullable(operand: Operand): boolean {
  return operand.kind === 'value' && operand.nullable;
}
