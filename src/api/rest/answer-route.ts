// In charge of one call of a route, whoever carries it: HTTP (register-routes.ts) or a field of GraphQL (graphql/). Checked, as fresh as it
// asks for, handled. Not of the scope, which is asked for before anything is read.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, requireCustomer } from '../../access/caller.ts';
import { AppError } from '../../errors.ts';
import type { CheckRequest } from './check-request.ts';
import { awaitFreshness } from './freshness.ts';
import type { RouteContext } from './register-routes.ts';
import type { Route } from './route.ts';

export interface RouteCall {
  readonly caller: Caller;
  /** of GraphQL: the request that carries the operation, with the params, query, body and headers of this call */
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly signal: () => AbortSignal;
}

/** Throws what the checks and the handler throw. */
export async function answerRoute(context: RouteContext, route: Route, check: CheckRequest, call: RouteCall): Promise<unknown> {
  const { caller, request, reply } = call;
  refuseIdempotencyKey(route, request);
  const { params, query, body } = check(request);
  const { customerId } = params as { readonly customerId?: string };
  if (customerId !== undefined) requireCustomer(caller, customerId); // without one in the path the handler looks to it
  if (route.fresh !== undefined) await awaitFreshness(context.strata, route.fresh, request.headers['strata-token'] ?? query['fresh']);
  reply.code(Number(Object.keys(route.answers)[0]));
  const answer = await route.handle({ ...call, strata: context.strata, params, query, body } as Parameters<Route['handle']>[0]);
  if (context.checkAnswers && route.media === undefined) route.answers[reply.statusCode]?.parse(answer);
  return answer;
}

/** Taken silently it would promise what is not kept yet. Imports are repeatable by themselves. */
function refuseIdempotencyKey(route: Route, request: FastifyRequest): void {
  if (route.method !== 'POST' || route.body?.kind === 'stream' || request.headers['idempotency-key'] === undefined) return;
  const detail = 'Idempotency-Key is not available yet; ids make writes of customers, orders and events repeatable.';
  throw new AppError('invalid_request', detail, { errors: [{ parameter: 'Idempotency-Key', code: 'not_available', detail }] });
}
