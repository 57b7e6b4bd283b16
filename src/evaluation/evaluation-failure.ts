// In charge of telling apart a rule that cannot be computed and a database that cannot be reached.
import { sqlState } from '../db/transaction.ts';
import { NotEmitted } from '../rules/not-emitted.ts';

/** The service may not do something at all: of class 42, but of no one statement. */
const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Class 22 (data exception), 42 (the statement has no meaning), 54 (a limit of Postgres), 57014 (statement timeout), or none could be made: the
 * fault is in the statement, so its culprit is searched for.
 */
export function isEvaluationFailure(error: unknown): boolean {
  if (error instanceof NotEmitted) return true;
  const state = sqlState(error);
  if (state === undefined || state === INSUFFICIENT_PRIVILEGE) return false;
  return /^(22|42|54)/.test(state) || state === '57014';
}
