// In charge of telling an outage of the database (503, try again) from a bug (500). Not of repeating anything: transaction.ts does.
import { sqlState } from '../../db/transaction.ts';
import { isUnreachable } from '../../db/unreachable.ts';

/** A statement that was cancelled or took too long though no segment is to blame; transactions that met others six times in a row. */
const OUTAGE_STATES: ReadonlySet<string | undefined> = new Set(['57014', '40001', '40P01']);

export function isOutage(error: unknown): boolean {
  return isUnreachable(error) || OUTAGE_STATES.has(sqlState(error));
}
