// In charge of how many connections to the feed (streams, subscriptions, waiting reads) are held open in this process: in all, and by one
// caller. Every visitor of a shop gets a token, and neither that nor one key is to take the places of all others.
import { AppError } from '../errors.ts';
import type { AccessLimits } from './access-limits.ts';
import { type Caller, isToken } from './caller.ts';

/** One takes some 20 kB; beyond this the service says so instead of growing. */
const PLACES_MAX = 20_000;
/** For all tokens of one customer together, and for one stream token: a browser's tabs, and those just closed. */
export const PLACES_OF_TOKEN_MAX = 20;
const RETRY_AFTER_S = 5;

export class HeldPlaces {
  readonly #limits: Pick<AccessLimits, 'openStreams' | 'waitingReads'>;
  /** by identity, and for keys also by kind */
  readonly #held = new Map<string, number>();
  #heldInAll = 0;

  constructor(limits: Pick<AccessLimits, 'openStreams' | 'waitingReads'>) {
    this.#limits = limits;
  }

  /** Takes a place for a stream or a subscription. → gives it back. Throws `rate_limited`, `unavailable`. */
  enterStream(caller: Caller): () => void {
    if (isToken(caller)) return this.#enterOfToken(caller);
    const { openStreams } = this.#limits;
    return this.#enter(
      `streams of ${caller.identity}`,
      openStreams,
      `At most ${openStreams} streams and subscriptions are open for one key.`,
    );
  }

  /** Takes a place for a read that waits for a change. → gives it back. Throws `rate_limited`, `unavailable`. */
  enterWait(caller: Caller): () => void {
    if (isToken(caller)) return this.#enterOfToken(caller);
    const { waitingReads } = this.#limits;
    const detail = `At most ${waitingReads} reads of the feed wait for one key; follow the stream instead.`;
    return this.#enter(`waits of ${caller.identity}`, waitingReads, detail);
  }

  #enterOfToken({ identity }: Caller): () => void {
    return this.#enter(identity, PLACES_OF_TOKEN_MAX, `At most ${PLACES_OF_TOKEN_MAX} streams and waiting reads are open for one token.`);
  }

  #enter(name: string, most: number, detail: string): () => void {
    const count = this.#held.get(name) ?? 0;
    if (count >= most) throw new AppError('rate_limited', detail, { retryAfterS: RETRY_AFTER_S });
    if (this.#heldInAll >= PLACES_MAX) throw new AppError('unavailable', `${PLACES_MAX} readers follow the feed, as many as may.`);
    this.#held.set(name, count + 1);
    this.#heldInAll += 1;
    return () => {
      this.#heldInAll -= 1;
      const left = (this.#held.get(name) ?? 1) - 1;
      if (left > 0) this.#held.set(name, left);
      else this.#held.delete(name);
    };
  }
}
