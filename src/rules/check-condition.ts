// Checks one condition of a rule: that what it compares can be compared, and that its lists, windows and durations are within their limits. Not
// of what joins conditions (check-rule.ts), or of what is inside an expression (check-expression.ts).
import { unreachable } from '../base/assert.ts';
import type { Expression, Literal, Place, Rule, Source } from './ast.ts';
import { type CheckContext, type RowScope, requireType, tellError, warnOnce } from './check-context.ts';
import { checkComparable, checkExpression, OUTSIDE } from './check-expression.ts';
import { checkDuration, checkWindow, endsBeforeItBegins, requireWholeDays } from './check-time.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { operatorRow, TIME_TYPES } from './operators.ts';
import { type MaybeType, resolveType } from './type-variable.ts';
import { type Condition, isInstant } from './walk-rule.ts';

type Of<Kind extends Condition['kind']> = Extract<Condition, { kind: Kind }>;
type Typed = readonly [Expression, MaybeType];
/** Checks an expression of the condition and returns it with its type. `onRight`: it is on the right of an operator. */
type TypeOf = (expression: Expression, onRight?: boolean) => Typed;

/** `checkWhere` checks the filter that an aggregate has for its rows. */
export function checkCondition(
  context: CheckContext,
  rule: Condition,
  scope: RowScope,
  checkWhere: (where: Rule, source: Source) => void,
): void {
  const typed: TypeOf = (expression, onRight = false) => [expression, checkExpression(context, expression, scope, checkWhere, onRight)];
  switch (rule.kind) {
    case 'everyone':
      break;
    case 'segment':
      noteSegment(context, rule, scope);
      break;
    case 'comparison':
      checkComparison(context, rule, typed);
      break;
    case 'between':
      checkBetween(context, rule, typed);
      break;
    case 'in':
      checkIn(context, rule, typed);
      break;
    case 'text':
      checkText(context, rule, typed);
      break;
    case 'has':
      checkHas(context, rule, typed);
      break;
    case 'missing':
      typed(rule.left);
      break;
    case 'within':
      checkWithin(context, rule, typed);
      break;
    case 'anniversary':
      checkAnniversary(context, rule, typed);
      break;
    default:
      unreachable(rule);
  }
}

function noteSegment(context: CheckContext, { key, place }: Of<'segment'>, scope: RowScope): void {
  if (scope !== null) tellError(context, 'not_available', '`in segment` is not available in `where`', place, OUTSIDE);
  else if (!context.segments.has(key)) context.segments.set(key, place);
}

function checkComparison(context: CheckContext, rule: Of<'comparison'>, typed: TypeOf): void {
  const left = typed(rule.left);
  const right = typed(rule.right, true);
  checkComparable(context, left, right, rule.op, rule.op !== '=' && rule.op !== '!=');
  checkWholeDays(context, left, right);
  checkWholeDays(context, right, left);
  if (rule.op === '=' && rule.right.kind === 'today') warnOfBirthYear(context, rule.left, rule.place);
}

function checkBetween(context: CheckContext, rule: Of<'between'>, typed: TypeOf): void {
  const left = typed(rule.left);
  for (const end of [typed(rule.low, true), typed(rule.high, true)]) {
    checkComparable(context, left, end, 'between', true);
    checkWholeDays(context, left, end);
    checkWholeDays(context, end, left);
  }
  warnEmptyRange(context, rule);
}

function checkIn(context: CheckContext, rule: Of<'in'>, typed: TypeOf): void {
  checkListLength(context, rule.values.length, rule);
  const left = typed(rule.left);
  for (const value of rule.values) checkComparable(context, left, typed(value), 'in', false);
}

function checkText(context: CheckContext, rule: Of<'text'>, typed: TypeOf): void {
  const [left, type] = typed(rule.left);
  const { text, types } = operatorRow(rule.op);
  requireType(context, left, type, types, 'string', `\`${text}\``, (found) => (found === 'list' ? 'write `has any ("…")`' : undefined));
}

function checkHas(context: CheckContext, rule: Of<'has'>, typed: TypeOf): void {
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
}

function checkWithin(context: CheckContext, rule: Of<'within'>, typed: TypeOf): void {
  const [left, type] = typed(rule.left);
  requireType(context, left, type, TIME_TYPES, 'timestamp', 'a window');
  checkWindow(context, rule.window, resolveType(type) === 'date');
  if (rule.window.kind === 'last' || rule.window.kind === 'calendar') warnOfBirthYear(context, rule.left, rule.place);
}

/** Who asks for birthdays in a window mostly means those of every year, and would get the newborn. */
function warnOfBirthYear(context: CheckContext, left: Expression, place: Place): void {
  if (left.kind !== 'field' || left.name !== 'birthday') return;
  const detail = 'this asks for people who were born then, and not for those who have their birthday';
  const hint = 'every year: `birthday anniversary today`, `in the next 7 days` or `in this month`';
  warnOnce(context, 'birthday', 'one_year_only', detail, place, hint);
}

function checkAnniversary(context: CheckContext, rule: Of<'anniversary'>, typed: TypeOf): void {
  const [left, type] = typed(rule.left);
  requireType(context, left, type, TIME_TYPES, 'date', '`anniversary`');
  context.timeDependent = true;
  if (rule.window.kind !== 'next' && rule.window.kind !== 'last') return;
  checkDuration(context, rule.window.duration, rule.place, 'window');
  requireWholeDays(context, rule.window.duration, rule.place, 'anniversaries are whole days');
}

function checkListLength(context: CheckContext, length: number, rule: Condition): void {
  if (length > LIMITS.listLiterals.atMost) context.errors.push(limitExceeded('listLiterals', `${length} values`, rule.place));
}

/** `… ago` compared with a date means a local date, so hours mean nothing there. */
function checkWholeDays(context: CheckContext, [dated, type]: Typed, [instant]: Typed): void {
  if (instant.kind !== 'ago' && instant.kind !== 'from_now') return;
  if (resolveType(type) !== 'date' || dated.kind === 'date' || dated.kind === 'today') return;
  requireWholeDays(context, instant.duration, instant.place, 'against a date only whole days count');
}

function warnEmptyRange(context: CheckContext, rule: Of<'between'>): void {
  const { low, high } = rule;
  const numbers = low.kind === 'number' && high.kind === 'number' && Number(high.value) < Number(low.value);
  const times = isInstant(low) && isInstant(high) && !isSameInstant(low, high) && endsBeforeItBegins(low, high);
  if (!numbers && !times) return;
  const detail = 'this range ends before it begins and holds nobody';
  context.warnings.push({ code: 'empty_window', detail, place: rule.place, hint: 'the smaller end comes first' });
}

// both ends are included here, so a range of one instant is not empty
function isSameInstant(low: Literal | Expression, high: Expression): boolean {
  return low.kind === high.kind && JSON.stringify({ ...low, place: null }) === JSON.stringify({ ...high, place: null });
}
