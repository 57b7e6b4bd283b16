// In charge of evaluating everybody for some segments: after a publish, a refresh, or a flip that depends on no row. Customers are taken in
// chunks by range of id; a scan takes no locks, and short transactions apply what it found where nothing has changed since. Runs can be resumed
// from their cursor, cancelled between pieces, and superseded by a newer publish. Members of an archived segment leave in archive-run.ts; moves
// of many customers are run-move.ts.
import { startStopwatch } from '../base/clock.ts';
import { inOwnSpan, inSpan } from '../base/tracing.ts';
import { fixedIso, readAsOf } from '../db/as-of.ts';
import { type Client, pipeline, type Statement } from '../db/database.ts';
import { type Ending, endWith, inScan, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { narrowToCandidates } from '../evaluation/find-candidates.ts';
import { type Difference, findDifferences, prepareDifferences } from '../evaluation/find-differences.ts';
import { type Chunk, nextChunk } from '../evaluation/next-chunk.ts';
import type { Program } from '../evaluation/program.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { nextConstantFlip } from '../rules/emit.ts';
import { changeDefinitions } from '../segments/definitions.ts';
import { advanceRuns, finishRuns, getRun, hasBuilding, listOpenRuns, type Run, startRuns } from '../segments/runs.ts';
import { runArchive } from './archive-run.ts';
import { failTogether, withoutCulprits } from './fail-segments.ts';
import { COMMIT_LAZILY, type Deciding, inFramedDecision } from './in-decision.ts';
import { evaluateLocked, lockForLook, versionsOf } from './look-again.ts';
import { type Cause, countChanges, recordStatements } from './record.ts';
import { runMove } from './run-move.ts';
import { RunPace } from './run-pace.ts';
import { type Piece, Pieces } from './run-pieces.ts';

/** A chunk that takes too long is halved, down to this; if it still does, its runs fail. */
const LEAST_CHUNK_CUSTOMERS = 500;

/** What a piece of a chunk did. `open`: the runs that go on, neither cancelled nor superseded. */
interface Progress {
  readonly open: readonly string[];
  readonly stale: boolean;
}

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
      afterKey = (await getRun(deciding.database, first.id)).cursor ?? LEAST_KEY;
    }
  }
  await ahead?.catch(() => {}); // its result is no longer needed
}

/** The program in force, read again if another process has put these versions in force and this one has not noticed yet. */
async function programFor({ programs }: Deciding, runs: readonly Run[]): Promise<Program> {
  const program = programs.get();
  return runs.some((run) => program.versionOf(run.segmentId) !== run.version) ? programs.reload() : program;
}

interface ScannedChunk {
  readonly chunk: Chunk;
  readonly scan: Scan;
  readonly seconds: number;
}

/** null: everybody has been scanned. */
async function scanBehind(deciding: Deciding, runs: readonly Run[], afterKey: CustomerKey, size: number): Promise<ScannedChunk | null> {
  const chunk = await nextChunk(deciding.database, afterKey, size);
  if (chunk === null) return null;
  const seconds = startStopwatch();
  const span = { 'strata.customers': chunk.customers };
  const scanned = await inSpan('scan chunk', span, () => scanWithoutCulprits(deciding, runs, chunk));
  return { chunk, scan: scanned, seconds: seconds() };
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
      found = await scanWithoutCulprits(deciding, going, left);
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

async function stillOpen({ database }: Deciding, runs: readonly Run[]): Promise<readonly Run[]> {
  const open = new Set((await listOpenRuns(database)).map((run) => run.id));
  return runs.filter((run) => open.has(run.id));
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
    const range = { asOfMs, timeZone: deciding.timeZone, customers };
    const input = await narrowToCandidates(client, program, segmentIds, range, chunk.customers);
    const { differences } = await findDifferences(client, program, segmentIds, input, { timeoutMs: program.limits.scanTimeoutMs });
    return { program, segmentIds, differences };
  };
  return inScan(deciding.database, read, { hurry: false });
}

/**
 * Applies the findings for customers whose revision is still the same. Those written since the scan are evaluated again, and like everybody else
 * only for the run's segments: the write itself has decided what it touched, and all live segments would be another large statement to emit and
 * to plan.
 */
async function applyPiece(
  deciding: Deciding,
  found: Omit<Scan, 'differences'>,
  piece: Piece,
  runs: readonly Run[],
  cause: Cause,
  isAlone: boolean,
): Promise<Progress & { readonly heldSeconds: number }> {
  const { program } = found;
  const ids = runs.map((run) => run.id);
  let held = () => 0;
  const progress = await inFramedDecision(deciding, [COMMIT_LAZILY], async (client, current): Promise<Ending<Progress>> => {
    if (current.definitions.epoch !== program.definitions.epoch) return endWith([], { open: ids, stale: true });
    let applied = NOTHING_APPLIED; // and no decision: its number would be taken for somebody else's, and the run would rest
    if (piece.differences.length > 0) {
      if (!isAlone) await prepareDifferences(client, program, found.segmentIds, deciding.timeZone);
      held = startStopwatch();
      applied = await applyLocked(client, deciding, found, piece, cause);
    }
    const changes = runs.map((run) => applied.changes.get(run.segmentId) ?? 0);
    const advance = advanceRuns(ids, piece.throughKey, piece.customers, changes);
    return {
      last: [advance, ...applied.last],
      value: ([advanced]) => ({ open: (advanced ?? []).map((row) => String(row['id'])), stale: false }),
    };
  });
  return { ...progress, heldSeconds: held() };
}

interface Applied {
  readonly changes: ReadonlyMap<number, number>;
  readonly last: readonly Statement[];
}

const NOTHING_APPLIED: Applied = { changes: new Map(), last: [] };

/** → what is left to send with the commit, and the total number of changes per segment */
async function applyLocked(
  client: Client,
  deciding: Deciding,
  { program, segmentIds }: Omit<Scan, 'differences'>,
  piece: Piece,
  cause: Cause,
): Promise<Applied> {
  const { moment, revisions } = await lockForLook(client, deciding, keysOf(piece.differences));
  const standing = piece.differences.filter((difference) => revisions.get(difference.customerKey) === difference.revision);
  const moved = piece.differences.filter((d) => revisions.has(d.customerKey) && revisions.get(d.customerKey) !== d.revision);
  const look = { keys: keysOf(moved), moment, cause, ordinalFrom: countChanges(standing) };
  const again = await evaluateLocked(client, deciding, program, segmentIds, look);
  const findings = { differences: standing, complete: segmentIds.length === program.all.length };
  return {
    changes: changesBySegment([...standing, ...again]),
    last: recordStatements({ findings, moment, cause, versionOf: versionsOf(program) }),
  };
}

function changesBySegment(differences: readonly Difference[]): ReadonlyMap<number, number> {
  const changes = new Map<number, number>();
  for (const { entered, exited } of differences) {
    for (const id of [...entered, ...exited]) changes.set(id, (changes.get(id) ?? 0) + 1);
  }
  return changes;
}

function keysOf(differences: readonly Difference[]): CustomerKey[] {
  return differences.map((difference) => difference.customerKey);
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
