// In charge of custom attributes and event properties: objects become dotted names, values get or keep their registered type.
// Not of registering what rows propose (prepare-batch.ts).
import type { StoredType } from '../catalog/registered-types.ts';
import type { FlatValue } from './facts.ts';
import type { RowContext } from './ingest-context.ts';
import { NAME_DEPTH_MAX, NAMES_MAX, OPAQUE_MAX_BYTES, ROW_DEPTH_MAX, VALUE_MAX_BYTES } from './limits.ts';
import { describe, isObject, type Problems, pointer, UnusableJson } from './problem.ts';
import { readDate, readInstant, readList, refuseName, refuseText } from './read-field.ts';

type Value = FlatValue | object;

interface Reading {
  readonly context: RowContext;
  readonly problems: Problems;
  /** the event whose properties these are; null: attributes of a customer */
  readonly event: string | null;
  readonly what: 'attribute' | 'property';
  readonly values: Record<string, Value | null>;
  count: number;
}

/** Flat values by dotted name; null where one is missing. Problems are added. */
export function readValues(
  raw: Readonly<Record<string, unknown>>,
  event: string | null,
  context: RowContext,
  at: string,
  problems: Problems,
): Record<string, Value | null> {
  const reading: Reading = { context, problems, event, what: event === null ? 'attribute' : 'property', values: {}, count: 0 };
  readMembers(raw, '', 1, at, reading);
  if (reading.count > NAMES_MAX) {
    problems.add(at, 'limit_exceeded', `at most ${NAMES_MAX} names are taken in one row, these are ${reading.count}`);
  }
  return reading.values;
}

function readMembers(raw: Readonly<Record<string, unknown>>, prefix: string, depth: number, base: string, reading: Reading): void {
  for (const key of Object.keys(raw)) {
    const value = raw[key];
    const at = pointer(base, key);
    if (key === '') {
      reading.problems.add(at, 'invalid_name', 'a name cannot be empty');
      continue;
    }
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (isObject(value)) {
      if (depth < NAME_DEPTH_MAX) readMembers(value, name, depth + 1, at, reading);
      else reading.problems.add(at, 'limit_exceeded', `objects nest at most ${NAME_DEPTH_MAX} deep here`);
      continue;
    }
    reading.count += 1;
    if (reading.count > NAMES_MAX) continue;
    if (refuseName(name, 'a name', at, reading.problems)) continue;
    if (Object.hasOwn(reading.values, name)) {
      reading.problems.add(at, 'duplicate_field', `"${name}" is given twice, once as an object and once as a dotted name`);
      continue;
    }
    const read = readValue(name, value, at, reading);
    if (read !== undefined) setOwn(reading.values, name, read);
  }
}

/** Works for the name `__proto__` too, which an assignment would treat specially. */
function setOwn(values: Record<string, Value | null>, name: string, value: Value | null): void {
  if (name === '__proto__') Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true });
  else values[name] = value;
}

function readValue(name: string, value: unknown, at: string, reading: Reading): Value | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  const { context, problems, event } = reading;
  const known = context.types.find(event, name);
  const type = known?.type ?? inferType(value);
  if (type === undefined) return problems.addWrongType(at, 'a string, a number, true, false or a list', value);
  const before = problems.count;
  const read = readTyped(type, value, at, reading);
  if (read === WRONG_TYPE) {
    const registered = `${reading.what} ${JSON.stringify(name)} is ${ARTICLES[type]} ${known?.by ?? ''}`.trimEnd();
    return problems.add(at, 'type_mismatch', `${registered}; ${describe(value)} cannot be one`, HINTS[type]);
  }
  if (read === undefined || problems.count > before) return undefined;
  if (read !== null && known === undefined) context.types.propose(event, name, type);
  return read;
}

/** The type that a first value gives a name; an empty list is a missing value and gives none. */
function inferType(value: unknown): StoredType | undefined {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      if (!Array.isArray(value)) return undefined;
      return value.every((element) => element === null || typeof element === 'string') ? 'list' : 'opaque';
  }
}

const ARTICLES: Readonly<Record<StoredType, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  date: 'a date',
  timestamp: 'a time',
  list: 'a list of strings',
  opaque: 'a list that is not all strings',
};

const HINTS: Readonly<Record<StoredType, string>> = {
  string: 'send a string, or use another name',
  number: 'send a number without quotes, or use another name',
  boolean: 'send true or false without quotes, or use another name',
  date: 'send a date like "2026-01-31", or use another name',
  timestamp: 'send a time like "2026-01-31T12:00:00Z", or use another name',
  list: 'send a list like ["a", "b"], or use another name',
  opaque: 'send a list of objects, or use another name',
};

const WRONG_TYPE = Symbol('wrong type');

function readTyped(type: StoredType, value: unknown, at: string, reading: Reading): Value | null | undefined | typeof WRONG_TYPE {
  const { problems } = reading;
  if (value instanceof UnusableJson) return problems.addWrongType(at, '', value);
  switch (type) {
    case 'string':
      if (typeof value !== 'string') return WRONG_TYPE;
      return refuseText(value, VALUE_MAX_BYTES, at, problems) ? undefined : value;
    case 'number':
      if (typeof value !== 'number') return WRONG_TYPE;
      return Number.isFinite(value) ? value : problems.add(at, 'invalid_number', 'the number is too large to be kept');
    case 'boolean':
      return typeof value === 'boolean' ? value : WRONG_TYPE;
    case 'date':
      return typeof value === 'string' ? readDate(value, at, problems) : WRONG_TYPE;
    case 'timestamp': {
      if (typeof value !== 'string') return WRONG_TYPE;
      const atMs = readInstant(value, at, problems);
      return typeof atMs === 'number' ? new Date(atMs).toISOString() : atMs;
    }
    case 'list':
      return Array.isArray(value) && inferType(value) === 'list' ? readList(value, at, problems) : WRONG_TYPE;
    case 'opaque':
      if (!Array.isArray(value)) return WRONG_TYPE;
      if (value.length === 0) return null;
      return readOpaque(value, at, problems);
  }
}

/** Stored as it is, but nothing in it may be impossible to store. */
function readOpaque(value: readonly unknown[], at: string, problems: Problems): object | undefined {
  const before = problems.count;
  checkOpaque(value, 3, at, problems); // the row and its attributes are two levels
  if (problems.count > before) return undefined;
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size <= OPAQUE_MAX_BYTES) return value;
  return problems.add(at, 'limit_exceeded', `at most ${OPAQUE_MAX_BYTES} bytes of JSON are taken here, this has ${size}`);
}

function checkOpaque(value: unknown, depth: number, at: string, problems: Problems): void {
  if (value instanceof UnusableJson) {
    problems.addWrongType(at, '', value);
  } else if (typeof value === 'string') {
    refuseText(value, VALUE_MAX_BYTES, at, problems);
  } else if (typeof value === 'object' && value !== null) {
    if (depth > ROW_DEPTH_MAX) {
      problems.add(at, 'limit_exceeded', `a row nests at most ${ROW_DEPTH_MAX} deep`);
      return;
    }
    for (const [key, member] of Object.entries(value)) {
      const inside = pointer(at, key);
      if (!Array.isArray(value) && refuseText(key, VALUE_MAX_BYTES, inside, problems)) continue;
      checkOpaque(member, depth + 1, inside, problems);
    }
  }
}
