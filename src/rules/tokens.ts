// Cuts the text of a rule into tokens, in one pass. Never fails: what cannot be a token becomes a `bad` one and the last,
// which the parser reports when it gets there, so that the first mistake in the text is the first one told.

import { stringProblem } from './read-literal.ts';

export interface Spot {
  readonly start: number;
  readonly end: number;
}

export type Token = Spot &
  (
    | { readonly kind: 'word'; readonly text: string; readonly keyword: string }
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'number' | 'date' | 'timestamp'; readonly text: string }
    | { readonly kind: 'symbol'; readonly text: string }
    | { readonly kind: 'bad'; readonly code: 'syntax_error' | 'invalid_literal'; readonly detail: string; readonly hint?: string }
    | { readonly kind: 'end' }
  );

const BLANK = /(?:\s|\uFEFF)+/y;
const COMMENT = /--[^\n\r]*/y;
const WORD = /[\p{L}_][\p{L}\p{M}\p{N}_]*/uy;
const WORD_AFTER_DOT = /[\p{L}\p{M}\p{N}_]+/uy;
const TIMESTAMP = /\d{4}-\d{2}-\d{2}[Tt]\d[\d:.]*(?:[Zz]|[+-]\d{2}:\d{2})?/y;
const DATE = /\d{4}-\d{2}-\d{2}(?![\d])/y;
const NUMBER = /\d+(?:\.\d+)?/y;
const SYMBOL = /!=|<=|>=|[()=<>+\-*/,.]/y;

/** What people write from other languages or through a word processor, longest first, and what to write here. */
const MISTAKEN_SYMBOLS: readonly (readonly [symbol: string, hint: string])[] = [
  ['===', 'write `=`'],
  ['!==', 'write `!=`'],
  ['==', 'write `=`'],
  ['<>', 'write `!=`'],
  ['=>', 'write `>=`'],
  ['=<', 'write `<=`'],
  ['&&', 'write `and`'],
  ['||', 'write `or`'],
  ['/*', 'comments begin with `--` and end with the line'],
  ['//', 'comments begin with `--` and end with the line'],
  ['#', 'comments begin with `--` and end with the line'],
  ['&', 'write `and`'],
  ['|', 'write `or`'],
  ['!', 'write `not`'],
  ['≠', 'write `!=`'],
  ['≤', 'write `<=`'],
  ['≥', 'write `>=`'],
  ['×', 'write `*`'],
  ['÷', 'write `/`'],
  ['−', 'write the plain minus `-`'],
  ['–', 'write the plain minus `-`'],
  ["'", 'strings stand in double quotes: "…"'],
  ['`', 'strings stand in double quotes: "…"'],
  ['“', 'use straight double quotes: "…"'],
  ['”', 'use straight double quotes: "…"'],
  ['„', 'use straight double quotes: "…"'],
  ['‘', 'use straight double quotes: "…"'],
  ['’', 'use straight double quotes: "…"'],
  ['«', 'use straight double quotes: "…"'],
  ['»', 'use straight double quotes: "…"'],
  ['[', 'lists stand in round brackets: ("a", "b")'],
  [']', 'lists stand in round brackets: ("a", "b")'],
  ['{', 'this is the text form; send the JSON form as an object, not as text'],
  ['%', 'write a share as a fraction: 0.5 for 50 %'],
  ['，', 'write a plain comma'],
  ['（', 'write a plain bracket'],
  ['）', 'write a plain bracket'],
];

const MISTAKEN_BY_FIRST = Map.groupBy(MISTAKEN_SYMBOLS, ([symbol]) => symbol.charAt(0));

export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? null;
  };
  while (at < text.length) {
    const blank = match(BLANK);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const comment = match(COMMENT);
    if (comment !== null) {
      const token = badComment(comment, at);
      if (token !== null) return [...tokens, token, endAt(text)];
      at += comment.length;
      continue;
    }
    const token = text[at] === '"' ? stringAt(text, at) : tokenAt(text, at, tokens.at(-1), match);
    tokens.push(token);
    if (token.kind === 'bad') break;
    at = token.end;
  }
  tokens.push(endAt(text));
  return tokens;
}

function endAt(text: string): Token {
  return { kind: 'end', start: text.length, end: text.length };
}

function tokenAt(text: string, at: number, previous: Token | undefined, match: (pattern: RegExp) => string | null): Token {
  const afterDot = previous?.kind === 'symbol' && previous.text === '.';
  const word = match(afterDot ? WORD_AFTER_DOT : WORD);
  if (word !== null) return { kind: 'word', text: word, keyword: word.toLowerCase(), start: at, end: at + word.length };
  // longest match: a timestamp begins like a date, a date like a number
  for (const [kind, pattern] of [
    ['timestamp', TIMESTAMP],
    ['date', DATE],
    ['number', NUMBER],
  ] as const) {
    const found = match(pattern);
    if (found !== null) return { kind, text: found, start: at, end: at + found.length };
  }
  for (const [mistaken, hint] of MISTAKEN_BY_FIRST.get(text.charAt(at)) ?? []) {
    if (!text.startsWith(mistaken, at) || (mistaken === '!' && text[at + 1] === '=')) continue;
    return {
      kind: 'bad',
      code: 'syntax_error',
      detail: `\`${mistaken}\` is not part of a rule`,
      hint,
      start: at,
      end: at + mistaken.length,
    };
  }
  const symbol = match(SYMBOL);
  if (symbol !== null) return { kind: 'symbol', text: symbol, start: at, end: at + symbol.length };
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const detail = `the character ${nameCharacter(character)} is not part of a rule`;
  return { kind: 'bad', code: 'syntax_error', detail, start: at, end: at + character.length };
}

function stringAt(text: string, start: number): Token {
  let value = '';
  let at = start + 1;
  for (;;) {
    const character = text[at];
    if (character === undefined) {
      const detail = 'this string has no end';
      return { kind: 'bad', code: 'syntax_error', detail, hint: 'close it with `"`', start, end: text.length };
    }
    if (character === '"') break;
    if (character === '\\') {
      const escaped = text[at + 1];
      if (escaped !== '"' && escaped !== '\\') {
        const detail = 'in a string `\\` stands only before `"` or `\\`';
        return {
          kind: 'bad',
          code: 'syntax_error',
          detail,
          hint: 'write `\\\\` for one backslash',
          start: at,
          end: Math.min(at + 2, text.length),
        };
      }
      value += escaped;
      at += 2;
      continue;
    }
    value += character;
    at += 1;
  }
  const problem = stringProblem(value);
  if (problem !== null) return { kind: 'bad', code: 'invalid_literal', detail: problem, start, end: at + 1 };
  return { kind: 'string', value, start, end: at + 1 };
}

/** A comment is kept with the rule's text, so what cannot be stored is refused there too. */
function badComment(comment: string, at: number): Token | null {
  const problem = stringProblem(comment);
  return problem === null ? null : { kind: 'bad', code: 'syntax_error', detail: problem, start: at, end: at + comment.length };
}

function nameCharacter(character: string): string {
  const code = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  return /[\p{C}\p{Z}]/u.test(character) ? code : `\`${character}\` (${code})`;
}
