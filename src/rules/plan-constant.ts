// In charge of conditions that depend on no row (`today >= 2026-12-01`): whether they hold at a moment, and when that may change.
import { unreachable } from '../base/assert.ts';
import { anniversaryIn, type Day, dayOf, dayStartMs, parseDay, partsOfDay } from '../base/calendar.ts';
import type { AnniversaryWindow, ComparisonOperator, Instant, Rule, Window } from './ast.ts';
import { compareNumbers } from './compare-numbers.ts';
import { CALENDAR_PERIODS, durationDays, type Moment, movingOffsetMs, todayOf, unitStart } from './plan.ts';
import { isInstant } from './walk-rule.ts';

export interface ConstantCondition {
  /** unique to what is asked */
  readonly key: string;
  holds(moment: Moment): boolean;
  /** instants after the moment at which the answer may change, the least of them */
  nextMs(moment: Moment): number | null;
}

/** Null for anything that reads a row, and for and, or, not, whose parts are asked one by one. */
export function constantCondition(rule: Rule): ConstantCondition | null {
  switch (rule.kind) {
    case 'comparison':
      return isInstant(rule.left) && isInstant(rule.right) ? compareInstants(rule.left, rule.op, rule.right) : null;
    case 'between': {
      if (!(isInstant(rule.left) && isInstant(rule.low) && isInstant(rule.high))) return null;
      return every([compareInstants(rule.left, '>=', rule.low), compareInstants(rule.left, '<=', rule.high)]);
    }
    case 'in': {
      const { left } = rule;
      if (!isInstant(left)) return null;
      return some(rule.values.filter((value) => isInstant(value)).map((value) => compareInstants(left, '=', value as Instant)));
    }
    case 'within':
      return isInstant(rule.left) ? instantWithin(rule.left, rule.window) : null;
    case 'anniversary':
      return isInstant(rule.left) ? instantAnniversary(rule.left, rule.window) : null;
    case 'and':
    case 'or':
    case 'not':
    case 'everyone':
    case 'segment':
    case 'text':
    case 'has':
    case 'missing':
      return null;
    default:
      return unreachable(rule);
  }
}

function isDate(instant: Instant): boolean {
  return instant.kind === 'date' || instant.kind === 'today';
}

function dayAt(instant: Instant, moment: Moment): Day {
  if (instant.kind === 'date') return parseDay(instant.value);
  return dayOf(instantAt(instant, moment), moment.timeZone);
}

/** A date stands for its beginning. */
function instantAt(instant: Instant, moment: Moment): number {
  switch (instant.kind) {
    case 'timestamp':
      return instant.value;
    case 'date':
      return dayStartMs(parseDay(instant.value), moment.timeZone);
    case 'today':
      return dayStartMs(todayOf(moment), moment.timeZone);
    case 'now':
    case 'ago':
    case 'from_now':
      return moment.asOfMs + (movingOffsetMs(instant) ?? 0);
    default:
      return unreachable(instant);
  }
}

function keyOf(instant: Instant): string {
  const { place: _, ...rest } = instant;
  return JSON.stringify(rest);
}

/** A date on either side means its whole day, so both sides are compared by the day they lie in. */
function compareInstants(left: Instant, op: ComparisonOperator, right: Instant): ConstantCondition {
  const byDay = isDate(left) || isDate(right);
  const at = byDay ? dayAt : instantAt;
  return {
    key: `${keyOf(left)} ${op} ${keyOf(right)}`,
    holds: (moment) => compareNumbers(at(left, moment), op, at(right, moment)),
    nextMs: (moment) => nextCrossing(left, right, moment),
  };
}

