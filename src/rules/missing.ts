// In charge of what is missing for a rule to hold, in numbers: for each condition that prevents it, the value there is, the one needed and
// the distance between them. All parts of an `and` are needed; of an `or` one, the nearest first. Pure: made only from the explained tree.
import { unreachable } from '../base/assert.ts';
import { type Day, dayOf, dayStartMs, parseDay } from '../base/calendar.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../base/durations.ts';
import type { ComparisonOperator, Expression } from './ast.ts';
import { scaleDecimal } from './emit-operand.ts';
import type { ExplainedCondition, ExplainedNode, Value } from './explain-rule.ts';

export type Missing = MissingCondition | { readonly kind: 'any'; readonly alternatives: readonly (readonly Missing[])[] };

export interface MissingCondition {
  readonly kind: 'condition';
  readonly index: number;
  readonly condition: string;
  /** whether it would have to hold; false if it is under `not` */
  readonly wanted: boolean;
  readonly have: Value | null;
  readonly need: { readonly operator: string; readonly value: Value } | null;
  /** the distance in units, a decimal; null: there is none to measure */
  readonly short: string | null;
  readonly unit: 'number' | 'days' | 'seconds' | null;
  readonly sentence: string;
}

/** Empty when the tree holds, or when nothing is known about it. */
export function missingOf(tree: ExplainedNode, timeZone: string): readonly Missing[] {
  return tree.holds === null ? [] : missing(tree, true, timeZone);
}

function missing(node: ExplainedNode, wanted: boolean, timeZone: string): readonly Missing[] {
  if (node.holds === wanted) return [];
  switch (node.kind) {
    case 'and':
    case 'or': {
      const parts = node.parts.map((part) => missing(part, wanted, timeZone)).filter((found) => found.length > 0);
      const allNeeded = (node.kind === 'and') === wanted;
      if (allNeeded || parts.length === 1) return parts.flat();
      return [{ kind: 'any', alternatives: [...parts].sort((a, b) => distanceOfAll(a) - distanceOfAll(b)) }];
    }
    case 'not':
      return missing(node.part, !wanted, timeZone);
    case 'condition':
      return [missingCondition(node, wanted, timeZone)];
    default:
      return unreachable(node);
  }
}

// ---------------------------------------------------------------- how near: 0 to 1 for each condition, added up

function distanceOfAll(parts: readonly Missing[]): number {
  return parts.reduce((sum, part) => sum + distanceOf(part), 0);
}

const NEAR_DAYS = 30;
const DAY_SECONDS = 86_400;

/** 1 if there is nothing to measure. */
function distanceOf(part: Missing): number {
  if (part.kind === 'any') return Math.min(...part.alternatives.map(distanceOfAll));
  const { short, unit, need } = part;
  if (short === null || unit === null) return 1;
  if (unit === 'number') {
    const size = Math.max(Math.abs(Number(need?.value.value)) || 0, Number(short));
    return size === 0 ? 0 : Number(short) / size;
  }
  const days = Number(short) / (unit === 'seconds' ? DAY_SECONDS : 1);
  return days / (days + NEAR_DAYS);
}

// ---------------------------------------------------------------- one condition

/** What a value would have to be: at least, at most … */
interface Bound {
  readonly operator: '<' | '<=' | '>' | '>=' | '=';
  readonly value: Value;
}

const INVERTED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '!=',
  '!=': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};
const MIRRORED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function missingCondition(node: ExplainedCondition, wanted: boolean, timeZone: string): MissingCondition {
  const { index, text } = node;
  const { have, bound, side } = boundOf(node, wanted, timeZone);
  const plain = { kind: 'condition', index, condition: text, wanted, have, need: null, short: null, unit: null } as const;
  if (bound === null || have === null) return { ...plain, sentence: describePlainly(node, wanted) };
  const need = { operator: bound.operator, value: bound.value };
  if (have.value === null) return { ...plain, need, sentence: `${have.text} is missing` };
  if (bound.value.value === null) return { ...plain, need, sentence: `${bound.value.text} is missing` };
  if (have.type === 'number') return { ...plain, ...shortOfNumber(have, bound, side) };
  if (have.type === 'date' || have.type === 'timestamp') return { ...plain, need, ...shortOfTime(have, bound, timeZone) };
  return { ...plain, need, sentence: describePlainly(node, wanted) };
}

interface Bounded {
  readonly have: Value | null;
  readonly bound: Bound | null;
  /** the expression that has it */
  readonly side: Expression | null;
}

