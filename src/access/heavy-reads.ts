// In charge of how many reads of many customers run at once: a few run, a few more queue, and the rest are refused. So exports,
// previews and scans of the past leave connections and processors to page views and writes, and one caller leaves places to the others.
import { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../errors.ts';

const WAITING_PER_PLACE = 4;
/** The share of the places in the queue that one caller may take. */
const SHARE_OF_ONE = 0.5;
const PATIENCE_MS = 10_000;
const RETRY_AFTER_S = 5;

interface Waiting {
  readonly identity: string;
  enter(): void;
}

export class HeavyReads {
  readonly #clock: Clock;
  readonly #atOnce: number;
  #running = 0;
  /** by caller; only those that have any */
  readonly #runningOf = new Map<string, number>();
  #waiting: Waiting[] = [];

  /** Never more than half of the connections, whatever is asked for. */
  constructor(clock: Clock, wished: number, connections: number) {
    this.#clock = clock;
    this.#atOnce = Math.max(1, Math.min(wished, Math.floor(connections / 2)));
  }

  /**
   * `identity`: whose read it is. Keeps the place until the value is there, or for a stream until it has ended or is abandoned. Throws
   * `unavailable`, and `rate_limited` if it is this caller who waits for too many.
   */
  async run<Value>(identity: string, read: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    await this.#enter(identity, signal);
    let value: Value;
    try {
      signal.throwIfAborted();
      value = await read();
    } catch (error) {
      this.#leave(identity);
      throw error;
    }
    if (value instanceof Readable && !value.closed) value.once('close', () => this.#leave(identity));
    else this.#leave(identity);
    return value;
  }

  async #enter(identity: string, signal: AbortSignal): Promise<void> {
    if (this.#running < this.#atOnce) return this.#count(identity);
    const most = this.#atOnce * WAITING_PER_PLACE;
    if (this.#waiting.length >= most) throw tooMany();
    if (this.#waiting.filter((each) => each.identity === identity).length >= most * SHARE_OF_ONE) throw tooManyOfOne();
    const gone = new AbortController();
    const place = Promise.withResolvers<boolean>();
    const own: Waiting = { identity, enter: () => place.resolve(true) };
    this.#waiting.push(own);
    const patience = this.#clock.sleep(PATIENCE_MS, AbortSignal.any([signal, gone.signal])).then(() => false);
    const entered = await Promise.race([place.promise, patience]);
    gone.abort();
    if (entered) return; // the place was handed over, and has been counted
    const at = this.#waiting.indexOf(own);
    if (at < 0) return; // handed over at this very moment
    this.#waiting.splice(at, 1);
    signal.throwIfAborted();
    throw tooMany();
  }

  #count(identity: string): void {
    this.#running += 1;
    this.#runningOf.set(identity, (this.#runningOf.get(identity) ?? 0) + 1);
  }

  #leave(identity: string): void {
    this.#running -= 1;
    const left = (this.#runningOf.get(identity) ?? 1) - 1;
    if (left > 0) this.#runningOf.set(identity, left);
    else this.#runningOf.delete(identity);
    const next = this.#takeNext();
    if (next === undefined) return;
    this.#count(next.identity);
    next.enter();
  }

  /** Of those waiting, the first one whose caller has the fewest running. */
  #takeNext(): Waiting | undefined {
    const runningOf = ({ identity }: Waiting) => this.#runningOf.get(identity) ?? 0;
    const fewest = Math.min(...this.#waiting.map(runningOf));
    const at = this.#waiting.findIndex((each) => runningOf(each) === fewest);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }
}

function tooMany(): AppError {
  const detail = 'As many large reads run as may at a time; try again.';
  return new AppError('unavailable', detail, { retryAfterS: RETRY_AFTER_S });
}

function tooManyOfOne(): AppError {
  const detail = 'As many large reads of this key wait as may; ask for fewer at a time.';
  return new AppError('rate_limited', detail, { retryAfterS: RETRY_AFTER_S });
}
