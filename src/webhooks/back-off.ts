// In charge of when a failed delivery is tried again, and when an endpoint is given up on: about three days after the first failure.
import { randomInt } from 'node:crypto';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Seconds after each failure. Most outages are restarts, so the first tries come soon; 74 hours in all. */
const DELAYS_SECONDS: readonly number[] = [
  5,
  30,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
  8 * HOUR,
  10 * HOUR,
  12 * HOUR,
  14 * HOUR,
  16 * HOUR,
];

/** Receivers that failed together should not all be tried again at the same moment: a quarter less to a quarter more. */
const JITTER = 0.25;
/** A receiver may ask for more patience (Retry-After), up to this much. */
const ASKED_MOST_SECONDS = HOUR;

/** Milliseconds until the next try after so many failures in a row, from 1; null: it is given up on. */
export function backOffMs(failures: number, askedSeconds: number | null): number | null {
  const seconds = DELAYS_SECONDS[failures - 1];
  if (seconds === undefined) return null;
  const jitter = 1 + (randomInt(-1_000_000, 1_000_001) / 1_000_000) * JITTER;
  return Math.round(Math.max(seconds * jitter, Math.min(askedSeconds ?? 0, ASKED_MOST_SECONDS)) * 1000);
}
