// In charge of the period that a report looks back on: whole days in the service's time zone, the last one up to now; and of which orders count.
import { dayOf, dayStartMs } from '../base/calendar.ts';
import type { Periods } from '../changes/read-sizes.ts';

export const USUAL_DAYS = 90;
export const MOST_DAYS = 730;

export interface ReportPeriod {
  /** the first instant of the first day */
  readonly fromMs: number;
  readonly from: string;
  /** the period's days; the last one has not ended */
  readonly days: Periods;
}

/** This many days, including the one that has not ended. */
export function lastDays(days: number, atMs: number, timeZone: string): ReportPeriod {
  const today = dayOf(atMs, timeZone);
  const startsMs = Array.from({ length: days }, (_, index) => dayStartMs(today - days + 1 + index, timeZone));
  const [fromMs = atMs] = startsMs;
  return {
    fromMs,
    from: new Date(fromMs).toISOString(),
    days: { resolution: 'day', startsMs, endMs: dayStartMs(today + 1, timeZone) },
  };
}

/** SQL: the order, or the order of the item, is a sale. `statuses` is a parameter: null means that all count, as in `count(orders)`. */
export function isSale(table: string, at: string, statuses: string): string {
  return `${table}.placed_at <= ${at}::timestamptz and (${statuses}::text[] is null or ${table}.status = any(${statuses}::text[]))`;
}
