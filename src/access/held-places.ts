// In charge of how many connections to the feed one caller holds open in this process, streams and reads that wait: whoever visits a shop gets
// a token, and neither it nor one key is to take the places of all others. Not of how many there are in all (api/rest/changes.ts).
import { AppError } from '../errors.ts';
import { type Caller, isToken } from './caller.ts';

/** Of all tokens of one customer, and of one stream token: tabs of a browser, and those that have just gone. */
export const PLACES_OF_TOKEN_MAX = 20;
const RETRY_AFTER_S = 5;

export class HeldPlaces {
  readonly #waitingReads: number;
  /** by identity */
  readonly #held = new Map<string, number>();

  /** `waitingReads`: of one key at once */
  constructor(waitingReads: number) {
    this.#waitingReads = waitingReads;
  }

  /** → ends it. Throws `rate_limited`. Keys hold as many streams as there are. */
  enterStream(caller: Caller): () => void {
    return isToken(caller) ? this.#enterOfToken(caller) : () => undefined;
  }

  /** A read that waits for a change. → ends it. Throws `rate_limited`. */
  enterWait(caller: Caller): () => void {
    if (isToken(caller)) return this.#enterOfToken(caller);
    return this.#enter(
      caller,
      this.#waitingReads,
      `At most ${this.#waitingReads} reads of the feed wait for one key; follow the stream instead.`,
    );
  }

  #enterOfToken(caller: Caller): () => void {
    return this.#enter(caller, PLACES_OF_TOKEN_MAX, `At most ${PLACES_OF_TOKEN_MAX} streams and waiting reads are open for one token.`);
  }

  #enter({ identity }: Caller, most: number, detail: string): () => void {
    const count = this.#held.get(identity) ?? 0;
    if (count >= most) throw new AppError('rate_limited', detail, { retryAfterS: RETRY_AFTER_S });
    this.#held.set(identity, count + 1);
    return () => {
      const left = (this.#held.get(identity) ?? 1) - 1;
      if (left > 0) this.#held.set(identity, left);
      else this.#held.delete(identity);
    };
  }
}
