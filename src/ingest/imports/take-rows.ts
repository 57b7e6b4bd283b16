// In charge of one batch of rows while the file streams in: written at once, or staged where the rest of the file has a say
// (lines of orders, events without ids, everything of an atomic import). Rejections are noted once the batch stands.
import type { ErrorDetail } from '../../errors.ts';
import type { EventFact } from '../facts.ts';
import { withCurrentTypes } from '../prepare-batch.ts';
import { eventContentHash } from './event-id.ts';
import type { ImportRun, Row } from './import-run.ts';
import { type Fact, type JudgedRows, judgeAgainst, judgeOrderLines, judgeRows, NO_EVENT_ID } from './judge-rows.ts';
import type { RawRow, RowResult } from './read-row.ts';
import type { StagedLine } from './stage-lines.ts';

/** What is to become of the rows of a batch. */
export interface JudgedBatch {
  readonly direct: readonly Fact[];
  readonly staged: readonly StagedLine[];
  readonly rejected: JudgedRows['rejected'];
}

/** The rows that could be read; rejections of the others are noted. */
export function readableRows(run: ImportRun, results: readonly RowResult[]): readonly Row[] {
  const rows: Row[] = [];
  for (const { line, raw, problems } of results) {
    if (problems === null) rows.push({ lines: [line], raw });
    else run.rejections.add([line], problems);
  }
  return rows;
}

export async function judgeBatch(run: ImportRun, rows: readonly Row[]): Promise<JudgedBatch> {
  run.check();
  return run.lineLevel ? judgeLines(run, rows) : judgeWholeRows(run, rows);
}

function judgeLines(run: ImportRun, rows: readonly Row[]): JudgedBatch {
  const { taken, rejected } = judgeOrderLines(run, rows);
  const staged = taken.map(({ lines, raw }) => ({ group: String((raw as RawRow)['id']), line: lines[0] ?? 0, data: raw }));
  return { direct: [], staged, rejected };
}

async function judgeWholeRows(run: ImportRun, rows: readonly Row[]): Promise<JudgedBatch> {
  const { taken, rejected } = run.atomicTypes === null ? await judgeRows(run, rows) : judgeAgainst(run, rows, run.atomicTypes);
  const direct: Fact[] = [];
  const staged: StagedLine[] = [];
  for (const { row, fact } of taken) {
    const group = run.kind === 'events' && fact.id === NO_EVENT_ID ? eventContentHash(fact as EventFact) : '';
    if (run.atomicTypes !== null || group !== '') staged.push({ group, line: row.lines[0] ?? 0, data: row.raw });
    else direct.push(fact);
  }
  return { direct, staged, rejected };
}

/** Rejections are noted once the batch stands. `judge`: where types were redeclared since the rows were judged. */
export async function storeBatch(run: ImportRun, judged: JudgedBatch, judge: () => Promise<JudgedBatch>): Promise<void> {
  let current: JudgedBatch | undefined = judged;
  await withCurrentTypes(run.target, async () => {
    const { direct, staged, rejected } = current ?? (await judge());
    current = undefined;
    await run.parts.write(run, direct);
    await run.staged.add(staged);
    noteRejected(run, rejected);
  });
}

export function noteRejected(run: ImportRun, rejected: readonly { readonly row: Row; readonly problems: readonly ErrorDetail[] }[]): void {
  for (const { row, problems } of rejected) run.rejections.add(row.lines, problems);
}
