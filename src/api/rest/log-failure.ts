// In charge of what the log says of a request that failed: everything about a bug, and of an outage, which meets every request alike, a short line
// now and then. Not of refusals, and not of what the caller is told (problem.ts).
import type { FastifyBaseLogger } from 'fastify';
import { type Clock, systemClock } from '../../base/clock.ts';
import { isUnreachable } from '../../db/unreachable.ts';

/** A full disk or a missing database fails thousands of requests a second, all of them for the one reason. */
const BETWEEN_LINES_MS = 1000;

/** By the error's code: when it was logged last, and how often it has come since. Codes are few. */
const outages = new Map<string, { readonly loggedMs: number; unlogged: number }>();

export function logFailure(log: FastifyBaseLogger, error: unknown, about: object, message: string, clock: Clock = systemClock): void {
  if (!isUnreachable(error) || !(error instanceof Error)) {
    log.error({ err: error, ...about }, message);
    return;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const last = outages.get(code);
  const nowMs = clock.nowMs();
  if (last !== undefined && Math.abs(nowMs - last.loggedMs) < BETWEEN_LINES_MS) {
    last.unlogged += 1;
    return;
  }
  outages.set(code, { loggedMs: nowMs, unlogged: 0 });
  log.error({ code, trouble: error.message, unlogged: last?.unlogged ?? 0, ...about }, message); // no stack: no place in the code is to blame
}
