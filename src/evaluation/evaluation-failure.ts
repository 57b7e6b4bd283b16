// In charge of telling apart a rule that cannot be computed and a database that cannot be reached.
import { sqlState } from '../db/transaction.ts';

/** Class 22 (data exception), 54 (a limit of Postgres), 57014 (statement timeout): the fault is in the statement, so its culprit is searched for. */
export function isEvaluationFailure(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && (state.startsWith('22') || state.startsWith('54') || state === '57014');
}
