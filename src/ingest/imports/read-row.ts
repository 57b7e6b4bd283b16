// In charge of one record becoming one row in the form that the API's JSON has. Not of columns (map-columns.ts) nor of judging the
// row: validation does, and sees no difference between a file's row and a body's. Attributes and properties stay text here: their
// type is the registered one at the time of judging (read-cell.ts, judge-rows.ts).
import type { ErrorDetail } from '../../errors.ts';
import { isObject } from '../problem.ts';
import type { CsvRecord } from './decode-csv.ts';
import { type ImportField, type ImportKind, importField, isOfWholeOrder, TIME_FIELD } from './import-fields.ts';
import { type ImportFormat, type ImportOptions, isLineLevel } from './import-options.ts';
import type { LocalTimes } from './local-time.ts';
import type { ColumnPlan } from './map-columns.ts';
import { readCell } from './read-cell.ts';

/** A row as a JSON body would have it; a line of an order has at most one item. */
export type RawRow = Record<string, unknown>;

export type RowResult =
  | { readonly line: number; readonly raw: unknown; readonly problems: null }
  /** `raw`: the ids that can be read all the same */
  | { readonly line: number; readonly raw: RawRow | null; readonly problems: readonly ErrorDetail[] };

/** A cell of these two characters clears the field; an empty one says nothing. */
const CLEARS = '\\N';

export function readRow(record: CsvRecord, plan: ColumnPlan, localTimes: LocalTimes): RowResult {
  const { line, cells } = record;
  if (record.problem !== null)
    return { line, raw: readIds(record, record.problem.cell, plan), problems: [placeProblem(record.problem, line, plan)] };
  if (cells.length !== plan.header.length) return { line, raw: null, problems: [wrongCount(line, cells.length, plan.header.length)] };
  const raw: RawRow = {};
  for (const { field, cell, default: fallback } of plan.columns) {
    const given = cell === null ? '' : (cells[cell] ?? '');
    const text = given === '' ? fallback : given;
    if (text !== null) put(raw, field, text === CLEARS ? null : readCell(text, field.cell, localTimes));
  }
  return { line, raw, problems: null };
}

/** Of a row with one bad cell. Where cells are missing or too many, none of them is sure to be what its column says. */
function readIds({ cells }: CsvRecord, badCell: number | null, { columns, header }: ColumnPlan): RawRow | null {
  if (badCell === null || cells.length !== header.length) return null;
  const good = columns.filter(({ field, cell }) => (field.target === 'id' || field.target === 'customerId') && cell !== badCell);
  return Object.fromEntries(good.map(({ field, cell, default: fallback }) => [field.name, (cell !== null && cells[cell]) || fallback]));
}

/** An object of NDJSON with the caller's map and defaults; what is not mapped stays, or goes where it means nothing to us. */
export function renameFields(kind: ImportKind, value: unknown, options: ImportOptions, localTimes: LocalTimes): unknown {
  if (!isObject(value)) return value;
  const raw = options.map.size === 0 && options.defaults.size === 0 ? (value as RawRow) : renamed(kind, value, options, localTimes);
  const time = raw[TIME_FIELD[kind]];
  if (typeof time === 'string') raw[TIME_FIELD[kind]] = localTimes.toUtc(time) ?? time;
  return raw;
}

function renamed(kind: ImportKind, value: Readonly<Record<string, unknown>>, options: ImportOptions, localTimes: LocalTimes): RawRow {
  const raw: RawRow = {};
  const mapped = new Set(options.map.values());
  for (const name of Object.keys(value)) {
    if (mapped.has(name) || options.map.has(name)) continue;
    if (options.map.size === 0 || importField(kind, name) !== undefined || MEMBERS.has(name)) set(raw, name, value[name]);
  }
  for (const [target, name] of options.map) {
    const field = importField(kind, target);
    if (field !== undefined && Object.hasOwn(value, name)) put(raw, field, value[name]);
  }
  const lineLevel = isLineLevel(kind, 'ndjson', options);
  for (const [target, text] of options.defaults) {
    const field = importField(kind, target);
    if (field === undefined || (lineLevel && isOfWholeOrder(kind, field))) continue;
    for (const part of partsToFill(raw, field, options))
      if (isMissing(part, field)) put(part, field, readCell(text, field.cell, localTimes));
  }
  return raw;
}

/** An order fills each of its items, and gets none where it has none; a row that is one line fills its own. */
function partsToFill(raw: RawRow, { place }: ImportField, { map }: ImportOptions): readonly RawRow[] {
  if (place !== 'item') return [raw];
  const items = raw['items'];
  if (Array.isArray(items)) return items.filter(isObject).map((item) => ({ items: [item] }));
  return [...map.keys()].some((target) => target.startsWith('items.')) ? [raw] : [];
}

/** The defaults of fields that any line of an order may give. */
export function orderDefaults(kind: ImportKind, format: ImportFormat, options: ImportOptions, localTimes: LocalTimes): RawRow {
  if (!isLineLevel(kind, format, options)) return {};
  const raw: RawRow = {};
  for (const [target, text] of options.defaults) {
    const field = importField(kind, target);
    if (field === undefined || !isOfWholeOrder(kind, field) || text === '' || text === CLEARS) continue;
    raw[field.name] = readCell(text, field.cell, localTimes);
  }
  return raw;
}

const MEMBERS: ReadonlySet<string> = new Set(['items', 'consent', 'attributes', 'properties']);

function isMissing(raw: RawRow, field: ImportField): boolean {
  const holder = holderOf(raw, field);
  if (holder === undefined) return true;
  return holder !== null && (holder[field.name] === undefined || holder[field.name] === '');
}

/** undefined: not there yet. null: there is something else, which validation will refuse. */
function holderOf(raw: RawRow, { place }: ImportField): RawRow | undefined | null {
  if (place === 'row') return raw;
  const found = place === 'item' ? raw['items'] : raw[place];
  if (found === undefined) return undefined;
  const holder: unknown = place === 'item' && Array.isArray(found) ? found[0] : found;
  return isObject(holder) ? (holder as RawRow) : null;
}

function put(raw: RawRow, field: ImportField, value: unknown): void {
  let holder = holderOf(raw, field);
  if (holder === null) return;
  if (holder === undefined) {
    holder = {};
    raw[field.place === 'item' ? 'items' : field.place] = field.place === 'item' ? [holder] : holder;
  }
  set(holder, field.name, value);
}

/** Names are the caller's, and `__proto__` is a name like any other. */
function set(holder: RawRow, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
  else holder[name] = value;
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
