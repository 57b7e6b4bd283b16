// In charge of what a key for named segments is told of a refusal that other segments are the reason of: its code, and not which they are.
import { allowsSegment, type Caller } from '../../access/caller.ts';
import { AppError, type ErrorDetail } from '../../errors.ts';

/** Stands where a detail would name a segment that is not the caller's. */
export const OF_ANOTHER = 'Another segment stands in the way, of which this key may not know.';

/** The same error where it names no other segment. Groups are told: they hold a segment of the caller's. */
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
