// In charge of applying a piece of what a run's scan found, in one decision: to those who were not written since, and evaluating the others again.
// Which pieces there are is run-pieces.ts, when they are applied full-run.ts.
import { startStopwatch } from '../base/clock.ts';
import type { Statement } from '../db/database.ts';
import { type Ending, endWith } from '../db/transaction.ts';
import { type Difference, prepareDifferences } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { advanceRuns, type Run } from '../segments/runs.ts';
import { lookAtLocked } from './evaluate-locked.ts';
import { COMMIT_LAZILY, type Deciding, type Decision, inDecisionWith } from './in-decision.ts';
import { lockForLook } from './look-again.ts';
import { type Cause, countChanges, recordStatements } from './record.ts';
import type { Piece } from './run-pieces.ts';
import type { Scan } from './run-scan.ts';

/** What a piece of a chunk did. `open`: the runs that go on, neither cancelled nor superseded. */
interface Progress {
  readonly open: readonly string[];
  readonly stale: boolean;
}

/**
 * Applies the findings for customers whose revision is still the same. Those written since the scan are evaluated again, and like everybody else
 * only for the run's segments: the write itself has decided what it touched, and all live segments would be another large statement to emit and
 * to plan.
 */
export async function applyPiece(
  deciding: Deciding,
  found: Omit<Scan, 'differences'>,
  piece: Piece,
  runs: readonly Run[],
  cause: Cause,
  isAlone: boolean,
): Promise<Progress & { readonly heldSeconds: number }> {
  const ids = runs.map((run) => run.id);
  let held = () => 0;
  const progress = await inDecisionWith(deciding, [COMMIT_LAZILY], async (decision): Promise<Ending<Progress>> => {
    const { client, program, timeZone } = decision;
    if (program.definitions.epoch !== found.program.definitions.epoch) return endWith([], { open: ids, stale: true });
    let applied = NOTHING_APPLIED; // and no decision: its number would be taken for somebody else's, and the run would rest
    if (piece.differences.length > 0) {
      if (!isAlone) await prepareDifferences(client, program, found.segmentIds, timeZone);
      held = startStopwatch();
      applied = await applyLocked(decision, found.segmentIds, piece, cause);
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
async function applyLocked(decision: Decision, segmentIds: readonly number[], piece: Piece, cause: Cause): Promise<Applied> {
  const locked = await lockForLook(decision, keysOf(piece.differences));
  const { revisions } = locked;
  const standing = piece.differences.filter((difference) => revisions.get(difference.customerKey) === difference.revision);
  const moved = piece.differences.filter((d) => revisions.has(d.customerKey) && revisions.get(d.customerKey) !== d.revision);
  const again = await lookAtLocked(locked, segmentIds, { keys: keysOf(moved), cause }, countChanges(standing));
  const findings = { differences: standing, complete: segmentIds.length === decision.program.all.length };
  return {
    changes: changesBySegment([...standing, ...again]),
    last: recordStatements(locked, { findings, cause }),
  };
}

function changesBySegment(differences: readonly Difference[]): ReadonlyMap<number, number> {
  const changes = new Map<number, number>();
  for (const { entered, exited } of differences) {
    for (const id of [...entered, ...exited]) changes.set(id, (changes.get(id) ?? 0) + 1);
  }
  return changes;
}

export function keysOf(differences: readonly Difference[]): CustomerKey[] {
  return differences.map((difference) => difference.customerKey);
}
