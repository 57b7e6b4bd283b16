// In charge of refusing early what would only be answered late: when too many wait for a connection to the database, or the process cannot keep
// up with itself. Writes have bounds of their own (open-strata.ts). What tells of the process's state is always answered.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import { readPoolUse } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';

/** A few waits of a page view each; beyond this all of them wait longer than anybody wants to. */
const WAITING_MOST = 500;
/** The event loop's mean delay, over the last half second. */
const DELAY_MOST_MS = 500;
const WINDOW_MS = 500;
const RESOLUTION_MS = 10;

/** Refuses with `unavailable`, before a key is looked at or a body read. */
export function refuseOverload(app: FastifyInstance, { database }: Pick<Strata, 'database'>): void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let delayMs = 0;
  const timer = setInterval(() => {
    delayMs = histogram.count === 0 ? WINDOW_MS : histogram.mean / 1e6;
    histogram.reset();
  }, WINDOW_MS);
  timer.unref();
  app.addHook('onRequest', async (request) => {
    if (delayMs <= DELAY_MOST_MS && readPoolUse(database).waiting <= WAITING_MOST) return;
    const { public: isPublic, operationId } = request.routeOptions.config ?? {};
    if (isPublic === true || operationId === 'getMetrics') return;
    throw new AppError('unavailable', 'More requests arrive than can be answered; try again.', { retryAfterS: 1 });
  });
  app.addHook('onClose', async () => {
    clearInterval(timer);
    histogram.disable();
  });
}
