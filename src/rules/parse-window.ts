// Parses the parts of the text form that are about time and contain no rule: durations, instants, windows, anniversaries.
import type { AnniversaryWindow, CalendarPeriod, Duration, Instant, Window } from './ast.ts';
import { limitExceeded } from './limits.ts';
import { readDate, readTimestamp } from './read-literal.ts';
import { suggestName } from './suggest-name.ts';
import {
  expectKeyword,
  isKeyword,
  isSymbol,
  note,
  peek,
  placeFrom,
  placeOf,
  stopAt,
  type TextReader,
  take,
  takeKeywords,
} from './text-reader.ts';
import { CALENDAR_PERIODS, UNITS, unitOfWord } from './vocabulary.ts';

const UNIT_WORDS = UNITS.map((row) => row.unit);
const UNIT_LIST = UNIT_WORDS.map((unit) => `\`${unit}\``).join(', ');
const CALENDAR_UNITS: ReadonlySet<string> = new Set(['month', 'months', 'year', 'years', 'quarter', 'quarters']);

/** `7 days`, as after `in the last`. */
function parseDuration(reader: TextReader): Duration {
  const number = peek(reader);
  if (number.kind !== 'number') {
    const unit = number.kind === 'word' ? number.keyword : '';
    const hint = CALENDAR_UNITS.has(unit)
      ? `write \`in last ${unit.replace(/s$/, '')}\` for the calendar, or a number of days`
      : unitOfWord(unit) === undefined
        ? undefined
        : `write \`1 ${unit}\``;
    return stopAt(reader, 'a whole number', hint);
  }
  if (number.text.includes('.')) return stopAt(reader, 'a whole number', 'use a smaller unit, such as `36 hours`');
  take(reader);
  const word = peek(reader);
  const unit = word.kind === 'word' ? unitOfWord(word.keyword) : undefined;
  if (word.kind !== 'word' || unit === undefined) return stopAt(reader, `a unit of time (${UNIT_LIST})`, unitHint(reader));
  take(reader);
  // beyond what a JavaScript number holds exactly; the checker measures the others against the limit
  if (number.text.replace(/^0+/, '').length > 15) {
    reader.problems.push(limitExceeded('durationDays', 'a number of more than 15 digits', placeFrom(reader, number)));
    return { amount: 1, unit };
  }
  return { amount: Number(number.text), unit };
}

function unitHint(reader: TextReader): string | undefined {
  const word = peek(reader);
  if (word.kind !== 'word') return undefined;
  if (CALENDAR_UNITS.has(word.keyword))
    return `months and years differ in length; use days, such as \`${LIKE_DAYS[word.keyword] ?? '30 days'}\``;
  const near = suggestName(word.text, UNIT_WORDS);
  return near === null ? undefined : `did you mean \`${near}\`?`;
}

const LIKE_DAYS: Readonly<Record<string, string>> = {
  quarter: '90 days',
  quarters: '90 days',
  year: '365 days',
  years: '365 days',
};

/** Whether a number and a unit stand here: `7 days …`. */
export function startsDuration(reader: TextReader): boolean {
  const unit = peek(reader, 1);
  return (
    peek(reader).kind === 'number' && unit.kind === 'word' && (unitOfWord(unit.keyword) !== undefined || CALENDAR_UNITS.has(unit.keyword))
  );
}

/** `7 days ago` or `7 days from now`. */
export function parseRelative(reader: TextReader): Instant {
  const first = peek(reader);
  const duration = parseDuration(reader);
  if (takeKeywords(reader, 'ago')) return { kind: 'ago', duration, place: placeFrom(reader, first) };
  if (takeKeywords(reader, 'from', 'now')) return { kind: 'from_now', duration, place: placeFrom(reader, first) };
  return stopAt(reader, '`ago` or `from now`', 'a duration alone is no value; `days_between(a, b)` gives a number of days');
}

/** A date or timestamp token; one that the calendar does not have is noted, and something of its type stands in. */
export function parseInstantLiteral(reader: TextReader): Extract<Instant, { kind: 'date' | 'timestamp' }> {
  const token = take(reader);
  const place = placeOf(reader, token);
  if (token.kind === 'date') {
    const read = readDate(token.text);
    if (!read.ok) note(reader, 'invalid_literal', read.detail, place, read.hint);
    const date: Instant = { kind: 'date', value: read.ok ? read.value : '2000-01-01', place };
    if (!read.ok) reader.broken.add(date);
    return date;
  }
  if (token.kind !== 'timestamp') throw new Error('the caller looks before it asks');
  const read = readTimestamp(token.text);
  if (!read.ok) note(reader, 'invalid_literal', read.detail, place, read.hint);
  const timestamp: Instant = { kind: 'timestamp', value: read.ok ? read.value : 0, place };
  if (!read.ok) reader.broken.add(timestamp);
  return timestamp;
}

