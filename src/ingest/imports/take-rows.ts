// In charge of one batch of rows while the file streams in: written at once, or staged where the rest of the file has a say
// (lines of orders, events without ids, everything of an atomic import). Rejections are noted once the batch stands.
import type { ErrorDetail } from '../../errors.ts';
import type { EventFact } from '../facts.ts';
import { withCurrentTypes } from '../prepare-batch.ts';
import { eventContentHash } from './event-id.ts';
import type { ImportRun, Row } from './import-run.ts';
import { type Fact, judgeAgainst, judgeOrderLines, judgeRows, NO_EVENT_ID, toFacts } from './judge-rows.ts';
import type { RawRow, RowResult } from './read-row.ts';
import type { StagedLine } from './stage-lines.ts';

export async function takeRows(run: ImportRun, results: readonly RowResult[]): Promise<void> {
  run.check();
  const rows: Row[] = [];
  for (const { line, raw, problems } of results) {
    if (problems === null) rows.push({ lines: [line], raw });
    else run.rejections.add([line], problems);
  }
  if (run.lineLevel) await stageOrderLines(run, rows);
  else await takeWholeRows(run, rows);
}

async function stageOrderLines(run: ImportRun, rows: readonly Row[]): Promise<void> {
  const { taken, rejected } = judgeOrderLines(run, rows);
  const staged = taken.map(({ lines, raw }) => ({ group: String((raw as RawRow)['id']), line: lines[0] ?? 0, data: raw }));
  await run.staged.add(staged);
  noteRejected(run, rejected);
}

async function takeWholeRows(run: ImportRun, rows: readonly Row[]): Promise<void> {
  await withCurrentTypes(run.target, async () => {
    const { taken, rejected } = run.atomicTypes === null ? await judgeRows(run, rows) : judgeAgainst(run, rows, run.atomicTypes);
    const direct: Fact[] = [];
    const staged: StagedLine[] = [];
    for (const { row, fact } of taken) {
      const group = run.kind === 'events' && fact.id === NO_EVENT_ID ? eventContentHash(fact as EventFact) : '';
      if (run.atomicTypes !== null || group !== '') staged.push({ group, line: row.lines[0] ?? 0, data: row.raw });
      else direct.push(fact);
    }
    if (direct.length > 0) await run.target.writeDeferred(toFacts(run, direct), run.importId);
    await run.staged.add(staged);
    noteRejected(run, rejected);
  });
}

export function noteRejected(run: ImportRun, rejected: readonly { readonly row: Row; readonly problems: readonly ErrorDetail[] }[]): void {
  for (const { row, problems } of rejected) run.rejections.add(row.lines, problems);
}
