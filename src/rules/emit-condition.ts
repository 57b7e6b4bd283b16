// In charge of conditions: each becomes a boolean expression, and reports when its answer may flip.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import type { AnniversaryWindow, ComparisonOperator, Expression, Literal, Rule } from './ast.ts';
import { compareAge } from './emit-age.ts';
import { emitExpression } from './emit-expression.ts';
import { alignNumbers, type EmitScope, isNullable, numberLike, type Operand, scaleDecimal, type TextOperand } from './emit-operand.ts';
import { movedToday, today, unitDay, zone } from './emit-parameters.ts';
import { compareStored, compareWithInstant, emitWithin, mirror, type Order } from './emit-temporal.ts';
import { durationDays } from './plan.ts';
import { type ConstantCondition, constantCondition } from './plan-constant.ts';

/** The rule as a boolean that is never null, unless the scope takes null as false. */
export function emitCondition(rule: Rule, scope: EmitScope): SQL {
  const constant = constantCondition(rule);
  if (constant !== null) return emitConstant(constant, scope);
  switch (rule.kind) {
    case 'and':
    case 'or': {
      const parts = rule.rules.map((part) => emitCondition(part, scope));
      return sql`(${sql.join(parts, sql.raw(` ${rule.kind} `))})`;
    }
    case 'not':
      return sql`(not ${emitCondition(rule.rule, { ...scope, nullIsFalse: false })})`;
    case 'everyone':
      return sql`true`;
    case 'segment':
      assert(scope.customer !== null, 'no segment stands in where');
      return scope.customer.segment(rule.key);
    case 'comparison':
      return emitComparison(rule.left, rule.op, rule.right, scope);
    case 'between': {
      const left = emitExpression(rule.left, scope);
      const low = compareOperands(left, '>=', emitExpression(rule.low, scope), scope);
      const high = compareOperands(left, '<=', emitExpression(rule.high, scope), scope);
      return sql`(${low} and ${high})`;
    }
    case 'in':
      return emitIn(emitExpression(rule.left, scope), rule.values, scope);
    case 'text':
      return emitText(rule.op, emitExpression(rule.left, scope), rule.value, scope);
    case 'has':
      return emitHas(rule.op, emitExpression(rule.left, scope), rule.values, scope);
    case 'missing':
      return emitMissing(emitExpression(rule.left, scope));
    case 'within': {
      const left = emitExpression(rule.left, scope);
      return definite(emitWithin(asText(left), rule.window, scope), isNullable(left), scope);
    }
    case 'anniversary':
      return emitAnniversary(asText(emitExpression(rule.left, scope)), rule.window, scope);
    default:
      return unreachable(rule);
  }
}

/**
 * Two values, never three: a comparison with something missing is false. Where null is just as good it stays, since in the conditions of 500
 * segments every step costs time when the statement starts, and so does a flag on each row.
 */
function definite(condition: SQL, nullable: boolean, { nullIsFalse }: EmitScope): SQL {
  return nullable && !nullIsFalse ? sql`coalesce(${condition}, false)` : sql`(${condition})`;
}

function asText(operand: Operand): TextOperand {
  assert(operand.kind === 'value' && operand.type !== 'number' && operand.type !== 'list', 'a stored value that is no number or list');
  return operand;
}

/** What depends on no row is decided here, once, and passed in as a value; its flips are added for the whole segment (nextConstantFlip). */
function emitConstant(condition: ConstantCondition, scope: EmitScope): SQL {
  return scope.parameters.bound('boolean', `holds ${condition.key}`, (input) => condition.holds(input));
}

function emitComparison(left: Expression, op: ComparisonOperator, right: Expression, scope: EmitScope): SQL {
  const a = emitExpression(left, scope);
  const b = emitExpression(right, scope);
  return op === '!=' ? sql`(not ${compareOperands(a, '=', b, { ...scope, nullIsFalse: false })})` : compareOperands(a, op, b, scope);
}

function compareOperands(left: Operand, order: Order, right: Operand, scope: EmitScope): SQL {
  const nullable = isNullable(left) || isNullable(right);
  if (left.type === 'number') return definite(compareNumbers(left, order, right, scope), nullable, scope);
  if (left.kind === 'instant') {
    assert(right.kind === 'value', 'comparisons of two instants are constants');
    return definite(compareWithInstant(asText(right), mirror(order), left.instant, scope), nullable, scope);
  }
  if (right.kind === 'instant') return definite(compareWithInstant(asText(left), order, right.instant, scope), nullable, scope);
  const a = asText(left);
  const b = asText(right);
  if (a.type === 'date' || a.type === 'timestamp') return definite(compareStored(a, order, b, scope), nullable, scope);
  return definite(sql`${a.sql} ${sql.raw(order)} ${b.sql}${a.type === 'string' ? sql.raw(' collate "C"') : sql.empty()}`, nullable, scope);
}

function compareNumbers(left: Operand, order: Order, right: Operand, scope: EmitScope): SQL {
  const { parameters } = scope;
  if (left.kind === 'number' && right.kind === 'number') {
    return sql`${parameters.constant('numeric', left.decimal)} ${sql.raw(order)} ${parameters.constant('numeric', right.decimal)}`;
  }
  if (right.kind === 'number' && left.kind === 'value' && left.type === 'number') {
    if (left.birthday !== undefined) return compareAge(left.birthday, order, right.decimal, parameters);
    return sql`${left.sql} ${sql.raw(order)} ${numberLike(parameters, right.decimal, left)}`;
  }
  if (left.kind === 'number' && right.kind === 'value') return compareNumbers(right, mirror(order), left, scope);
  assert(
    left.kind === 'value' && left.type === 'number' && right.kind === 'value' && right.type === 'number',
    'numbers compare with numbers',
  );
  const [a, b] = alignNumbers(left, right);
  return sql`${a} ${sql.raw(order)} ${b}`;
}

