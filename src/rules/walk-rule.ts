// In charge of listing what stands in a rule: its conditions, those inside `where` too, and its aggregates.
import { unreachable } from '../base/assert.ts';
import type { Aggregate, ComparisonOperator, Expression, Rule } from './ast.ts';

/** Every rule node, outer ones first. */
export function conditionsOf(rule: Rule): Rule[] {
  const inner = aggregatesOf(rule).flatMap((aggregate) => (aggregate.where === null ? [] : conditionsOf(aggregate.where)));
  return [...ownConditions(rule), ...inner];
}

function ownConditions(rule: Rule): Rule[] {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return [rule, ...rule.rules.flatMap(ownConditions)];
    case 'not':
      return [rule, ...ownConditions(rule.rule)];
    default:
      return [rule];
  }
}

/** What is true or false by itself. */
export type Condition = Exclude<Rule, { readonly kind: 'and' | 'or' | 'not' }>;

/** The conditions of a rule from left to right, without those inside `where`: their places number them wherever they are recorded. */
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

/** Whether its value is a matter of the customer, and not of the rule and the clock alone. */
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
  switch (rule.kind) {
    case 'and':
    case 'or':
      return rule.rules.flatMap(aggregatesOf);
    case 'not':
      return aggregatesOf(rule.rule);
    case 'everyone':
    case 'segment':
      return [];
    case 'comparison':
      return [...aggregatesIn(rule.left), ...aggregatesIn(rule.right)];
    case 'between':
      return [...aggregatesIn(rule.left), ...aggregatesIn(rule.low), ...aggregatesIn(rule.high)];
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
    case 'within':
    case 'anniversary':
      return aggregatesIn(rule.left);
    default:
      return unreachable(rule);
  }
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
  for (const condition of ownConditions(rule)) {
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
