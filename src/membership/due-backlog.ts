// In charge of a backlog: more customers are due than one transaction takes, after hours of downtime or when thousands flip at once. They are
// scanned many at a time without locks, so that they share the pages that hold their rows. What was found is applied in short transactions,
// strictly in order of their instants, to those not written meanwhile. Not of finding who is due, nor of small numbers (due.ts).
import { readAsOf } from '../db/as-of.ts';
import { pipeline } from '../db/database.ts';
import { type Ending, inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { type Difference, findDifferences } from '../evaluation/find-differences.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type Due, type DueQueue, keysOf } from './due-queue.ts';
import { lookAtLocked } from './evaluate-locked.ts';
import { COMMIT_LAZILY, type Deciding, inDecisionWith } from './in-decision.ts';
import { type LockedForLook, lockForSettling, readLocks, settleStatements } from './look-again.ts';
import { countChanges, recordStatements } from './record.ts';

/** The more customers a scan covers, the more of them share a page and the cost of planning. */
const MOST_PIECES = 4;
/**
 * While one lane applies what it has scanned, the other scans. With three on two processors, each step of the lane that applied had to wait its
 * turn.
 */
const LANES = 2;

export interface BacklogOptions {
  /** For customers whose evaluation failed: finds out which of them caused it. → number of changes */
  look(due: readonly Due[]): Promise<number>;
  /** These customers have been dealt with, in order, with this many changes. */
  onDone(due: readonly Due[], changes: number): void;
  /** When it aborts, the work ends between two transactions. */
  readonly signal: AbortSignal | undefined;
}

/** Evaluates everybody in the queue, in its order. */
export async function evaluateBacklog(deciding: Deciding, due: DueQueue, { look, onDone, signal }: BacklogOptions): Promise<void> {
  const { lookCustomers } = deciding.programs.get().limits;
  const crowds = cutCrowds(due, lookCustomers);
  let applied: Promise<void> = Promise.resolve();
  const inTurn = async (crowd: readonly Due[], before: Promise<void>): Promise<void> => {
    const scan = await scanCrowd(deciding, keysOf(crowd));
    await before; // if an earlier crowd failed, no later one goes on
    for (const piece of cut(crowd, lookCustomers)) {
      if (signal?.aborted) return;
      onDone(piece, (scan === null ? null : await applyPiece(deciding, keysOf(piece), scan)) ?? (await look(piece)));
    }
  };
  const lane = async (): Promise<void> => {
    for await (const crowd of crowds) {
      if (signal?.aborted) return;
      applied = inTurn(crowd, applied);
      await applied;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** The first crowds differ in size, so that the lanes take turns from the start; the last are small, so that none is applied alone for long. */
async function* cutCrowds(due: DueQueue, pieceCustomers: number): AsyncGenerator<readonly Due[]> {
  for (let most = 2; ; most = MOST_PIECES) {
    await due.fill(pieceCustomers * MOST_PIECES * LANES);
    if (due.length === 0) return;
    const share = Math.ceil(due.length / pieceCustomers / LANES);
    yield due.take(pieceCustomers * Math.min(share, most));
  }
}

interface Scan {
  readonly program: Program;
  readonly differences: ReadonlyMap<CustomerKey, Difference>;
}

/**
 * null: it failed. Planned for exactly these customers, since their number decides how their rows are best read: a generic plan looked up each
 * row separately.
 */
async function scanCrowd(deciding: Deciding, keys: readonly CustomerKey[]): Promise<Scan | null> {
  const program = deciding.programs.get();
  try {
    return await inTransaction(deciding.database, async (client) => {
      await pipeline(client, [
        { text: 'set transaction read only' },
        { text: 'set local plan_cache_mode = force_custom_plan; set local enable_hashjoin = on' },
      ]);
      const input = { asOfMs: await readAsOf(client, deciding.clock), timeZone: deciding.timeZone };
      const { differences } = await findDifferences(client, program, program.all, { ...input, customers: { keys, isCrowd: true } });
      return { program, differences: new Map(differences.map((found) => [found.customerKey, found])) };
    });
  } catch (error) {
    if (isEvaluationFailure(error)) return null;
    throw error;
  }
}

/** In two round trips. → number of changes; null: somebody who had to be evaluated again could not be */
async function applyPiece(deciding: Deciding, keys: readonly CustomerKey[], scan: Scan): Promise<number | null> {
  const first = [COMMIT_LAZILY, ...lockForSettling(deciding, keys)];
  try {
    return await inDecisionWith(deciding, first, (decision, [, ...locks]) => applyLocked(readLocks(decision, locks), keys, scan));
  } catch (error) {
    if (isEvaluationFailure(error)) return null;
    throw error;
  }
}

/** The scan says nothing about customers written since, and under other definitions nothing about anybody: those are evaluated again. */
async function applyLocked(locked: LockedForLook, keys: readonly CustomerKey[], scan: Scan): Promise<Ending<number>> {
  const cause = 'time';
  const { program, revisions } = locked;
  const isCurrent = program.definitions.epoch === scan.program.definitions.epoch;
  const standing: Difference[] = [];
  const moved: CustomerKey[] = [];
  for (const key of keys) {
    const found = scan.differences.get(key);
    if (isCurrent && found !== undefined && found.revision === revisions.get(key)) standing.push(found);
    else if (revisions.has(key)) moved.push(key);
  }
  const findings = { differences: standing, complete: true };
  const ordinalFrom = countChanges(standing);
  const again = await lookAtLocked(locked, program.all, { keys: moved, cause }, ordinalFrom);
  return {
    last: [...recordStatements(locked, { findings, cause }), ...settleStatements(keys, locked, [...standing, ...again])],
    value: () => ordinalFrom + countChanges(again),
  };
}

function cut<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, place) => items.slice(place * size, (place + 1) * size));
}
