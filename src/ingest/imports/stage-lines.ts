// In charge of rows that cannot be written before the file has ended: lines of orders, events that need counting, everything of an
// atomic import. They wait in the unlogged table import_lines and come back in order of (group, line), with flat memory: all of them, or
// an error that they are lost (a crash of Postgres empties such a table).
import type { Database, Queryable } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { STAGED_PAGE_ROWS } from './limits.ts';

export interface StagedLine {
  /** what belongs together comes back together: an order's id, an event's content; '' where only the line counts */
  readonly group: string;
  readonly line: number;
  readonly data: unknown;
}

/** Sorts before every line and names nobody: an erasure may remove lines, but only a crash removes this one. */
const MARK: StagedLine = { group: '', line: -1, data: {} };

/** The staged lines of one import. */
export class StagedLines {
  readonly #database: Database;
  readonly #importId: string;
  #count = 0;
  /** the first lines, with the mark */
  #marked: Promise<void> | null = null;

  constructor(database: Database, importId: string) {
    this.#database = database;
    this.#importId = importId;
  }

  /** how many have been added */
  get count(): number {
    return this.#count;
  }

  /** Each call is a separate transaction, so that a slow upload holds no snapshot open. `data` is JSON without NUL. */
  async add(lines: readonly StagedLine[]): Promise<void> {
    if (lines.length === 0) return;
    this.#count += lines.length;
    if (this.#marked !== null) {
      await this.#marked; // two batches at once must not set two marks: the second would hide that the first is lost, with its lines
      return this.#insert(lines);
    }
    this.#marked = this.#insert([MARK, ...lines]);
    return this.#marked;
  }

  async #insert(lines: readonly StagedLine[]): Promise<void> {
    await this.#database.query({
      name: 'stage_import_lines',
      text: `
        insert into import_lines (import_id, order_id, line, data)
        select $1::bigint, given."group", given.line, given.data
        from jsonb_to_recordset($2::jsonb) as given ("group" text, line bigint, data jsonb)`,
      values: [this.#importId, JSON.stringify(lines)],
    });
  }

  /**
   * All lines in order, in pages, except those of customers erased since; by the connection of the transaction that writes them, if there is one.
   * Throws `unavailable` if they are lost: before the first page, or after the last.
   */
  async *pages(source: Queryable = this.#database): AsyncGenerator<readonly StagedLine[]> {
    await this.#requireMark(source);
    let after: Pick<StagedLine, 'group' | 'line'> = MARK;
    for (;;) {
      const rows = await readPage(source, this.#importId, after);
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < STAGED_PAGE_ROWS) return this.#requireMark(source);
      after = last;
    }
  }

  async #requireMark(source: Queryable): Promise<void> {
    if (this.#marked === null || (await hasMark(source, this.#importId))) return;
    throw new AppError(
      'unavailable',
      'The database failed while the file was being read, and what waited there is lost; send the file again.',
    );
  }
}

async function hasMark(source: Queryable, importId: string): Promise<boolean> {
  const rows = await source.query({
    name: 'find_import_mark',
    text: `
      select l.line
      from import_lines as l
      where l.import_id = $1::bigint and l.order_id = $2 and l.line = $3::bigint`,
    values: [importId, MARK.group, MARK.line],
  });
  return rows.length > 0;
}

/** Without this the planner thinks the table is empty and sorts all of it for each page. */
export async function analyzeStagedLines(database: Database): Promise<void> {
  await database.query({ text: 'analyze import_lines' });
}

export async function removeStagedLines(database: Database, importId: string): Promise<void> {
  await database.query({
    name: 'remove_import_lines',
    text: 'delete from import_lines where import_lines.import_id = $1::bigint',
    values: [importId],
  });
}

async function readPage(
  source: Queryable,
  importId: string,
  after: { readonly group: string; readonly line: number },
): Promise<StagedLine[]> {
  const rows = await source.query<{ order_id: string; line: string; data: unknown }>({
    name: 'read_import_lines',
    text: `
      select l.order_id, l.line, l.data
      from import_lines as l
      where l.import_id = $1::bigint
        and (l.order_id, l.line) > ($2, $3::bigint)
      order by l.order_id, l.line
      limit ${STAGED_PAGE_ROWS}`,
    values: [importId, after.group, after.line],
  });
  return rows.map((row) => ({ group: row.order_id, line: Number(row.line), data: row.data }));
}
