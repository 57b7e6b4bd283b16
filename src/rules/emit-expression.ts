// In charge of expressions: literals, fields, aggregates, arithmetic, buckets and days between, each as an operand.
import { type SQL, sql } from 'drizzle-orm';
import { assert, unreachable } from '../base/assert.ts';
import { parseDay } from '../base/calendar.ts';
import type { ArithmeticOperator, Expression } from './ast.ts';
import { emitField } from './emit-field.ts';
import { type EmitScope, isNullable, type NumberOperand, type Operand, toUnits } from './emit-operand.ts';
import { dayStartMilliseconds, zone } from './emit-parameters.ts';

export function emitExpression(expression: Expression, scope: EmitScope): Operand {
  const known = scope.customer?.known?.(expression);
  if (known !== undefined) return known;
  switch (expression.kind) {
    case 'string':
    case 'boolean': {
      const type = expression.kind === 'string' ? 'text' : 'boolean';
      return { kind: 'value', type: expression.kind, sql: scope.parameters.constant(type, expression.value), nullable: false };
    }
    case 'number':
      return { kind: 'number', type: 'number', decimal: expression.value };
    case 'date':
    case 'today':
      return { kind: 'instant', type: 'date', instant: expression };
    case 'timestamp':
    case 'now':
    case 'ago':
    case 'from_now':
      return { kind: 'instant', type: 'timestamp', instant: expression };
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
      return emitField(expression, scope);
    case 'aggregate':
      assert(scope.customer !== null, 'no aggregate stands in where');
      return scope.customer.aggregate(expression);
    case 'arithmetic':
      return emitArithmetic(expression.op, emitExpression(expression.left, scope), emitExpression(expression.right, scope), scope);
    case 'bucket':
      assert(scope.customer !== null, 'no bucket stands in where');
      return {
        kind: 'value',
        type: 'number',
        sql: sql`strata_bucket_hundredths(${scope.parameters.constant('text', expression.salt)}, c.external_id)`,
        nullable: false,
        scale: 2,
        integer: true,
      };
    case 'days_between':
      return emitDaysBetween(emitExpression(expression.from, scope), emitExpression(expression.to, scope), scope);
    default:
      return unreachable(expression);
  }
}

function emitArithmetic(op: ArithmeticOperator, left: Operand, right: Operand, scope: EmitScope): NumberOperand {
  const a = toUnits(scope.parameters, left);
  const b = toUnits(scope.parameters, right);
  const fragment = op === '/' ? sql`strata_divide(${a}, ${b})` : sql`(${a} ${sql.raw(op)} ${b})`;
  const nullable = op === '/' || isNullable(left) || isNullable(right);
  return { kind: 'value', type: 'number', sql: fragment, nullable, scale: 0, integer: false };
}

const DAY_MS = '86400000';

/** Between two dates, calendar days; otherwise days of 24 hours. A date compared with a timestamp counts as the beginning of its day. */
function emitDaysBetween(from: Operand, to: Operand, scope: EmitScope): NumberOperand {
  const nullable = isNullable(from) || isNullable(to);
  const number = { kind: 'value', type: 'number', nullable, scale: 0 } as const;
  if (from.type === 'date' && to.type === 'date') {
    return { ...number, sql: sql`(${asDate(to, scope)} - ${asDate(from, scope)})`, integer: true };
  }
  const elapsed = sql`(${asMilliseconds(to, scope)} - ${asMilliseconds(from, scope)})::numeric`;
  return { ...number, sql: sql`strata_divide(${elapsed}, ${scope.parameters.constant('numeric', DAY_MS)})`, integer: false };
}

function asDate(operand: Operand, scope: EmitScope): SQL {
  if (operand.kind === 'value') return operand.sql;
  assert(operand.kind === 'instant' && operand.instant.kind === 'date', 'days_between takes literals and stored dates');
  return scope.parameters.constant('date', operand.instant.value);
}

function asMilliseconds(operand: Operand, scope: EmitScope): SQL {
  if (operand.kind === 'value') {
    const instant = operand.type === 'date' ? sql`strata_day_start(${operand.sql}, ${zone(scope.parameters)})` : operand.sql;
    return sql`(extract(epoch from ${instant}) * 1000)`;
  }
  assert(operand.kind === 'instant', 'days_between takes dates and timestamps');
  const { instant } = operand;
  if (instant.kind === 'date') return dayStartMilliseconds(scope.parameters, parseDay(instant.value));
  assert(instant.kind === 'timestamp', 'days_between takes no instant that moves');
  return scope.parameters.constant('bigint', String(instant.value));
}
