// In charge of telling an outage of the database (503, try again) from a bug (500), and a database that cannot be reached from one that takes too
// long. Not of repeating anything: transaction.ts does that.
import { CommitInDoubt } from '../../db/commit-in-doubt.ts';
import { sqlState } from '../../db/transaction.ts';
import { isUnreachable } from '../../db/unreachable.ts';

/** A statement that was cancelled or took too long without any segment to blame; transactions that conflicted six times in a row. */
const OUTAGE_STATES: ReadonlySet<string | undefined> = new Set(['57014', '40001', '40P01']);

const DISK_FULL = '53100';

export function isOutage(error: unknown): boolean {
  return isUnreachable(error) || OUTAGE_STATES.has(sqlState(error));
}

/** The refusal that the caller gets in an outage. */
export function describeOutage(error: unknown): string {
  if (error instanceof CommitInDoubt) return 'The answer of the database to the commit was lost: it may have been done, or not; try again.';
  if (sqlState(error) === DISK_FULL) return 'The disk of the database is full: nothing more can be written until there is space again.';
  return isUnreachable(error)
    ? 'The database cannot be reached right now; try again.'
    : 'The database took too long over this, or was too busy with others; try again.';
}
