// In charge of one call of a route, whatever carries it: HTTP (register-routes.ts) or a field of GraphQL (graphql/). The call is checked,
// answered from a state as fresh as it asks for, and handled. Not of the scope, which is checked before anything is read.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, requireCustomer, requireSegments } from '../../access/caller.ts';
import type { Turns } from '../../base/turns.ts';
import { CommitInDoubt } from '../../db/commit-in-doubt.ts';
import type { Database } from '../../db/database.ts';
import type { Strata } from '../../strata.ts';
import type { CheckRequest } from './check-request.ts';
import { chooseReads, type Freshness } from './freshness.ts';
import { JsonText } from './json-text.ts';
import { isOutage } from './outage.ts';
import { recordCall } from './record-call.ts';
import { refusalFor } from './refusal-for.ts';
import type { RouteContext } from './register-routes.ts';
import type { Route } from './route.ts';
import { isWrite } from './route.ts';

/** A stream ends if nobody reads it for this long. */
const UNREAD_MS = 60_000;

export interface RouteCall {
  readonly caller: Caller;
  /** for GraphQL: the request that carries the operation, with the params, query, body and headers of this call */
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly signal: () => AbortSignal;
  /** where one request makes several calls: its heavy reads go one after the other, so that it does not take its caller's places from itself */
  readonly heavyTurns?: Turns;
  /** for GraphQL: where its operation reads, once it may; absent: chosen here */
  readonly readsFor?: (kind: Freshness) => Promise<Database>;
}

/** Throws what the checks and the handler throw. */
export async function answerRoute(context: RouteContext, route: Route, check: CheckRequest, call: RouteCall): Promise<unknown> {
  const { caller, request, reply } = call;
  const { params, query, body } = check(request);
  const { customerId } = params as { readonly customerId?: string };
  if (route.path.includes('/segments/:key')) requireSegments(caller, [(params as { readonly key: string }).key]);
  if (customerId !== undefined) requireCustomer(caller, customerId); // without one in the path the handler checks it
  const token = request.headers['strata-token'] ?? query['fresh'];
  const reads = await (call.readsFor?.(route.fresh ?? 'write') ?? chooseFor(context, route, token));
  reply.code(Number(Object.keys(route.answers)[0]));
  const checked = { ...call, strata: context.strata, reads, params, query, body };
  const handleOn = (reads: Database) => route.handle({ ...checked, reads } as Parameters<Route['handle']>[0]);
  const handle = () => recordCall(route, checked, () => withoutReplica(context.strata, reads, handleOn));
  const isHeavy = typeof route.heavy === 'function' ? route.heavy(query) : route.heavy === true;
  const handleHeavy = () => context.strata.heavyReads.run(caller.identity, handle, call.signal());
  const answer = await (isHeavy ? (call.heavyTurns?.run(handleHeavy) ?? handleHeavy()) : handle()).catch((error: unknown) => {
    throw refusalFor(caller, isWrite(route) ? error : lessDoubt(error));
  });
  if (isHeavy && answer instanceof Readable) reply.raw.setTimeout(UNREAD_MS, () => reply.raw.destroy()); // its place is for clients that read
  if (context.checkAnswers && route.media === undefined)
    route.answers[reply.statusCode]?.parse(answer instanceof JsonText ? answer.toJSON() : answer);
  return answer;
}

/** A read ends with a commit too, but nothing depends on it: all that its caller must know is that the connection broke. */
function lessDoubt(error: unknown): unknown {
  return error instanceof CommitInDoubt ? error.cause : error;
}

/** Only reads may use a replica. */
async function chooseFor({ strata }: RouteContext, route: Route, token: unknown): Promise<Database> {
  if (isWrite(route)) return strata.database;
  return chooseReads(strata, route.fresh ?? 'write', route.fresh === undefined ? undefined : token);
}

/** If a replica breaks in the middle of an answer, or cancels a statement that blocked its replication, the call is repeated on the primary. */
async function withoutReplica(strata: Strata, reads: Database, handleOn: (reads: Database) => Promise<unknown>): Promise<unknown> {
  if (reads === strata.database) return handleOn(reads);
  try {
    return await handleOn(reads);
  } catch (error) {
    if (!isOutage(error)) throw error;
    strata.meters.replicaFailures.inc();
    strata.log.warn({ err: error }, 'a read failed on the replica and is repeated on the primary');
    return handleOn(strata.database);
  }
}
