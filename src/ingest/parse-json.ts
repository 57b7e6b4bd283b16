// In charge of parsing JSON without silently changing anything: numbers that a float cannot hold, duplicate names in an object and
// excessive nesting are replaced by `UnusableJson`, so that only the row that holds one is refused.
// Bodies without any of these, nearly all, only go through JSON.parse. Not of UTF-8.
import { AppError } from '../errors.ts';
import { findJsonError } from './find-json-error.ts';
import { quote, UnusableJson } from './problem.ts';

/** Rows nest 16 deep, inside a list in an object; the rest is for the rules of segments. */
export const JSON_DEPTH_MAX = 128;

/** Throws AppError `invalid_json` with the place. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid_json', describeSyntaxError(text), { cause });
  }
  const { depth, members, hasLongNumber } = survey(text);
  if (depth <= JSON_DEPTH_MAX && !hasLongNumber && members === countMembers(value)) return value;
  return new CarefulReader(text).read();
}

function describeSyntaxError(text: string): string {
  const place = findJsonError(text);
  if (place >= text.length) return text.trim() === '' ? 'The body is empty.' : 'The body ends before its JSON does.';
  const before = text.slice(0, place);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return `The body is not JSON: ${quote(text.slice(place, place + 10))} cannot stand at line ${line}, column ${column}.`;
}

/** More characters than a float is sure to hold, or an exponent. */
const LONG_NUMBER = /^-?(?:[\d.]{16}|[\d.]*[eE])/;

/** One pass over text that is known to be JSON: how deep it goes, how many members it names, whether a number may lose digits. */
function survey(text: string): { readonly depth: number; readonly members: number; readonly hasLongNumber: boolean } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let hasLongNumber = false;
  for (let place = 0; place < text.length; place += 1) {
    switch (text.charCodeAt(place)) {
      case 0x22: // "
        place = endOfString(text, place);
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth -= 1;
        break;
      case 0x3a: // :
        members += 1;
        break;
      case 0x65: // e
      case 0x45: // E
        if (isDigit(text.charCodeAt(place - 1))) hasLongNumber = true; // not the e in true or false
        break;
      default:
        if (!hasLongNumber && isDigit(text.charCodeAt(place))) {
          const start = place;
          while (isNumberPart(text.charCodeAt(place + 1))) place += 1;
          if (place - start >= 15) hasLongNumber = true;
        }
    }
  }
  return { depth: deepest, members, hasLongNumber };
}

/** The closing quote of the string that begins here. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isNumberPart(code: number): boolean {
  return isDigit(code) || code === 0x2e;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value) count += countMembers(element);
    return count;
  }
  for (const name of Object.keys(value)) count += 1 + countMembers((value as Record<string, unknown>)[name]);
  return count;
}

/** Reads text that is known to be JSON once more, slowly. */
class CarefulReader {
  readonly #text: string;
  #place = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(depth = 1): unknown {
    this.#skipBlanks();
    const first = this.#text[this.#place];
    if (first === '{' || first === '[') {
      if (depth > JSON_DEPTH_MAX) return this.#skipNested();
      this.#place += 1;
      return first === '{' ? this.#readObject(depth) : this.#readList(depth);
    }
    const start = this.#place;
    if (first === '"') {
      this.#place = endOfString(this.#text, start) + 1;
      return JSON.parse(this.#text.slice(start, this.#place));
    }
    while (this.#place < this.#text.length && !/[\s,\]}]/.test(this.#text.charAt(this.#place))) this.#place += 1;
    const literal = this.#text.slice(start, this.#place);
    return LONG_NUMBER.test(literal) ? readNumber(literal) : JSON.parse(literal);
  }

  #readObject(depth: number): unknown {
    const members: [string, unknown][] = [];
    const names = new Set<string>();
    let doubled: string | undefined;
    for (this.#skipBlanks(); this.#text[this.#place] !== '}'; this.#skipSeparator()) {
      const name = this.read() as string;
      this.#skipSeparator();
      if (names.has(name)) doubled ??= name;
      names.add(name);
      members.push([name, this.read(depth + 1)]);
      this.#skipBlanks();
    }
    this.#place += 1;
    if (doubled === undefined) return Object.fromEntries(members);
    return new UnusableJson('duplicate_field', `the name ${quote(doubled)} stands twice in one object`, 'which one counts is not guessed');
  }

  #readList(depth: number): unknown {
    const elements: unknown[] = [];
    for (this.#skipBlanks(); this.#text[this.#place] !== ']'; this.#skipSeparator()) {
      elements.push(this.read(depth + 1));
      this.#skipBlanks();
    }
    this.#place += 1;
    return elements;
  }

  /** Past everything down to the matching bracket, without recursion. */
  #skipNested(): UnusableJson {
    let open = 0;
    do {
      const code = this.#text[this.#place];
      if (code === '"') this.#place = endOfString(this.#text, this.#place);
      else if (code === '{' || code === '[') open += 1;
      else if (code === '}' || code === ']') open -= 1;
      this.#place += 1;
    } while (open > 0);
    return new UnusableJson('limit_exceeded', `the body nests deeper than ${JSON_DEPTH_MAX}`);
  }

  #skipBlanks(): void {
    while (/\s/.test(this.#text.charAt(this.#place))) this.#place += 1;
  }

  /** A comma or a colon, with the blanks around it. */
  #skipSeparator(): void {
    this.#skipBlanks();
    const found = this.#text[this.#place];
    if (found === ',' || found === ':') this.#place += 1;
    this.#skipBlanks();
  }
}

/** The number, if the float nearest to it, printed with as many digits, is the same number. */
function readNumber(literal: string): number | UnusableJson {
  const value = Number(literal);
  const digits = significantDigits(literal);
  if (Number.isFinite(value) && digits.length <= 100 && isKept(literal, value, digits)) return value;
  const shown = literal.length > 60 ? `${literal.slice(0, 60)}…` : literal;
  const hint = 'write money as a string, and other long numbers with at most 15 digits';
  return new UnusableJson('invalid_number', `the number ${shown} cannot be kept as it is written`, hint);
}

function isKept(literal: string, value: number, digits: string): boolean {
  if (digits === '') return value === 0;
  if (value === 0) return false;
  const printed = value.toPrecision(digits.length);
  return significantDigits(printed) === digits && Math.abs(exponent(literal) - exponent(printed)) === 0;
}

/** Without sign, point, exponent and the zeros around. */
function significantDigits(literal: string): string {
  return (literal.split(/[eE]/)[0] ?? '').replace(/[-.]/g, '').replace(/^0+|0+$/g, '');
}

/** The power of ten of the first significant digit. */
function exponent(literal: string): number {
  const [mantissa = '', power = '0'] = literal.replace('-', '').split(/[eE]/);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const significant = whole.replace(/^0+/, '');
  if (significant !== '') return Number(power) + significant.length - 1;
  return Number(power) - (fraction.length - fraction.replace(/^0+/, '').length) - 1;
}
