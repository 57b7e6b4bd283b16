// In charge of which origins' pages may call with tokens: the routes that take tokens, for the origins of the configuration.
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** How long a browser need not ask again. */
const PREFLIGHT_S = 600;

/** Routes that take no token opt out by `config.cors: false`. Preflights go on to the route's own answer to OPTIONS. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD'],
    allowedHeaders: ['Authorization', 'If-None-Match', 'Strata-Token', 'Last-Event-ID'],
    exposedHeaders: ['ETag', 'X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
    maxAge: PREFLIGHT_S,
    preflightContinue: true,
    strictPreflight: false,
  });
}
