// In charge of where mistakes of a rule stand in the body that carried it: rules are checked without knowing that they were in one.
import { AppError, type ErrorDetail } from '../../errors.ts';

/** Every body that takes a rule calls it so. */
const POINTER = '/rule';

export function placeInBody(error: ErrorDetail): ErrorDetail {
  return { ...error, pointer: `${POINTER}${error.pointer ?? ''}` };
}

/** Runs what reads the rule of a body; pointers of `invalid_rule` come out as pointers into that body. */
export async function withRuleOfBody<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_rule') throw error;
    throw new AppError(error.code, error.message, { errors: error.errors.map(placeInBody), cause: error });
  }
}
