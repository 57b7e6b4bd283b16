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

/** Refusals for which the database was asked: not there, or not as it was expected. Others cost next to nothing, and are no measure of speed. */
const LOOKED_UP: ReadonlySet<number> = new Set([404, 409, 412]);

/** Does the work and gives what it gives. Throws what it throws, and `unavailable` if there is too much under way already. */
export type Admit = <Value>(request: FastifyRequest, work: () => Promise<Value>) => Promise<Value>;

/**
 * A request counts while the service works on it: not while its body comes or its answer is read, which may take its caller any time, and on to
 * the end also if its caller hangs up. When no more may be under way, it is refused before its key is looked at or its body read.
 */
export function refuseOverload(app: FastifyInstance): Admit {
  const admission = () => new Admission({ always: ALWAYS_UNDER_WAY, mostWaitS: MOST_WAIT_S });
  const admissions: Readonly<Record<Load, Admission>> = { read: admission(), write: admission(), graphql: admission() };
  const timer = setInterval(() => {
    for (const each of Object.values(admissions)) each.turnSecond();
  }, 1000);
  timer.unref();
  app.addHook('onRequest', async (request) => {
    const load = loadOf(request);
    if (load !== undefined && admissions[load].isFull) throw overloaded();
  });
  app.addHook('onClose', async () => clearInterval(timer));
  return async (request, work) => {
    const load = loadOf(request);
    if (load === undefined) return work();
    const admission = admissions[load];
    if (!admission.enter()) throw overloaded();
    let how: 'done' | 'refused' = 'refused';
    try {
      const value = await work();
      how = 'done';
      return value;
    } catch (error) {
      if (error instanceof AppError && LOOKED_UP.has(error.status)) how = 'done';
      throw error;
    } finally {
      admission.leave(how);
    }
  };
}

function overloaded(): AppError {
  return new AppError('unavailable', 'More requests arrive than can be answered; try again.', { retryAfterS: 1 });
}

/** → undefined: it may take long and says nothing about how fast others are answered: streams, uploads, sockets, a poll that waits for changes. */
function loadOf({ routeOptions: { config }, query, raw }: FastifyRequest): Load | undefined {
  const isSocket = config?.load === 'graphql' && raw.headers.upgrade !== undefined;
  const isWaiting = config?.mayWait === true && Number((query as { readonly wait?: string }).wait ?? 0) > 0;
  return isSocket || isWaiting ? undefined : config?.load;
}
