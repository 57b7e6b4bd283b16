// In charge of listing what stands in a rule: its conditions, those inside `where` too, and its aggregates.
import { unreachable } from '../base/assert.ts';
import type { Aggregate, Expression, Rule } from './ast.ts';

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

function aggregatesIn(expression: Expression): Aggregate[] {
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
