// In charge of finding which segments make a statement fail, by halving. Emitted SQL is built so that it cannot raise; this is for
// the day it does, so that one segment fails with its reason and everything else goes on.
import { isEvaluationFailure } from './evaluation-failure.ts';

/**
 * `attempt` evaluates some segments and throws as Postgres does. Returns the reason by segment id; other errors are thrown on.
 * A set that fails though each half of it succeeds (a timeout of the whole) is blamed on nobody and thrown.
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
    return;
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      culprits.set(only, error instanceof Error ? error.message : String(error));
      return;
    }
    const before = culprits.size;
    const middle = Math.ceil(ids.length / 2);
    await search(ids.slice(0, middle), attempt, culprits);
    await search(ids.slice(middle), attempt, culprits);
    if (culprits.size === before) throw error;
  }
}
