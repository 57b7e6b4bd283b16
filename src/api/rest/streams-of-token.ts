// In charge of how many streams the bearers of one token hold open: whoever visits a shop gets one, and is not to take the places of all others.
import { type Caller, isToken } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';

/** Of all tokens of one customer, and of one stream token, in one process: tabs of a browser, and those that have just gone. */
export const STREAMS_OF_TOKEN_MAX = 20;
const RETRY_AFTER_S = 5;

const openOf = new WeakMap<Strata, Map<string, number>>();

/** → ends the stream's place. Throws `rate_limited`. Keys hold as many as there are places. */
export function enterStream(strata: Strata, caller: Caller): () => void {
  if (!isToken(caller)) return () => undefined;
  const { identity } = caller;
  const open = openOf.get(strata) ?? new Map<string, number>();
  openOf.set(strata, open);
  const count = open.get(identity) ?? 0;
  if (count >= STREAMS_OF_TOKEN_MAX) {
    const detail = `At most ${STREAMS_OF_TOKEN_MAX} streams are open for one token.`;
    throw new AppError('rate_limited', detail, { retryAfterS: RETRY_AFTER_S });
  }
  open.set(identity, count + 1);
  return () => {
    const left = (open.get(identity) ?? 1) - 1;
    if (left > 0) open.set(identity, left);
    else open.delete(identity);
  };
}
