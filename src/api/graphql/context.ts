// In charge of what every resolver of one operation is given.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../access/caller.ts';
import type { Turns } from '../../base/turns.ts';
import type { Database } from '../../db/database.ts';
import type { Strata } from '../../strata.ts';
import type { Freshness } from '../rest/freshness.ts';
import type { RouteContext } from '../rest/register-routes.ts';
import type { Loaders } from './loaders.ts';
import type { PersonalReads } from './personal-reads.ts';

export interface GraphqlContext {
  readonly strata: Strata;
  readonly routes: RouteContext;
  /** where the operation reads; a mutation, or an event of the feed, sees what has just been written */
  readonly reads: Database;
  /** the same for a call of a route, once that write's changes are published if the route reads the feed */
  readonly readsFor: (kind: Freshness) => Promise<Database>;
  readonly caller: Caller;
  readonly seesPersonal: boolean;
  /** for this operation, or for this event of a subscription */
  loaders: Loaders;
  readonly personalReads: PersonalReads;
  readonly http: { readonly request: FastifyRequest; readonly reply: FastifyReply };
  readonly signal: () => AbortSignal;
  /** one: an operation that asks for twenty reports waits for each, and is not refused for the number of its own */
  readonly heavyTurns: Turns;
}
