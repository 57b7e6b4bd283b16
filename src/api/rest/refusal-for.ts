// In charge of what a key for named segments is told if other segments are the reason for a refusal: the code, but not which segments they are.
import { allowsSegment, type Caller } from '../../access/caller.ts';
import { AppError, type ErrorDetail } from '../../errors.ts';

/** Takes the place of a detail that would name a segment that the caller may not see. */
export const OF_ANOTHER = 'Another segment stands in the way, of which this key may not know.';

/** The same error if it names no such segment. Groups may be named: they hold a segment that the caller may see. */
export function refusalFor(caller: Caller, error: unknown): unknown {
  if (!(error instanceof AppError) || !error.errors.some((each) => isOfAnother(caller, each))) return error;
  const errors = error.errors.map((each) => (isOfAnother(caller, each) ? withoutAnother(each) : each));
  return new AppError(error.code, OF_ANOTHER, { errors, cause: error });
}

function isOfAnother(caller: Caller, { segment, cycle = [] }: ErrorDetail): boolean {
  const named = segment === undefined ? cycle : [segment, ...cycle];
  return named.some((key) => !allowsSegment(caller, key));
}

function withoutAnother({ pointer, span, code }: ErrorDetail): ErrorDetail {
  return { ...(pointer === undefined ? {} : { pointer }), ...(span === undefined ? {} : { span }), code, detail: OF_ANOTHER };
}
