// In charge of one piece of work at a time while the next is made ready: reading and judging go on while Postgres writes.

export class Lane {
  #running: Promise<void> = Promise.resolve();

  /** Waits for the work before, starts this one, and does not wait for it. Throws what the work before threw. */
  async add(work: () => Promise<void>): Promise<void> {
    await this.#running;
    this.#running = work();
    this.#running.catch(() => {}); // thrown by the next add, or by drain
  }

  async drain(): Promise<void> {
    await this.#running;
  }
}
