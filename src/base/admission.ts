// In charge of taking no more work than is done in good time. Not of which work, nor of saying no.

export interface AdmissionOptions {
  /** so many may always be under way: a burst, or a process that has only started and knows nothing of its speed */
  readonly always: number;
  /** that whoever is taken may have before them, in seconds */
  readonly mostWaitS: number;
}

/** As many of the last seconds: one that stood still does not shut the door. */
const SECONDS_KEPT = 5;

/**
 * Little's law read backwards: with L pieces under way, of which so many are done a second, the next waits for L / (done a second) seconds. So
 * no speed has to be set, and the bound follows the machine.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  /** done in this second, and in those before */
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

  /** → false: come later. True: `leave` is to be called when it is done. */
  enter(): boolean {
    if (this.#underWay >= this.most) return false;
    this.#underWay += 1;
    return true;
  }

  leave(): void {
    this.#underWay -= 1;
    this.#done[0] = (this.#done[0] ?? 0) + 1;
  }

  /** To be called each second. */
  turnSecond(): void {
    this.#done = [0, ...this.#done.slice(0, SECONDS_KEPT)];
  }
}
