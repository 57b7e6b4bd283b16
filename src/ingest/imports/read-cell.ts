// In charge of a cell's text becoming the value that JSON would have there. Text that is not of the wanted kind stays text, and
// validation says so, as it would for a body.
import { unreachable } from '../../base/assert.ts';
import type { RegisteredTypes, StoredType } from '../../catalog/registered-types.ts';
import type { CellKind } from './import-fields.ts';
import type { LocalTimes } from './local-time.ts';
import type { RawRow } from './read-row.ts';

const LIST_SEPARATOR = '|';
const NUMBER = /^-?\d+(?:\.\d+)?$/;
/** How many digits a float is sure to hold. */
const NUMBER_DIGITS = 15;
const TRUE_WORDS: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y', '1']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'f', 'no', 'n', '0']);

export function readCell(text: string, cell: CellKind, localTimes: LocalTimes): unknown {
  switch (cell) {
    case 'text':
    case 'open':
      return text;
    case 'trimmed':
      return text.trim();
    case 'list':
      return text.split(LIST_SEPARATOR);
    case 'boolean':
      return readBoolean(text);
    case 'time':
      return readTime(text, localTimes);
    default:
      return unreachable(cell);
  }
}

/** A copy of the row in which the cells of attributes, or of properties, have their registered types. Columns nobody declared are text. */
export function typeOpenCells(raw: RawRow, types: RegisteredTypes, localTimes: LocalTimes): RawRow {
  const { attributes, properties, name } = raw;
  if (attributes !== undefined) {
    return { ...raw, attributes: typed(attributes as RawRow, (attribute) => types.attribute(attribute)?.type, localTimes) };
  }
  if (properties !== undefined && typeof name === 'string') {
    return { ...raw, properties: typed(properties as RawRow, (property) => types.property(name, property)?.type, localTimes) };
  }
  return raw;
}

function typed(values: RawRow, typeOf: (name: string) => StoredType | undefined, localTimes: LocalTimes): RawRow {
  const entries = Object.entries(values).map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'string' ? readTyped(value, typeOf(name) ?? 'string', localTimes) : value,
  ]);
  return Object.fromEntries(entries);
}

function readTyped(text: string, type: StoredType, localTimes: LocalTimes): unknown {
  switch (type) {
    case 'string':
    case 'opaque':
      return text;
    case 'number':
      return readNumber(text);
    case 'boolean':
      return readBoolean(text);
    case 'date':
      return text.trim();
    case 'timestamp':
      return readTime(text, localTimes);
    case 'list':
      return text.split(LIST_SEPARATOR);
    default:
      return unreachable(type);
  }
}

function readNumber(text: string): number | string {
  const trimmed = text.trim();
  const digits = trimmed.replace(/^-?0*|\./g, '').replace(/^0+/, '');
  return NUMBER.test(trimmed) && digits.length <= NUMBER_DIGITS ? Number(trimmed) : text;
}

function readBoolean(text: string): boolean | string {
  const word = text.trim().toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : text;
}

function readTime(text: string, localTimes: LocalTimes): string {
  const trimmed = text.trim();
  return localTimes.toUtc(trimmed) ?? trimmed;
}
