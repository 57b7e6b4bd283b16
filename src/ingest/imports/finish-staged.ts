// In charge of staged rows once the file has ended: lines become orders, events without ids get them, an atomic import is written in
// one transaction or refused with everything that is wrong.
import type { BatchTypes } from '../../catalog/registered-types.ts';
import type { Queryable } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Facts } from '../facts.ts';
import { ITEMS_MAX } from '../limits.ts';
import { withCurrentTypes } from '../prepare-batch.ts';
import { assembleOrder, type OrderLine } from './assemble-order.ts';
import { eventIdOf } from './event-id.ts';
import type { ImportRun, Row } from './import-run.ts';
import { type IncompleteOrder, isRejectedMark, MissingLines } from './incomplete-orders.ts';
import { judgeRows, judgeRowsWithin, type TakenRow, toFacts } from './judge-rows.ts';
import { Lane } from './lane.ts';
import { BATCH_ROWS, STAGED_PAGE_ROWS } from './limits.ts';
import type { RawRow } from './read-row.ts';
import { analyzeStagedLines, type StagedLine } from './stage-lines.ts';
import { type JudgedBatch, noteRejected, storeBatch } from './take-rows.ts';
import { batchesAtOnce } from './write-in-parts.ts';

/** How much of what waited is done with: written, or rejected. */
export interface Waiting {
  readonly written: number;
  readonly total: number;
}

/** Throws AppError `invalid_rows` if an atomic import has rejections; nothing is written then. */
export async function finishStaged(run: ImportRun, onWritten: (waiting: Waiting) => unknown): Promise<void> {
  const total = run.staged.count;
  const tell = (written: number) => total > 0 && onWritten({ written, total });
  tell(0);
  await analyzeStagedLines(run.target.database);
  await (run.atomicTypes === null ? writeInBatches(run, tell) : writeTogether(run, run.atomicTypes, tell));
  tell(total); // with rejected lines of orders, and those of customers who were erased meanwhile
}

async function writeInBatches(run: ImportRun, tell: (written: number) => unknown): Promise<void> {
  let written = 0;
  const lane = new Lane(batchesAtOnce(run.kind));
  try {
    for await (const rows of stagedRows(run)) {
      run.check();
      const judge = async (some: readonly Row[]): Promise<JudgedBatch> => {
        const { taken, rejected } = await judgeRows(run, some);
        return { direct: taken, staged: [], rejected, incomplete: taken.flatMap(lackingLines), unplacedLines: 0 };
      };
      await lane.add(
        () => judge(rows),
        async (judged) => {
          await storeBatch(run, judged, judge);
          written += linesOf(rows);
          tell(written);
        },
      );
    }
  } finally {
    await lane.drain(); // also after a failure: nothing is under way any more when the import ends
  }
}

function linesOf(rows: readonly Row[]): number {
  return rows.reduce((count, { lines }) => count + lines.length, 0);
}

function lackingLines({ row, fact }: TakenRow): IncompleteOrder[] {
  const { missing, raw } = row;
  if (missing === undefined || missing.count === 0) return [];
  return [{ id: fact.id, totalGiven: Object.hasOwn(raw as RawRow, 'total'), rejected: missing.count, lines: missing.first }];
}

/** Lines of orders are judged as orders first, so that all rejections are reported; other rows were judged when they were staged. */
async function writeTogether(run: ImportRun, atomicTypes: BatchTypes, tell: (written: number) => unknown): Promise<void> {
  if (run.lineLevel) for await (const rows of stagedRows(run)) noteRejected(run, (await judgeRows(run, rows)).rejected);
  refuseIfRejected(run);
  const { target } = run;
  await target.types.register(target.database, atomicTypes.proposals()); // a row that another's type is against is refused below
  const batches = async function* (source: Queryable): AsyncGenerator<Facts> {
    let written = 0; // from the start if the transaction is repeated
    for await (const rows of stagedRows(run, source)) {
      run.check();
      const { taken, rejected } = await judgeRowsWithin(source, run, rows);
      noteRejected(run, rejected); // types were redeclared in between
      refuseIfRejected(run);
      yield toFacts(
        run,
        taken.map(({ fact }) => fact),
      );
      written += linesOf(rows);
      tell(written);
    }
  };
  run.repeated = await withCurrentTypes(target, () => target.writeDeferredTogether(batches, run.importId));
}

function refuseIfRejected(run: ImportRun): void {
  const { rejectedRows, errors } = run.rejections;
  if (rejectedRows === 0) return;
  const detail = `${rejectedRows} ${rejectedRows === 1 ? 'row is' : 'rows are'} not acceptable, so nothing was imported.`;
  throw new AppError('invalid_rows', detail, { errors });
}

type Pages = AsyncIterable<readonly StagedLine[]>;

/** `source`: see `StagedLines.pages`. */
function stagedRows(run: ImportRun, source?: Queryable): AsyncGenerator<readonly Row[]> {
  const pages = run.staged.pages(source);
  return run.lineLevel ? assembledOrders(run, pages) : wholeRows(pages);
}

async function* wholeRows(pages: Pages): AsyncGenerator<readonly Row[]> {
  let content = '';
  let count = 0;
  for await (const page of pages) {
    yield page.map(({ group, line, data }): Row => {
      if (group === '') return { lines: [line], raw: data };
      count = group === content ? count + 1 : 1;
      content = group;
      return { lines: [line], raw: { ...(data as RawRow), id: eventIdOf(group, count) } };
    });
  }
}

async function* assembledOrders(run: ImportRun, pages: Pages): AsyncGenerator<readonly Row[]> {
  let rows: Row[] = [];
  let lineCount = 0;
  let orderId: string | null = null;
  let lines: OrderLine[] = [];
  let missing = new MissingLines();
  let tooMany = false;

  const assemble = () => {
    if (orderId !== null && !tooMany) {
      const order = assembleOrder(orderId, lines, run.orderDefaults);
      for (const { line, problems } of order.rejected) {
        run.rejections.add([line], problems);
        missing.add(line);
      }
      if (order.lines.length > 0) rows.push({ lines: order.lines, raw: order.raw, missing });
      lineCount += lines.length;
    }
    lines = [];
    missing = new MissingLines();
    tooMany = false;
  };

  for await (const page of pages) {
    for (const staged of page) {
      const { group, line, data } = staged;
      if (group !== orderId) {
        assemble();
        orderId = group;
      }
      if (isRejectedMark(staged)) {
        missing.add(line);
        continue;
      }
      lines.push({ line, raw: data as RawRow });
      if (tooMany || lines.length > ITEMS_MAX) {
        tooMany = true;
        for (const { line } of lines) run.rejections.add([line], [tooManyLines(group)]);
        lines = [];
      }
    }
    if (rows.length >= BATCH_ROWS || lineCount >= STAGED_PAGE_ROWS) {
      yield rows;
      rows = [];
      lineCount = 0;
    }
  }
  assemble();
  if (rows.length > 0) yield rows;
}

function tooManyLines(orderId: string) {
  const detail = `the order ${JSON.stringify(orderId)} has more than ${ITEMS_MAX} lines`;
  return { pointer: '/id', code: 'limit_exceeded', detail, hint: 'is the right column mapped to id?' };
}