/** The bound that is violated, if the condition compares by order. */
function boundOf({ condition, seen, asked }: ExplainedCondition, wanted: boolean, timeZone: string): Bounded {
  const none: Bounded = { have: seen, bound: null, side: null };
  switch (condition.kind) {
    case 'comparison': {
      const [right] = asked.values;
      if (right === undefined || seen === null) return none;
      // `3 <= count(orders)` is about the count
      const turned = isLiteral(condition.left) && !isLiteral(condition.right);
      const op = turned ? MIRRORED[condition.op] : condition.op;
      const operator = wanted ? op : INVERTED[op];
      const [have, value] = turned ? [right, seen] : [seen, right];
      const side = turned ? condition.right : condition.left;
      return operator === '!=' ? { ...none, have } : { have, bound: { operator, value }, side };
    }
    case 'between': {
      const [low, high] = asked.values;
      if (!wanted || low === undefined || high === undefined || seen === null || seen.value === null) return none;
      const bound: Bound = isBelow(seen, low, timeZone) ? { operator: '>=', value: low } : { operator: '<=', value: high };
      return { have: seen, bound, side: condition.left };
    }
    case 'within': {
      if (!wanted || seen === null || seen.value === null) return none;
      const { from, to } = asked;
      const isOpen = condition.window.kind === 'last'; // its first instant is not in it
      if (from !== null && (isOpen ? !isBelow(from, seen, timeZone) : isBelow(seen, from, timeZone)))
        return { have: seen, bound: { operator: isOpen ? '>' : '>=', value: from }, side: condition.left };
      return to === null ? none : { have: seen, bound: { operator: '<', value: to }, side: condition.left };
    }
    case 'everyone':
    case 'segment':
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
    case 'anniversary':
      return none;
    default:
      return unreachable(condition);
  }
}

function isLiteral({ kind }: Expression): boolean {
  return kind === 'number' || kind === 'string' || kind === 'boolean' || kind === 'date' || kind === 'timestamp';
}

function isBelow(have: Value, low: Value, timeZone: string): boolean {
  if (have.type === 'number') return subtract(String(have.value), String(low.value)).startsWith('-');
  if (have.type === 'date') return dayIn(have, timeZone) < dayIn(low, timeZone);
  if (have.type === 'timestamp') return Date.parse(String(have.value)) < instantMs(low, false, timeZone);
  return String(have.value) < String(low.value);
}

// ---------------------------------------------------------------- numbers

const MONEY = new Set(['total', 'discount', 'unit_price']);

function shortOfNumber(have: Value, bound: Bound, side: Expression | null): Pick<MissingCondition, 'short' | 'unit' | 'need' | 'sentence'> {
  const counts = side?.kind === 'aggregate' && (side.function === 'count' || side.function === 'distinct');
  const asked = String(bound.value.value);
  const { operator, target } = counts ? wholeTarget(bound.operator, asked) : { operator: bound.operator, target: asked };
  const over = subtract(String(have.value), target); // positive: more than is needed
  const tooMuch = !over.startsWith('-');
  const short = tooMuch ? over : over.slice(1);
  const need = { operator, value: counts ? { ...bound.value, value: target } : bound.value };
  const done = { short, unit: 'number', need } as const;
  if (counts) {
    const what = side.function === 'count' ? countedThings(side) : `different ${side.source.kind}.${fieldName(side.field)}`;
    return { ...done, sentence: tooMuch ? `${have.value} ${what}, ${short} too many` : `${have.value} of ${target} ${what}` };
  }
  const places = isMoney(side) ? 2 : 0;
  const [distance, goal] = [withPlaces(roundUp(short), places), withPlaces(target, places)];
  if (short === '0')
    return { ...done, sentence: `${have.text} is exactly ${goal}; ${tooMuch && operator.startsWith('<') ? 'less' : 'more'} is needed` };
  return { ...done, sentence: tooMuch ? `${distance} over ${goal}` : `${distance} short of ${goal}` };
}

/** Counts are whole: more than 2 is at least 3. */
function wholeTarget(operator: Bound['operator'], asked: string): { readonly operator: Bound['operator']; readonly target: string } {
  const number = Number(asked);
  switch (operator) {
    case '>':
      return { operator: '>=', target: String(Math.floor(number) + 1) };
    case '>=':
      return { operator, target: String(Math.ceil(number)) };
    case '<':
      return { operator: '<=', target: String(Math.ceil(number) - 1) };
    case '<=':
      return { operator, target: String(Math.floor(number)) };
    case '=':
      return { operator, target: asked };
    default:
      return unreachable(operator);
  }
}

function countedThings({ source }: Extract<Expression, { kind: 'aggregate' }>): string {
  return source.kind === 'events' && source.event !== null ? `“${source.event}” events` : source.kind;
}

function fieldName(field: { readonly name: string } | null): string {
  return field?.name ?? '';
}

