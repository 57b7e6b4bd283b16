// Reads and prints the single values that text and JSON share: numbers, dates, timestamps, strings. No tokens, no places:
// a mistake is answered with what is wrong, the parsers add where.
import { MINUTE_MS } from '../base/durations.ts';
import { EARLIEST_YEAR, LATEST_YEAR, LIMITS } from './limits.ts';

export type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly detail: string; readonly hint?: string };

export interface ReadDecimal {
  /** without leading zeros, trailing decimal zeros or a minus before zero */
  readonly value: string;
  /** which limit it is past, with what was found; null: within the limits */
  readonly past: { readonly limit: 'numberDigits' | 'numberDecimals'; readonly found: string } | null;
}

/** Of digits with an optional fraction and an optional minus; the caller has checked the shape. */
export function readDecimal(text: string): ReadDecimal {
  const negative = text.startsWith('-');
  const [whole = '', decimals = ''] = (negative ? text.slice(1) : text).split('.');
  const integer = withoutLeading(whole, '0');
  const fraction = withoutTrailing(decimals, '0');
  const magnitude = `${integer === '' ? '0' : integer}${fraction === '' ? '' : `.${fraction}`}`;
  const value = negative && magnitude !== '0' ? `-${magnitude}` : magnitude;
  const digits = integer === '' ? withoutLeading(fraction, '0').length : integer.length + fraction.length;
  if (digits > LIMITS.numberDigits.atMost) return { value, past: { limit: 'numberDigits', found: `${digits} digits` } };
  if (fraction.length > LIMITS.numberDecimals.atMost)
    return { value, past: { limit: 'numberDecimals', found: `${fraction.length} decimals` } };
  return { value, past: null };
}

// by index, since /0+$/ on a hostile run of zeros is quadratic
function withoutLeading(text: string, character: string): string {
  let start = 0;
  while (start < text.length && text[start] === character) start += 1;
  return text.slice(start);
}

function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

/** The plain decimal of a finite JavaScript number, whose own text may have an exponent. */
export function decimalOfNumber(number: number): string {
  const text = String(number);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (exponent >= 0) return `${sign}${whole}${fraction.padEnd(exponent, '0')}`;
  return `${sign}0.${'0'.repeat(-exponent - 1)}${whole}${fraction}`;
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** `YYYY-MM-DD`, a day that the calendar has. */
export function readDate(text: string): Read<string> {
  const match = DATE.exec(text);
  if (match === null) return { ok: false, detail: `\`${text}\` is not a date`, hint: 'write it like 2026-01-31' };
  const problem = dayProblem(Number(match[1]), Number(match[2]), Number(match[3]));
  if (problem !== null) return { ok: false, detail: `\`${text}\` is not a date: ${problem}` };
  return { ok: true, value: text };
}

function dayProblem(year: number, month: number, day: number): string | null {
  if (year < EARLIEST_YEAR || year > LATEST_YEAR) return `years run from ${EARLIEST_YEAR} to ${LATEST_YEAR}`;
  if (month < 1 || month > 12) return `there is no month ${month}`;
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day < 1 || day > days) return `that month has ${days} days`;
  return null;
}

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))?$/;

/** RFC 3339 with `Z` or an offset, up to milliseconds; answers epoch milliseconds. */
export function readTimestamp(text: string): Read<number> {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const refuse = (why: string, hint?: string): Read<number> => ({
    ok: false,
    detail: `\`${shown}\` is not a timestamp: ${why}`,
    ...(hint === undefined ? {} : { hint }),
  });
  const match = TIMESTAMP.exec(text);
  if (match === null) return refuse('its form is not RFC 3339', 'write it like 2026-01-31T09:30:00Z');
  const [, year, month, day, hour, minute, second, fraction = '', zulu, sign, offsetHour, offsetMinute] = match;
  if (zulu === undefined && sign === undefined) return refuse('it has no time zone', 'end it with Z or an offset such as +08:00');
  const problem = dayProblem(Number(year), Number(month), Number(day));
  if (problem !== null) return refuse(problem);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return refuse('there is no such time of day');
  if (fraction.length > 3) return refuse('it is finer than milliseconds', 'at most three digits after the point');
  if (Number(offsetHour ?? 0) > 23 || Number(offsetMinute ?? 0) > 59) return refuse('there is no such offset');
  const offsetMs = (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)) * MINUTE_MS * (sign === '-' ? -1 : 1);
  const localMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    Number(fraction.padEnd(3, '0')),
  );
  const value = localMs - offsetMs;
  if (value < Date.UTC(EARLIEST_YEAR, 0, 1) || value >= Date.UTC(LATEST_YEAR + 1, 0, 1))
    return refuse(`years run from ${EARLIEST_YEAR} to ${LATEST_YEAR}`);
  return { ok: true, value };
}

/** The shortest RFC 3339 form in UTC. */
export function printTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('.000Z', 'Z');
}

/** What no string may hold, since Postgres cannot keep it; null: nothing. */
export function stringProblem(text: string): string | null {
  if (text.includes('\u0000')) return 'the character U+0000 cannot be stored';
  if (!text.isWellFormed()) return 'half of a surrogate pair stands alone';
  return null;
}
