// In charge of the form of what is wrong in a row: code, pointer, detail, hint. Not of finding it.
import { NearNames } from '../base/nearest-name.ts';
import { ERRORS_MAX, type ErrorDetail } from '../errors.ts';

/** Part of the API. */
export type ProblemCode =
  | 'unknown_field'
  | 'missing_field'
  | 'duplicate_field'
  | 'type_mismatch'
  | 'invalid_id'
  | 'invalid_name'
  | 'invalid_text'
  | 'invalid_number'
  | 'invalid_date'
  | 'invalid_timestamp'
  | 'unknown_currency'
  | 'missing_exchange_rate'
  | 'limit_exceeded';

/** What may hold fields of any name. */
const OPEN_FIELDS = ['attributes', 'properties'] as const;

/** Gathers everything that is wrong with one row, and lists as much of it as one answer does. `at` is a JSON pointer. */
export class Problems {
  readonly list: ErrorDetail[] = [];
  count = 0;
  readonly #near: NearNames;

  constructor(near: NearNames = new NearNames()) {
    this.#near = near;
  }

  /** How many are not listed. */
  get more(): number {
    return this.count - this.list.length;
  }

  add(at: string, code: ProblemCode, detail: string, hint?: string): undefined {
    this.count += 1;
    if (this.list.length < ERRORS_MAX)
      this.list.push(hint === undefined ? { pointer: at, code, detail } : { pointer: at, code, detail, hint });
    return undefined;
  }

  addUnknown(at: string, name: string, known: Iterable<string>): undefined {
    if (this.list.length >= ERRORS_MAX) {
      this.count += 1;
      return undefined;
    }
    const names = [...known];
    const nearest = this.#near.find(name, names);
    const open = OPEN_FIELDS.find((each) => names.includes(each));
    const own = open === undefined ? '' : `; one of your own stands inside ${open}`;
    const hint = nearest === undefined ? `known are ${names.join(', ')}${own}` : `did you mean ${JSON.stringify(nearest)}?`;
    return this.add(at, 'unknown_field', `unknown field ${quote(name)}`, hint);
  }

  addWrongType(at: string, wanted: string, value: unknown, hint?: string): undefined {
    if (value instanceof UnusableJson) return this.add(at, value.code, value.detail, value.hint);
    return this.add(at, 'type_mismatch', `${wanted} is wanted here, not ${describe(value)}`, hint);
  }
}

/** In a parsed body this takes the place of something that JSON.parse would have changed silently; its row is refused with it. */
export class UnusableJson {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly hint: string | undefined;

  constructor(code: ProblemCode, detail: string, hint?: string) {
    this.code = code;
    this.detail = detail;
    this.hint = hint;
  }
}

export function pointer(base: string, name: string | number): string {
  if (typeof name === 'number' || !/[~/]/.test(name)) return `${base}/${name}`;
  return `${base}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A caller's text inside a detail: shortened, and visible whatever characters it has. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return `the string ${quote(value)}`;
    case 'number':
      return `the number ${value}`;
    case 'boolean':
      return String(value);
    default:
      return 'an object';
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof UnusableJson);
}