/** Where the two sides meet or part: instants at which one of them moves past the other. */
function nextCrossing(left: Instant, right: Instant, moment: Moment): number | null {
  const later: number[] = [];
  for (const [moved, stays] of [
    [left, right],
    [right, left],
  ] as const) {
    const offsetMs = moved.kind === 'today' ? 0 : movingOffsetMs(moved);
    if (offsetMs === null) continue;
    const marks: number[] = [];
    if (stays.kind === 'timestamp') marks.push(stays.value, stays.value + 1);
    if (stays.kind === 'timestamp' || stays.kind === 'date') {
      const day = dayAt(stays, moment);
      marks.push(dayStartMs(day, moment.timeZone), dayStartMs(day + 1, moment.timeZone));
    } else if (isDate(left) || isDate(right)) {
      const day = dayOf(moment.asOfMs + offsetMs, moment.timeZone);
      marks.push(dayStartMs(day + 1, moment.timeZone));
    }
    later.push(...marks.map((mark) => mark - offsetMs).filter((instant) => instant > moment.asOfMs));
  }
  return least(later);
}

function instantWithin(left: Instant, window: Window): ConstantCondition {
  const { place } = window;
  switch (window.kind) {
    case 'last':
      return every([
        compareInstants(left, '>', { kind: 'ago', duration: window.duration, place }),
        compareInstants(left, '<=', { kind: 'now', place }),
      ]);
    case 'since':
      return compareInstants(left, '>=', window.instant);
    case 'before':
      return compareInstants(left, '<', window.instant);
    case 'between':
      return every([compareInstants(left, '>=', window.from), compareInstants(left, isDate(window.to) ? '<=' : '<', window.to)]);
    case 'calendar': {
      const { unit, shift } = CALENDAR_PERIODS[window.period];
      return {
        key: `${keyOf(left)} in ${window.period}`,
        holds: (moment) => {
          const day = dayAt(left, moment);
          return unitStart(moment, unit, shift) <= day && day < unitStart(moment, unit, shift + 1);
        },
        nextMs: (moment) => nextDayOf(left, moment),
      };
    }
    default:
      return unreachable(window);
  }
}

function instantAnniversary(left: Instant, window: AnniversaryWindow): ConstantCondition {
  return {
    key: `${keyOf(left)} anniversary ${JSON.stringify(window)}`,
    holds: (moment) => {
      const day = dayAt(left, moment);
      const [from, to] = anniversaryRange(window, moment);
      const { year } = partsOfDay(day);
      if (day > todayOf(moment)) return false;
      for (let at = Math.max(year + 1, partsOfDay(from).year); at <= partsOfDay(to).year; at += 1) {
        const anniversary = anniversaryIn(day, at);
        if (from <= anniversary && anniversary < to) return true;
      }
      return false;
    },
    nextMs: (moment) => nextDayOf(left, moment),
  };
}

function anniversaryRange(window: AnniversaryWindow, moment: Moment): readonly [Day, Day] {
  const today = todayOf(moment);
  switch (window.kind) {
    case 'today':
      return [today, today + 1];
    case 'next':
      return [today, today + durationDays(window.duration)];
    case 'last':
      return [today + 1 - durationDays(window.duration), today + 1];
    case 'this_month':
      return [unitStart(moment, 'month', 0), unitStart(moment, 'month', 1)];
    case 'next_month':
      return [unitStart(moment, 'month', 1), unitStart(moment, 'month', 2)];
    default:
      return unreachable(window);
  }
}

/** The next beginning of a day, as now sees it or as the moved instant does. */
function nextDayOf(instant: Instant, moment: Moment): number | null {
  const offsetMs = movingOffsetMs(instant) ?? 0;
  const beginnings = [0, offsetMs].map((offset) => {
    const day = dayOf(moment.asOfMs + offset, moment.timeZone);
    return dayStartMs(day + 1, moment.timeZone) - offset;
  });
  return least(beginnings);
}

function every(parts: readonly ConstantCondition[]): ConstantCondition {
  return {
    key: parts.map((part) => part.key).join(' and '),
    holds: (moment) => parts.every((part) => part.holds(moment)),
    nextMs: (moment) => least(parts.map((part) => part.nextMs(moment)).filter((next) => next !== null)),
  };
}

function some(parts: readonly ConstantCondition[]): ConstantCondition {
  return {
    key: parts.map((part) => part.key).join(' or '),
    holds: (moment) => parts.some((part) => part.holds(moment)),
    nextMs: (moment) => least(parts.map((part) => part.nextMs(moment)).filter((next) => next !== null)),
  };
}

function least(instants: readonly number[]): number | null {
  return instants.length === 0 ? null : Math.min(...instants);
}
