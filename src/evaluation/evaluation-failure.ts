// In charge of telling a rule that cannot be computed from a database that cannot be reached.
import { sqlState } from '../db/transaction.ts';

/** Class 22 (data exception), 54 (a limit of Postgres), 57014 (statement timeout): the statement's own fault, so the culprit is sought. */
export function isEvaluationFailure(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && (state.startsWith('22') || state.startsWith('54') || state === '57014');
}
