// Checks a rule against the catalog: names, types, limits. Tells everything that is wrong at once, and what the rule reads.
import { unreachable } from '../base/assert.ts';
import type { Catalog, ValueType } from '../catalog/catalog.ts';
import type { Expression, Literal, Rule } from './ast.ts';
import { type CheckContext, openContext, type RowScope, requireType, tellError } from './check-context.ts';
import { checkComparable, checkExpression, OUTSIDE } from './check-expression.ts';
import { checkSegments, type Purpose } from './check-segments.ts';
import { checkDuration, checkWindow, endsBeforeItBegins, requireWholeDays } from './check-time.ts';
import type { CheckedRule } from './checked-rule.ts';
import type { Diagnostic } from './diagnostic.ts';
import { capDiagnostics, LIMITS, limitExceeded } from './limits.ts';
import { checkDepth } from './measure-depth.ts';
import { operatorRow, TIME_TYPES } from './operators.ts';
import { readAnyRule } from './parse-json.ts';
import { printRule } from './print-text.ts';
import { type MaybeType, resolveType } from './type-variable.ts';

export interface CheckOptions {
  readonly purpose: Purpose;
  /** the segment that the rule defines, for cycles */
  readonly segmentKey?: string;
}

export interface CheckOutcome {
  /** null when there are errors */
  readonly checked: CheckedRule | null;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

export function checkRule(rule: Rule, catalog: Catalog, options: CheckOptions): CheckOutcome {
  return check(rule, catalog, options, [], new Set());
}

/** Parses and checks in one go, so that mistakes of both kinds are told together. Text if it is a string, JSON otherwise. */
export function checkInput(input: unknown, catalog: Catalog, options: CheckOptions): CheckOutcome {
  const { rule, problems, broken } = readAnyRule(input);
  if (rule === null) return { checked: null, errors: capDiagnostics(problems), warnings: [] };
  return check(rule, catalog, options, problems, broken);
}

function check(
  rule: Rule,
  catalog: Catalog,
  options: CheckOptions,
  problems: readonly Diagnostic[],
  broken: ReadonlySet<Rule | Expression>,
): CheckOutcome {
  const tooDeep = checkDepth(rule);
  if (tooDeep !== null) return { checked: null, errors: [...problems, tooDeep], warnings: [] };
  const context = openContext(catalog, broken);
  checkNode(context, rule, null);
  if (context.conditions > LIMITS.conditions.atMost) {
    // first, since the list of mistakes may be cut
    context.errors.unshift(limitExceeded('conditions', `${context.conditions} conditions`, rule.place));
  }
  checkSegments(context, options.purpose, options.segmentKey);
  checkTextLength(context, rule);
  const errors = [...problems, ...context.errors].sort(byPlace);
  const warnings = capDiagnostics(context.warnings.sort(byPlace));
  if (errors.length > 0) return { checked: null, errors: capDiagnostics(errors), warnings };
  return { checked: finish(context, rule, warnings), errors: [], warnings };
}

/** In the order of the text; pointers stay in the order in which they were found. */
function byPlace(one: Diagnostic, other: Diagnostic): number {
  return 'start' in one.place && 'start' in other.place ? one.place.start - other.place.start : 0;
}

/** What is accepted can be printed and read again. */
function checkTextLength(context: CheckContext, rule: Rule): void {
  const bytes = Buffer.byteLength(printRule(rule));
  if (bytes > LIMITS.textBytes.atMost) context.errors.push(limitExceeded('textBytes', `${bytes} bytes`, rule.place));
}

function finish(context: CheckContext, rule: Rule, warnings: readonly Diagnostic[]): CheckedRule {
  const types = new Map<Expression, ValueType>();
  for (const [expression, type] of context.types) types.set(expression, settle(type));
  return {
    rule,
    types,
    reads: {
      profile: context.profile,
      orders: context.orders,
      events: context.events,
      segments: new Set(context.segments.keys()),
    },
    timeDependent: context.timeDependent,
    assumed: [...context.variables.values()].map((variable) => [variable.event, variable.property, settle(variable)] as const),
    warnings,
  };
}

/** A type that nothing determined (`is missing`, `count`) is harmless as a string. */
function settle(type: MaybeType): ValueType {
  const resolved = resolveType(type);
  return typeof resolved === 'string' ? resolved : 'string';
}

function checkNode(context: CheckContext, rule: Rule, scope: RowScope): void {
  if (context.broken.has(rule)) return;
  switch (rule.kind) {
    case 'and':
    case 'or':
      for (const inner of rule.rules) checkNode(context, inner, scope);
      return;
    case 'not':
      checkNode(context, rule.rule, scope);
      return;
    default:
      context.conditions += 1;
      // past the limit only counting goes on
      if (context.conditions > LIMITS.conditions.atMost) return;
      checkCondition(context, rule, scope);
      return;
  }
}

function checkCondition(context: CheckContext, rule: Exclude<Rule, { kind: 'and' | 'or' | 'not' }>, scope: RowScope): void {
  const typed = (expression: Expression, onRight = false): readonly [Expression, MaybeType] => [
    expression,
    checkExpression(context, expression, scope, (where, source) => checkNode(context, where, source), onRight),
  ];
  switch (rule.kind) {
    case 'everyone':
      return;
    case 'segment':
      if (scope !== null) {
        tellError(context, 'not_available', '`in segment` is not available in `where`', rule.place, OUTSIDE);
        return;
      }
      if (!context.segments.has(rule.key)) context.segments.set(rule.key, rule.place);
      return;
    case 'comparison': {
      const left = typed(rule.left);
      const right = typed(rule.right, true);
      checkComparable(context, left, right, rule.op, rule.op !== '=' && rule.op !== '!=');
      checkWholeDays(context, left, right);
      checkWholeDays(context, right, left);
      return;
    }
    case 'between': {
      const left = typed(rule.left);
      for (const end of [typed(rule.low, true), typed(rule.high, true)]) {
        checkComparable(context, left, end, 'between', true);
        checkWholeDays(context, left, end);
        checkWholeDays(context, end, left);
      }
      warnEmptyRange(context, rule);
      return;
    }
    case 'in': {
      checkListLength(context, rule.values.length, rule);
      const left = typed(rule.left);
      for (const value of rule.values) checkComparable(context, left, typed(value), 'in', false);
      return;
    }
    case 'text': {
      const [left, type] = typed(rule.left);
      const { text, types } = operatorRow(rule.op);
      requireType(context, left, type, types, 'string', `\`${text}\``, (found) => (found === 'list' ? 'write `has any ("…")`' : undefined));
      return;
    }
    case 'has': {
      checkListLength(context, rule.values.length, rule);
      const [left, type] = typed(rule.left);
      const { text, types } = operatorRow(rule.op);
      requireType(context, left, type, types, 'list', `\`${text}\``, (found) =>
        found === 'string' ? 'write `in ("…")` or `contains "…"`' : undefined,
      );
      for (const value of rule.values) {
        const [, valueType] = typed(value);
        requireType(context, value, valueType, ['string'], 'string', 'a list of strings');
      }
      return;
    }
    case 'missing':
      typed(rule.left);
      return;
    case 'within': {
      const [left, type] = typed(rule.left);
      requireType(context, left, type, TIME_TYPES, 'timestamp', 'a window');
      checkWindow(context, rule.window, resolveType(type) === 'date');
      return;
    }
    case 'anniversary': {
      const [left, type] = typed(rule.left);
      requireType(context, left, type, TIME_TYPES, 'date', '`anniversary`');
      context.timeDependent = true;
      if (rule.window.kind === 'next' || rule.window.kind === 'last') {
        checkDuration(context, rule.window.duration, rule.place, 'window');
        requireWholeDays(context, rule.window.duration, rule.place, 'anniversaries are whole days');
      }
      return;
    }
    default:
      unreachable(rule);
  }
}

function checkListLength(context: CheckContext, length: number, rule: Rule): void {
  if (length > LIMITS.listLiterals.atMost) context.errors.push(limitExceeded('listLiterals', `${length} values`, rule.place));
}

/** `… ago` against a date means a local date, so hours say nothing there. */
function checkWholeDays(
  context: CheckContext,
  [dated, type]: readonly [Expression, MaybeType],
  [instant]: readonly [Expression, MaybeType],
): void {
  if (instant.kind !== 'ago' && instant.kind !== 'from_now') return;
  if (resolveType(type) !== 'date' || dated.kind === 'date' || dated.kind === 'today') return;
  requireWholeDays(context, instant.duration, instant.place, 'against a date only whole days count');
}

function warnEmptyRange(context: CheckContext, rule: Extract<Rule, { kind: 'between' }>): void {
  const { low, high } = rule;
  const numbers = low.kind === 'number' && high.kind === 'number' && Number(high.value) < Number(low.value);
  const times = isInstant(low) && isInstant(high) && !isSameInstant(low, high) && endsBeforeItBegins(low, high);
  if (!numbers && !times) return;
  const detail = 'this range ends before it begins and holds nobody';
  context.warnings.push({ code: 'empty_window', detail, place: rule.place, hint: 'the smaller end comes first' });
}

// both ends count here, so a range of one instant is not empty
function isSameInstant(low: Literal | Expression, high: Expression): boolean {
  return low.kind === high.kind && JSON.stringify({ ...low, place: null }) === JSON.stringify({ ...high, place: null });
}

function isInstant(
  expression: Expression,
): expression is Extract<Expression, { kind: 'date' | 'timestamp' | 'now' | 'today' | 'ago' | 'from_now' }> {
  return ['date', 'timestamp', 'now', 'today', 'ago', 'from_now'].includes(expression.kind);
}
