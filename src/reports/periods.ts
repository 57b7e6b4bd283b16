// In charge of the periods of a report: whole days, weeks, months, quarters or years of a zone, one after the other.
import { type CalendarUnit, dayOf, dayStartMs, moveByUnits, startOfUnit } from '../base/calendar.ts';

export const PERIOD_UNITS = ['day', 'week', 'month', 'quarter', 'year'] as const satisfies readonly CalendarUnit[];
export type PeriodUnit = (typeof PERIOD_UNITS)[number];

export interface ReportPeriods {
  readonly unit: PeriodUnit;
  readonly startsMs: readonly number[];
  /** where the last one ends */
  readonly endMs: number;
}

/** From the period that holds `fromMs` to the last one that begins before `toMs`. null: there are more than `most`. */
export function reportPeriods(unit: PeriodUnit, fromMs: number, toMs: number, timeZone: string, most: number): ReportPeriods | null {
  const startsMs: number[] = [];
  let day = startOfUnit(dayOf(fromMs, timeZone), unit);
  do {
    if (startsMs.length === most) return null;
    startsMs.push(dayStartMs(day, timeZone));
    day = moveByUnits(day, unit, 1);
  } while (dayStartMs(day, timeZone) < toMs);
  return { unit, startsMs, endMs: dayStartMs(day, timeZone) };
}

/** The beginning of a span of this many periods, the last of which holds the instant. */
export function periodsBackMs(unit: PeriodUnit, count: number, atMs: number, timeZone: string): number {
  return dayStartMs(moveByUnits(startOfUnit(dayOf(atMs, timeZone), unit), unit, 1 - count), timeZone);
}
