// Checks the expressions of a rule and determines the type of each: fields, aggregates, arithmetic, functions.
import { assert, unreachable } from '../base/assert.ts';
import type { ValueType } from '../catalog/catalog.ts';
import type { Aggregate, Expression, Rule } from './ast.ts';
import {
  type CheckContext,
  describeExpression,
  nearest,
  type RowScope,
  refuseName,
  requireType,
  tellError,
  typeName,
  warnOnce,
} from './check-context.ts';
import { checkField } from './check-field.ts';
import { checkDuration, checkWindow } from './check-time.ts';
import { ORDERED_TYPES, TIME_TYPES } from './operators.ts';
import { bindTypes, isVariable, type MaybeType, resolveType } from './type-variable.ts';
import { aggregateFunction } from './vocabulary.ts';

/** Checks the rule of a `where`; passed in, since rules contain expressions and expressions contain rules. */
export type CheckWhere = (rule: Rule, scope: NonNullable<RowScope>) => void;

export function checkExpression(
  context: CheckContext,
  expression: Expression,
  scope: RowScope,
  checkWhere: CheckWhere,
  onRight = false,
): MaybeType {
  const type = context.broken.has(expression) ? null : typeOf(context, expression, scope, checkWhere, onRight);
  context.types.set(expression, type);
  return type;
}

function typeOf(context: CheckContext, expression: Expression, scope: RowScope, checkWhere: CheckWhere, onRight: boolean): MaybeType {
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'date':
    case 'timestamp':
      return expression.kind;
    case 'today':
      context.timeDependent = true;
      return 'date';
    case 'now':
      context.timeDependent = true;
      return 'timestamp';
    case 'ago':
    case 'from_now':
      context.timeDependent = true;
      checkDuration(context, expression.duration, expression.place, 'value');
      return 'timestamp';
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
      return checkField(context, expression, scope, onRight);
    case 'arithmetic':
      for (const side of [expression.left, expression.right]) {
        const type = checkExpression(context, side, scope, checkWhere);
        requireType(context, side, type, ['number'], 'number', `\`${expression.op}\``, arithmeticHint);
      }
      return 'number';
    case 'bucket':
      if (scope !== null) tellError(context, 'not_available', '`bucket` is not available in `where`', expression.place, OUTSIDE);
      return 'number';
    case 'days_between':
      for (const side of [expression.from, expression.to]) checkDaysBetween(context, side, scope, checkWhere);
      return 'number';
    case 'aggregate':
      if (scope !== null) {
        tellError(context, 'not_available', 'an aggregate is not available in `where`', expression.place, OUTSIDE);
        return null;
      }
      return checkAggregate(context, expression, checkWhere);
    default:
      return unreachable(expression);
  }
}

export const OUTSIDE = 'ask it outside of the aggregate, joined by `and`';

function arithmeticHint(found: ValueType): string | undefined {
  return found === 'date' || found === 'timestamp' ? 'the days between two dates are days_between(a, b)' : undefined;
}

function checkDaysBetween(context: CheckContext, side: Expression, scope: RowScope, checkWhere: CheckWhere): void {
  const type = checkExpression(context, side, scope, checkWhere);
  if (side.kind === 'now' || side.kind === 'today' || side.kind === 'ago' || side.kind === 'from_now') {
    const hint = 'compare the field with an instant: last(orders.placed_at) < 60 days ago';
    tellError(context, 'not_available', `\`${describeExpression(side)}\` is not available in \`days_between\` yet`, side.place, hint);
    return;
  }
  requireType(context, side, type, TIME_TYPES, 'timestamp', '`days_between`');
}

