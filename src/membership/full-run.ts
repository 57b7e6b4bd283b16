// In charge of evaluating everybody for some segments: after a publish, a refresh, or a flip that depends on no row. Customers are taken in
// chunks by range of id; a scan takes no locks (run-scan.ts), and short transactions apply what it found, piece by piece (apply-piece.ts). Runs can
// be resumed from their cursor, cancelled between pieces, and superseded by a newer publish. Members of an archived segment leave in
// archive-run.ts; moves of many customers are run-move.ts.
import { startStopwatch } from '../base/clock.ts';
import { inOwnSpan, inSpan } from '../base/tracing.ts';
import { fixedIso, readAsOf } from '../db/as-of.ts';
import { type Client, pipeline } from '../db/database.ts';
import { endWith, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import type { Program } from '../evaluation/program.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import { nextConstantFlip } from '../rules/emit.ts';
import { changeDefinitions } from '../segments/change-definitions.ts';
import { finishRuns, hasBuilding, listOpenRuns, type Run, startRuns } from '../segments/runs.ts';
import { applyPiece, keysOf } from './apply-piece.ts';
import { runArchive } from './archive-run.ts';
import { failTogether, withoutCulprits } from './fail-segments.ts';
import type { Deciding } from './in-decision.ts';
import type { Cause } from './record.ts';
import { runMove } from './run-move.ts';
import { RunPace } from './run-pace.ts';
import { Pieces } from './run-pieces.ts';
import { type ScannedChunk, scanBehind, scanChunk } from './run-scan.ts';

/** A chunk that takes too long is halved, down to this; if it still does, its runs fail. */
const LEAST_CHUNK_CUSTOMERS = 500;

/**
 * Takes the open runs that have reached the same place and evaluates their segments, and the segments that name those, together in one pass.
 * Returns false if there was nothing to do.
 */
export async function runOpenRuns(deciding: Deciding, signal: AbortSignal): Promise<boolean> {
  const open = await listOpenRuns(deciding.database);
  const [first] = open;
  if (first === undefined) return false;
  const together = open.filter((run) => run.cursor === first.cursor && run.cause === first.cause);
  const ids = together.map((run) => run.id);
  const startedMs = await startRuns(deciding.database, ids, fixedIso(deciding.clock));
  if (startedMs === null) return true; // all of them have ended meanwhile
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
  const { limits } = await programFor(deciding, runs);
  const pace = await RunPace.begin(deciding, limits, signal);
  let open = runs;
  let most = limits.chunkCustomers;
  let size = most;
  let afterKey = first.cursor ?? LEAST_KEY;
  const scanNext = () => {
    size = Math.min(most, pace.chunkCustomers);
    return scanBehind(deciding, open, afterKey, size);
  };
  let ahead: Promise<ScannedChunk | null> | null = null;
  while (!signal.aborted && open.length > 0) {
    try {
      const scanned: ScannedChunk | null = await (ahead ?? scanNext());
      ahead = null;
      if (scanned === null) return finish(deciding, open, startedMs);
      await pace.scanned({ customers: scanned.chunk.customers, seconds: scanned.seconds }, signal);
      afterKey = scanned.chunk.throughKey;
      if (pace.isAlone) {
        ahead = scanNext(); // on a second connection, while this one is applied
        ahead.catch(() => {}); // thrown where it is awaited
      }
      const span = { 'strata.differences': scanned.scan.differences.length };
      const left = await inSpan('apply chunk', span, () => applyChunk(deciding, scanned, open, first.cause, pace, signal));
      open = open.filter((run) => left.includes(run.id));
    } catch (error) {
      if (!isEvaluationFailure(error)) throw error;
      if (size <= LEAST_CHUNK_CUSTOMERS) {
        await failTogether(deciding, new Map(open.map((run) => [run.segmentId, run.version])), error);
        break;
      }
      most = Math.ceil(size / 2); // no segment alone is too slow, all of them together are
      ahead = null;
      open = await stillOpen(deciding, open);
      afterKey = open[0]?.cursor ?? LEAST_KEY;
    }
  }
  await ahead?.catch(() => {}); // its result is no longer needed
}

/** The program in force, read again if another process has put these versions in force and this one has not noticed yet. */
async function programFor({ programs }: Deciding, runs: readonly Run[]): Promise<Program> {
  const program = programs.get();
  return runs.some((run) => program.versionOf(run.segmentId) !== run.version) ? programs.reload() : program;
}

/** Applies what was found; scans again until the definitions do not change between a scan and the end of its application. → the runs still open */
async function applyChunk(
  deciding: Deciding,
  scanned: ScannedChunk,
  runs: readonly Run[],
  cause: Cause,
  pace: RunPace,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let going = runs;
  let pieces = new Pieces(scanned.scan.differences, scanned.chunk);
  let { scan: found } = scanned;
  for (;;) {
    if (signal.aborted) return going.map((run) => run.id);
    const piece = pieces.next(pace.pieceCustomers);
    const seconds = startStopwatch();
    const progress = await withoutCulprits(
      deciding,
      () => ({ customers: { keys: keysOf(piece.differences) } }),
      () =>
        inSpan('apply piece', { 'strata.customers': piece.differences.length }, () =>
          applyPiece(deciding, found, piece, going, cause, pace.isAlone),
        ),
    );
    if (progress.open.length === 0) return [];
    if (progress.stale) {
      await deciding.programs.reload();
      going = await stillOpen(deciding, going); // a run that a change of definitions has ended does nothing after it
      if (going.length === 0) return [];
      const left = pieces.left();
      found = await scanChunk(deciding, going, left);
      pieces = new Pieces(found.differences, left);
      continue;
    }
    pieces.pass(piece);
    if (piece.differences.length > 0) {
      await pace.applied({ customers: piece.differences.length, seconds: seconds(), heldSeconds: progress.heldSeconds }, signal);
    }
    if (pieces.isEmpty) return progress.open;
  }
}

/** As they are stored now: with how far they have come. */
async function stillOpen({ database }: Deciding, runs: readonly Run[]): Promise<readonly Run[]> {
  const ids = new Set(runs.map((run) => run.id));
  return (await listOpenRuns(database)).filter((run) => ids.has(run.id));
}

/**
 * A part that depends on no row may have flipped since the first customers were judged: the next flip is searched for from that time on, and one
 * that has already passed is due at once. If a segment was building, the definitions change when the run ends: from then on only writes of what
 * the segment reads evaluate it.
 */
async function finish(deciding: Deciding, runs: readonly Run[], startedMs: number): Promise<void> {
  const { database, clock, timeZone } = deciding;
  const ids = runs.map((run) => run.id);
  const { definitions } = await programFor(deciding, runs);
  const flips = new Map(definitions.live.map((segment) => [segment.id, nextConstantFlip(segment.checked, startedMs, timeZone)]));
  const end = async (client: Client) => finishRuns(client, ids, await readAsOf(client, deciding.clock), flips);
  if (await hasBuilding(database, ids)) await changeDefinitions(database, clock, async (client) => endWith(await end(client), undefined));
  else await inTransaction(database, async (client) => pipeline(client, await end(client)));
}
