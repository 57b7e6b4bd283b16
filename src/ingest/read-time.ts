// In charge of dates and timestamps as callers write them: real calendar, 1900 to 2200, whole milliseconds. Pure.
import { HOUR_MS, MINUTE_MS } from '../base/durations.ts';

export const FIRST_YEAR = 1900;
export const LAST_YEAR = 2200;

const ZERO = 48;
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Is it a date of the calendar, like `2026-01-31`, within 1900–2200? */
export function isDate(text: string): boolean {
  return text.length === 10 && daysInto(text) !== undefined;
}

/** The date at the beginning of a text, as midnight UTC in epoch milliseconds. */
function daysInto(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (year === undefined || month === undefined || day === undefined || text[4] !== '-' || text[7] !== '-') return undefined;
  if (year < FIRST_YEAR || year > LAST_YEAR || month < 1 || month > 12 || day < 1) return undefined;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > (DAYS_OF_MONTH[month - 1] as number) + (leap ? 1 : 0)) return undefined;
  return Date.UTC(year, month - 1, day);
}

/**
 * RFC 3339 with `Z` or an offset, in epoch milliseconds; finer digits are cut off. A blank may replace `T`, as the RFC allows.
 * Undefined if it is not one, or not within 1900–2200 in UTC.
 */
export function readTimestamp(text: string): number | undefined {
  const dayMs = daysInto(text);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (dayMs === undefined || hour === undefined || minute === undefined || second === undefined) return undefined;
  const between = text[10];
  if ((between !== 'T' && between !== 't' && between !== ' ') || text[13] !== ':' || text[16] !== ':') return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  let place = 19;
  let milliseconds = 0;
  if (text[place] === '.') {
    const start = place + 1;
    place = start;
    while (isDigit(text, place)) {
      if (place - start < 3) milliseconds += (text.charCodeAt(place) - ZERO) * (place === start ? 100 : place === start + 1 ? 10 : 1);
      place += 1;
    }
    if (place === start) return undefined;
  }
  const offsetMs = readOffset(text, place);
  if (offsetMs === undefined) return undefined;
  const atMs = dayMs + hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + milliseconds - offsetMs;
  return isTime(atMs) ? atMs : undefined;
}

const FIRST_MS = Date.UTC(FIRST_YEAR, 0, 1);
const AFTER_LAST_MS = Date.UTC(LAST_YEAR + 1, 0, 1);

function isTime(atMs: number): boolean {
  return atMs >= FIRST_MS && atMs < AFTER_LAST_MS;
}

function readOffset(text: string, place: number): number | undefined {
  const sign = text[place];
  if (sign === 'Z' || sign === 'z') return text.length === place + 1 ? 0 : undefined;
  if ((sign !== '+' && sign !== '-') || text.length !== place + 6 || text[place + 3] !== ':') return undefined;
  const hours = digits(text, place + 1, 2);
  const minutes = digits(text, place + 4, 2);
  if (hours === undefined || minutes === undefined || hours > 23 || minutes > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

function digits(text: string, start: number, count: number): number | undefined {
  let value = 0;
  for (let place = start; place < start + count; place += 1) {
    if (!isDigit(text, place)) return undefined;
    value = value * 10 + text.charCodeAt(place) - ZERO;
  }
  return value;
}

function isDigit(text: string, place: number): boolean {
  const code = text.charCodeAt(place); // NaN beyond the end
  return code >= ZERO && code <= ZERO + 9;
}
