// Aims a random rule at a shop: literals are replaced by values that customers and rows of the shop have, so that comparisons are decided by the
// last digit, the last code point, the last millisecond. Part of the oracle.
import type { Expression, Instant, Literal, Rule, Source, Window } from '../../src/rules/ast.ts';
import { type Decimal, decimal, subtract, toText } from './decimal.ts';
import { evaluateExpression } from './evaluate.ts';
import { localDate } from './local-days.ts';
import { readField, rowsOf } from './rows.ts';
import type { Shop } from './shop.ts';
import type { Maybe, Value } from './value.ts';
import type { Moment } from './world.ts';

const place = { pointer: '' } as const;
const MAX_DIGITS = 15;

/** Gives the next of the drawn numbers, again from the first after the last. */
type Draw = () => number;

interface Target {
  readonly shop: Shop;
  readonly moment: Moment;
  readonly draw: Draw;
  /** null: at the top, where customers are aimed at */
  readonly source: Source | null;
}

/** `picks` decide which literals are aimed and at whom; with even ones only, the rule stays as it is. */
export function aimRule(rule: Rule, shop: Shop, moment: Moment, picks: readonly number[]): Rule {
  let next = 0;
  const draw = () => picks[next++ % picks.length] ?? 0;
  return aim(rule, { shop, moment, draw, source: null });
}

function aim(rule: Rule, at: Target): Rule {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return { ...rule, rules: rule.rules.map((part) => aim(part, at)) };
    case 'not':
      return { ...rule, rule: aim(rule.rule, at) };
    case 'comparison': {
      const left = aimExpression(rule.left, at);
      return isConstant(rule.right)
        ? compareWith({ ...rule, left }, asDay(valueLike(left, at), at))
        : { ...rule, left, right: aimExpression(rule.right, at) };
    }
    case 'between': {
      const left = aimExpression(rule.left, at);
      const value = literalOf(valueLike(left, at));
      if (value === null) return { ...rule, left };
      return at.draw() % 2 === 0 ? { ...rule, left, low: value } : { ...rule, left, high: value };
    }
    case 'in': {
      const left = aimExpression(rule.left, at);
      const value = literalOf(valueLike(left, at));
      return value === null ? { ...rule, left } : { ...rule, left, values: [value, ...rule.values.slice(1)] };
    }
    case 'missing':
      return { ...rule, left: aimExpression(rule.left, at) };
    case 'within':
      return { ...rule, left: aimExpression(rule.left, at), window: aimWindow(rule.window, at) };
    default:
      return rule;
  }
}

/** Some instants are met by a date: the day that the millisecond before them belongs to. */
function asDay(value: Maybe, at: Target): Maybe {
  if (value?.type !== 'timestamp' || at.draw() % 2 === 0) return value;
  return { type: 'date', value: localDate(value.value - 1, at.moment.timeZone) };
}

/** A number of more digits than a literal may have is met in two steps: `left - most of it = the rest`. */
function compareWith(rule: Extract<Rule, { kind: 'comparison' }>, value: Maybe): Rule {
  if (value?.type === 'number') {
    const [most, rest] = splitDigits(value.value);
    if (most !== null) {
      const left: Expression = { kind: 'arithmetic', op: '-', left: rule.left, right: { kind: 'number', value: most, place }, place };
      return { ...rule, left, right: { kind: 'number', value: rest, place } };
    }
  }
  const right = literalOf(value);
  return right === null ? rule : { ...rule, right };
}

function aimExpression(expression: Expression, at: Target): Expression {
  switch (expression.kind) {
    case 'aggregate': {
      const { source, where, window } = expression;
      const inside = { ...at, source };
      return {
        ...expression,
        where: where === null ? null : aim(where, inside),
        window: window === null ? null : aimWindow(window, inside),
      };
    }
    case 'arithmetic':
      return { ...expression, left: aimExpression(expression.left, at), right: aimExpression(expression.right, at) };
    case 'days_between':
      return { ...expression, from: aimExpression(expression.from, at), to: aimExpression(expression.to, at) };
    default:
      return expression;
  }
}

function aimWindow(window: Window, at: Target): Window {
  switch (window.kind) {
    case 'since':
    case 'before':
      return { ...window, instant: aimInstant(window.instant, at) };
    case 'between':
      return { ...window, from: aimInstant(window.from, at), to: aimInstant(window.to, at) };
    default:
      return window;
  }
}

/** The time of some row, as a date or to the millisecond. */
function aimInstant(instant: Instant, at: Target): Instant {
  if (instant.kind !== 'date' && instant.kind !== 'timestamp') return instant;
  const pick = at.draw();
  if (pick % 2 === 0) return instant;
  const times = [...at.shop.orders.map((order) => order.placedAtMs), ...at.shop.events.map((event) => event.occurredAtMs)];
  const timeMs = times[pick % Math.max(1, times.length)];
  if (timeMs === undefined) return instant;
  return instant.kind === 'date'
    ? { kind: 'date', value: localDate(timeMs, at.moment.timeZone), place }
    : { kind: 'timestamp', value: timeMs, place };
}

function isConstant(expression: Expression): boolean {
  return ['string', 'number', 'boolean', 'date', 'timestamp'].includes(expression.kind);
}

/** What the expression is worth for some customer, or the field for some row; null: not to be aimed. */
function valueLike(expression: Expression, at: Target): Maybe {
  const pick = at.draw();
  if (pick % 2 === 0) return null;
  const { shop, moment, source } = at;
  const customers = source === null ? shop.customers : shop.customers.filter((customer) => rowsOf(source, customer, shop).length > 0);
  const customer = customers[pick % Math.max(1, customers.length)];
  if (customer === undefined || isConstant(expression)) return null;
  if (source === null) return evaluateExpression(expression, customer, shop, moment.asOfMs, moment.timeZone);
  const rows = rowsOf(source, customer, shop);
  const row = rows[pick % rows.length];
  const isField = expression.kind === 'field' || expression.kind === 'property';
  return row === undefined || !isField ? null : readField(expression, row, shop.catalog);
}

/** Null where no literal says it. */
function literalOf(value: Maybe): Literal | null {
  if (value === null || value.type === 'list') return null;
  if (value.type !== 'number')
    return { kind: value.type, value: value.value, place } as Literal & { kind: Exclude<Value['type'], 'list' | 'number'> };
  const text = toText(value.value);
  return significantDigits(text) > MAX_DIGITS ? null : { kind: 'number', value: text, place };
}

/** The leading digits and what is left; no leading digits where one literal is enough or two are too few. */
function splitDigits(value: Decimal): readonly [most: string | null, rest: string] {
  const text = toText(value);
  if (significantDigits(text) <= MAX_DIGITS || !text.includes('.')) return [null, text];
  let most = text;
  while (significantDigits(most) > MAX_DIGITS) most = most.slice(0, -1);
  if (!most.includes('.') || most.endsWith('.')) return [null, text];
  most = toText(decimal(most));
  const rest = toText(subtract(value, decimal(most)));
  return significantDigits(rest) > MAX_DIGITS ? [null, text] : [most, rest];
}

function significantDigits(text: string): number {
  return text.replace(/[-.]/g, '').replace(/^0+/, '').length;
}
