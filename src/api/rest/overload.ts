// In charge of refusing early what would only be answered late. After that, writes have bounds of their own (open-strata.ts), and so have reads
// of many customers (access/heavy-reads.ts). What reports the state of the process is always answered.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Admission } from '../../base/admission.ts';
import { AppError } from '../../errors.ts';

/** Each kind has its own bound: writes may be stuck while reads are not. */
export type Load = 'read' | 'write' | 'graphql';

/** Room for page views by many visitors who come at once, before anything is known about the speed. */
const ALWAYS_UNDER_WAY = 500;
const MOST_WAIT_S = 1;

/** Refuses with `unavailable`, before a key is looked at or a body read. */
export function refuseOverload(app: FastifyInstance): void {
  const admission = () => new Admission({ always: ALWAYS_UNDER_WAY, mostWaitS: MOST_WAIT_S });
  const admissions: Readonly<Record<Load, Admission>> = { read: admission(), write: admission(), graphql: admission() };
  const timer = setInterval(() => {
    for (const each of Object.values(admissions)) each.turnSecond();
  }, 1000);
  timer.unref();
  app.addHook('onRequest', async (request, reply) => {
    const load = loadOf(request);
    if (load === undefined) return;
    if (!admissions[load].enter())
      throw new AppError('unavailable', 'More requests arrive than can be answered; try again.', { retryAfterS: 1 });
    reply.raw.once('close', () => admissions[load].leave());
  });
  app.addHook('onClose', async () => clearInterval(timer));
}

/** → undefined: it may take long and says nothing about how fast others are answered: streams, uploads, sockets, a poll that waits for changes. */
function loadOf({ routeOptions: { config }, query, raw }: FastifyRequest): Load | undefined {
  const isSocket = config?.load === 'graphql' && raw.headers.upgrade !== undefined;
  const isWaiting = config?.mayWait === true && Number((query as { readonly wait?: string }).wait ?? 0) > 0;
  return isSocket || isWaiting ? undefined : config?.load;
}
