// In charge of one write at a time while the next batch is read and judged: Postgres and the service both have something to do.

export class Lane {
  #writing: Promise<void> = Promise.resolve();

  /** Judges at once, waits for the write before, starts this one, and does not wait for it. Throws what the write before threw. */
  async add<Judged>(judge: () => Promise<Judged>, write: (judged: Judged) => Promise<void>): Promise<void> {
    const judged = await judge();
    await this.#writing;
    this.#writing = write(judged);
    this.#writing.catch(() => {}); // thrown by the next add, or by drain
  }

  async drain(): Promise<void> {
    await this.#writing;
  }
}
