// The only place that knows what time it is and that can wait. Decisions take their instant from the database's clock
// (`asOf`, read after the last lock); this clock serves timers, leases and log lines, and in tests it replaces both.

export interface Clock {
  /** epoch milliseconds of this process */
  nowMs(): number;
  /** The instant that decisions are to use instead of the database's clock, in epoch milliseconds; null: use the database's. */
  fixedMs(): number | null;
  /** Resolves after this many milliseconds, or at once if the signal aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** → the seconds since this call, as a function: for measuring, never for deciding. */
export function startStopwatch(): () => number {
  const startedMs = performance.now();
  return () => (performance.now() - startedMs) / 1000;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  fixedMs: () => null,
  sleep: (durationMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, durationMs);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

/** A clock that stands until it is moved. Sleepers wake when it passes their instant. */
export class TestClock implements Clock {
  #nowMs: number;
  #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  fixedMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || durationMs <= 0) return resolve();
      const sleeper = { untilMs: this.#nowMs + durationMs, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Moves to an instant, forwards only. */
  set(nowMs: number): void {
    if (nowMs < this.#nowMs) throw new Error('a test clock runs forwards only');
    this.#nowMs = nowMs;
    const due = this.#sleepers.filter((sleeper) => sleeper.untilMs <= nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.untilMs > nowMs);
    for (const sleeper of due) sleeper.wake();
  }

  advance(byMs: number): void {
    this.set(this.#nowMs + byMs);
  }
}
