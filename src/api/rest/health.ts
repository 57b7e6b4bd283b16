// In charge of what load balancers ask: is the process alive, can it serve.
import { z } from 'zod';
import { checkDatabase } from '../../db/check-database.ts';
import { AppError } from '../../errors.ts';
import { type Route, route } from './route.ts';

const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

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
    summary: 'The service can answer: its database does',
    public: true,
    answers: { 200: Health },
    handle: async ({ strata }) => {
      try {
        await checkDatabase(strata.database);
      } catch (cause) {
        throw new AppError('unavailable', 'The database does not answer.', { cause });
      }
      return { status: 'ok' };
    },
  }),
];
