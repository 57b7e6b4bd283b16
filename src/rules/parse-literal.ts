// Parses the parts of the text form that contain no rule and no operator: literals, lists of them, strings, dotted paths. Time is parse-window.ts.
import type { Literal, Place } from './ast.ts';
import { limitExceeded } from './limits.ts';
import { parseInstantLiteral, startsDuration } from './parse-window.ts';
import { readDecimal } from './read-literal.ts';
import { closeBracket, isSymbol, openBracket, peek, placeFrom, placeOf, stopAt, type TextReader, take, takeSymbol } from './text-reader.ts';

/** A string, number, boolean, date or timestamp; null if there is none here, and then nothing is consumed. */
export function parseLiteral(reader: TextReader): Literal | null {
  const first = peek(reader);
  switch (first.kind) {
    case 'string':
      take(reader);
      return { kind: 'string', value: first.value, place: placeOf(reader, first) };
    case 'number':
      take(reader);
      return numberLiteral(reader, first.text, placeOf(reader, first));
    case 'date':
    case 'timestamp':
      return parseInstantLiteral(reader);
    case 'symbol': {
      const number = peek(reader, 1);
      if (first.text !== '-' || number.kind !== 'number') return null;
      take(reader);
      if (startsDuration(reader)) stopAt(reader, 'a number', 'write `7 days ago` or `7 days from now`');
      take(reader);
      return numberLiteral(reader, `-${number.text}`, placeFrom(reader, first));
    }
    case 'word':
      if ((first.keyword !== 'true' && first.keyword !== 'false') || isSymbol(reader, '(', 1)) return null;
      take(reader);
      return { kind: 'boolean', value: first.keyword === 'true', place: placeOf(reader, first) };
    case 'bad':
    case 'end':
      return null;
  }
}

function numberLiteral(reader: TextReader, text: string, place: Place): Literal {
  const { value, past } = readDecimal(text);
  if (past !== null) reader.problems.push(limitExceeded(past.limit, past.found, place));
  return { kind: 'number', value, place };
}

const QUOTES_HINT = 'a string stands in double quotes: "…"';

export function takeString(reader: TextReader, expected: string): string {
  const token = peek(reader);
  if (token.kind !== 'string') return stopAt(reader, expected, QUOTES_HINT);
  take(reader);
  return token.value;
}

export function takeText(reader: TextReader): string {
  return takeString(reader, 'a string in double quotes');
}

export function parseList(reader: TextReader): readonly Literal[] {
  openBracket(reader, '`(` and a list of values');
  const values: Literal[] = [];
  do {
    const literal = parseLiteral(reader);
    if (literal === null)
      stopAt(reader, 'a value (a string, number, date, `true` or `false`)', peek(reader).kind === 'word' ? QUOTES_HINT : undefined);
    else values.push(literal);
  } while (takeSymbol(reader, ','));
  closeBracket(reader, '`,` or `)`');
  return values;
}

export function takePath(reader: TextReader): readonly string[] {
  const path: string[] = [];
  do {
    const token = peek(reader);
    if (token.kind === 'word') path.push(token.text);
    else if (token.kind === 'string' && path.length > 0) path.push(token.value);
    else stopAt(reader, 'a name', path.length > 0 ? 'names that are not plain words stand in double quotes' : undefined);
    take(reader);
  } while (takeSymbol(reader, '.'));
  return path;
}
