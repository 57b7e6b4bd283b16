// In charge of where the mistakes of a rule are in the body that contained it: rules are checked without knowing that they came in a body.
import { AppError, type ErrorDetail } from '../../errors.ts';

/** The name of the rule in bodies that are about it. */
const POINTER = '/rule';

export function placeInBody(error: ErrorDetail, pointer: string = POINTER): ErrorDetail {
  return { ...error, pointer: `${pointer}${error.pointer ?? ''}` };
}

/** Runs work that reads the rule of a body; the pointers of its `invalid_rule` become pointers into that body. */
export async function withRuleOfBody<Value>(work: () => Promise<Value>, pointer: string = POINTER): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'invalid_rule') throw error;
    throw new AppError(error.code, error.message, { errors: error.errors.map((detail) => placeInBody(detail, pointer)), cause: error });
  }
}
