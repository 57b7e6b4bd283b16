// In charge of waiting for what other processes do: checked again and again, up to a limit. Processes have no clock that a test can move.
import { systemClock } from '../../src/base/clock.ts';

const POLL_MS = 25;

/** Resolves with how long it took, in milliseconds; rejects after `patienceMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<number> {
  const begunMs = systemClock.nowMs();
  while (!(await holds())) {
    if (systemClock.nowMs() - begunMs > patienceMs) throw new Error(`waited ${patienceMs} ms in vain: ${what}`);
    await systemClock.sleep(POLL_MS);
  }
  return systemClock.nowMs() - begunMs;
}
