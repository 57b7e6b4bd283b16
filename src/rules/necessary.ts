// In charge of what a rule cannot hold without, as far as the rule alone tells: a customer who lacks it is out, and stays out however the clock
// moves, until something is written. Pure; emit-candidates.ts asks who the others are, and emit-group.ts spares looks by it.
//
//   a conjunct about the profile only that the clock does not move    country = "DE", birthday >= 1990-01-01; not age, not `… ago`
//   a row that one of the windows reaches, now or when its time comes count(orders in the last 30 days) >= 3: false where there is no row
import { unreachable } from '../base/assert.ts';
import type { Aggregate, ArithmeticOperator, ComparisonOperator, Expression, Instant, Rule, Source, Window } from './ast.ts';
import { compareNumbers } from './compare-numbers.ts';
import { type Edge, planWindow } from './plan.ts';
import { aggregatesOf, type Condition, conditionsOf, isComputed, numberedConditions, sidesOf } from './walk-rule.ts';

export interface Necessary {
  /** conditions about the profile that all hold for every member */
  readonly profile: readonly Rule[];
  /** conditions that the clock can only end: one that fails holds again, if ever, when a row's time comes */
  readonly falling: readonly Rule[];
  /** every member has rows of one of these; null: nobody can be ruled out by rows */
  readonly rows: readonly NecessaryRows[] | null;
}

/** So many rows of a source from the least of the edges on, those ahead too; of `where`, a filter that the clock does not move. */
export interface NecessaryRows {
  readonly source: Source;
  readonly edges: readonly Edge[];
  readonly where: Rule | null;
  readonly atLeast: number;
}

export function necessaryOf(rule: Rule): Necessary {
  const conjuncts = conjunctsOf(rule);
  const falling = conjuncts.map(fallingOf).filter((found) => found !== null);
  return {
    profile: conjuncts.filter(isSteady),
    falling: falling.map(({ condition }) => condition),
    rows: fewestRows(falling) ?? necessaryRows(rule),
  };
}

function conjunctsOf(rule: Rule): readonly Rule[] {
  return rule.kind === 'and' ? rule.rules.flatMap(conjunctsOf) : [rule];
}

// ---------------------------------------------------------------- the profile

/** Whether it asks about the profile only, and the clock by itself does not change its answer. */
function isSteady(rule: Rule): boolean {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return rule.rules.every(isSteady);
    case 'not':
      return isSteady(rule.rule);
    case 'comparison':
    case 'between':
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
      return sidesOf(rule).every(isSteadyExpression);
    case 'within':
      return isSteadyExpression(rule.left) && isSteadyWindow(rule.window);
    case 'everyone':
    case 'segment':
    case 'anniversary':
      return false;
    default:
      return unreachable(rule);
  }
}

function isSteadyExpression(expression: Expression): boolean {
  switch (expression.kind) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'attribute':
    case 'consent':
    case 'bucket':
      return true;
    case 'field':
      return expression.name !== 'age';
    case 'arithmetic':
      return isSteadyExpression(expression.left) && isSteadyExpression(expression.right);
    case 'days_between':
      return isSteadyExpression(expression.from) && isSteadyExpression(expression.to);
    case 'now':
    case 'today':
    case 'ago':
    case 'from_now':
    case 'property':
    case 'aggregate':
      return false;
    default:
      return unreachable(expression);
  }
}

function isSteadyWindow(window: Window): boolean {
  switch (window.kind) {
    case 'last':
    case 'calendar':
      return false;
    case 'since':
    case 'before':
      return isFixed(window.instant);
    case 'between':
      return isFixed(window.from) && isFixed(window.to);
    default:
      return unreachable(window);
  }
}

function isFixed(instant: Instant): boolean {
  return instant.kind === 'date' || instant.kind === 'timestamp';
}

// ---------------------------------------------------------------- what only ends

interface Falling {
  readonly condition: Rule;
  readonly aggregate: Aggregate;
  readonly atLeast: number;
}

/** `count(…) >= 3` over rows that leave as time goes by, or stay, but do not enter unless they are ahead; null: it is some other condition. */
function fallingOf(condition: Rule): Falling | null {
  if (condition.kind !== 'comparison') return null;
  const { left, op, right } = condition;
  if (left.kind === 'aggregate' && right.kind === 'number') return falling(condition, left, op, Number(right.value));
  if (left.kind === 'number' && right.kind === 'aggregate') return falling(condition, right, MIRRORED[op], Number(left.value));
  return null;
}

