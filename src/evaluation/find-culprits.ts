// In charge of finding which segments make a statement fail, by halving. Emitted SQL is built so that it cannot raise an error; this is for
// the day it does, and for rules that take too long, so that one segment fails with its reason and everything else goes on.
import { sqlState } from '../db/transaction.ts';
import { isEvaluationFailure } from './evaluation-failure.ts';

const CANCELLED = '57014';

/**
 * `attempt` evaluates some segments and throws what Postgres throws. Returns the reason by segment id; other errors are rethrown.
 * When a set fails although each half of it succeeds (it takes too long only as a whole), no segment is blamed.
 */
export async function findCulprits(
  segmentIds: readonly number[],
  attempt: (ids: readonly number[]) => Promise<void>,
): Promise<ReadonlyMap<number, string>> {
  const culprits = new Map<number, string>();
  await search(segmentIds, attempt, culprits);
  return culprits;
}

async function search(
  ids: readonly number[],
  attempt: (ids: readonly number[]) => Promise<void>,
  culprits: Map<number, string>,
): Promise<void> {
  try {
    await attempt(ids);
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      culprits.set(only, reasonOf(error));
      return;
    }
    const middle = Math.ceil(ids.length / 2);
    await search(ids.slice(0, middle), attempt, culprits);
    await search(ids.slice(middle), attempt, culprits);
  }
}

/** Why the rule of a segment cannot be computed, for its owner. */
export function reasonOf(error: unknown): string {
  if (sqlState(error) === CANCELLED) return 'The rule takes too long to compute over the facts there are.';
  return error instanceof Error ? error.message : String(error);
}
