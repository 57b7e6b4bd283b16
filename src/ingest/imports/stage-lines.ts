// In charge of rows that cannot be written before the file has ended: lines of orders, events that need counting, everything of an
// atomic import. They go to the unlogged table import_lines by COPY and come back in order of (group, line), with flat memory.
import { finished } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Database } from '../../db/database.ts';
import { STAGED_PAGE_ROWS } from './limits.ts';

export interface StagedLine {
  /** what belongs together comes back together: an order's id, an event's content; '' where only the line counts */
  readonly group: string;
  readonly line: number;
  readonly data: unknown;
}

export interface Stage {
  /** Keeps a line until `flush`. `data` is JSON without NUL. */
  add(group: string, line: number, data: unknown): void;
  readonly bufferedBytes: number;
  /** Sends what was added; each flush is a transaction of its own, so a slow upload holds no snapshot open. */
  flush(): Promise<void>;
  /** All lines in order, in pages. */
  read(): AsyncGenerator<readonly StagedLine[]>;
  close(): Promise<void>;
}

/** A connection of its own: those of the pool send statements in a pipeline, which COPY cannot take part in. */
export async function openStage(database: Database, importId: string): Promise<Stage> {
  const client = new pg.Client({ connectionString: database.url, application_name: 'strata import' });
  let broken: Error | null = null;
  client.on('error', (error) => {
    broken = error;
  });
  await client.connect();
  let buffered: string[] = [];
  let bufferedBytes = 0;
  let stagedLines = 0;

  return {
    add: (group, line, data) => {
      const text = `${importId}\t${escapeCopy(group)}\t${line}\t${escapeCopy(JSON.stringify(data))}\n`;
      buffered.push(text);
      bufferedBytes += text.length;
      stagedLines += 1;
    },
    get bufferedBytes() {
      return bufferedBytes;
    },
    flush: async () => {
      if (broken !== null) throw broken;
      if (buffered.length === 0) return;
      const text = buffered.join('');
      buffered = [];
      bufferedBytes = 0;
      const copy = client.query(copyFrom('copy import_lines (import_id, order_id, line, data) from stdin'));
      copy.end(text);
      await finished(copy);
    },
    read: async function* () {
      if (stagedLines > STAGED_PAGE_ROWS) await database.query({ text: 'analyze import_lines' }); // or pages are found by sorting all
      let after: { readonly group: string; readonly line: number } = { group: '', line: -1 };
      for (;;) {
        const rows = await readPage(database, importId, after);
        if (rows.length > 0) yield rows;
        const last = rows.at(-1);
        if (last === undefined || rows.length < STAGED_PAGE_ROWS) return;
        after = last;
      }
    },
    close: async () => {
      await client.end().catch(() => {}); // a broken connection is as good as closed
      await removeLines(database, importId);
    },
  };
}

async function readPage(database: Database, importId: string, after: { readonly group: string; readonly line: number }): Promise<StagedLine[]> {
  const rows = await database.query<{ order_id: string; line: string; data: unknown }>({
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

async function removeLines(database: Database, importId: string): Promise<void> {
  await database.query({
    name: 'remove_import_lines',
    text: 'delete from import_lines where import_lines.import_id = $1::bigint',
    values: [importId],
  });
}

const TO_ESCAPE = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escapeCopy(text: string): string {
  return text.replace(TO_ESCAPE, (sign) => ESCAPES[sign] ?? sign);
}
