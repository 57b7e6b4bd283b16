// In charge of writing while the next batch is read and judged: Postgres and the service both have something to do.

export class Lane {
  readonly #atOnce: number;
  readonly #writing: Promise<void>[] = [];

  /** `atOnce`: how many writes may be under way; if more than one, `write` itself keeps them in order. */
  constructor(atOnce: 1 | 2) {
    this.#atOnce = atOnce;
  }

  /** Judges at once, waits until there is room, starts the write, and does not wait for it. Throws what an earlier write threw. */
  async add<Judged>(judge: () => Promise<Judged>, write: (judged: Judged) => Promise<void>): Promise<void> {
    const judged = await judge();
    while (this.#writing.length >= this.#atOnce) {
      await this.#writing[0]; // one that failed stays there: nothing is written after it
      this.#writing.shift();
    }
    const writing = write(judged);
    writing.catch(() => {}); // thrown by a later add, or by drain
    this.#writing.push(writing);
  }

  /** Waits for all of them. Throws the error of the first that failed. */
  async drain(): Promise<void> {
    const ended = await Promise.allSettled(this.#writing);
    for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason;
  }
}
