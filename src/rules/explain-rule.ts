// In charge of the tree that explains a rule: its own shape, each condition in words, what was asked and what was seen. Pure: the results of the
// conditions are passed in, as the explaining statement found them or as a change recorded them.
import { assert, unreachable } from '../base/assert.ts';
import { dayOf, formatDay, formatInstant } from '../base/calendar.ts';
import type { ValueType } from '../catalog/catalog.ts';
import type { AnniversaryWindow, Expression, Instant, Literal, Rule, Window } from './ast.ts';
import { printString } from './field-path.ts';
import { operatorRow } from './operators.ts';
import { durationDays, type Moment, movingOffsetMs, planWindow, todayOf, unitStart } from './plan.ts';
import { printAnniversary, printExpression, printRule, printWindow } from './print-text.ts';
import { type Condition, isComputed, sidesOf } from './walk-rule.ts';

/** A condition's truth and the values of its computed sides: decimals as text, instants as epoch milliseconds. */
export type SeenCondition = readonly [holds: boolean, ...values: SeenJson[]];
export type SeenJson = string | number | boolean | readonly string[] | null;

/** Numbers are decimals as text, dates YYYY-MM-DD, timestamps RFC 3339; null is missing. */
export interface Value {
  /** the expression in words */
  readonly text: string;
  readonly type: ValueType;
  readonly value: string | boolean | readonly string[] | null;
}

export interface Asked {
  /** in words, with the window if there is one */
  readonly operator: string;
  readonly values: readonly Value[];
  /** for windows and anniversaries, as they are at the moment; `from` is included (not with `in the last`), `to` is not; null: unbounded */
  readonly from: Value | null;
  readonly to: Value | null;
}

export interface ExplainedCondition {
  readonly kind: 'condition';
  /** its place among the numbered conditions */
  readonly index: number;
  readonly condition: Condition;
  readonly text: string;
  /** null: not known */
  readonly holds: boolean | null;
  /** the left side's; null: there is none, or it is not known */
  readonly seen: Value | null;
  readonly asked: Asked;
}

export type ExplainedNode =
  | { readonly kind: 'and' | 'or'; readonly holds: boolean | null; readonly parts: readonly ExplainedNode[] }
  | { readonly kind: 'not'; readonly holds: boolean | null; readonly part: ExplainedNode }
  | ExplainedCondition;

export interface ExplainRequest {
  readonly rule: Rule;
  readonly types: ReadonlyMap<Expression, ValueType>;
  readonly moment: Moment;
  /** by number of the condition; null: nothing is known about them */
  readonly seen: readonly SeenCondition[] | null;
}

export function explainRule(request: ExplainRequest): ExplainedNode {
  let index = 0;
  const explain = (rule: Rule): ExplainedNode => {
    switch (rule.kind) {
      case 'and':
      case 'or': {
        const parts = rule.rules.map(explain);
        const deciding = rule.kind === 'or';
        const unknown = parts.some((part) => part.holds === null);
        const holds = unknown ? null : parts.some((part) => part.holds === deciding) ? deciding : !deciding;
        return { kind: rule.kind, holds, parts };
      }
      case 'not': {
        const part = explain(rule.rule);
        return { kind: 'not', holds: part.holds === null ? null : !part.holds, part };
      }
      default: {
        const seen = request.seen === null ? null : request.seen[index];
        assert(seen !== undefined, 'every condition was seen');
        const explained = explainCondition(rule, index, seen, request);
        index += 1;
        return explained;
      }
    }
  };
  return explain(request.rule);
}

/** The conditions of a tree in their order. */
export function conditionsIn(node: ExplainedNode): ExplainedCondition[] {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.parts.flatMap(conditionsIn);
    case 'not':
      return conditionsIn(node.part);
    case 'condition':
      return [node];
    default:
      return unreachable(node);
  }
}

function explainCondition(
  condition: Condition,
  index: number,
  seen: SeenCondition | null,
  { types, moment }: ExplainRequest,
): ExplainedCondition {
  const [holds = null, ...computed] = seen ?? [];
  const [left, ...others] = sidesOf(condition);
  const asDay = left !== undefined && types.get(left) === 'date';
  let used = 0;
  const read = (side: Expression): Value | null => {
    if (!isComputed(side)) return constantValue(side, moment, asDay);
    if (seen === null) return null;
    const type = types.get(side);
    assert(type !== undefined, 'every side has a type');
    const value = computed[used] ?? null;
    used += 1;
    return { text: printExpression(side), type, value: readSeen(value, type) };
  };
  const leftValue = left === undefined ? null : read(left);
  const values = others.map(read).filter((value) => value !== null);
  const asked = askedOf(condition, values, moment, asDay);
  return { kind: 'condition', index, condition, text: printRule(condition), holds, seen: leftValue, asked };
}

