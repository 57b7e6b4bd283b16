// In charge of one record's cells becoming one row in the form that the API's JSON has. Not of columns (map-columns.ts) nor of
// judging the row: validation does, and sees no difference between a file's row and a body's.
import { unreachable } from '../../base/assert.ts';
import type { ValueType } from '../../catalog/catalog.ts';
import type { ErrorDetail } from '../../errors.ts';
import type { CsvRecord } from './decode-csv.ts';
import type { Place } from './import-fields.ts';
import type { LocalTimes } from './local-time.ts';
import type { ColumnPlan, MappedColumn } from './map-columns.ts';

/** A row as a JSON body would have it; a line of an order has one item at the most. */
export type RawRow = Record<string, unknown>;

export type RowResult =
  | { readonly line: number; readonly raw: RawRow; readonly problems: null }
  | { readonly line: number; readonly raw: null; readonly problems: readonly ErrorDetail[] };

export interface CellContext {
  readonly localTimes: LocalTimes;
  /** The type of an attribute, or of a property of that event; undefined: nobody has declared or sent it, so the cell is text. */
  typeOf(place: 'attributes' | 'properties', eventName: string, name: string): ValueType | undefined;
}

/** A cell of these two characters clears the field; an empty one says nothing. */
const CLEARS = '\\N';
const LIST_SEPARATOR = '|';

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const TRUE_WORDS: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y', '1']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'f', 'no', 'n', '0']);

export function readRow(record: CsvRecord, plan: ColumnPlan, context: CellContext): RowResult {
  const { line, cells } = record;
  if (record.problem !== null) return { line, raw: null, problems: [placeProblem(record.problem, line, plan)] };
  if (cells.length !== plan.header.length) return { line, raw: null, problems: [wrongCount(line, cells.length, plan.header.length)] };
  const raw: RawRow = {};
  let item: RawRow | null = null;
  let problems: ErrorDetail[] | null = null;
  for (const column of plan.columns) {
    let text = column.cell === null ? '' : (cells[column.cell] ?? '');
    if (text === '') text = column.default ?? '';
    if (text === '') continue;
    const value = text === CLEARS ? null : readCell(text, column, cells, plan, context);
    if (value === undefined) {
      problems ??= [];
      problems.push(wrongCell(line, text, column, typeOfCell(column, cells, plan, context)));
      continue;
    }
    const { place, name } = column.field;
    switch (place) {
      case 'row':
        raw[name] = value;
        break;
      case 'item':
        item ??= {};
        item[name] = value;
        break;
      case 'consent':
      case 'attributes':
      case 'properties':
        putInto(raw, place, name, value);
        break;
      default:
        unreachable(place);
    }
  }
  if (problems !== null) return { line, raw: null, problems };
  if (item !== null) raw['items'] = [item];
  return { line, raw, problems: null };
}

function putInto(raw: RawRow, place: Place, name: string, value: unknown): void {
  const values = (raw[place] ?? Object.create(null)) as RawRow; // names are the caller's: `__proto__` is one like others
  values[name] = value;
  raw[place] = values;
}

/** Undefined: the text is not of the type. */
function readCell(text: string, column: MappedColumn, cells: readonly string[], plan: ColumnPlan, context: CellContext): unknown {
  switch (column.field.cell) {
    case 'text':
      return text;
    case 'decimal':
      return text.trim();
    case 'list':
      return readList(text);
    case 'boolean':
      return readBoolean(text);
    case 'time':
      return readTime(text, context);
    case 'open':
      return readTyped(text, typeOfCell(column, cells, plan, context), context);
    default:
      return unreachable(column.field.cell);
  }
}

function typeOfCell(column: MappedColumn, cells: readonly string[], plan: ColumnPlan, context: CellContext): ValueType {
  const { place, name, cell } = column.field;
  if (cell === 'boolean') return 'boolean';
  if (place === 'attributes') return context.typeOf(place, '', name) ?? 'string';
  if (place !== 'properties') return 'string';
  const event = plan.columns.find((other) => other.field.target === 'name');
  const eventCell = event === undefined || event.cell === null ? '' : (cells[event.cell] ?? '');
  return context.typeOf(place, eventCell === '' ? (event?.default ?? '') : eventCell, name) ?? 'string';
}

function readTyped(text: string, type: ValueType, context: CellContext): unknown {
  switch (type) {
    case 'string':
      return text;
    case 'number': {
      const trimmed = text.trim();
      return NUMBER.test(trimmed) ? Number(trimmed) : undefined;
    }
    case 'boolean':
      return readBoolean(text);
    case 'date':
      return text.trim();
    case 'timestamp':
      return readTime(text, context);
    case 'list':
      return readList(text);
    default:
      return unreachable(type);
  }
}

function readTime(text: string, context: CellContext): string {
  const trimmed = text.trim();
  return context.localTimes.toUtc(trimmed) ?? trimmed;
}

function readBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : undefined;
}

function readList(text: string): string[] {
  return text.split(LIST_SEPARATOR).filter((part) => part !== ''); // as given: nothing is trimmed
}

function placeProblem(problem: NonNullable<CsvRecord['problem']>, line: number, plan: ColumnPlan): ErrorDetail {
  const { cell, ...detail } = problem;
  const column = cell === null ? undefined : plan.header[cell];
  return { line, ...(column === undefined ? {} : { column }), ...detail };
}

function wrongCount(line: number, found: number, expected: number): ErrorDetail {
  const detail = `the row has ${found} ${found === 1 ? 'cell' : 'cells'}, the header names ${expected}`;
  const hint = found > expected ? 'a cell that holds the delimiter stands in quotes' : 'an empty cell still has its delimiter';
  return { line, code: 'wrong_cell_count', detail, hint };
}

function wrongCell(line: number, text: string, column: MappedColumn, type: ValueType): ErrorDetail {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  const hint = type === 'boolean' ? 'booleans are true, t, yes, y, 1 and false, f, no, n, 0' : 'numbers are like -1234.56, without separators';
  return { line, column: column.column, code: 'type_mismatch', detail: `a ${type} is wanted here, not ${shown}`, hint };
}
