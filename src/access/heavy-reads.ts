// In charge of how many reads of many customers run at once: a few, a short queue behind them, and a refusal behind that. So exports,
// previews and scans of the past leave connections and processors to page views and writes.
import { Readable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../errors.ts';

const WAITING_PER_PLACE = 4;
const PATIENCE_MS = 10_000;
const RETRY_AFTER_S = 5;

export class HeavyReads {
  readonly #clock: Clock;
  readonly #atOnce: number;
  #running = 0;
  #waiting: (() => void)[] = [];

  /** Never more than half of the connections, whatever is wished for. */
  constructor(clock: Clock, wished: number, connections: number) {
    this.#clock = clock;
    this.#atOnce = Math.max(1, Math.min(wished, Math.floor(connections / 2)));
  }

  /** Keeps the place until the value is there; of a stream until it has ended or is given up. Throws `unavailable`. */
  async run<Value>(read: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    await this.#enter(signal);
    let value: Value;
    try {
      signal.throwIfAborted();
      value = await read();
    } catch (error) {
      this.#leave();
      throw error;
    }
    if (value instanceof Readable && !value.closed) value.once('close', () => this.#leave());
    else this.#leave();
    return value;
  }

  async #enter(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#atOnce * WAITING_PER_PLACE) throw tooMany();
    const gone = new AbortController();
    const place = Promise.withResolvers<boolean>();
    const enter = () => place.resolve(true);
    this.#waiting.push(enter);
    const patience = this.#clock.sleep(PATIENCE_MS, AbortSignal.any([signal, gone.signal])).then(() => false);
    const entered = await Promise.race([place.promise, patience]);
    gone.abort();
    if (entered) return; // the place was handed over: `running` counts it already
    const at = this.#waiting.indexOf(enter);
    if (at < 0) return; // handed over in the very moment
    this.#waiting.splice(at, 1);
    signal.throwIfAborted();
    throw tooMany();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}

function tooMany(): AppError {
  const detail = 'As many large reads run as may at a time; try again.';
  return new AppError('unavailable', detail, { retryAfterS: RETRY_AFTER_S });
}
