// Prints a rule as canonical text: one space, lower-case keywords, only the brackets that are needed. Parsing it gives the same rule.
import { unreachable } from '../base/assert.ts';
import type { AnniversaryWindow, Duration, Expression, Rule, Source, Window } from './ast.ts';
import { printPath, printString } from './field-path.ts';
import { operatorRow } from './operators.ts';
import { printTimestamp } from './read-literal.ts';
import { unitRow } from './vocabulary.ts';
import type { Condition } from './walk-rule.ts';

export function printRule(rule: Rule): string {
  switch (rule.kind) {
    case 'and':
      return rule.rules
        .map((inner) => (inner.kind === 'or' || inner.kind === 'and' ? `(${printRule(inner)})` : printRule(inner)))
        .join(' and ');
    case 'or':
      return rule.rules.map((inner) => (inner.kind === 'or' ? `(${printRule(inner)})` : printRule(inner))).join(' or ');
    case 'not':
      return printNegated(rule.rule);
    default:
      return printCondition(rule, '');
  }
}

function printNegated(rule: Rule): string {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return `not (${printRule(rule)})`;
    case 'not':
    case 'everyone':
    case 'comparison':
      return `not ${printRule(rule)}`;
    default:
      return printCondition(rule, 'not ');
  }
}

/** `not` is '' or 'not ', written where the grammar takes it. */
function printCondition(rule: Condition, not: '' | 'not '): string {
  switch (rule.kind) {
    case 'everyone':
      return `${not}everyone`;
    case 'segment':
      return `${not}in segment ${printString(rule.key)}`;
    case 'comparison':
      return `${not}${printExpression(rule.left)} ${rule.op} ${printExpression(rule.right)}`;
    case 'between':
      return `${printExpression(rule.left)} ${not}between ${printExpression(rule.low)} and ${printExpression(rule.high)}`;
    case 'in':
      return `${printExpression(rule.left)} ${not}in (${rule.values.map(printExpression).join(', ')})`;
    case 'text':
      return `${printExpression(rule.left)} ${not}${operatorRow(rule.op).text} ${printString(rule.value)}`;
    case 'has':
      return `${printExpression(rule.left)} ${not}${operatorRow(rule.op).text} (${rule.values.map(printExpression).join(', ')})`;
    case 'missing':
      return `${printExpression(rule.left)} is ${not}missing`;
    case 'within':
      return `${printExpression(rule.left)} ${not}${printWindow(rule.window)}`;
    case 'anniversary':
      return `${printExpression(rule.left)} ${not}anniversary ${printAnniversary(rule.window)}`;
    default:
      return unreachable(rule);
  }
}

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'string':
      return printString(expression.value);
    case 'number':
    case 'date':
      return expression.value;
    case 'boolean':
      return String(expression.value);
    case 'timestamp':
      return printTimestamp(expression.value);
    case 'now':
    case 'today':
      return expression.kind;
    case 'ago':
      return `${printDuration(expression.duration)} ago`;
    case 'from_now':
      return `${printDuration(expression.duration)} from now`;
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
      return printPath(expression);
    case 'arithmetic': {
      const product = expression.op === '*' || expression.op === '/';
      const left = printOperand(expression.left, product ? ['+', '-'] : []);
      const right = printOperand(expression.right, product ? ['+', '-', '*', '/'] : ['+', '-']);
      return `${left} ${expression.op} ${right}`;
    }
    case 'bucket':
      return `bucket(${printString(expression.salt)})`;
    case 'days_between':
      return `days_between(${printExpression(expression.from)}, ${printExpression(expression.to)})`;
    case 'aggregate': {
      const field = expression.field === null ? '' : `.${printPath(expression.field)}`;
      const where = expression.where === null ? '' : ` where ${printRule(expression.where)}`;
      const window = expression.window === null ? '' : ` ${printWindow(expression.window)}`;
      return `${expression.function}(${printSource(expression.source)}${field}${where}${window})`;
    }
    default:
      return unreachable(expression);
  }
}

/** Operators group to the left, so the same rank needs brackets on the right only. */
function printOperand(expression: Expression, inBrackets: readonly string[]): string {
  const text = printExpression(expression);
  return expression.kind === 'arithmetic' && inBrackets.includes(expression.op) ? `(${text})` : text;
}

function printSource(source: Source): string {
  return source.kind === 'events' && source.event !== null ? `events ${printString(source.event)}` : source.kind;
}

export function printDuration(duration: Duration): string {
  const row = unitRow(duration.unit);
  return `${duration.amount} ${duration.amount === 1 ? row.singular : row.unit}`;
}

export function printWindow(window: Window): string {
  switch (window.kind) {
    case 'last':
      return `in the last ${printDuration(window.duration)}`;
    case 'calendar':
      return `in ${printPeriod(window.period)}`;
    case 'since':
    case 'before':
      return `${window.kind} ${printExpression(window.instant)}`;
    case 'between':
      return `between ${printExpression(window.from)} and ${printExpression(window.to)}`;
    default:
      return unreachable(window);
  }
}

export function printAnniversary(window: AnniversaryWindow): string {
  switch (window.kind) {
    case 'today':
      return 'today';
    case 'next':
    case 'last':
      return `in the ${window.kind} ${printDuration(window.duration)}`;
    case 'this_month':
    case 'next_month':
      return `in ${printPeriod(window.kind)}`;
    default:
      return unreachable(window);
  }
}

function printPeriod(period: string): string {
  return period.replace('_', ' ');
}
