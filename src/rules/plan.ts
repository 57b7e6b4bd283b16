// In charge of how time moves the parts of a rule: the edges of windows and of instants, where they stand at a moment and when they step.
// Pure data; what is made of them in SQL is the emit files' business.
//
// How an answer about a value t flips as now moves (k: the edge is now + k; an edge steps where it follows the calendar):
//
//   t >  now + k   holds until now = t − k                 flips at t − k
//   t <= now + k   holds from  now = t − k                 flips at t − k
//   t >= now + k   holds while now ≤ t − k                 flips at t − k + 1 ms
//   t <  now + k   holds once  now > t − k                 flips at t − k + 1 ms
//   t =  now + k   holds at now = t − k only               flips at t − k and at t − k + 1 ms
//   t against a calendar edge                              flips when the edge steps over t
//   a row at t > now                                       exists from t, whatever the window
//
// so: `in the last D` (t > now − D) leaves at t + D; `since D ago` (t ≥ now − D) leaves at t + D + 1 ms; `between A ago and B ago`
// (now − A ≤ t < now − B) is entered at t + B + 1 ms and left at t + A + 1 ms.
import { unreachable } from '../base/assert.ts';
import { type CalendarUnit, type Day, dayOf, dayStartMs, moveByUnits, parseDay, startOfUnit } from '../base/calendar.ts';
import { DAY_MS } from '../base/durations.ts';
import type { CalendarPeriod, Duration, Instant, Window } from './ast.ts';
import { durationMs } from './vocabulary.ts';

export interface Moment {
  readonly asOfMs: number;
  readonly timeZone: string;
}

/** Anniversaries and dates move by whole days. */
export function durationDays(duration: Duration): number {
  return durationMs(duration) / DAY_MS;
}

/** Where a calendar period lies: `shift` units from the one that today is in. */
export const CALENDAR_PERIODS: Readonly<Record<CalendarPeriod, { readonly unit: CalendarUnit; readonly shift: 0 | -1 }>> = {
  today: { unit: 'day', shift: 0 },
  yesterday: { unit: 'day', shift: -1 },
  this_week: { unit: 'week', shift: 0 },
  this_month: { unit: 'month', shift: 0 },
  this_quarter: { unit: 'quarter', shift: 0 },
  this_year: { unit: 'year', shift: 0 },
  last_week: { unit: 'week', shift: -1 },
  last_month: { unit: 'month', shift: -1 },
  last_quarter: { unit: 'quarter', shift: -1 },
  last_year: { unit: 'year', shift: -1 },
};

export function todayOf(moment: Moment): Day {
  return dayOf(moment.asOfMs, moment.timeZone);
}

/** The first day of the unit `shift` units from the one today is in. */
export function unitStart(moment: Moment, unit: CalendarUnit, shift: number): Day {
  return moveByUnits(startOfUnit(todayOf(moment), unit), unit, shift);
}

/** One end of a window. `name` is unique to what it stands for. */
export type Edge =
  | { readonly kind: 'fixed'; readonly name: string; atMs(moment: Moment): number }
  | { readonly kind: 'moving'; readonly name: string; readonly offsetMs: number; atMs(moment: Moment): number }
  | {
      readonly kind: 'stepping';
      readonly name: string;
      atMs(moment: Moment): number;
      nextMs(moment: Moment): number;
      readonly nextName: string;
    };

/** A row is in it when t ≥ lower (t > lower if `lowerOpen`) and t < upper; that t ≤ now goes without saying. */
export interface WindowPlan {
  readonly lower: Edge | null;
  readonly lowerOpen: boolean;
  readonly upper: Edge | null;
}

export function planWindow(window: Window): WindowPlan {
  switch (window.kind) {
    case 'last':
      return { lower: movingEdge(-durationMs(window.duration)), lowerOpen: true, upper: null };
    case 'calendar': {
      const { unit, shift } = CALENDAR_PERIODS[window.period];
      return { lower: steppingEdge(unit, shift), lowerOpen: false, upper: steppingEdge(unit, shift + 1) };
    }
    case 'since':
      return { lower: edgeOf(window.instant, 0), lowerOpen: false, upper: null };
    case 'before':
      return { lower: null, lowerOpen: false, upper: edgeOf(window.instant, 0) };
    case 'between':
      return { lower: edgeOf(window.from, 0), lowerOpen: false, upper: edgeOf(window.to, 1) };
    default:
      return unreachable(window);
  }
}

/** now + k, k in milliseconds, for the instants that move with the clock; null for the others. */
export function movingOffsetMs(instant: Instant): number | null {
  switch (instant.kind) {
    case 'now':
      return 0;
    case 'ago':
      return -durationMs(instant.duration);
    case 'from_now':
      return durationMs(instant.duration);
    case 'date':
    case 'timestamp':
    case 'today':
      return null;
    default:
      return unreachable(instant);
  }
}

/** `dayShift` 1: a date stands for its end (the beginning of the next day) and not for its beginning. */
export function edgeOf(instant: Instant, dayShift: 0 | 1): Edge {
  switch (instant.kind) {
    case 'now':
    case 'ago':
    case 'from_now':
      return movingEdge(movingOffsetMs(instant) ?? 0);
    case 'today':
      return steppingEdge('day', dayShift);
    case 'timestamp':
      return { kind: 'fixed', name: `instant ${instant.value}`, atMs: () => instant.value };
    case 'date': {
      const day = parseDay(instant.value) + dayShift;
      return { kind: 'fixed', name: `date ${day}`, atMs: (moment) => dayStartMs(day, moment.timeZone) };
    }
    default:
      return unreachable(instant);
  }
}

export function movingEdge(offsetMs: number): Edge {
  return { kind: 'moving', name: `now ${offsetMs}`, offsetMs, atMs: (moment) => moment.asOfMs + offsetMs };
}

export function steppingEdge(unit: CalendarUnit, shift: number): Edge {
  return {
    kind: 'stepping',
    name: `${unit} ${shift}`,
    atMs: (moment) => dayStartMs(unitStart(moment, unit, shift), moment.timeZone),
    nextName: `${unit} 1`, // an edge of this unit steps when the next one begins
    nextMs: (moment) => dayStartMs(unitStart(moment, unit, 1), moment.timeZone),
  };
}
