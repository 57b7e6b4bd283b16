// The oracle: what a rule means for one customer, written as plainly as possible, from the description of the language alone. It shares no code
// with the compiler's back end and does not care about speed: it loops over rows. Rules are taken as checked; it finds no mistakes in them.
import { createHash } from 'node:crypto';
import { unreachable } from '../../src/base/assert.ts';
import type {
  Aggregate,
  AnniversaryWindow,
  ArithmeticOperator,
  ComparisonOperator,
  Duration,
  Expression,
  FieldExpression,
  Instant,
  Literal,
  Rule,
  TextOperator,
  Window,
} from '../../src/rules/ast.ts';
import { add, type Decimal, decimal, divide, fromInteger, multiply, subtract } from './decimal.ts';
import {
  addDays,
  anniversaryIn,
  dayStartMs,
  daysFromTo,
  type LocalDate,
  localDate,
  nextMonthDays,
  periodDays,
  yearOf,
} from './local-days.ts';
import { type Row, readField, rowsOf } from './rows.ts';
import type { Shop, ShopCustomer } from './shop.ts';
import { compareStrings, equals, identity, lessThan, type Maybe, number, timestamp, type Value } from './value.ts';

/** Whether a customer is in a segment that a rule names. */
type IsMember = (key: string, customerId: string) => boolean;

interface Circumstances {
  readonly customer: ShopCustomer;
  readonly shop: Shop;
  readonly asOfMs: number;
  readonly timeZone: string;
  readonly today: LocalDate;
  readonly segments: IsMember;
  /** whose fields are meant: the customer at the top, an order, item or event inside `where` */
  readonly row: Row;
}

const MS_PER_UNIT = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000, weeks: 604_800_000 } as const;
const MS_PER_DAY = MS_PER_UNIT.days;

export function evaluateRule(
  rule: Rule,
  customer: ShopCustomer,
  shop: Shop,
  asOfMs: number,
  timeZone: string,
  segments: IsMember,
): boolean {
  const today = localDate(asOfMs, timeZone);
  return holds(rule, { customer, shop, asOfMs, timeZone, today, segments, row: { scope: 'customers', customer, today } });
}

/** The value of an expression for one customer, null where it is missing. */
export function evaluateExpression(expression: Expression, customer: ShopCustomer, shop: Shop, asOfMs: number, timeZone: string): Maybe {
  const today = localDate(asOfMs, timeZone);
  return resolve(expression, {
    customer,
    shop,
    asOfMs,
    timeZone,
    today,
    segments: () => false,
    row: { scope: 'customers', customer, today },
  });
}

function holds(rule: Rule, at: Circumstances): boolean {
  switch (rule.kind) {
    case 'and':
      return rule.rules.every((part) => holds(part, at));
    case 'or':
      return rule.rules.some((part) => holds(part, at));
    case 'not':
      return !holds(rule.rule, at);
    case 'everyone':
      return true;
    case 'segment':
      return at.segments(rule.key, at.customer.id);
    case 'comparison':
      return compares(rule.op, resolve(rule.left, at), resolve(rule.right, at), at.timeZone);
    case 'between': {
      const left = resolve(rule.left, at);
      return compares('>=', left, resolve(rule.low, at), at.timeZone) && compares('<=', left, resolve(rule.high, at), at.timeZone);
    }
    case 'in':
      return rule.values.some((value) => compares('=', resolve(rule.left, at), literal(value), at.timeZone));
    case 'text':
      return holdsText(rule.op, resolve(rule.left, at), rule.value);
    case 'has': {
      const left = resolve(rule.left, at);
      if (left === null || left.type !== 'list') return false;
      const contains = (value: Literal) => left.value.includes(value.value as string);
      return rule.op === 'has_any' ? rule.values.some(contains) : rule.values.every(contains);
    }
    case 'missing':
      return resolve(rule.left, at) === null;
    case 'within':
      return isWithin(resolve(rule.left, at), rule.window, at);
    case 'anniversary':
      return hasAnniversary(resolve(rule.left, at), rule.window, at);
    default:
      return unreachable(rule);
  }
}

/** A comparison with something missing is false, and `!=` is exactly `not =`. */
function compares(op: ComparisonOperator, left: Maybe, right: Maybe, timeZone: string): boolean {
  switch (op) {
    case '=':
      return equals(left, right, timeZone);
    case '!=':
      return !equals(left, right, timeZone);
    case '<':
      return lessThan(left, right, timeZone);
    case '>':
      return lessThan(right, left, timeZone);
    case '<=':
      return lessThan(left, right, timeZone) || equals(left, right, timeZone);
    case '>=':
      return lessThan(right, left, timeZone) || equals(left, right, timeZone);
    default:
      return unreachable(op);
  }
}

