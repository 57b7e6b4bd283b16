// In charge of taking on no more work than can be done in good time. Not of what the work is, nor of refusing it.

export interface AdmissionOptions {
  /** how many pieces may always be under way: for a burst, or a process that has just started and knows nothing of its speed */
  readonly always: number;
  /** how long a piece that is taken may have to wait for those before it, in seconds */
  readonly mostWaitS: number;
}

/** How many of the last seconds count: one in which everything stood still does not shut the door. */
const SECONDS_KEPT = 5;

/**
 * Little's law read backwards: if L pieces are under way, and a certain number is done per second, the next one waits for L / (done per second)
 * seconds. So no speed has to be configured, and the bound follows the machine.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  /** how many were done in this second, and in those before; what was refused says nothing of how fast work is done */
  #done = [0];
  #underWay = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** → the most that may be under way */
  get most(): number {
    const { always, mostWaitS } = this.#options;
    return Math.max(always, mostWaitS * Math.max(...this.#done));
  }

  /** Nobody may enter now. */
  get isFull(): boolean {
    return this.#underWay >= this.most;
  }

  /** → false: come later. True: `leave` must be called when it is over. */
  enter(): boolean {
    if (this.isFull) return false;
    this.#underWay += 1;
    return true;
  }

  leave(how: 'done' | 'refused'): void {
    this.#underWay -= 1;
    if (how === 'done') this.#done[0] = (this.#done[0] ?? 0) + 1;
  }

  /** To be called each second. */
  turnSecond(): void {
    this.#done = [0, ...this.#done.slice(0, SECONDS_KEPT)];
  }
}
