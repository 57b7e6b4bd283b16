// AN IMPORT ON ONE SCREEN: bytes become rows (read-bytes, read-rows), rows are taken in batches (take-rows) or staged until the file
// has ended (finish-staged), and what was deferred is evaluated before the answer. Not of HTTP nor of evaluating.
import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { BatchTypes } from '../../catalog/registered-types.ts';
import { AppError, type ErrorDetail } from '../../errors.ts';
import { finishStaged, type Waiting } from './finish-staged.ts';
import type { ImportKind } from './import-fields.ts';
import { type ImportFormat, type ImportOptions, isLineLevel } from './import-options.ts';
import type { ImportRun, ImportTarget } from './import-run.ts';
import { type IncompleteOrder, IncompleteOrders } from './incomplete-orders.ts';
import { Lane } from './lane.ts';
import { type Lease, openLease } from './lease.ts';
import { BATCH_BYTES, BATCH_ROWS } from './limits.ts';
import { createLocalTimes } from './local-time.ts';
import { type ContentEncoding, readBytes } from './read-bytes.ts';
import { orderDefaults, type RowResult } from './read-row.ts';
import { createRows } from './read-rows.ts';
import { Rejections } from './rejections.ts';
import { removeStagedLines, StagedLines } from './stage-lines.ts';
import { judgeBatch, readableRows, storeBatch } from './take-rows.ts';
import { batchesAtOnce, PartsInTurn } from './write-in-parts.ts';

export interface ImportDependencies extends ImportTarget {
  readonly clock: Clock;
}

