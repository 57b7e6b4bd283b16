// In charge of days in a time zone: which day an instant belongs to, when a day begins, where weeks, months, quarters and years begin.
// A day begins at the first instant whose local date it is (or a later one, where the date is skipped) and lasts until the next one begins,
// so days follow each other without gaps even where a clock is put back over midnight. The same in SQL: migrations/0002_functions.sql.
import { Temporal } from 'temporal-polyfill';
import { unreachable } from './assert.ts';
import { DAY_MS } from './durations.ts';

/** Days since 1970-01-01. */
export type Day = number;
export type CalendarUnit = 'day' | 'week' | 'month' | 'quarter' | 'year';

const FIRST_DAY = dayFromParts(1, 1, 1);
const LAST_DAY = dayFromParts(9999, 12, 31);
const CACHE_LIMIT = 10_000;

const dayStarts = new Map<string, number>();

export function dayFromParts(year: number, month: number, dayOfMonth: number): Day {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, dayOfMonth);
  return date.getTime() / DAY_MS;
}

/** `YYYY-MM-DD`, which must exist. */
export function parseDay(text: string): Day {
  return dayFromParts(Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10)));
}

/** `YYYY-MM-DD`; outside the years 1 to 9999, Postgres' infinities. */
export function formatDay(day: Day): string {
  if (day < FIRST_DAY) return '-infinity';
  if (day > LAST_DAY) return 'infinity';
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** RFC 3339 with milliseconds and Z; outside the years 1 to 9999, Postgres' infinities. */
export function formatInstant(instantMs: number): string {
  if (instantMs < FIRST_DAY * DAY_MS) return '-infinity';
  if (instantMs >= (LAST_DAY + 1) * DAY_MS) return 'infinity';
  return new Date(instantMs).toISOString();
}

/** The first instant of a day, in epoch milliseconds. */
export function dayStartMs(day: Day, timeZone: string): number {
  const key = `${day} ${timeZone}`;
  const known = dayStarts.get(key);
  if (known !== undefined) return known;
  const { year, month, dayOfMonth } = partsOfDay(day);
  const startMs = Temporal.PlainDate.from({ year, month, day: dayOfMonth }).toZonedDateTime(timeZone).epochMilliseconds;
  if (dayStarts.size >= CACHE_LIMIT) dayStarts.clear();
  dayStarts.set(key, startMs);
  return startMs;
}

/** The day an instant belongs to: the last one that has begun. */
export function dayOf(instantMs: number, timeZone: string): Day {
  // no zone is a whole day away from UTC, and the beginnings are remembered: asking Temporal took 100 µs for each new instant
  let day = Math.floor(instantMs / DAY_MS) + 1;
  while (dayStartMs(day, timeZone) > instantMs) day -= 1;
  return day;
}

export function partsOfDay(day: Day): { readonly year: number; readonly month: number; readonly dayOfMonth: number } {
  const date = new Date(day * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, dayOfMonth: date.getUTCDate() };
}

/** The first day of the unit that the day lies in; weeks begin on Monday. */
export function startOfUnit(day: Day, unit: CalendarUnit): Day {
  const { year, month } = partsOfDay(day);
  switch (unit) {
    case 'day':
      return day;
    case 'week':
      return day - ((((day + 3) % 7) + 7) % 7); // 1970-01-01 was a Thursday
    case 'month':
      return dayFromParts(year, month, 1);
    case 'quarter':
      return dayFromParts(year, month - ((month - 1) % 3), 1);
    case 'year':
      return dayFromParts(year, 1, 1);
    default:
      return unreachable(unit);
  }
}

/** Moves a unit's first day by whole units. */
export function moveByUnits(firstDay: Day, unit: CalendarUnit, count: number): Day {
  const { year, month } = partsOfDay(firstDay);
  switch (unit) {
    case 'day':
      return firstDay + count;
    case 'week':
      return firstDay + 7 * count;
    case 'month':
      return dayFromParts(year, month + count, 1);
    case 'quarter':
      return dayFromParts(year, month + 3 * count, 1);
    case 'year':
      return dayFromParts(year + count, 1, 1);
    default:
      return unreachable(unit);
  }
}

/** The anniversary of a day in a year: that of 29 February is 1 March in common years. */
export function anniversaryIn(day: Day, year: number): Day {
  const { month, dayOfMonth } = partsOfDay(day);
  return dayFromParts(year, month, dayOfMonth); // 29 February overflows to 1 March by itself
}
