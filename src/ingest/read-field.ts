// In charge of single fields of a row: each reader gives the value, null where it is missing (null, "", []), or undefined after
// adding to the problems. Not of which fields there are, nor of custom attributes (read-values.ts).
import { type Rate, readAmount, readRate, readRounded } from './amount.ts';
import { CURRENCIES } from './currencies.ts';
import { ID_MAX_BYTES, LIST_MAX_ELEMENTS, TEXT_MAX_BYTES } from './limits.ts';
import { type Problems, pointer, quote } from './problem.ts';
import { isDate, readTimestamp } from './read-time.ts';

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** What is wrong with a text wherever it stands; undefined: nothing. True after a problem was added. */
export function refuseText(text: string, maxBytes: number, at: string, problems: Problems): boolean {
  if (text.length * 3 > maxBytes && (text.length > maxBytes || Buffer.byteLength(text) > maxBytes)) {
    const size = text.length > maxBytes ? `${text.length} characters` : `${Buffer.byteLength(text)} bytes`;
    problems.add(at, 'limit_exceeded', `at most ${maxBytes} bytes of UTF-8 are taken here, this has ${size}`);
    return true;
  }
  if (text.includes('\u0000')) {
    problems.add(at, 'invalid_text', 'the text holds the character U+0000, which cannot be stored');
    return true;
  }
  if (!text.isWellFormed()) {
    problems.add(at, 'invalid_text', 'the text holds half of a surrogate pair, which is no character');
    return true;
  }
  return false;
}

export function readText(value: unknown, at: string, problems: Problems): string | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'string') {
    const hint = typeof value === 'number' ? `write it as a string: "${value}"` : undefined;
    return problems.addWrongType(at, 'a string', value, hint);
  }
  return refuseText(value, TEXT_MAX_BYTES, at, problems) ? undefined : value;
}

/** An id is never missing. `what` names it in details. */
export function readId(value: unknown, what: string, at: string, problems: Problems): string | undefined {
  if (value === null || value === undefined || value === '') return problems.add(at, 'missing_field', `${what} is needed`);
  if (typeof value !== 'string') {
    const hint = typeof value === 'number' ? `ids are strings: "${value}"` : undefined;
    return problems.addWrongType(at, `${what} as a string`, value, hint);
  }
  if (refuseText(value, ID_MAX_BYTES, at, problems)) return undefined;
  if (CONTROL.test(value)) return problems.add(at, 'invalid_id', `${what} holds a control character: ${quote(value)}`);
  if (value === '.' || value === '..') return problems.add(at, 'invalid_id', `${what} cannot be ${quote(value)}, which no path can carry`);
  return value;
}

/** Names of events, attributes, properties, purposes. True after a problem was added. */
export function refuseName(name: string, what: string, at: string, problems: Problems): boolean {
  if (name === '') {
    problems.add(at, 'invalid_name', `${what} cannot be empty`);
    return true;
  }
  if (refuseText(name, ID_MAX_BYTES, at, problems)) return true;
  if (!CONTROL.test(name)) return false;
  problems.add(at, 'invalid_name', `${what} holds a control character: ${quote(name)}`);
  return true;
}

const DATE_HINT = 'write it as 2026-01-31, between 1900 and 2200';
const TIME_HINT = 'write it as 2026-01-31T12:00:00Z or with an offset like +02:00, between 1900 and 2200';

export function readDate(value: unknown, at: string, problems: Problems): string | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'string') return problems.addWrongType(at, 'a date', value, DATE_HINT);
  return isDate(value) ? value : problems.add(at, 'invalid_date', `${quote(value)} is no date of the calendar`, DATE_HINT);
}

/** Epoch milliseconds. */
export function readInstant(value: unknown, at: string, problems: Problems): number | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'string') return problems.addWrongType(at, 'a time', value, TIME_HINT);
  const atMs = readTimestamp(value);
  return atMs ?? problems.add(at, 'invalid_timestamp', `${quote(value)} is no time as RFC 3339 writes it`, TIME_HINT);
}

export function readBoolean(value: unknown, at: string, problems: Problems): boolean | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'boolean') return value;
  const hint = value === 'true' || value === 'false' ? `write it without quotes: ${value}` : undefined;
  return problems.addWrongType(at, 'true or false', value, hint);
}

/** Strings; empty elements are dropped, the others stay as they are, in their order. */
export function readList(value: unknown, at: string, problems: Problems): string[] | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (!Array.isArray(value)) {
    const hint = typeof value === 'string' ? `write ["${value.slice(0, 40)}"]` : undefined;
    return problems.addWrongType(at, 'a list of strings', value, hint);
  }
  if (value.length > LIST_MAX_ELEMENTS) {
    return problems.add(at, 'limit_exceeded', `at most ${LIST_MAX_ELEMENTS} elements are taken in a list, this has ${value.length}`);
  }
  const before = problems.count;
  const elements: string[] = [];
  value.forEach((element: unknown, index) => {
    const text = readText(element, pointer(at, index), problems);
    if (text !== null && text !== undefined) elements.push(text);
  });
  if (problems.count > before) return undefined;
  return elements.length === 0 ? null : elements;
}

const AMOUNT_PROBLEMS = {
  not_decimal: ['invalid_number', 'is no decimal number', 'write it like 1234.5: digits, one point, no exponent, no separators'],
  too_fine: ['invalid_number', 'has more than four decimals', 'round it to four decimals'],
  too_large: ['limit_exceeded', 'is 10^12 or more', 'amounts stay below 1,000,000,000,000'],
} as const;

const ROUND_HINT = 'round it to four decimals in the export, or import with `round=4`';

/** Whole ten-thousandths. `round`: see RowContext. */
export function readScaled(value: unknown, at: string, problems: Problems, round?: number | null): bigint | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'number' && typeof value !== 'string') return problems.addWrongType(at, 'a number', value);
  const amount = typeof round === 'number' ? readRounded(value, round) : readAmount(value);
  if (typeof amount === 'bigint') return amount;
  const [code, detail, hint] = AMOUNT_PROBLEMS[amount];
  const said = amount === 'too_fine' && round === null ? ROUND_HINT : hint;
  return problems.add(at, code, `${typeof value === 'string' ? quote(value) : value} ${detail}`, said);
}

export function readCurrency(value: unknown, at: string, problems: Problems): string | null | undefined {
  const text = readText(value, at, problems);
  if (typeof text !== 'string' || CURRENCIES.has(text)) return text;
  const upper = text.toUpperCase();
  const hint = CURRENCIES.has(upper) ? `did you mean "${upper}"?` : 'use a code of ISO 4217, such as EUR';
  return problems.add(at, 'unknown_currency', `unknown currency ${quote(text)}`, hint);
}

export function readExchangeRate(value: unknown, at: string, problems: Problems): Rate | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value !== 'number' && typeof value !== 'string') return problems.addWrongType(at, 'a rate', value);
  const hint = "what one unit of the order's currency is worth in the service's, such as 1.0842";
  const shown = typeof value === 'string' ? quote(value) : value;
  return (
    readRate(value) ??
    problems.add(at, 'invalid_number', `${shown} is no rate: positive, at most 12 digits on either side of the point`, hint)
  );
}
