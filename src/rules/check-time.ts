// Checks durations and windows: their limits, whether they fit a date, whether a window can hold anything. No names, no types.
import { DAY_MS, HOUR_MS } from '../base/durations.ts';
import type { Duration, Instant, Place, Window } from './ast.ts';
import { type CheckContext, tellError } from './check-context.ts';
import { LIMITS, limitExceeded, zeroWindow } from './limits.ts';
import { printDuration } from './print-text.ts';
import { durationMs } from './vocabulary.ts';

export function checkDuration(context: CheckContext, duration: Duration, place: Place, where: 'window' | 'value'): void {
  if (!(durationMs(duration) <= LIMITS.durationDays.atMost * DAY_MS))
    context.errors.push(limitExceeded('durationDays', printDuration(duration), place));
  else if (where === 'window' && duration.amount === 0) context.errors.push(zeroWindow(place));
}

/** A date is compared with whole days only. */
export function requireWholeDays(context: CheckContext, duration: Duration, place: Place, why: string): void {
  if (duration.unit === 'days' || duration.unit === 'weeks') return;
  tellError(context, 'invalid_literal', `\`${printDuration(duration)}\` is not a number of days; ${why}`, place, 'use days or weeks');
}

/** `onDate`: the window is for a date, not a timestamp. */
export function checkWindow(context: CheckContext, window: Window, onDate: boolean): void {
  context.timeDependent ||= isTimeDependent(window);
  switch (window.kind) {
    case 'last':
      checkDuration(context, window.duration, window.place, 'window');
      if (onDate) requireWholeDays(context, window.duration, window.place, 'a date has no time of day');
      return;
    case 'calendar':
      return;
    case 'since':
    case 'before':
      checkInstant(context, window.instant, onDate);
      return;
    case 'between':
      checkInstant(context, window.from, onDate);
      checkInstant(context, window.to, onDate);
      if (endsBeforeItBegins(window.from, window.to))
        context.warnings.push({
          code: 'empty_window',
          detail: 'this window ends before it begins and holds nobody',
          place: window.place,
          hint: 'the earlier instant comes first: between 180 days ago and 90 days ago',
        });
  }
}

function checkInstant(context: CheckContext, instant: Instant, onDate: boolean): void {
  if (instant.kind !== 'ago' && instant.kind !== 'from_now') return;
  checkDuration(context, instant.duration, instant.place, 'window');
  if (onDate) requireWholeDays(context, instant.duration, instant.place, 'a date has no time of day');
}

function isTimeDependent(window: Window): boolean {
  switch (window.kind) {
    case 'last':
    case 'calendar':
      return true;
    case 'since':
    case 'before':
      return isRelative(window.instant);
    case 'between':
      return isRelative(window.from) || isRelative(window.to);
  }
}

function isRelative(instant: Instant): boolean {
  return instant.kind !== 'date' && instant.kind !== 'timestamp';
}

/** Where an instant can be: on the time line, or relative to now. A date's day may begin and end in any of the world's zones. */
interface Bounds {
  readonly from: 'epoch' | 'now';
  readonly earliestMs: number;
  readonly latestMs: number;
}

const FURTHEST_ZONE_MS = 16 * HOUR_MS;
const LONGEST_DAY_MS = 26 * HOUR_MS;

function boundsOf(instant: Instant, side: 'start' | 'end'): Bounds {
  switch (instant.kind) {
    case 'timestamp':
      return { from: 'epoch', earliestMs: instant.value, latestMs: instant.value };
    case 'date': {
      const ms = Date.parse(`${instant.value}T00:00:00Z`) + (side === 'end' ? DAY_MS : 0);
      return { from: 'epoch', earliestMs: ms - FURTHEST_ZONE_MS, latestMs: ms + FURTHEST_ZONE_MS };
    }
    case 'now':
      return { from: 'now', earliestMs: 0, latestMs: 0 };
    case 'today':
      return side === 'end'
        ? { from: 'now', earliestMs: 0, latestMs: LONGEST_DAY_MS }
        : { from: 'now', earliestMs: -LONGEST_DAY_MS, latestMs: 0 };
    case 'ago':
    case 'from_now': {
      const ms = durationMs(instant.duration) * (instant.kind === 'ago' ? -1 : 1);
      return { from: 'now', earliestMs: ms, latestMs: ms };
    }
  }
}

/** True only if that is certain in every zone and at every time. */
export function endsBeforeItBegins(from: Instant, to: Instant): boolean {
  if (from.kind === 'date' && to.kind === 'date') return to.value < from.value;
  const start = boundsOf(from, 'start');
  const end = boundsOf(to, 'end');
  return start.from === end.from && end.latestMs <= start.earliestMs;
}