const MIRRORED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function falling(condition: Rule, aggregate: Aggregate, op: ComparisonOperator, number: number): Falling | null {
  const { window, where } = aggregate;
  const upper = window === null ? null : planWindow(window).upper;
  if (upper !== null && upper.kind !== 'fixed') return null;
  if (where !== null && conditionsOf(where).some(isClocked)) return null;
  switch (aggregate.function) {
    case 'count':
    case 'distinct': {
      if (op !== '>=' && op !== '>') return null;
      const atLeast = op === '>=' ? Math.ceil(number) : Math.floor(number) + 1;
      return atLeast < 1 ? null : { condition, aggregate, atLeast };
    }
    case 'max':
      return op === '>=' || op === '>' ? { condition, aggregate, atLeast: 1 } : null;
    case 'min':
      return op === '<=' || op === '<' ? { condition, aggregate, atLeast: 1 } : null;
    case 'sum':
    case 'avg':
    case 'first':
    case 'last':
      return null;
    default:
      return unreachable(aggregate.function);
  }
}

/** Of conditions over bounded windows, the one with the shortest window, as far as their lengths can be compared beforehand. */
function fewestRows(conditions: readonly Falling[]): readonly NecessaryRows[] | null {
  const bounded = conditions.flatMap(({ aggregate: { source, where, window }, atLeast }) => {
    const lower = window === null ? null : planWindow(window).lower;
    return lower === null ? [] : [{ source, edges: [lower], where, atLeast }];
  });
  const lengthMs = ({ edges: [edge] }: NecessaryRows): number => (edge?.kind === 'moving' ? -edge.offsetMs : Number.MAX_SAFE_INTEGER);
  const [shortest] = bounded.sort((one, other) => lengthMs(one) - lengthMs(other));
  return shortest === undefined ? null : [shortest];
}

// ---------------------------------------------------------------- rows

/**
 * Edges only ever move forwards, so a customer without a row after a bounded aggregate's edge will not get one by the clock, and a row in the
 * future is after it already. Nothing else in the rule may move with the clock, or customers without such rows would need looks that lead to
 * nothing, and the looks that an evaluation of everything asks for would differ from those stored.
 */
function necessaryRows(rule: Rule): readonly NecessaryRows[] | null {
  const bySource = new Map<string, { source: Source; edges: Map<string, Edge> }>();
  const bounded = new Set<Aggregate>();
  for (const aggregate of aggregatesOf(rule)) {
    const { source, window, where } = aggregate;
    if (where !== null && conditionsOf(where).some(isClocked)) return null; // its rows move whatever the windows reach
    const lower = window === null ? null : planWindow(window).lower;
    if (lower === null) {
      if (window !== null && !isSteadyWindow(window)) return null;
      continue;
    }
    bounded.add(aggregate);
    const key = JSON.stringify(source);
    const rows = bySource.get(key) ?? { source, edges: new Map() };
    bySource.set(key, rows.edges.set(lower.name, lower) && rows);
  }
  if (bounded.size === 0 || movesOtherwise(rule, bounded) || withoutRows(rule, bounded) !== false) return null;
  return [...bySource.values()].map(({ source, edges }) => ({ source, edges: [...edges.values()], where: null, atLeast: 1 }));
}

/** Whether the clock moves a condition beside those windows: an age, an anniversary, a date of the profile or an unbounded one beside the clock. */
function movesOtherwise(rule: Rule, bounded: ReadonlySet<Aggregate>): boolean {
  return numberedConditions(rule).some((condition) => {
    const leaves = sidesOf(condition).flatMap(leavesOf);
    const ofRows = leaves.every((leaf) => !isComputed(leaf) || (leaf.kind === 'aggregate' && bounded.has(leaf)));
    return !ofRows && isClocked(condition);
  });
}

/** Whether the clock alone may change the answer of a condition, not counting the rows inside its aggregates. */
function isClocked(condition: Condition): boolean {
  switch (condition.kind) {
    case 'everyone':
    case 'segment':
      return false; // other segments have looks of their own
    case 'anniversary':
      return true;
    case 'within':
      return !isSteadyWindow(condition.window) || leavesOf(condition.left).some(hasClock);
    case 'comparison':
    case 'between':
    case 'in':
    case 'text':
    case 'has':
    case 'missing':
      return sidesOf(condition).flatMap(leavesOf).some(hasClock);
    default:
      return unreachable(condition);
  }
}

function leavesOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'arithmetic':
      return [...leavesOf(expression.left), ...leavesOf(expression.right)];
    case 'days_between':
      return [...leavesOf(expression.from), ...leavesOf(expression.to)];
    default:
      return [expression];
  }
}

function hasClock(leaf: Expression): boolean {
  return leaf.kind !== 'aggregate' && leaf.kind !== 'property' && !isSteadyExpression(leaf);
}

// ---------------------------------------------------------------- what a rule says if there are no rows

/** 0, a number in the rule, no value, or anything at all. */
type Known = number | 'missing' | 'unknown';

/** What the rule says about a customer for whom some aggregates have no rows, whatever else is true; null: that depends. */
function withoutRows(rule: Rule, empty: ReadonlySet<Aggregate>): boolean | null {
  const value = (expression: Expression): Known => valueWithoutRows(expression, empty);
  switch (rule.kind) {
    case 'and':
      return allOf(rule.rules.map((part) => withoutRows(part, empty)));
    case 'or':
      return negate(allOf(rule.rules.map((part) => negate(withoutRows(part, empty)))));
    case 'not':
      return negate(withoutRows(rule.rule, empty));
    case 'everyone':
      return true;
    case 'segment':
      return null;
    case 'comparison':
      return compare(value(rule.left), rule.op, value(rule.right));
    case 'between': {
      const left = value(rule.left);
      return allOf([compare(left, '>=', value(rule.low)), compare(left, '<=', value(rule.high))]);
    }
    case 'in': {
      const left = value(rule.left);
      return negate(allOf(rule.values.map((literal) => negate(compare(left, '=', value(literal))))));
    }
    case 'text':
    case 'has':
    case 'within':
    case 'anniversary':
      return value(rule.left) === 'missing' ? false : null;
    case 'missing': {
      const left = value(rule.left);
      return left === 'unknown' ? null : left === 'missing';
    }
    default:
      return unreachable(rule);
  }
}

function allOf(answers: readonly (boolean | null)[]): boolean | null {
  if (answers.includes(false)) return false;
  return answers.includes(null) ? null : true;
}

function negate(answer: boolean | null): boolean | null {
  return answer === null ? null : !answer;
}

/** Numbers in a rule have at most 15 digits, which a float can tell apart. */
function valueWithoutRows(expression: Expression, empty: ReadonlySet<Aggregate>): Known {
  switch (expression.kind) {
    case 'number':
      return Number(expression.value);
    case 'aggregate':
      if (!empty.has(expression)) return 'unknown';
      return ZERO_WITHOUT_ROWS.has(expression.function) ? 0 : 'missing';
    case 'arithmetic':
      return calculate(valueWithoutRows(expression.left, empty), expression.op, valueWithoutRows(expression.right, empty));
    case 'days_between':
      return [expression.from, expression.to].some((side) => valueWithoutRows(side, empty) === 'missing') ? 'missing' : 'unknown';
    case 'string':
    case 'boolean':
    case 'date':
    case 'timestamp':
    case 'now':
    case 'today':
    case 'ago':
    case 'from_now':
    case 'field':
    case 'attribute':
    case 'property':
    case 'consent':
    case 'bucket':
      return 'unknown';
    default:
      return unreachable(expression);
  }
}

const ZERO_WITHOUT_ROWS: ReadonlySet<Aggregate['function']> = new Set(['count', 'sum', 'distinct']);

/** Of what is known, only what no rounding can affect. */
function calculate(left: Known, op: ArithmeticOperator, right: Known): Known {
  if (left === 'missing' || right === 'missing') return 'missing';
  if (op === '/' && right === 0) return 'missing';
  if (left === 0 && right === 0) return 0;
  if (left === 0 && op === '/' && right !== 'unknown') return 0;
  if (op === '*' && left === 0 && right !== 'unknown') return 0;
  if (op === '*' && right === 0 && left !== 'unknown') return 0;
  return 'unknown';
}

function compare(left: Known, op: ComparisonOperator, right: Known): boolean | null {
  if (left === 'missing' || right === 'missing') return op === '!=';
  if (left === 'unknown' || right === 'unknown') return null;
  return compareNumbers(left, op, right);
}
