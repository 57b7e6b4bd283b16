// In charge of one batch of rows while the file streams in: written at once, or staged if that depends on the rest of the file
// (lines of orders, events without ids, everything in an atomic import). Rejections are noted once the batch is committed.
import type { ErrorDetail } from '../../errors.ts';
import type { ImportRun, Row } from './import-run.ts';
import { type IncompleteOrder, markRejected } from './incomplete-orders.ts';
import { type JudgedRows, judgeAgainst, judgeOrderLines, judgeRows, NO_EVENT_ID, type TakenRow } from './judge-rows.ts';
import type { RawRow, RowResult } from './read-row.ts';
import type { StagedLine } from './stage-lines.ts';
import { contentHashes } from './stored-contents.ts';

/** What is to become of the rows of a batch. */
export interface JudgedBatch {
  readonly direct: readonly TakenRow[];
  readonly staged: readonly StagedLine[];
  readonly rejected: JudgedRows['rejected'];
  /** orders among `direct` that lack lines */
  readonly incomplete: readonly IncompleteOrder[];
  /** rejected lines of orders that do not say whose they are */
  readonly unplacedLines: number;
}

export interface ReadRows {
  readonly rows: readonly Row[];
  /** with as much of them as could be read; their rejections are noted */
  readonly unreadable: readonly Row[];
}

export function readableRows(run: ImportRun, results: readonly RowResult[]): ReadRows {
  const rows: Row[] = [];
  const unreadable: Row[] = [];
  for (const { line, raw, problems } of results) {
    (problems === null ? rows : unreadable).push({ lines: [line], raw });
    if (problems !== null) run.rejections.add([line], problems);
  }
  return { rows, unreadable };
}

export async function judgeBatch(run: ImportRun, { rows, unreadable }: ReadRows): Promise<JudgedBatch> {
  run.check();
  return run.lineLevel ? judgeLines(run, rows, unreadable) : judgeWholeRows(run, rows);
}

/** What is rejected leaves a mark, so that its order can be named; an atomic import needs none. */
function judgeLines(run: ImportRun, rows: readonly Row[], unreadable: readonly Row[]): JudgedBatch {
  const { taken, rejected } = judgeOrderLines(run, rows);
  const lines = taken.map(({ lines, raw }) => ({ group: String((raw as RawRow)['id']), line: lines[0] ?? 0, data: raw }));
  const lost = [...unreadable, ...rejected.map(({ row }) => row)];
  const marks = lost.flatMap(({ lines, raw }) => markRejected(lines[0] ?? 0, raw) ?? []);
  const staged = run.atomicTypes === null ? [...lines, ...marks] : lines;
  return { direct: [], staged, rejected, incomplete: [], unplacedLines: lost.length - marks.length };
}

async function judgeWholeRows(run: ImportRun, rows: readonly Row[]): Promise<JudgedBatch> {
  const { taken, rejected } = run.atomicTypes === null ? await judgeRows(run, rows) : judgeAgainst(run, rows, run.atomicTypes);
  const unnamed = run.kind === 'events' ? taken.filter(({ fact }) => fact.id === NO_EVENT_ID) : [];
  const hashes = await contentHashes(run, unnamed);
  const direct: TakenRow[] = [];
  const staged: StagedLine[] = [];
  for (const one of taken) {
    const { row } = one;
    const group = hashes.get(one) ?? '';
    if (run.atomicTypes !== null || group !== '') staged.push({ group, line: row.lines[0] ?? 0, data: row.raw });
    else direct.push(one);
  }
  return { direct, staged, rejected, incomplete: [], unplacedLines: 0 };
}

/** Rejections are noted once the batch is committed. `judge`: for rows that met a type which was redeclared since they were judged. */
export async function storeBatch(
  run: ImportRun,
  judged: JudgedBatch,
  judge: (rows: readonly Row[]) => Promise<JudgedBatch>,
): Promise<void> {
  for (let batch = judged; ; ) {
    const stale = await run.parts.write(run, batch.direct);
    await run.staged.add(batch.staged);
    noteRejected(run, batch.rejected);
    for (const order of batch.incomplete) run.incomplete.add(order);
    run.incomplete.unplacedLines += batch.unplacedLines;
    if (stale.length === 0) return;
    await run.target.types.reload(run.target.database);
    batch = await judge(stale);
  }
}

export function noteRejected(run: ImportRun, rejected: readonly { readonly row: Row; readonly problems: readonly ErrorDetail[] }[]): void {
  for (const { row, problems } of rejected) run.rejections.add(row.lines, problems);
}
