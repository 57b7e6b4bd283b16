// In charge of a stream of bytes becoming rows in arrays, a chunk at a time: no promise per row. Throws where the file cannot be read on,
// after giving the rows before.
import { AppError } from '../../errors.ts';
import { checkBeginning } from './check-beginning.ts';
import { CsvReader } from './decode-csv.ts';
import { NdjsonReader } from './decode-ndjson.ts';
import type { ImportKind } from './import-fields.ts';
import type { ImportFormat, ImportOptions } from './import-options.ts';
import { createLocalTimes } from './local-time.ts';
import { type ColumnPlan, mapColumns } from './map-columns.ts';
import { type RowResult, readRow, renameFields } from './read-row.ts';

export interface Rows {
  /** null until the header was read, and for NDJSON always */
  readonly plan: ColumnPlan | null;
  read(): AsyncGenerator<readonly RowResult[]>;
}

export function createRows(kind: ImportKind, format: ImportFormat, options: ImportOptions, bytes: AsyncIterable<Uint8Array>): Rows {
  const checked = checkBeginning(format, bytes);
  return format === 'csv' ? csvRows(kind, options, checked) : ndjsonRows(kind, options, checked);
}

function csvRows(kind: ImportKind, options: ImportOptions, bytes: AsyncIterable<Uint8Array>): Rows {
  const reader = new CsvReader(options.delimiter);
  const localTimes = createLocalTimes(options.timeZone);
  let plan: ColumnPlan | null = null;
  const toRows = (records: ReturnType<typeof reader.push>): RowResult[] => {
    if (plan === null) {
      const header = records.shift();
      if (header === undefined) return [];
      plan = planOf(kind, header.problem === null ? header.cells.map((cell) => cell.trim()) : [], options, header.problem?.detail);
    }
    const known = plan;
    return records.map((record) => readRow(record, known, localTimes));
  };
  return {
    get plan() {
      return plan;
    },
    read: async function* () {
      for await (const chunk of bytes) {
        yield toRows(reader.push(chunk));
        if (reader.failure !== null) throw reader.failure;
      }
      yield toRows(reader.end());
      if (reader.failure !== null) throw reader.failure;
      if (plan === null) throw new AppError('invalid_csv', 'The file is empty; its first line is to name the columns.');
    },
  };
}

function planOf(kind: ImportKind, header: readonly string[], options: ImportOptions, problem: string | undefined): ColumnPlan {
  if (problem !== undefined) throw new AppError('invalid_csv', `The header cannot be read: ${problem}.`);
  const planned = mapColumns(kind, header, options);
  if (planned.ok) return planned.value;
  throw new AppError('invalid_fields', 'The columns do not fit; nothing was imported.', { errors: planned.problems });
}

function ndjsonRows(kind: ImportKind, options: ImportOptions, bytes: AsyncIterable<Uint8Array>): Rows {
  const reader = new NdjsonReader();
  const localTimes = createLocalTimes(options.timeZone);
  const toRows = (rows: ReturnType<typeof reader.push>): RowResult[] =>
    rows.map(({ line, value, problem }) =>
      problem === null
        ? { line, raw: renameFields(kind, value, options, localTimes), problems: null }
        : { line, raw: null, problems: [problem] },
    );
  return {
    plan: null,
    read: async function* () {
      for await (const chunk of bytes) yield toRows(reader.push(chunk));
      yield toRows(reader.end());
    },
  };
}