function holdsText(op: TextOperator, left: Maybe, text: string): boolean {
  if (left === null || left.type !== 'string') return false;
  switch (op) {
    case 'contains':
      return left.value.includes(text);
    case 'starts_with':
      return left.value.startsWith(text);
    case 'ends_with':
      return left.value.endsWith(text);
    default:
      return unreachable(op);
  }
}

// ---------------------------------------------------------------- windows

/** A timestamp is compared as an instant, a date as a whole day with the day of each bound. */
function isWithin(value: Maybe, window: Window, at: Circumstances): boolean {
  if (value === null) return false;
  const { timeZone } = at;
  const now = timestamp(at.asOfMs);
  switch (window.kind) {
    case 'last': {
      const begin = timestamp(at.asOfMs - durationMs(window.duration));
      return compares('>', value, begin, timeZone) && compares('<=', value, now, timeZone);
    }
    case 'calendar': {
      const [from, to] = periodDays(window.period, at.today);
      return isFrom(value, { type: 'date', value: from }, timeZone) && isBefore(value, { type: 'date', value: to }, timeZone);
    }
    case 'since':
      return isFrom(value, instantOf(window.instant, at), timeZone);
    case 'before':
      return isBefore(value, instantOf(window.instant, at), timeZone);
    case 'between': {
      const to = instantOf(window.to, at);
      // a date as the end means to that day's end
      const end: Value = to.type === 'date' ? { type: 'date', value: addDays(to.value, 1) } : to;
      return isFrom(value, instantOf(window.from, at), timeZone) && isBefore(value, end, timeZone);
    }
    default:
      return unreachable(window);
  }
}

function isFrom(value: Value, begin: Value, timeZone: string): boolean {
  if (value.type === 'timestamp' && begin.type === 'date') return value.value >= dayStartMs(begin.value, timeZone);
  return compares('>=', value, begin, timeZone);
}

function isBefore(value: Value, end: Value, timeZone: string): boolean {
  if (value.type === 'timestamp' && end.type === 'date') return value.value < dayStartMs(end.value, timeZone);
  return compares('<', value, end, timeZone);
}

function instantOf(instant: Instant, at: Circumstances): Extract<Value, { type: 'date' | 'timestamp' }> {
  switch (instant.kind) {
    case 'date':
      return { type: 'date', value: instant.value };
    case 'timestamp':
      return { type: 'timestamp', value: instant.value };
    case 'now':
      return { type: 'timestamp', value: at.asOfMs };
    case 'today':
      return { type: 'date', value: at.today };
    case 'ago':
      return { type: 'timestamp', value: at.asOfMs - durationMs(instant.duration) };
    case 'from_now':
      return { type: 'timestamp', value: at.asOfMs + durationMs(instant.duration) };
    default:
      return unreachable(instant);
  }
}

function durationMs(duration: Duration): number {
  return duration.amount * MS_PER_UNIT[duration.unit];
}

/** The date itself is no anniversary; a date in the future has none. */
function hasAnniversary(value: Maybe, window: AnniversaryWindow, at: Circumstances): boolean {
  if (value === null) return false;
  const date = value.type === 'timestamp' ? localDate(value.value, at.timeZone) : value.type === 'date' ? value.value : null;
  if (date === null || compareStrings(date, at.today) > 0) return false;
  const [from, to] = anniversaryDays(window, at.today);
  for (let year = yearOf(date) + 1; year <= yearOf(to); year += 1) {
    const day = anniversaryIn(year, date);
    if (from <= day && day < to) return true;
  }
  return false;
}

/** First day of the window and the first day after it. */
function anniversaryDays(window: AnniversaryWindow, today: LocalDate): readonly [from: LocalDate, to: LocalDate] {
  switch (window.kind) {
    case 'today':
      return [today, addDays(today, 1)];
    case 'next':
      return [today, addDays(today, durationMs(window.duration) / MS_PER_DAY)];
    case 'last':
      return [addDays(today, 1 - durationMs(window.duration) / MS_PER_DAY), addDays(today, 1)];
    case 'this_month':
      return periodDays('this_month', today);
    case 'next_month':
      return nextMonthDays(today);
    default:
      return unreachable(window);
  }
}

