// Prints a rule in its JSON form. Parsing it gives the same rule.
import { unreachable } from '../base/assert.ts';
import type { AnniversaryWindow, Duration, Expression, Rule, Window } from './ast.ts';
import { pathOfField } from './field-path.ts';
import { printTimestamp } from './read-literal.ts';
import { unitRow } from './vocabulary.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export function ruleToJson(rule: Rule): Json {
  switch (rule.kind) {
    case 'and':
      return { and: rule.rules.map(ruleToJson) };
    case 'or':
      return { or: rule.rules.map(ruleToJson) };
    case 'not':
      return { not: ruleToJson(rule.rule) };
    case 'everyone':
      return { everyone: true };
    case 'segment':
      return { segment: rule.key };
    case 'comparison':
      return { op: rule.op, left: expressionToJson(rule.left), right: expressionToJson(rule.right) };
    case 'between':
      return { op: 'between', left: expressionToJson(rule.left), low: expressionToJson(rule.low), high: expressionToJson(rule.high) };
    case 'in':
      return { op: 'in', left: expressionToJson(rule.left), values: rule.values.map(expressionToJson) };
    case 'text':
      return { op: rule.op, left: expressionToJson(rule.left), value: rule.value };
    case 'has':
      return { op: rule.op, left: expressionToJson(rule.left), values: rule.values.map(expressionToJson) };
    case 'missing':
      return { op: 'missing', left: expressionToJson(rule.left) };
    case 'within':
      return { op: 'within', left: expressionToJson(rule.left), window: windowToJson(rule.window) };
    case 'anniversary':
      return { op: 'anniversary', left: expressionToJson(rule.left), window: anniversaryToJson(rule.window) };
    default:
      return unreachable(rule);
  }
}

function expressionToJson(expression: Expression): Json {
  switch (expression.kind) {
    case 'string':
    case 'boolean':
      return expression.value;
    case 'number':
      // exact: at most 15 significant digits
      return Number(expression.value);
    case 'date':
      return { date: expression.value };
    case 'timestamp':
      return { timestamp: printTimestamp(expression.value) };
    case 'now':
    case 'today':
      return { at: expression.kind };
    case 'ago':
      return { ago: durationToJson(expression.duration) };
    case 'from_now':
      return { from_now: durationToJson(expression.duration) };
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
      return { [expression.kind]: expression.name };
    case 'arithmetic':
      return { op: expression.op, left: expressionToJson(expression.left), right: expressionToJson(expression.right) };
    case 'bucket':
      return { bucket: expression.salt };
    case 'days_between':
      return { days_between: [expressionToJson(expression.from), expressionToJson(expression.to)] };
    case 'aggregate': {
      const { source } = expression;
      return {
        aggregate: expression.function,
        of: source.kind === 'events' && source.event !== null ? { events: source.event } : source.kind,
        ...(expression.field === null ? {} : { field: pathOfField(expression.field) }),
        ...(expression.where === null ? {} : { where: ruleToJson(expression.where) }),
        ...(expression.window === null ? {} : { window: windowToJson(expression.window) }),
      };
    }
    default:
      return unreachable(expression);
  }
}

function durationToJson(duration: Duration): string {
  return `${duration.amount}${unitRow(duration.unit).letter}`;
}

function windowToJson(window: Window): Json {
  switch (window.kind) {
    case 'last':
      return { last: durationToJson(window.duration) };
    case 'calendar':
      return { in: window.period };
    case 'since':
      return { since: expressionToJson(window.instant) };
    case 'before':
      return { before: expressionToJson(window.instant) };
    case 'between':
      return { between: [expressionToJson(window.from), expressionToJson(window.to)] };
    default:
      return unreachable(window);
  }
}

function anniversaryToJson(window: AnniversaryWindow): Json {
  switch (window.kind) {
    case 'today':
      return 'today';
    case 'next':
    case 'last':
      return { [window.kind]: durationToJson(window.duration) };
    case 'this_month':
    case 'next_month':
      return { in: window.kind };
    default:
      return unreachable(window);
  }
}