function readSeen(value: SeenJson, type: ValueType): Value['value'] {
  return typeof value === 'number' ? (type === 'timestamp' ? formatInstant(value) : String(value)) : value;
}

/** A literal, or an instant as it is at the moment; compared with a date, an instant means its day. */
function constantValue(expression: Expression, moment: Moment, asDay: boolean): Value {
  const text = printExpression(expression);
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'date':
      return { text, type: expression.kind, value: expression.value };
    case 'today':
      return { text, type: 'date', value: formatDay(todayOf(moment)) };
    case 'timestamp':
      return instantValue(text, expression.value, moment, asDay);
    case 'now':
    case 'ago':
    case 'from_now':
      return instantValue(text, moment.asOfMs + (movingOffsetMs(expression) ?? 0), moment, asDay);
    default:
      throw new Error(`broken invariant: a ${expression.kind} is no constant`);
  }
}

function instantValue(text: string, atMs: number, { timeZone }: Moment, asDay: boolean): Value {
  return asDay ? { text, type: 'date', value: formatDay(dayOf(atMs, timeZone)) } : { text, type: 'timestamp', value: formatInstant(atMs) };
}

function askedOf(condition: Condition, values: readonly Value[], moment: Moment, asDay: boolean): Asked {
  const asked = { values, from: null, to: null };
  const literals = (list: readonly Literal[]): readonly Value[] => list.map((value) => constantValue(value, moment, asDay));
  switch (condition.kind) {
    case 'everyone':
      return { ...asked, operator: 'everyone' };
    case 'segment':
      return { ...asked, operator: 'in segment', values: [{ text: printRule(condition), type: 'string', value: condition.key }] };
    case 'comparison':
      return { ...asked, operator: condition.op };
    case 'between':
      return { ...asked, operator: 'between' };
    case 'in':
      return { ...asked, operator: 'in', values: literals(condition.values) };
    case 'text':
      return {
        ...asked,
        operator: operatorRow(condition.op).text,
        values: [{ text: printString(condition.value), type: 'string', value: condition.value }],
      };
    case 'has':
      return { ...asked, operator: operatorRow(condition.op).text, values: literals(condition.values) };
    case 'missing':
      return { ...asked, operator: 'is missing' };
    case 'within':
      return { ...asked, operator: printWindow(condition.window), ...windowBounds(condition.window, moment, asDay) };
    case 'anniversary':
      return { ...asked, operator: `anniversary ${printAnniversary(condition.window)}`, ...anniversaryBounds(condition.window, moment) };
    default:
      return unreachable(condition);
  }
}

function windowBounds(window: Window, moment: Moment, asDay: boolean): Pick<Asked, 'from' | 'to'> {
  const { lower, upper } = planWindow(window);
  const [from, to] = textsOf(window);
  const bound = (text: string, atMs: number | undefined): Value | null =>
    atMs === undefined ? null : instantValue(text, atMs, moment, asDay);
  return { from: bound(from, lower?.atMs(moment)), to: bound(to, upper?.atMs(moment)) };
}

function textsOf(window: Window): readonly [string, string] {
  const print = (instant: Instant): string => printExpression(instant);
  switch (window.kind) {
    case 'last':
    case 'calendar':
      return [printWindow(window), printWindow(window)];
    case 'since':
    case 'before':
      return [print(window.instant), print(window.instant)];
    case 'between':
      return [print(window.from), print(window.to)];
    default:
      return unreachable(window);
  }
}

function anniversaryBounds(window: AnniversaryWindow, moment: Moment): Pick<Asked, 'from' | 'to'> {
  const today = todayOf(moment);
  const days = (from: number, to: number): Pick<Asked, 'from' | 'to'> => {
    const text = printAnniversary(window);
    return { from: { text, type: 'date', value: formatDay(from) }, to: { text, type: 'date', value: formatDay(to) } };
  };
  switch (window.kind) {
    case 'today':
      return days(today, today + 1);
    case 'next':
      return days(today, today + durationDays(window.duration));
    case 'last':
      return days(today + 1 - durationDays(window.duration), today + 1);
    case 'this_month':
      return days(unitStart(moment, 'month', 0), unitStart(moment, 'month', 1));
    case 'next_month':
      return days(unitStart(moment, 'month', 1), unitStart(moment, 'month', 2));
    default:
      return unreachable(window);
  }
}
