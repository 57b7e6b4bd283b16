// In charge of listing what stands in a rule: its conditions, those inside `where` too, and its aggregates.
import { unreachable } from '../base/assert.ts';
import type { Aggregate, ComparisonOperator, Expression, Instant, Rule } from './ast.ts';

/** What is true or false by itself: a rule without `and`, `or` and `not`. */
export type Condition = Exclude<Rule, { readonly kind: 'and' | 'or' | 'not' }>;

/** The conditions of a rule from left to right, and behind them those inside `where`. */
export function conditionsOf(rule: Rule): Condition[] {
  const inner = aggregatesOf(rule).flatMap((aggregate) => (aggregate.where === null ? [] : conditionsOf(aggregate.where)));
  return [...numberedConditions(rule), ...inner];
}

/** The conditions of a rule from left to right, without those inside `where`: wherever conditions are recorded, these places are their numbers. */
export function numberedConditions(rule: Rule): Condition[] {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return rule.rules.flatMap(numberedConditions);
    case 'not':
      return numberedConditions(rule.rule);
    default:
      return [rule];
  }
}

/** The expressions that a condition compares, its left side first; the literals of lists are not among them. */
export function sidesOf(condition: Condition): readonly Expression[] {
  switch (condition.kind) {
    case 'everyone':
    case 'segment':
      return [];
    case 'comparison':
      return [condition.left, condition.right];
    case 'between':
      return [condition.left, condition.low, condition.high];
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
    case 'within':
    case 'anniversary':
      return [condition.left];
    default:
      return unreachable(condition);
  }
}

/** Whether it is a point in time that the rule names, whatever the customer. */
export function isInstant(expression: Expression): expression is Instant {
  return ['date', 'timestamp', 'now', 'today', 'ago', 'from_now'].includes(expression.kind);
}

/** Whether its value depends on the customer, and not on the rule and the clock alone. */
export function isComputed(expression: Expression): boolean {
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'now':
    case 'today':
    case 'ago':
    case 'from_now':
      return false;
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
    case 'aggregate':
    case 'arithmetic':
    case 'bucket':
    case 'days_between':
      return true;
    default:
      return unreachable(expression);
  }
}

/** Every aggregate of a rule, from left to right. */
export function aggregatesOf(rule: Rule): Aggregate[] {
  return numberedConditions(rule).flatMap(sidesOf).flatMap(aggregatesIn);
}

export function aggregatesIn(expression: Expression): Aggregate[] {
  switch (expression.kind) {
    case 'aggregate':
      return [expression];
    case 'arithmetic':
      return [...aggregatesIn(expression.left), ...aggregatesIn(expression.right)];
    case 'days_between':
      return [...aggregatesIn(expression.from), ...aggregatesIn(expression.to)];
    default:
      return [];
  }
}

/**
 * For an aggregate that is compared with a number written in the rule: the least whole number above 0 from which on the answer stays the same
 * (`count(…) >= 3`: 3; `= 3`: 4). Aggregates that stand elsewhere (in arithmetic, beside another value) are not in the map.
 */
export function lastingCounts(rule: Rule): ReadonlyMap<Aggregate, number> {
  const found = new Map<Aggregate, number>();
  for (const condition of numberedConditions(rule)) {
    if (condition.kind === 'comparison') {
      const { left, op, right } = condition;
      if (left.kind === 'aggregate' && right.kind === 'number') found.set(left, lastingCount(op, right.value));
      if (right.kind === 'aggregate' && left.kind === 'number') found.set(right, lastingCount('=', left.value));
    } else if (condition.kind === 'between' && condition.left.kind === 'aggregate') {
      const { left, low, high } = condition;
      if (low.kind === 'number' && high.kind === 'number') {
        found.set(left, Math.max(lastingCount('>=', low.value), lastingCount('<=', high.value)));
      }
    } else if (condition.kind === 'in' && condition.left.kind === 'aggregate') {
      const counts = condition.values.map((value) => (value.kind === 'number' ? lastingCount('=', value.value) : Number.POSITIVE_INFINITY));
      found.set(condition.left, Math.max(...counts));
    }
  }
  return found;
}

function lastingCount(op: ComparisonOperator, decimal: string): number {
  const number = Number(decimal);
  return Math.max(1, op === '>=' || op === '<' ? Math.ceil(number) : Math.floor(number) + 1);
}