export interface ImportRequest {
  readonly kind: ImportKind;
  readonly format: ImportFormat;
  readonly options: ImportOptions;
  readonly stream: Readable;
  readonly encoding: ContentEncoding;
  /** the caller hung up, or is cut off because the service stops; its reason is the refusal */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportProgress {
  /** read so far */
  readonly rows: number;
  readonly rejected: number;
  /** of the file as it is sent, compressed where it is */
  readonly readBytes: number;
  /** of the rows that wait for the end of the file; null: it has not ended */
  readonly waiting: Waiting | null;
}

export interface ImportSummary {
  /** rows of the file, without the header and blank lines */
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
  /** the first 100 by line */
  readonly errors: readonly ErrorDetail[];
  /** of events: rows whose event was there already, in the store or earlier in the file, and was not written again */
  readonly repeated?: number;
  /** for orders: those that were written without some of their lines */
  readonly incompleteOrders?: {
    readonly count: number;
    /** the first 100 by their first rejected line */
    readonly first: readonly IncompleteOrder[];
    /** rejected lines from which the order cannot be read: any order may lack them */
    readonly unplacedLines: number;
  };
  readonly changes: number;
  readonly token: string;
}

/**
 * Imports a file of any length with flat memory. Rows that are wrong are rejected by line, the others taken (`atomic`: all or none).
 * Throws AppError: `invalid_fields` (columns do not fit), `invalid_csv`, `invalid_json`, `invalid_encoding`, `invalid_compression`, `import_incomplete`
 * (the stream broke off), `invalid_rows` (atomic). Whole batches before that are kept, unless rows were staged: then nothing is.
 */
export async function runImport(dependencies: ImportDependencies, request: ImportRequest): Promise<ImportSummary> {
  const lease = await openLease(dependencies.database, dependencies.clock, request.kind);
  const counted = { rows: 0, written: 0 };
  const stopped = request.signal === undefined ? lease.lost : AbortSignal.any([request.signal, lease.lost]);
  const unable = whenUnable(stopped);
  try {
    const run = await importAll(dependencies, request, lease, stopped, counted);
    const { token } = await dependencies.evaluatePending(lease.importId, unable); // the token last: it covers all of them
    unable.throwIfAborted();
    await removeStagedLines(dependencies.database, lease.importId);
    const owedChanges = await lease.close('done');
    return { rows: counted.rows, ...summarize(run, counted.rows), changes: run.changes + owedChanges, token };
  } catch (error) {
    await giveUp(dependencies, lease, unable.aborted);
    throw withExtent(error, counted.written);
  }
}

/** Aborts where this process can do no more: the service stops, or the lease is lost. A caller who hung up keeps it from nothing. */
function whenUnable(stopped: AbortSignal): AbortSignal {
  const unable = new AbortController();
  const look = () => {
    if (stopped.reason instanceof AppError && stopped.reason.code === 'unavailable') unable.abort(stopped.reason);
  };
  look();
  stopped.addEventListener('abort', look, { once: true });
  return unable.signal;
}

function summarize({ kind, rejections, incomplete, repeated }: ImportRun, rows: number) {
  const { rejectedRows, errors } = rejections;
  const { count, first, unplacedLines } = incomplete;
  return {
    accepted: rows - rejectedRows,
    rejected: rejectedRows,
    errors,
    ...(kind === 'events' ? { repeated } : {}),
    ...(kind === 'orders' ? { incompleteOrders: { count, first, unplacedLines } } : {}),
  };
}

async function importAll(
  dependencies: ImportDependencies,
  request: ImportRequest,
  lease: Lease,
  stopped: AbortSignal,
  counted: { rows: number; written: number },
): Promise<ImportRun> {
  const { kind, format, options } = request;
  await dependencies.types.refresh(dependencies.database); // an atomic import refuses its rows by them before it writes any
  let sentBytes = 0;
  const bytes = countBytes(readBytes(request.stream, request.encoding, (count) => (sentBytes = count)));
  const rows = createRows(kind, format, options, bytes.read());
  const stop = () => request.stream.destroy(stopped.reason instanceof Error ? stopped.reason : undefined);
  stopped.addEventListener('abort', stop, { once: true });
  const run: ImportRun = {
    kind,
    importId: lease.importId,
    target: dependencies,
    lineLevel: isLineLevel(kind, format, options),
    atomicTypes: options.atomic ? new BatchTypes(dependencies.types) : null,
    cellTimes: format === 'csv' ? createLocalTimes(options.timeZone) : null,
    round: options.round,
    orderDefaults: orderDefaults(kind, format, options, createLocalTimes(options.timeZone)),
    staged: new StagedLines(dependencies.database, lease.importId),
    rejections: new Rejections(() => rows.plan),
    incomplete: new IncompleteOrders(),
    parts: new PartsInTurn(),
    changes: 0,
    repeated: 0,
    check: () => stopped.throwIfAborted(),
  };
  const staging = run.lineLevel || options.atomic;
  const lane = new Lane(batchesAtOnce(kind));
  const tell = (waiting: Waiting | null) =>
    request.onProgress?.({ rows: counted.rows, rejected: run.rejections.rejectedRows, readBytes: sentBytes, waiting });
  let batch: RowResult[] = [];
  let batchFrom = 0;
  const take = async () => {
    const taken = batch;
    batch = [];
    batchFrom = bytes.count;
    const readable = readableRows(run, taken);
    await lane.add(
      () => judgeBatch(run, readable),
      async (judged) => {
        await storeBatch(run, judged, (rows) => judgeBatch(run, { rows, unreadable: [] }));
        if (!staging) counted.written += taken.length;
        tell(null);
      },
    );
  };
  try {
    for await (const chunk of rows.read()) {
      for (const row of chunk) {
        batch.push(row);
        if (batch.length >= BATCH_ROWS) await take();
      }
      counted.rows += chunk.length;
      if (bytes.count - batchFrom >= BATCH_BYTES) await take();
    }
  } finally {
    try {
      await take(); // also the rows before a place from which the file cannot be read on
    } finally {
      stopped.removeEventListener('abort', stop);
      await lane.drain(); // nothing is under way any more when the import ends
    }
  }
  if (staging || kind === 'events') await finishStaged(run, tell);
  return run;
}

function countBytes(source: AsyncIterable<Uint8Array>): { readonly count: number; read(): AsyncGenerator<Uint8Array> } {
  let count = 0;
  return {
    get count() {
      return count;
    },
    read: async function* () {
      for await (const chunk of source) {
        count += chunk.length;
        yield chunk;
      }
    },
  };
}

/**
 * What was committed is evaluated now if it can be; else, and where the service stops, it stays owed, and is paid once the lease is over. The
 * error at hand is the one to report.
 */
async function giveUp(dependencies: ImportDependencies, lease: Lease, isUnable: boolean): Promise<void> {
  const steps = [
    ...(isUnable ? [] : [() => dependencies.evaluatePending(lease.importId)]),
    () => removeStagedLines(dependencies.database, lease.importId),
    () => lease.close('failed'),
  ];
  for (const step of steps) await step().catch(() => undefined);
}

const UNREADABLE: ReadonlySet<string> = new Set([
  'import_incomplete',
  'invalid_json',
  'invalid_csv',
  'invalid_compression',
  'invalid_encoding',
]);

/** Says how much of the file was kept. */
function withExtent(error: unknown, writtenRows: number): unknown {
  if (!(error instanceof AppError) || !UNREADABLE.has(error.code)) return error;
  const stands =
    writtenRows === 0
      ? 'Nothing was imported.'
      : `The ${writtenRows} rows before that were imported as far as they were good; sending the mended file again completes it.`;
  return new AppError(error.code, `${error.message} ${stands}`, { errors: error.errors, cause: error });
}
