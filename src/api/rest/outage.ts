// In charge of telling an outage of the database (503, try again) from a bug (500), and one that cannot be asked from one that takes too long.
// Not of repeating anything: transaction.ts does.
import { CommitInDoubt } from '../../db/commit-in-doubt.ts';
import { sqlState } from '../../db/transaction.ts';
import { isUnreachable } from '../../db/unreachable.ts';

/** A statement that was cancelled or took too long though no segment is to blame; transactions that met others six times in a row. */
const OUTAGE_STATES: ReadonlySet<string | undefined> = new Set(['57014', '40001', '40P01']);

export function isOutage(error: unknown): boolean {
  return isUnreachable(error) || OUTAGE_STATES.has(sqlState(error));
}

/** For the caller, of an outage. */
export function describeOutage(error: unknown): string {
  if (error instanceof CommitInDoubt) return 'The answer of the database to the commit was lost: it may have been done, or not; try again.';
  return isUnreachable(error)
    ? 'The database cannot be reached right now; try again.'
    : 'The database took too long over this, or was too busy with others; try again.';
}
