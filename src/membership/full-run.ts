// In charge of evaluating everybody for some segments: after a publish, a refresh, or a flip that depends on no row.
// Chunks of customers by range of id; a scan takes no locks, a short transaction applies what it found where nothing moved since.
// Resumable from the runs' cursor, cancellable between pieces, superseded by a newer publish. Members of an archived segment leave in
// archive-run.ts, moves of many are run-move.ts.

import { inOwnSpan, inSpan } from '../base/tracing.ts';
import { readAsOf } from '../db/as-of.ts';
import { type Client, pipeline } from '../db/database.ts';
import { inScan, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { type Difference, findDifferences } from '../evaluation/find-differences.ts';
import { type Chunk, LEAST_KEY, nextChunk } from '../evaluation/next-chunk.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { nextConstantFlip } from '../rules/emit.ts';
import { changeDefinitions } from '../segments/definitions.ts';
import { advanceRuns, finishRuns, getRun, hasBuilding, listOpenRuns, type Run, startRuns } from '../segments/runs.ts';
import { runArchive } from './archive-run.ts';
import { fixedIso } from './due.ts';
import { failTogether, withoutCulprits } from './fail-segments.ts';
import { type Deciding, inDecision } from './in-decision.ts';
import { evaluateAll, lockForLook, versionsOf } from './look-again.ts';
import { type Cause, recordStatements } from './record.ts';
import { seeChanges } from './record-seen.ts';
import { runMove } from './run-move.ts';

/** A chunk that takes too long is halved, down to here; one that still does fails its runs. */
const LEAST_CHUNK_CUSTOMERS = 500;

/** What a piece of a chunk did. `open` are the runs that go on: neither cancelled nor superseded. */
interface Progress {
  readonly open: readonly string[];
  readonly stale: boolean;
}

/**
 * Takes the open runs that stand at the same place and evaluates their segments, and those that name them, together in one pass.
 * Returns false when there was nothing to do.
 */
export async function runOpenRuns(deciding: Deciding, signal: AbortSignal): Promise<boolean> {
  const open = await listOpenRuns(deciding.database);
  const [first] = open;
  if (first === undefined) return false;
  const together = open.filter((run) => run.cursor === first.cursor && run.cause === first.cause);
  const ids = together.map((run) => run.id);
  const startedMs = await startRuns(deciding.database, ids, fixedIso(deciding));
  await inOwnSpan('run', { 'strata.cause': first.cause, 'strata.run_ids': ids }, async () => {
    if (first.cause === 'archive') for (const run of together) await runArchive(deciding, run, signal);
    else if (first.cause === 'move') for (const run of together) await runMove(deciding, run, signal);
    else await runTogether(deciding, together, startedMs, signal);
  });
  return true;
}

async function runTogether(deciding: Deciding, runs: readonly Run[], startedMs: number, signal: AbortSignal): Promise<void> {
  const [first] = runs;
  if (first === undefined) return;
  let open = runs;
  let size = deciding.programs.get().limits.chunkCustomers;
  const keep = (ids: readonly string[]) => {
    open = open.filter((run) => ids.includes(run.id));
  };
  let next = scanNext(deciding, open, first.cursor ?? LEAST_KEY, size);
  while (!signal.aborted && open.length > 0) {
    try {
      const scanned = await next;
      if (scanned === null) return finish(deciding, open, startedMs);
      next = scanNext(deciding, open, scanned.chunk.throughKey, size); // on a second connection, while this one is applied
      next.catch(() => {}); // thrown when its turn comes
      keep(await applyChunk(deciding, scanned, open, first.cause, signal));
    } catch (error) {
      if (!isEvaluationFailure(error)) throw error;
      if (size <= LEAST_CHUNK_CUSTOMERS) {
        await failTogether(deciding, new Map(open.map((run) => [run.segmentId, run.version])), error);
        break;
      }
      size = Math.ceil(size / 2); // no segment alone is too slow, all of them together are
      next = scanNext(deciding, open, (await getRun(deciding.database, first.id)).cursor ?? LEAST_KEY, size);
    }
  }
  await next.catch(() => {}); // nobody needs it any more
}

interface ScannedChunk {
  readonly chunk: Chunk;
  readonly scan: Scan;
}

/** null: everybody has been scanned. */
async function scanNext(deciding: Deciding, runs: readonly Run[], afterKey: CustomerKey, size: number): Promise<ScannedChunk | null> {
  const chunk = await nextChunk(deciding.database, afterKey, size);
  return chunk === null ? null : { chunk, scan: await scanWithoutCulprits(deciding, runs, chunk) };
}

/** Applies what was found; scans again until the definitions stand still for the length of a scan and its application. → the runs still open */
async function applyChunk(
  deciding: Deciding,
  scanned: ScannedChunk,
  runs: readonly Run[],
  cause: Cause,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let from = scanned.chunk;
  let { scan: found } = scanned;
  let open: readonly string[] = runs.map((run) => run.id);
  for (;;) {
    const pieces = cut(found.differences, from, found.program.limits.pieceCustomers);
    let stale = false;
    for (const piece of pieces) {
      if (signal.aborted) return open;
      const progress = await withoutCulprits(
        deciding,
        () => ({ customers: { keys: piece.differences.map((difference) => difference.customerKey) } }),
        () => inSpan('apply', { 'strata.differences': piece.differences.length }, () => applyPiece(deciding, found, piece, runs, cause)),
      );
      open = progress.open;
      stale = progress.stale;
      if (stale || open.length === 0) break;
      from = { ...from, afterKey: piece.throughKey, customers: from.customers - piece.customers };
    }
    if (!stale || open.length === 0) return open;
    await deciding.programs.reload();
    found = await scanWithoutCulprits(deciding, runs, from);
  }
}

function scanWithoutCulprits(deciding: Deciding, runs: readonly Run[], chunk: Chunk): Promise<Scan> {
  const { afterKey, throughKey } = chunk;
  return withoutCulprits(
    deciding,
    () => ({ customers: { afterKey, throughKey }, segmentIds: segmentsOf(deciding.programs.get(), runs) }),
    () => scan(deciding, runs, chunk),
  );
}

interface Scan {
  readonly program: Program;
  readonly segmentIds: readonly number[];
  readonly differences: readonly Difference[];
  readonly asOfMs: number;
}

function segmentsOf(program: Program, runs: readonly Run[]): readonly number[] {
  return program.withDependents(runs.map((run) => run.segmentId));
}

async function scan(deciding: Deciding, runs: readonly Run[], chunk: Chunk): Promise<Scan> {
  const program = deciding.programs.get();
  const segmentIds = segmentsOf(program, runs);
  const read = async (client: Client) => {
    const asOfMs = await readAsOf(client, deciding.clock);
    const customers = { afterKey: chunk.afterKey, throughKey: chunk.throughKey };
    const { differences } = await findDifferences(client, program, segmentIds, { asOfMs, timeZone: deciding.timeZone, customers });
    return { program, segmentIds, differences, asOfMs };
  };
  return inScan(deciding.database, read, { hurry: false });
}

interface Piece {
  readonly differences: readonly Difference[];
  readonly throughKey: CustomerKey;
  readonly customers: number;
}

/** In order of id, so many customers that differ a piece, that the shared lock is never held long; the last reaches to the chunk's end. */
function cut(differences: readonly Difference[], chunk: Chunk, pieceCustomers: number): Piece[] {
  const ordered = differences
    .map((difference) => ({ difference, key: BigInt(difference.customerKey) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ difference }) => difference);
  const pieces: Piece[] = [];
  for (let start = 0; start === 0 || start < ordered.length; start += pieceCustomers) {
    const part = ordered.slice(start, start + pieceCustomers);
    const isLast = start + pieceCustomers >= ordered.length;
    const share = Math.floor(chunk.customers * Math.min(1, (start + pieceCustomers) / Math.max(ordered.length, 1)));
    const before = Math.floor(chunk.customers * Math.min(1, start / Math.max(ordered.length, 1)));
    pieces.push({
      differences: part,
      throughKey: isLast ? chunk.throughKey : (part.at(-1)?.customerKey ?? chunk.throughKey),
      customers: (isLast ? chunk.customers : share) - (start === 0 ? 0 : before),
    });
  }
  return pieces;
}

/** Applies where the revision still stands; whoever was written since the scan is evaluated again, against everything. */
async function applyPiece(
  deciding: Deciding,
  { program, segmentIds, asOfMs }: Omit<Scan, 'differences'>,
  piece: Piece,
  runs: readonly Run[],
  cause: Cause,
): Promise<Progress> {
  return inDecision(deciding, async (client, current) => {
    if (current.definitions.epoch !== program.definitions.epoch) return { open: runs.map((run) => run.id), stale: true };
    const changesBySegment = new Map<number, number>();
    if (piece.differences.length > 0) {
      const keys = piece.differences.map((difference) => difference.customerKey);
      const { moment, revisions } = await lockForLook(client, deciding, keys);
      const standing = piece.differences.filter((difference) => revisions.get(difference.customerKey) === difference.revision);
      const moved = piece.differences.filter((d) => revisions.has(d.customerKey) && revisions.get(d.customerKey) !== d.revision);
      const findings = { differences: standing, complete: segmentIds.length === program.all.length };
      const seenOf = await seeChanges(client, { program, timeZone: deciding.timeZone, asOfMs }, standing);
      await pipeline(client, recordStatements({ findings, moment, cause, versionOf: versionsOf(program), seenOf }));
      const ordinalFrom = standing.reduce((sum, d) => sum + d.entered.length + d.exited.length, 0);
      await evaluateAll(client, deciding, program, { keys: moved.map((d) => d.customerKey), moment, cause, ordinalFrom });
      for (const { entered, exited } of standing) {
        for (const id of [...entered, ...exited]) changesBySegment.set(id, (changesBySegment.get(id) ?? 0) + 1);
      }
    }
    const changes = runs.map((run) => changesBySegment.get(run.segmentId) ?? 0);
    const ids = runs.map((run) => run.id);
    const [advanced] = await pipeline(client, [advanceRuns(ids, piece.throughKey, piece.customers, changes)]);
    return { open: (advanced ?? []).map((row) => String(row['id'])), stale: false };
  });
}

/**
 * A part that depends on no row may have flipped since the first customers were judged: the next flip is sought from there on, and one that
 * has passed is due at once. Where a segment was building, the definitions change with its end: it is evaluated only where it reads.
 */
async function finish(deciding: Deciding, runs: readonly Run[], startedMs: number): Promise<void> {
  const { database, clock, timeZone, programs } = deciding;
  const ids = runs.map((run) => run.id);
  const stale = runs.some((run) => programs.get().versionOf(run.segmentId) !== run.version);
  const { definitions } = stale ? await programs.reload() : programs.get();
  const flips = new Map(definitions.live.map((segment) => [segment.id, nextConstantFlip(segment.checked, startedMs, timeZone)]));
  const end = async (client: Client) => finishRuns(client, ids, await readAsOf(client, deciding.clock), flips);
  if (await hasBuilding(database, ids)) await changeDefinitions(database, clock, end);
  else await inTransaction(database, end);
}