function parseInstant(reader: TextReader): Instant {
  const first = peek(reader);
  if (first.kind === 'date' || first.kind === 'timestamp') return parseInstantLiteral(reader);
  if (first.kind === 'number') return parseRelative(reader);
  if (takeKeywords(reader, 'now')) return { kind: 'now', place: placeFrom(reader, first) };
  if (takeKeywords(reader, 'today')) return { kind: 'today', place: placeFrom(reader, first) };
  const hint = first.kind === 'string' ? 'dates stand without quotes: 2026-01-31' : undefined;
  return stopAt(reader, 'an instant (a date, a timestamp, `now`, `today`, `7 days ago`)', hint);
}

/** Whether a window of an aggregate begins here; on an operand `between` is a comparison instead. */
export function startsWindow(reader: TextReader): boolean {
  return ['since', 'before', 'between'].some((word) => isKeyword(reader, word)) || (isKeyword(reader, 'in') && !isSymbol(reader, '(', 1));
}

/** `in the last …`, `in this month`, `since …`, `before …`, `between … and …`. */
export function parseWindow(reader: TextReader): Window {
  const first = peek(reader);
  if (takeKeywords(reader, 'since')) {
    const instant = parseInstant(reader);
    return { kind: 'since', instant, place: placeFrom(reader, first) };
  }
  if (takeKeywords(reader, 'before')) {
    const instant = parseInstant(reader);
    return { kind: 'before', instant, place: placeFrom(reader, first) };
  }
  if (takeKeywords(reader, 'between')) {
    const from = parseInstant(reader);
    expectKeyword(reader, 'and');
    const to = parseInstant(reader);
    return { kind: 'between', from, to, place: placeFrom(reader, first) };
  }
  expectKeyword(reader, 'in');
  if (takeKeywords(reader, 'the', 'last')) {
    const duration = parseDuration(reader);
    return { kind: 'last', duration, place: placeFrom(reader, first) };
  }
  const period = takePeriod(reader, CALENDAR_PERIODS);
  if (period !== null) return { kind: 'calendar', period, place: placeFrom(reader, first) };
  return stopAt(reader, '`the last …`, `today`, `yesterday`, `this month` or another calendar period', windowHint(reader));
}

function windowHint(reader: TextReader): string | undefined {
  if (isKeyword(reader, 'last') && peek(reader, 1).kind === 'number') return 'write `in the last …`';
  if (['past', 'previous'].some((word) => isKeyword(reader, word) || (isKeyword(reader, 'the') && isKeyword(reader, word, 1))))
    return 'write `in the last …`';
  if (isKeyword(reader, 'the') && isKeyword(reader, 'next', 1))
    return 'only `anniversary` looks ahead; for a date write `between today and 7 days from now`';
  if (isKeyword(reader, 'next')) return 'only `anniversary in next month` looks ahead';
  if (isKeyword(reader, 'segment')) return '`in segment "…"` is a condition by itself, without a value before it';
  if (peek(reader).kind === 'string') return 'a list stands in brackets: in ("a", "b")';
  return undefined;
}

/** One of these periods, as its words. */
function takePeriod<Period extends CalendarPeriod | 'next_month'>(reader: TextReader, periods: readonly Period[]): Period | null {
  return periods.find((period) => takeKeywords(reader, ...period.split('_'))) ?? null;
}

/** What stands behind `anniversary`. */
export function parseAnniversary(reader: TextReader): AnniversaryWindow {
  if (takeKeywords(reader, 'today')) return { kind: 'today' };
  if (takeKeywords(reader, 'in', 'the', 'next')) return { kind: 'next', duration: parseDuration(reader) };
  if (takeKeywords(reader, 'in', 'the', 'last')) return { kind: 'last', duration: parseDuration(reader) };
  if (takeKeywords(reader, 'in')) {
    const kind = takePeriod(reader, ['this_month', 'next_month'] as const);
    if (kind !== null) return { kind };
    const hint = isKeyword(reader, 'today') ? 'write `anniversary today`' : undefined;
    return stopAt(reader, '`the next …`, `the last …`, `this month` or `next month`', hint);
  }
  return stopAt(reader, '`today` or `in …` after `anniversary`');
}