function emitIn(left: Operand, values: readonly Literal[], scope: EmitScope): SQL {
  const { parameters } = scope;
  if (left.kind !== 'value' || left.type === 'date' || left.type === 'timestamp' || left.type === 'boolean') {
    const equal = values.map((value) => compareOperands(left, '=', emitExpression(value, scope), scope));
    return sql`(${sql.join(equal, sql.raw(' or '))})`;
  }
  if (left.type === 'string') {
    const texts = values.map((value) => (value.kind === 'string' ? value.value : assertNever(value)));
    return definite(sql`${left.sql} = any(${parameters.constant('text[]', texts)})`, left.nullable, scope);
  }
  assert(left.type === 'number', 'lists take has');
  const { scale, integer } = left;
  const scaled = values.map((value) => (value.kind === 'number' ? scaleDecimal(value.value, scale) : assertNever(value)));
  // an integer never equals a constant with more places than it stores
  const kept = integer ? scaled.filter((value) => value.integer) : scaled;
  const list = parameters.constant(
    integer ? 'bigint[]' : 'numeric[]',
    kept.map((value) => value.text),
  );
  return definite(sql`${left.sql} = any(${list})`, left.nullable, scope);
}

function assertNever(value: Literal): never {
  throw new Error(`broken invariant: a literal of another type (${value.kind}) in a checked list`);
}

function emitText(op: 'contains' | 'starts_with' | 'ends_with', left: Operand, value: string, scope: EmitScope): SQL {
  const text = asText(left);
  const part = scope.parameters.constant('text', value);
  switch (op) {
    case 'contains':
      return definite(sql`strpos(${text.sql}, ${part} collate "C") > 0`, text.nullable, scope);
    case 'starts_with':
      return definite(sql`starts_with(${text.sql}, ${part})`, text.nullable, scope);
    case 'ends_with':
      return definite(sql`right(${text.sql}, length(${part})) = ${part}`, text.nullable, scope);
    default:
      return unreachable(op);
  }
}

function emitHas(op: 'has_any' | 'has_all', left: Operand, values: readonly Literal[], scope: EmitScope): SQL {
  assert(left.kind === 'value' && left.type === 'list', 'has takes a list');
  const texts = values.map((value) => (value.kind === 'string' ? value.value : assertNever(value)));
  const list = scope.parameters.constant('text[]', texts);
  const operator = left.form === 'array' ? { has_any: '&&', has_all: '@>' }[op] : { has_any: '?|', has_all: '?&' }[op];
  return definite(sql`${left.sql} ${sql.raw(operator)} ${list}`, true, scope);
}

function emitMissing(left: Operand): SQL {
  return left.kind === 'value' && left.nullable ? sql`(${left.sql} is null)` : sql`false`;
}

/**
 * Windows of days that recur every year. The next anniversary a on or after the range's first day decides: it is in a range of days [today + p,
 * today + q) while today is in [a − q + 1, a − p], so it leaves at a − p + 1 and, being later, enters at a − q + 1.
 */
function emitAnniversary(value: TextOperand, window: AnniversaryWindow, scope: EmitScope): SQL {
  const { parameters, flips } = scope;
  const day = value.type === 'date' ? value.sql : sql`strata_local_date(${value.sql}, ${zone(parameters)})`;
  const now = today(parameters);
  if (window.kind === 'this_month' || window.kind === 'next_month') {
    const shift = window.kind === 'this_month' ? 0 : 1;
    const next = sql`strata_next_anniversary(${day}, ${unitDay(parameters, 'month', shift)})`;
    const end = unitDay(parameters, 'month', shift + 1);
    const enters = sql`(date_trunc('month', ${next}::timestamp) - ${sql.raw(String(shift))} * interval '1 month')::date`;
    flips.addDay(
      sql`case when ${day} > ${now} then ${day} when ${next} < ${end} then ${unitDay(parameters, 'month', 1)} else ${enters} end`,
    );
    return definite(sql`${day} <= ${now} and ${next} < ${end}`, value.nullable, scope);
  }
  const [from, to] = anniversaryDays(window);
  const next = sql`strata_next_anniversary(${day}, ${movedToday(parameters, from)})`;
  const end = movedToday(parameters, to);
  const steps = (days: number): SQL => sql`${next} - ${parameters.constant('integer', days - 1)}`;
  flips.addDay(sql`case when ${day} > ${now} then ${day} when ${next} < ${end} then ${steps(from)} else ${steps(to)} end`);
  return definite(sql`${day} <= ${now} and ${next} < ${end}`, value.nullable, scope);
}

/** In days from today: the first day of the range, and the first day after it. */
function anniversaryDays(window: Exclude<AnniversaryWindow, { kind: 'this_month' | 'next_month' }>): readonly [number, number] {
  switch (window.kind) {
    case 'today':
      return [0, 1];
    case 'next':
      return [0, durationDays(window.duration)];
    case 'last':
      return [1 - durationDays(window.duration), 1];
    default:
      return unreachable(window);
  }
}
