// What the JSON parser reads a value with: shapes, members, pointers. A mistake is noted with its pointer and reading goes on.
import type { Expression, Place, Rule } from './ast.ts';
import type { Diagnostic, DiagnosticCode } from './diagnostic.ts';
import { LIMITS } from './limits.ts';
import { stringProblem } from './read-literal.ts';
import { suggestName } from './suggest-name.ts';

export interface JsonReader {
  readonly problems: Diagnostic[];
  readonly broken: Set<Rule | Expression>;
  conditions: number;
  hintsLeft: number;
}

/** How many names are compared with the known ones: more mistakes than that are not listed, and a body has room for a million names. */
export const HINTS_AT_MOST = LIMITS.diagnostics.atMost;

/** What a mistyped name was probably meant to be; null once enough were looked for. */
export function suggest(reader: JsonReader, name: string, candidates: Iterable<string>): string | null {
  if (reader.hintsLeft === 0) return null;
  reader.hintsLeft -= 1;
  return suggestName(name, candidates);
}

export type JsonObject = { readonly [name: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function pointerTo(pointer: string, name: string | number): string {
  return `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function placeAt(pointer: string): Place {
  return { pointer };
}

export function note(reader: JsonReader, code: DiagnosticCode, detail: string, pointer: string, hint?: string): void {
  reader.problems.push({ code, detail, place: placeAt(pointer), ...(hint === undefined ? {} : { hint }) });
}

/** Notes what is needed at this place and what is there. */
export function noteShape(reader: JsonReader, expected: string, found: unknown, pointer: string, hint?: string): void {
  note(reader, 'syntax_error', `expected ${expected}, found ${describe(found)}`, pointer, hint);
}

export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return '`null`';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') {
    const names = Object.keys(value);
    if (names.length === 0) return 'an empty object';
    return `an object with ${names
      .slice(0, 4)
      .map((name) => `\`${shorten(name)}\``)
      .join(', ')}${names.length > 4 ? ', …' : ''}`;
  }
  return `\`${shorten(JSON.stringify(value) ?? typeof value)}\``;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Checks the members of an object: all of `required`, and none beyond `required` and `optional`. */
export function hasMembers(
  reader: JsonReader,
  object: JsonObject,
  required: readonly string[],
  optional: readonly string[],
  pointer: string,
): boolean {
  const known = [...required, ...optional];
  let good = true;
  for (const name of Object.keys(object)) {
    if (known.includes(name)) continue;
    good = false;
    const near = suggest(reader, name, known);
    const hint = near === null ? `its members are ${known.join(', ')}` : `did you mean \`${near}\`?`;
    note(reader, 'syntax_error', `unknown member \`${shorten(name)}\``, pointerTo(pointer, name), hint);
  }
  for (const name of required) {
    if (Object.hasOwn(object, name)) continue;
    good = false;
    note(reader, 'syntax_error', `the member \`${name}\` is missing`, pointer);
  }
  return good;
}

/** A string that can be stored; null, and noted, if it is not one. */
export function readString(reader: JsonReader, value: unknown, expected: string, pointer: string): string | null {
  if (typeof value !== 'string') {
    noteShape(reader, expected, value, pointer);
    return null;
  }
  const problem = stringProblem(value);
  if (problem === null) return value;
  note(reader, 'invalid_literal', problem, pointer);
  return null;
}