function checkAggregate(context: CheckContext, aggregate: Aggregate, checkWhere: CheckWhere): MaybeType {
  const { source } = aggregate;
  // also without a window: a row in the future begins to count when its time comes
  context.timeDependent = true;
  if (source.kind === 'events') checkEvent(context, aggregate, source.event);
  else context.orders = true;
  const row = aggregateFunction(aggregate.function);
  assert(row !== undefined, 'every function of the AST has a row');
  const type = aggregate.field === null ? null : checkExpression(context, aggregate.field, source, checkWhere);
  if (row.fieldTypes !== null) {
    if (aggregate.field === null) {
      const example =
        source.kind === 'events' ? 'properties.NAME' : row.result === 'number' && row.name !== 'distinct' ? 'total' : 'placed_at';
      const rows = source.kind === 'events' && source.event !== null ? `events ${JSON.stringify(source.event)}` : source.kind;
      const hint = `write ${row.name}(${rows}.${example}); to count rows write count(${rows})`;
      tellError(context, 'type_mismatch', `\`${row.name}\` needs a field`, aggregate.place, hint);
    } else checkAggregateField(context, aggregate.field, type, row.fieldTypes, row.name);
  }
  if (aggregate.where !== null) checkWhere(aggregate.where, source);
  if (aggregate.window !== null) checkWindow(context, aggregate.window, false);
  return row.result === 'number' ? 'number' : type;
}

function checkAggregateField(context: CheckContext, field: Expression, type: MaybeType, allowed: readonly ValueType[], name: string): void {
  const resolved = resolveType(type);
  // an open type for which several would do stays open for the comparisons of the rule, and if all would do for ever
  const isOpen = allowed.length > 1 && (!context.allBound || allowed.includes('list'));
  if (isVariable(resolved) && isOpen) return;
  requireType(context, field, type, allowed, allowed.includes('string') ? 'string' : 'number', `\`${name}\``);
}

function checkEvent(context: CheckContext, aggregate: Aggregate, event: string | null): void {
  context.events.add(event);
  if (event === null || context.catalog.events.has(event) || refuseName(context, event, aggregate.place)) return;
  const about = `event ${event}`;
  if (context.warned.has(about)) return;
  const near = nearest(context, event, context.catalog.events.keys());
  const hint = near === null ? undefined : `did you mean ${JSON.stringify(near)}?`;
  warnOnce(context, about, 'unknown_event', `nobody has sent the event ${JSON.stringify(event)} yet`, aggregate.place, hint);
}

/** Whether two values may be compared; binds an open type to the other's. `ordered`: by `<` and the like, not only `=`. */
export function checkComparable(
  context: CheckContext,
  [left, leftType]: readonly [Expression, MaybeType],
  [right, rightType]: readonly [Expression, MaybeType],
  by: string,
  ordered: boolean,
): void {
  bindTypes(leftType, rightType);
  const one = resolveType(leftType);
  const other = resolveType(rightType);
  for (const open of [one, other]) if (isVariable(open)) open.compared = true;
  if (one === null || other === null || isVariable(one) || isVariable(other)) return;
  if (one === 'list' || other === 'list') {
    const list = one === 'list' ? left : right;
    tellError(
      context,
      'type_mismatch',
      `\`${describeExpression(list)}\` is a list of strings; a list takes only \`has\` and \`is missing\``,
      list.place,
      'write `has any ("…")`',
    );
    return;
  }
  if (one !== other && !(TIME_TYPES.includes(one) && TIME_TYPES.includes(other))) {
    const detail = `\`${describeExpression(left)}\` is a ${typeName(one)}, \`${describeExpression(right)}\` is a ${typeName(other)}; unlike types cannot be compared`;
    tellError(context, 'type_mismatch', detail, right.place, unlikeHint(one, right, other));
    return;
  }
  if (ordered && !ORDERED_TYPES.includes(one))
    tellError(context, 'type_mismatch', `\`${by}\` is not for ${typeName(one)}s`, left.place, 'compare with `=` or `!=`');
}

function unlikeHint(left: ValueType, right: Expression, type: ValueType): string | undefined {
  if (right.kind === 'string' && left === 'number' && /^-?\d+(\.\d+)?$/.test(right.value))
    return `numbers stand without quotes: ${right.value}`;
  if (right.kind === 'string' && left === 'boolean' && /^(true|false)$/i.test(right.value))
    return `write ${right.value.toLowerCase()} without quotes`;
  if (right.kind === 'string' && TIME_TYPES.includes(left))
    return 'dates and timestamps stand without quotes, dates as objects in JSON: 2026-01-31';
  if (right.kind === 'arithmetic' && TIME_TYPES.includes(left)) return 'dates are written with two digits for month and day: 2026-01-05';
  if (right.kind === 'number' && left === 'string') return `strings stand in double quotes: "${right.value}"`;
  if (type === 'number' && TIME_TYPES.includes(left)) return 'write an instant, such as `7 days ago`';
  return undefined;
}