function isMoney(side: Expression | null): boolean {
  return side?.kind === 'aggregate' && side.source.kind !== 'events' && side.field?.kind === 'field' && MONEY.has(side.field.name);
}

const PLACES_SHOWN = 4;

/** Nobody reads twenty places of a quotient. Rounded up, so that a small distance is not shown as none. */
function roundUp(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.');
  if (fraction.length <= PLACES_SHOWN) return decimal;
  const digits = String(BigInt(whole + fraction.slice(0, PLACES_SHOWN)) + 1n).padStart(PLACES_SHOWN + 1, '0');
  const kept = digits.slice(-PLACES_SHOWN).replace(/0+$/, '');
  return `${digits.slice(0, -PLACES_SHOWN)}${kept === '' ? '' : `.${kept}`}`;
}

/** With at least so many decimals, and no more than there are. */
function withPlaces(decimal: string, places: number): string {
  const [whole = '', fraction = ''] = decimal.split('.');
  const padded = fraction.padEnd(places, '0');
  return padded === '' ? whole : `${whole}.${padded}`;
}

/** a − b, exact. */
function subtract(a: string, b: string): string {
  const places = Math.max(...[a, b].map((decimal) => decimal.split('.')[1]?.length ?? 0));
  const difference = BigInt(scaleDecimal(a, places).text) - BigInt(scaleDecimal(b, places).text);
  const digits = String(difference < 0n ? -difference : difference).padStart(places + 1, '0');
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - places);
  return `${difference < 0n ? '-' : ''}${whole}${places === 0 || fraction === '' ? '' : `.${fraction}`}`;
}

// ---------------------------------------------------------------- times

function shortOfTime(have: Value, bound: Bound, timeZone: string): Pick<MissingCondition, 'short' | 'unit' | 'sentence'> {
  const { operator } = bound;
  const tooLate = operator === '<' || operator === '<=' || (operator === '=' && !isBelow(have, bound.value, timeZone));
  const sinceNow = / ago$|^in the last /.test(bound.value.text);
  const direction = tooLate ? (sinceNow ? 'too recent' : 'too late') : sinceNow ? 'too long ago' : 'too early';
  if (have.type === 'date') {
    const beyond = operator === '<' || operator === '>' ? 1 : 0; // days are whole: before the 5th is at the latest the 4th
    const days = Math.abs(dayIn(have, timeZone) - dayIn(bound.value, timeZone)) + beyond;
    return { short: String(days), unit: 'days', sentence: `${have.text} is ${days === 1 ? '1 day' : `${days} days`} ${direction}` };
  }
  const isPassed = operator === '>' || operator === '<=' || (operator === '=' && tooLate);
  const distanceMs = Math.abs(Date.parse(String(have.value)) - instantMs(bound.value, isPassed, timeZone));
  return { short: String(distanceMs / 1000), unit: 'seconds', sentence: `${have.text} is ${spell(distanceMs)} ${direction}` };
}

/** A date is compared with an instant by the instant's day. */
function dayIn({ type, value }: Value, timeZone: string): Day {
  return type === 'date' ? parseDay(String(value)) : dayOf(Date.parse(String(value)), timeZone);
}

/** A date stands for its beginning, or for its end if it is to have passed. */
function instantMs({ type, value }: Value, isEnd: boolean, timeZone: string): number {
  return type === 'date' ? dayStartMs(parseDay(String(value)) + (isEnd ? 1 : 0), timeZone) : Date.parse(String(value));
}

/**
 * Rounded up to whole days, hours, minutes or seconds, whichever is the largest that fits; a bound that is met exactly but must be passed is a
 * moment away.
 */
function spell(ms: number): string {
  const [size, word] =
    ms >= DAY_MS ? [DAY_MS, 'day'] : ms >= HOUR_MS ? [HOUR_MS, 'hour'] : ms >= MINUTE_MS ? [MINUTE_MS, 'minute'] : [1000, 'second'];
  const amount = Math.max(1, Math.ceil(ms / (size as number)));
  return `${amount} ${word}${amount === 1 ? '' : 's'}`;
}

// ---------------------------------------------------------------- nothing to measure

function describePlainly({ condition, text, seen }: ExplainedCondition, wanted: boolean): string {
  if (condition.kind === 'segment') return wanted ? `not ${text}` : text;
  if (!wanted) return `${text} holds and must not`;
  if (seen === null) return `${text} does not hold`;
  if (seen.value === null) return `${seen.text} is missing`;
  const shown = Array.isArray(seen.value) ? seen.value.join(', ') : String(seen.value);
  return `${text} does not hold: ${seen.text} is ${seen.type === 'string' ? `“${shown}”` : shown}`;
}
