// In charge of waking a loop: one sleeper waits for the bell, and anybody can ring it.
import type { Clock } from './clock.ts';

/** A ring while nobody sleeps is not lost: the next sleep ends at once. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const waking = new AbortController();
      this.#wake = () => waking.abort();
      await clock.sleep(durationMs, AbortSignal.any([signal, waking.signal]));
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