// ---------------------------------------------------------------- expressions

function resolve(expression: Expression, at: Circumstances): Maybe {
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      return literal(expression);
    case 'date':
    case 'timestamp':
    case 'now':
    case 'today':
    case 'ago':
    case 'from_now':
      return instantOf(expression, at);
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
      return readField(expression, at.row, at.shop.catalog);
    case 'aggregate':
      return aggregate(expression, at);
    case 'arithmetic':
      return arithmetic(expression.op, resolve(expression.left, at), resolve(expression.right, at));
    case 'bucket':
      return number(bucket(expression.salt, at.customer.id));
    case 'days_between':
      return daysBetween(resolve(expression.from, at), resolve(expression.to, at), at.timeZone);
    default:
      return unreachable(expression);
  }
}

function literal(expression: Literal): Value {
  return expression.kind === 'number'
    ? { type: 'number', value: decimal(expression.value) }
    : ({ type: expression.kind, value: expression.value } as Value);
}

function arithmetic(op: ArithmeticOperator, left: Maybe, right: Maybe): Maybe {
  if (left?.type !== 'number' || right?.type !== 'number') return null;
  switch (op) {
    case '+':
      return number(add(left.value, right.value));
    case '-':
      return number(subtract(left.value, right.value));
    case '*':
      return number(multiply(left.value, right.value));
    case '/': {
      const quotient = divide(left.value, right.value);
      return quotient === null ? null : number(quotient);
    }
    default:
      return unreachable(op);
  }
}

/** Calendar days between two dates, otherwise days of 24 hours; a date beside a timestamp is its day's beginning. */
function daysBetween(from: Maybe, to: Maybe, timeZone: string): Maybe {
  if (from === null || to === null) return null;
  if (from.type === 'date' && to.type === 'date') return number(fromInteger(daysFromTo(from.value, to.value)));
  const elapsedMs = instantMs(to, timeZone) - instantMs(from, timeZone);
  const days = divide(fromInteger(elapsedMs), fromInteger(MS_PER_DAY));
  return days === null ? null : number(days);
}

function instantMs(value: Value, timeZone: string): number {
  if (value.type === 'timestamp') return value.value;
  if (value.type === 'date') return dayStartMs(value.value, timeZone);
  throw new Error(`the oracle was asked for the days between a ${value.type} and another value`);
}

/**
 * [0, 100) with two decimals, from the first six bytes of a SHA-256. Hashed is the salt's length in UTF-8 bytes, a colon, the salt, the
 * customer's id: no two pairs give the same text.
 */
function bucket(salt: string, customerId: string): Decimal {
  const digest = createHash('sha256')
    .update(`${Buffer.byteLength(salt)}:${salt}${customerId}`)
    .digest();
  return { coefficient: BigInt(digest.readUIntBE(0, 6) % 10_000), scale: 2 };
}

// ---------------------------------------------------------------- aggregates

function aggregate(expression: Aggregate, at: Circumstances): Maybe {
  const { field, where, window } = expression;
  const rows = rowsOf(expression.source, at.customer, at.shop)
    .filter((row) => row.atMs <= at.asOfMs)
    .filter((row) => window === null || isWithin(timestamp(row.atMs), window, at))
    .filter((row) => where === null || holds(where, { ...at, row }));
  const fieldOf = (row: Row | undefined) =>
    row === undefined || field === null ? null : readField(field as FieldExpression, row, at.shop.catalog);
  const values = rows.map(fieldOf).filter((value) => value !== null);
  switch (expression.function) {
    case 'count':
      return number(fromInteger(field === null ? rows.length : values.length));
    case 'sum':
      return number(sum(values));
    case 'avg': {
      const average = divide(sum(values), fromInteger(values.length));
      return average === null ? null : number(average);
    }
    case 'min':
      return values.reduce<Maybe>((least, value) => (least === null || lessThan(value, least, at.timeZone) ? value : least), null);
    case 'max':
      return values.reduce<Maybe>((most, value) => (most === null || lessThan(most, value, at.timeZone) ? value : most), null);
    case 'first':
      return fieldOf(rows[0]);
    case 'last':
      return fieldOf(rows.at(-1));
    case 'distinct':
      return number(fromInteger(new Set(values.map(identity)).size));
    default:
      return unreachable(expression.function);
  }
}

function sum(values: readonly Value[]): Decimal {
  let total = fromInteger(0);
  for (const value of values) if (value.type === 'number') total = add(total, value.value);
  return total;
}
