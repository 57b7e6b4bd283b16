// Parses the parts of the JSON form that are about time and contain no rule: durations, instants, windows, anniversaries.
// Null means: noted as wrong.
import type { AnniversaryWindow, CalendarPeriod, Duration, Instant, Window } from './ast.ts';
import { hasMembers, isObject, type JsonReader, note, noteShape, placeAt, pointerTo, readString, suggest } from './json-reader.ts';
import { limitExceeded } from './limits.ts';
import { readDate, readTimestamp } from './read-literal.ts';
import { CALENDAR_PERIODS, unitOfLetter } from './vocabulary.ts';

function parseDuration(reader: JsonReader, value: unknown, pointer: string): Duration | null {
  const match = typeof value === 'string' && value.length <= 400 ? /^(\d+)([smhdw])$/.exec(value) : null;
  const unit = unitOfLetter(match?.[2] ?? '');
  if (match === null || unit === undefined) {
    noteShape(reader, 'a duration such as "90d" (s, m, h, d, w)', value, pointer, durationHint(value));
    return null;
  }
  const digits = (match[1] ?? '').replace(/^0+/, '');
  if (digits.length > 15) {
    reader.problems.push(limitExceeded('durationDays', 'a number of more than 15 digits', placeAt(pointer)));
    return null;
  }
  return { amount: Number(digits), unit };
}

function durationHint(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d+ ?(mo|months?|y|years?|q|quarters?)$/i.test(value)) return 'months and years differ in length; use days';
  return undefined;
}

const INSTANT_MEMBERS = ['date', 'timestamp', 'at', 'ago', 'from_now'] as const;
type InstantMember = (typeof INSTANT_MEMBERS)[number];

/** The member of an object that says what kind of instant it is, if it is one. */
export function instantMember(value: unknown): InstantMember | null {
  if (!isObject(value)) return null;
  return INSTANT_MEMBERS.find((name) => Object.hasOwn(value, name)) ?? null;
}

export function parseInstant(reader: JsonReader, value: unknown, pointer: string): Instant | null {
  const member = instantMember(value);
  if (member === null || !isObject(value)) {
    noteShape(reader, 'an instant: {"date"}, {"timestamp"}, {"ago"}, {"from_now"} or {"at"}', value, pointer);
    return null;
  }
  if (!hasMembers(reader, value, [member], [], pointer)) return null;
  const inner = value[member];
  const innerPointer = pointerTo(pointer, member);
  const place = placeAt(pointer);
  switch (member) {
    case 'at':
      if (inner === 'now' || inner === 'today') return { kind: inner, place };
      noteShape(reader, '"now" or "today"', inner, innerPointer);
      return null;
    case 'ago':
    case 'from_now': {
      const duration = parseDuration(reader, inner, innerPointer);
      return duration === null ? null : { kind: member, duration, place };
    }
    case 'date': {
      const text = readString(reader, inner, 'a date such as "2026-01-31"', innerPointer);
      if (text === null) return null;
      const read = readDate(shorten(text));
      if (read.ok) return { kind: 'date', value: read.value, place };
      note(reader, 'invalid_literal', read.detail, innerPointer, read.hint);
      return null;
    }
    case 'timestamp': {
      const text = readString(reader, inner, 'a timestamp such as "2026-01-31T09:30:00Z"', innerPointer);
      if (text === null) return null;
      const read = readTimestamp(text);
      if (read.ok) return { kind: 'timestamp', value: read.value, place };
      note(reader, 'invalid_literal', read.detail, innerPointer, read.hint);
      return null;
    }
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function parseWindow(reader: JsonReader, value: unknown, pointer: string, on: 'aggregate' | 'operand'): Window | null {
  const members = ['last', 'in', 'since', 'before', 'between'] as const;
  const member = isObject(value) ? members.find((name) => Object.hasOwn(value, name)) : undefined;
  if (member === undefined || !isObject(value)) {
    noteShape(reader, 'a window: {"last"}, {"in"}, {"since"}, {"before"} or {"between"}', value, pointer);
    return null;
  }
  if (!hasMembers(reader, value, [member], [], pointer)) return null;
  const inner = value[member];
  const innerPointer = pointerTo(pointer, member);
  const place = placeAt(pointer);
  switch (member) {
    case 'last': {
      const duration = parseDuration(reader, inner, innerPointer);
      return duration === null ? null : { kind: 'last', duration, place };
    }
    case 'in': {
      const period = parsePeriod(reader, inner, CALENDAR_PERIODS, innerPointer);
      return period === null ? null : { kind: 'calendar', period, place };
    }
    case 'since':
    case 'before': {
      const instant = parseInstant(reader, inner, innerPointer);
      return instant === null ? null : { kind: member, instant, place };
    }
    case 'between': {
      if (on === 'operand') {
        note(reader, 'syntax_error', '`within` takes no `between`', innerPointer, 'use {"op": "between", "left", "low", "high"}');
        return null;
      }
      if (!Array.isArray(inner) || inner.length !== 2) {
        noteShape(reader, 'a list of two instants', inner, innerPointer);
        return null;
      }
      const from = parseInstant(reader, inner[0], pointerTo(innerPointer, 0));
      const to = parseInstant(reader, inner[1], pointerTo(innerPointer, 1));
      return from === null || to === null ? null : { kind: 'between', from, to, place };
    }
  }
}

function parsePeriod<Period extends CalendarPeriod | 'next_month'>(
  reader: JsonReader,
  value: unknown,
  periods: readonly Period[],
  pointer: string,
): Period | null {
  const period = periods.find((name) => name === value);
  if (period !== undefined) return period;
  const near = typeof value === 'string' ? suggest(reader, value, periods) : null;
  noteShape(
    reader,
    'a calendar period',
    value,
    pointer,
    near === null ? `the periods are ${periods.join(', ')}` : `did you mean "${near}"?`,
  );
  return null;
}

export function parseAnniversary(reader: JsonReader, value: unknown, pointer: string): AnniversaryWindow | null {
  if (value === 'today') return { kind: 'today' };
  const member = isObject(value) ? (['next', 'last', 'in'] as const).find((name) => Object.hasOwn(value, name)) : undefined;
  if (member === undefined || !isObject(value)) {
    noteShape(reader, '"today", {"next"}, {"last"} or {"in"}', value, pointer);
    return null;
  }
  if (!hasMembers(reader, value, [member], [], pointer)) return null;
  const innerPointer = pointerTo(pointer, member);
  if (member === 'in') {
    const kind = parsePeriod(reader, value[member], ['this_month', 'next_month'] as const, innerPointer);
    return kind === null ? null : { kind };
  }
  const duration = parseDuration(reader, value[member], innerPointer);
  return duration === null ? null : { kind: member, duration };
}
