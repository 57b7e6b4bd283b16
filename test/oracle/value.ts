// Values of the oracle and how two of them compare. A missing value is null.

import { unreachable } from '../../src/base/assert.ts';
import type { ValueType } from '../../src/catalog/catalog.ts';
import type { FlatValue } from '../../src/ingest/facts.ts';
import { compare, type Decimal, decimal, toText } from './decimal.ts';
import { dayEndMs, dayStartMs, type LocalDate } from './local-days.ts';

export type Value =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'number'; readonly value: Decimal }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'date'; readonly value: LocalDate }
  | { readonly type: 'timestamp'; readonly value: number }
  | { readonly type: 'list'; readonly value: readonly string[] };

export type Maybe = Value | null;

export function string(value: string | null | undefined): Maybe {
  return value === null || value === undefined || value === '' ? null : { type: 'string', value };
}

export function number(value: Decimal): Value {
  return { type: 'number', value };
}

export function boolean(value: boolean | undefined): Maybe {
  return value === undefined ? null : { type: 'boolean', value };
}

export function date(value: LocalDate | undefined): Maybe {
  return value === undefined ? null : { type: 'date', value };
}

export function timestamp(value: number): Value {
  return { type: 'timestamp', value };
}

export function list(value: readonly string[]): Maybe {
  const elements = value.filter((element) => element !== '');
  return elements.length === 0 ? null : { type: 'list', value: elements };
}

/** A custom attribute or event property as it is stored, read by its registered type. */
export function fromFlat(stored: FlatValue | object | undefined, type: ValueType | undefined): Maybe {
  if (stored === undefined || type === undefined) return null;
  switch (type) {
    case 'string':
      return string(stored as string);
    case 'number':
      return number(decimal(String(stored)));
    case 'boolean':
      return boolean(stored as boolean);
    case 'date':
      return date(stored as string);
    case 'timestamp':
      return timestamp(Date.parse(stored as string));
    case 'list':
      return list(stored as readonly string[]);
    default:
      return unreachable(type);
  }
}

/** -1, 0 or 1 by Unicode code points (JavaScript's own order goes by UTF-16 units). */
export function compareStrings(left: string, right: string): number {
  const lefts = Array.from(left, (character) => character.codePointAt(0) as number);
  const rights = Array.from(right, (character) => character.codePointAt(0) as number);
  for (let i = 0; i < Math.min(lefts.length, rights.length); i += 1) {
    const difference = (lefts[i] as number) - (rights[i] as number);
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(lefts.length - rights.length);
}

export function equals(left: Maybe, right: Maybe, timeZone: string): boolean {
  if (left === null || right === null) return false;
  return relation(left, right, timeZone) === 0;
}

export function lessThan(left: Maybe, right: Maybe, timeZone: string): boolean {
  if (left === null || right === null) return false;
  return relation(left, right, timeZone) < 0;
}

/** Both are there. A timestamp stands before, in (0) or behind the whole day that a date means. */
function relation(left: Value, right: Value, timeZone: string): number {
  if (left.type === 'timestamp' && right.type === 'date') return placeByDay(left.value, right.value, timeZone);
  if (left.type === 'date' && right.type === 'timestamp') return -placeByDay(right.value, left.value, timeZone);
  if (left.type === 'string' && right.type === 'string') return compareStrings(left.value, right.value);
  if (left.type === 'number' && right.type === 'number') return compare(left.value, right.value);
  if (left.type === 'boolean' && right.type === 'boolean') return Number(left.value) - Number(right.value);
  if (left.type === 'date' && right.type === 'date') return compareStrings(left.value, right.value);
  if (left.type === 'timestamp' && right.type === 'timestamp') return Math.sign(left.value - right.value);
  throw new Error(`the oracle was asked to compare ${left.type} with ${right.type}`);
}

function placeByDay(instantMs: number, day: LocalDate, timeZone: string): number {
  if (instantMs < dayStartMs(day, timeZone)) return -1;
  return instantMs < dayEndMs(day, timeZone) ? 0 : 1;
}

/** Equal values have equal identities, so a set of them counts distinct values. */
export function identity(value: Value): string {
  return `${value.type}:${value.type === 'number' ? toText(value.value) : String(value.value)}`;
}
