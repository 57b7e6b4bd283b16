// In charge of gathering pieces of work that arrive at the same time into one call, while each is still answered or refused on its own.
// Not of what the work is.

import { startStopwatch } from './clock.ts';

export interface GatherOptions<Input, Output> {
  /** most pieces in one call */
  readonly limit: number;
  /** calls under way at the same time */
  readonly lanes: number;
  /**
   * Pieces that wait are shared out evenly among the lanes that are free, this many to each at least. Callers that were answered together ask
   * again together, and if one call took them all, this process and Postgres would work in turn, each waiting for the other. Absent: the first
   * free lane takes all of them, which costs the least if what counts is what a call costs.
   */
  readonly least?: number;
  /**
   * How long a free lane waits for more pieces while another lane is busy, in milliseconds: callers that were just answered together ask again
   * one after the other, and the first of them would otherwise go alone. A piece that finds no lane busy does not wait. Absent: nobody waits.
   */
  readonly gatherMs?: number;
  /** what two pieces under way at once must not share, such as a customer: a piece that shares one waits for a later call */
  keysOf(input: Input): Iterable<string>;
  /** true: no single piece caused the error, so all are run together once more, and then it is everybody's answer; absent: one of them may have */
  isNobodysFault?(error: unknown): boolean;
  /**
   * true: nobody knows whether the work was done, so the error is everybody's answer and nothing is run again. Absent: that never happens, or
   * the work may be done twice.
   */
  isInDoubt?(error: unknown): boolean;
  /**
   * A piece is refused at once when `most` are waiting already; also when more are waiting than the lanes can take and those that went last
   * had waited for more than `mostSeconds`. So the wait stays about the same whatever the speed. Absent: nothing is refused.
   */
  readonly queue?: { readonly most: number; readonly mostSeconds: number; refusal(): Error };
  /** answers in the order of the inputs */
  run(inputs: readonly Input[]): Promise<readonly Output[]>;
}

interface Waiting<Input, Output> {
  readonly input: Input;
  /** → seconds */
  waited(): number;
  resolve(output: Output): void;
  reject(error: unknown): void;
}

/**
 * Runs a piece at once while a lane is free, and pieces together when they arrive faster than they are done. After an error that one of them
 * may have caused, each runs alone.
 */
export class Gatherer<Input, Output> {
  readonly #options: GatherOptions<Input, Output>;
  #waiting: Waiting<Input, Output>[] = [];
  readonly #busyKeys = new Set<string>();
  #lanesBusy = 0;
  /** how long the median piece of the last call had waited: not the longest, which may only have waited for another one of the same key */
  #waitedSeconds = 0;
  #scheduled = false;

  constructor(options: GatherOptions<Input, Output>) {
    this.#options = options;
  }

  add(input: Input): Promise<Output> {
    const { queue } = this.#options;
    if (queue !== undefined && this.#isFull(queue)) return Promise.reject(queue.refusal());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, waited: startStopwatch(), resolve, reject });
      this.#schedule();
    });
  }

  #isFull({ most, mostSeconds }: { readonly most: number; readonly mostSeconds: number }): boolean {
    const { limit, lanes } = this.#options;
    const waiting = this.#waiting.length;
    return waiting >= most || (waiting >= limit * lanes && this.#waitedSeconds > mostSeconds);
  }

  /** After the current tick, so that everything that arrived in it goes together; or a little later (`gatherMs`). */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const start = (): void => {
      this.#scheduled = false;
      while (this.#lanesBusy < this.#options.lanes) {
        const pieces = this.#take();
        if (pieces.length === 0) break;
        void this.#runLane(pieces);
      }
    };
    const { gatherMs } = this.#options;
    if (gatherMs !== undefined && this.#lanesBusy > 0) setTimeout(start, gatherMs);
    else setImmediate(start);
  }

  /** How many a lane takes that is free now. */
  #share(): number {
    const { limit, lanes, least } = this.#options;
    if (least === undefined) return limit;
    return Math.min(limit, Math.max(least, Math.ceil(this.#waiting.length / (lanes - this.#lanesBusy))));
  }

  /** The pieces that have waited longest and share no key with each other, nor with a call under way, behind whose locks they would only wait. */
  #take(): Waiting<Input, Output>[] {
    const share = this.#share();
    const taken: Waiting<Input, Output>[] = [];
    const left: Waiting<Input, Output>[] = [];
    const keys = new Set(this.#busyKeys);
    for (const piece of this.#waiting) {
      const own = [...this.#options.keysOf(piece.input)];
      if (taken.length < share && !own.some((key) => keys.has(key))) taken.push(piece);
      else left.push(piece);
      for (const key of own) keys.add(key); // also of those left: a later piece must not overtake them
    }
    this.#waiting = left;
    this.#waitedSeconds = taken[taken.length >> 1]?.waited() ?? this.#waitedSeconds;
    return taken;
  }

  async #runLane(pieces: readonly Waiting<Input, Output>[]): Promise<void> {
    const keys = pieces.flatMap((piece) => [...this.#options.keysOf(piece.input)]);
    for (const key of keys) this.#busyKeys.add(key);
    this.#lanesBusy += 1;
    try {
      await this.#runTogether(pieces);
    } finally {
      for (const key of keys) this.#busyKeys.delete(key);
      this.#lanesBusy -= 1;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }

  async #runTogether(pieces: readonly Waiting<Input, Output>[], isAgain = false): Promise<void> {
    try {
      const outputs = await this.#options.run(pieces.map((piece) => piece.input));
      pieces.forEach((piece, index) => {
        piece.resolve(outputs[index] as Output);
      });
    } catch (error) {
      const isNobodysFault = this.#options.isNobodysFault?.(error) === true;
      const isFinal = pieces.length === 1 || (isNobodysFault && isAgain) || this.#options.isInDoubt?.(error) === true;
      if (isFinal) for (const piece of pieces) piece.reject(error);
      else if (isNobodysFault) await this.#runTogether(pieces, true);
      else for (const piece of pieces) await this.#runTogether([piece]);
    }
  }
}
