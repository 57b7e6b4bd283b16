// Local days of the oracle, straight from Temporal: where a day begins, which day an instant is in, sums of days.
import { Temporal } from 'temporal-polyfill';
import type { CalendarPeriod } from '../../src/rules/ast.ts';

/** `YYYY-MM-DD`; such texts compare like the dates they name (years 1900–2200). */
export type LocalDate = string;

const MS_PER_DAY = 86_400_000;

const knownStarts = new Map<string, number>();

/** The first instant whose local date it is; of a date the zone skipped, the first instant after. */
export function dayStartMs(date: LocalDate, timeZone: string): number {
  const key = `${timeZone} ${date}`;
  let startMs = knownStarts.get(key);
  if (startMs === undefined) {
    startMs = Temporal.PlainDate.from(date).toZonedDateTime({ timeZone }).epochMilliseconds;
    knownStarts.set(key, startMs);
  }
  return startMs;
}

export function dayEndMs(date: LocalDate, timeZone: string): number {
  return dayStartMs(addDays(date, 1), timeZone);
}

/** The day that has begun last: also while a clock put back over midnight shows the day before once more. */
export function localDate(instantMs: number, timeZone: string): LocalDate {
  let date = addDays(new Date(instantMs).toISOString().slice(0, 10), -2);
  while (dayStartMs(addDays(date, 1), timeZone) <= instantMs) date = addDays(date, 1);
  return date;
}

export function addDays(date: LocalDate, days: number): LocalDate {
  return new Date(Date.parse(date) + days * MS_PER_DAY).toISOString().slice(0, 10);
}

/** Calendar days from one date to another. */
export function daysFromTo(from: LocalDate, to: LocalDate): number {
  return (Date.parse(to) - Date.parse(from)) / MS_PER_DAY;
}

/** First day of a calendar period and the first day after it. */
export function periodDays(period: CalendarPeriod, today: LocalDate): readonly [from: LocalDate, to: LocalDate] {
  const day = Temporal.PlainDate.from(today);
  const monday = day.subtract({ days: day.dayOfWeek - 1 });
  const month = day.with({ day: 1 });
  const quarter = month.subtract({ months: (month.month - 1) % 3 });
  const year = day.with({ month: 1, day: 1 });
  const span = (from: Temporal.PlainDate, length: Temporal.DurationLike): readonly [string, string] => [
    from.toString(),
    from.add(length).toString(),
  ];
  switch (period) {
    case 'today':
      return span(day, { days: 1 });
    case 'yesterday':
      return span(day.subtract({ days: 1 }), { days: 1 });
    case 'this_week':
      return span(monday, { days: 7 });
    case 'last_week':
      return span(monday.subtract({ days: 7 }), { days: 7 });
    case 'this_month':
      return span(month, { months: 1 });
    case 'last_month':
      return span(month.subtract({ months: 1 }), { months: 1 });
    case 'this_quarter':
      return span(quarter, { months: 3 });
    case 'last_quarter':
      return span(quarter.subtract({ months: 3 }), { months: 3 });
    case 'this_year':
      return span(year, { years: 1 });
    case 'last_year':
      return span(year.subtract({ years: 1 }), { years: 1 });
  }
}

/** First day of the month after `today`'s, and the first day after that. */
export function nextMonthDays(today: LocalDate): readonly [from: LocalDate, to: LocalDate] {
  const next = Temporal.PlainDate.from(today).with({ day: 1 }).add({ months: 1 });
  return [next.toString(), next.add({ months: 1 }).toString()];
}

/** The day on which a date comes round in a year; 29 February on 1 March in common years. */
export function anniversaryIn(year: number, date: LocalDate): LocalDate {
  const monthAndDay = date.slice(5);
  const common = !Temporal.PlainDate.from({ year, month: 1, day: 1 }).inLeapYear;
  return `${String(year).padStart(4, '0')}-${monthAndDay === '02-29' && common ? '03-01' : monthAndDay}`;
}

export function yearOf(date: LocalDate): number {
  return Number(date.slice(0, 4));
}
