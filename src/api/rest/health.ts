// In charge of what load balancers ask: is the process alive, can it serve.
import { z } from 'zod';
import { checkDatabase } from '../../db/check-database.ts';
import { REPLICA_STATES } from '../../db/reads.ts';
import { AppError } from '../../errors.ts';
import { type Route, route } from './route.ts';

const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

const Readiness = z
  .strictObject({
    status: z.literal('ok'),
    replica: z.enum(REPLICA_STATES).meta({ description: 'Of READ_DATABASE_URL; while it is not `up`, reads go to the primary' }),
  })
  .meta({ id: 'Readiness' });

export const healthRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/healthz',
    operationId: 'getHealth',
    tag: 'service',
    summary: 'The process is alive',
    public: true,
    answers: { 200: Health },
    handle: async () => ({ status: 'ok' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    operationId: 'getReadiness',
    tag: 'service',
    summary: 'The service can answer: its database does, and it is not about to stop',
    description: 'Where it cannot, `detail` says why. A process that is told to stop says so here first, and answers on for DRAIN_SECONDS.',
    public: true,
    answers: { 200: Readiness },
    handle: async ({ strata }) => {
      if (strata.isLeaving) throw new AppError('unavailable', 'The service is stopping.');
      try {
        await checkDatabase(strata.database);
      } catch (cause) {
        throw new AppError('unavailable', 'The database does not answer.', { cause });
      }
      return { status: 'ok', replica: strata.reads.state };
    },
  }),
];
