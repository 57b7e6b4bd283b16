// The parser's hands on the tokens: looking ahead, taking, remembering mistakes, places. Knows no grammar.
import type { Expression, Place, Rule } from './ast.ts';
import type { Diagnostic, DiagnosticCode } from './diagnostic.ts';
import { LIMITS, limitExceeded } from './limits.ts';
import { type Spot, type Token, tokenize } from './tokens.ts';

export interface TextReader {
  readonly tokens: readonly Token[];
  readonly lineStarts: readonly number[];
  /** mistakes after which parsing goes on */
  readonly problems: Diagnostic[];
  /** nodes that stand in for something already reported; the checker passes them over */
  readonly broken: Set<Rule | Expression>;
  index: number;
  brackets: number;
}

/** Unwinds the parser at a mistake that it cannot read past; caught in parse-text.ts alone. */
export class ParseStop extends Error {
  readonly diagnostic: Diagnostic;

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.detail);
    this.diagnostic = diagnostic;
  }
}

export function openReader(text: string): TextReader {
  const lineStarts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) lineStarts.push(match.index + match[0].length);
  return { tokens: tokenize(text), lineStarts, problems: [], broken: new Set(), index: 0, brackets: 0 };
}

export function peek(reader: TextReader, ahead = 0): Token {
  const token = reader.tokens[Math.min(reader.index + ahead, reader.tokens.length - 1)];
  if (token === undefined) throw new Error('a token list ends with `end`');
  return token;
}

export function take(reader: TextReader): Token {
  const token = peek(reader);
  if (reader.index < reader.tokens.length - 1) reader.index += 1;
  return token;
}

export function isKeyword(reader: TextReader, keyword: string, ahead = 0): boolean {
  const token = peek(reader, ahead);
  return token.kind === 'word' && token.keyword === keyword;
}

/** Takes these words if they stand here one after the other; otherwise takes nothing. */
export function takeKeywords(reader: TextReader, ...keywords: readonly string[]): boolean {
  if (!keywords.every((keyword, ahead) => isKeyword(reader, keyword, ahead))) return false;
  reader.index += keywords.length;
  return true;
}

export function isSymbol(reader: TextReader, symbol: string, ahead = 0): boolean {
  const token = peek(reader, ahead);
  return token.kind === 'symbol' && token.text === symbol;
}

export function takeSymbol(reader: TextReader, symbol: string): boolean {
  if (!isSymbol(reader, symbol)) return false;
  reader.index += 1;
  return true;
}

export function expectSymbol(reader: TextReader, symbol: string, expected = `\`${symbol}\``, hint?: string): void {
  if (!takeSymbol(reader, symbol)) stopAt(reader, expected, hint);
}

export function expectKeyword(reader: TextReader, keyword: string, hint?: string): void {
  if (!takeKeywords(reader, keyword)) stopAt(reader, `\`${keyword}\``, hint);
}

/** Takes `(`, counting how deep the brackets are. */
export function openBracket(reader: TextReader, expected?: string): void {
  const start = peek(reader);
  expectSymbol(reader, '(', expected);
  reader.brackets += 1;
  if (reader.brackets > LIMITS.brackets.atMost)
    throw new ParseStop(limitExceeded('brackets', `more than ${LIMITS.brackets.atMost} levels`, placeOf(reader, start)));
}

export function closeBracket(reader: TextReader, expected = '`)`', hint?: string): void {
  expectSymbol(reader, ')', expected, hint);
  reader.brackets -= 1;
}

export function placeOf(reader: TextReader, spot: Spot): Place {
  return place(reader, spot.start, spot.end);
}

/** From that token to the last one taken. */
export function placeFrom(reader: TextReader, first: Spot): Place {
  const last = reader.tokens[reader.index - 1];
  return place(reader, first.start, Math.max(first.end, last?.end ?? 0));
}

function place(reader: TextReader, start: number, end: number): Place {
  let low = 0;
  let high = reader.lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((reader.lineStarts[middle] ?? 0) <= start) low = middle;
    else high = middle - 1;
  }
  return { start, end, line: low + 1, column: start - (reader.lineStarts[low] ?? 0) + 1 };
}

/** Remembers a mistake and goes on. */
export function note(reader: TextReader, code: DiagnosticCode, detail: string, at: Place, hint?: string): void {
  reader.problems.push({ code, detail, place: at, ...(hint === undefined ? {} : { hint }) });
}

/** A syntax error at the token that stands here: what was expected and what was found. */
export function stopAt(reader: TextReader, expected: string, hint?: string): never {
  const found = peek(reader);
  if (found.kind === 'bad') {
    const { code, detail } = found;
    const badHint = found.hint ?? hint;
    throw new ParseStop({ code, detail, place: placeOf(reader, found), ...(badHint === undefined ? {} : { hint: badHint }) });
  }
  const detail = `expected ${expected}, found ${describeToken(found)}`;
  throw new ParseStop({ code: 'syntax_error', detail, place: placeOf(reader, found), ...(hint === undefined ? {} : { hint }) });
}

function describeToken(token: Exclude<Token, { kind: 'bad' }>): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the rule';
    case 'string':
      return `the string ${JSON.stringify(shorten(token.value))}`;
    default:
      return `\`${shorten(token.text)}\``;
  }
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
