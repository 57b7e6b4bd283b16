// In charge of which column of a file feeds which field: the header (or the keys of an NDJSON row) against the caller's map.
// Not of the cells (read-row.ts).
import { nearestName } from '../../base/nearest-name.ts';
import { failed, ok, type Result } from '../../base/result.ts';
import type { ErrorDetail } from '../../errors.ts';
import { type ImportField, type ImportKind, importField, importTargets, isOfWholeOrder } from './import-fields.ts';
import type { ImportOptions } from './import-options.ts';
import { COLUMN_LIMIT } from './limits.ts';

export interface MappedColumn {
  readonly field: ImportField;
  /** index in the row's cells, or null: only the default feeds it */
  readonly cell: number | null;
  /** as the file calls it; the target where no column feeds it */
  readonly column: string;
  /** null also where another line may say it: such a default waits until the order is complete (assemble-order.ts) */
  readonly default: string | null;
}

export interface ColumnPlan {
  readonly columns: readonly MappedColumn[];
  readonly header: readonly string[];
  readonly hasItems: boolean;
}

/**
 * Mapped columns first; then columns that are named like a field that has none yet. Any others are ignored if the caller gave a map (and so
 * knows the columns), and otherwise refused with the nearest name.
 */
export function mapColumns(kind: ImportKind, header: readonly string[], options: ImportOptions): Result<ColumnPlan, ErrorDetail> {
  const problems = [...checkHeader(header), ...checkDelimiter(kind, header, options)];
  if (problems.length > 0) return failed(problems);
  const columns: MappedColumn[] = [];
  const taken = new Set<string>();
  const feed = (field: ImportField, cell: number | null, column: string) => {
    const waits = isOfWholeOrder(kind, field);
    columns.push({ field, cell, column, default: waits ? null : (options.defaults.get(field.target) ?? null) });
    taken.add(field.target);
  };

  for (const [target, column] of options.map) {
    const field = importField(kind, target);
    const cell = header.indexOf(column);
    if (field === undefined) continue; // refused with the options
    if (cell !== -1 && header.indexOf(column, cell + 1) === -1) feed(field, cell, column);
    else problems.push(cell === -1 ? unknownColumn(target, column, header) : doubledColumn(column));
  }
  const mapped = new Set(options.map.values());
  header.forEach((column, cell) => {
    if (mapped.has(column)) return;
    const field = importField(kind, column);
    if (field === undefined) {
      if (options.map.size === 0 && column !== '') problems.push(unknownField(kind, column));
    } else if (!taken.has(field.target)) feed(field, cell, column);
    else if (!options.map.has(field.target)) problems.push(doubledColumn(column));
  });
  for (const target of options.defaults.keys()) {
    const field = importField(kind, target);
    if (field !== undefined && !taken.has(target)) feed(field, null, target);
  }
  problems.push(...requireIds(kind, taken, header));
  if (problems.length > 0) return failed(problems);
  return ok({ columns, header, hasItems: columns.some((column) => column.field.place === 'item') });
}

/** Without these no row could be right, and the file's first line is the place to say so. */
const REQUIRED: Readonly<Record<ImportKind, readonly string[]>> = {
  customers: ['id'],
  orders: ['id', 'customerId'],
  events: ['customerId', 'name'],
};

function requireIds(kind: ImportKind, taken: ReadonlySet<string>, header: readonly string[]): ErrorDetail[] {
  return REQUIRED[kind]
    .filter((target) => !taken.has(target))
    .map((target) => ({
      line: 1,
      code: 'missing_column',
      detail: `No column feeds \`${target}\`; the columns are ${listed(header)}.`,
      hint: `Name it with map.${target}=<column>.`,
    }));
}

function checkHeader(header: readonly string[]): ErrorDetail[] {
  if (header.length > COLUMN_LIMIT) {
    return [{ line: 1, code: 'too_many_columns', detail: `The header names ${header.length} columns, more than ${COLUMN_LIMIT}.` }];
  }
  if (header.some((column) => column.includes('\r'))) {
    return [{ line: 1, code: 'invalid_csv', detail: 'Lines end with CR alone.', hint: 'Save the file with LF or CRLF line ends.' }];
  }
  return [];
}

const DELIMITERS: ReadonlyMap<string, string> = new Map([
  [';', 'semicolon'],
  ['\t', 'tab'],
  ['|', 'pipe'],
  [',', 'comma'],
]);

/** A single unknown column whose name holds another usual delimiter: reported alone, since nothing else can be said about such a file. */
function checkDelimiter(kind: ImportKind, header: readonly string[], { map }: ImportOptions): ErrorDetail[] {
  const [only = ''] = header;
  if (header.length !== 1 || importField(kind, only) !== undefined || [...map.values()].includes(only)) return [];
  const found = [...DELIMITERS].find(([sign]) => only.includes(sign));
  if (found === undefined) return [];
  const detail = `The header is a single column, ${listed(header)}.`;
  return [{ line: 1, code: 'missing_column', detail, hint: `If another sign parts the cells, name it: delimiter=${found[1]}.` }];
}

function unknownColumn(target: string, column: string, header: readonly string[]): ErrorDetail {
  const near = nearestName(column, header);
  const hint = near === undefined ? `The columns are ${listed(header)}.` : `Did you mean "${near}"?`;
  return { parameter: `map.${target}`, code: 'unknown_column', detail: `The file has no column "${column}".`, hint };
}

function unknownField(kind: ImportKind, column: string): ErrorDetail {
  const near = nearestName(column, importTargets(kind));
  const meant = near === undefined ? '' : `Did you mean \`${near}\`? `;
  const hint = `${meant}Columns are named like the fields of the API, or mapped: map.<field>=${column}.`;
  return { line: 1, column, code: 'unknown_field', detail: `${kind} have no field \`${column}\`.`, hint };
}

function doubledColumn(column: string): ErrorDetail {
  return { line: 1, column, code: 'duplicate_field', detail: `The file has two columns "${column}".`, hint: 'Rename one of them.' };
}

function listed(header: readonly string[]): string {
  const names = header.slice(0, 20).map((name) => `"${name.slice(0, 40)}"`);
  return header.length > 20 ? `${names.join(', ')}, …` : names.join(', ');
}
