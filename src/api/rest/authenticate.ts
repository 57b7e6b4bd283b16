// In charge of the gate that every request that is not public passes: who calls, how often, and whether a scope opens this route. All of this
// happens before a body is read. Who a bearer is: access/authenticate.ts.
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import type { AccessLimits } from '../../access/access-limits.ts';
import type { Authenticate, Credentials } from '../../access/authenticate.ts';
import { type Caller, isToken, requireScope } from '../../access/caller.ts';
import type { Limit, RateLimits, Taken } from '../../access/rate-limits.ts';
import { AppError } from '../../errors.ts';

export interface GateParts {
  readonly authenticate: Authenticate;
  readonly rates: RateLimits;
  readonly limits: AccessLimits;
  readonly nowMs: () => number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** whose credentials these are: for a caller without a request of its own, such as the beginning of a websocket */
    readonly authenticate: Authenticate;
  }
}

/** Throws `unauthenticated`, `rate_limited` and `forbidden`; → who calls. */
export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<Caller>;

export function openGate({ authenticate, rates, limits, nowMs }: GateParts): Gate {
  return async (request, reply) => {
    const { config } = request.routeOptions;
    const caller = await authenticate(credentialsOf(request, config));
    const limit = limitOf(caller, limits);
    const taken = rates.take(caller.identity, limit, nowMs());
    tellLimit(reply, caller, limit, taken);
    if (!taken.allowed) {
      throw new AppError('rate_limited', `At most ${limit.perSecond} requests a second, ${limit.burst} at once, are taken from here.`, {
        retryAfterS: taken.retryInS,
      });
    }
    requireRouteScope(caller, config);
    return caller;
  };
}

/** How many seconds' worth of requests may come at once. */
const BURST_S = 2;

function limitOf(caller: Caller, limits: AccessLimits): Limit {
  const perSecond = caller.requestsPerSecond ?? (isToken(caller) ? limits.tokenRequestsPerSecond : limits.requestsPerSecond);
  return { perSecond, burst: perSecond * BURST_S };
}

/** draft-ietf-httpapi-ratelimit-headers-10: structured fields, the policy named by what it counts. */
function tellLimit(reply: FastifyReply, caller: Caller, { burst }: Limit, { remaining, fullInS }: Taken): void {
  const name = isToken(caller) ? 'token' : 'key';
  reply.header('ratelimit-policy', `"${name}";q=${burst};w=${BURST_S}`).header('ratelimit', `"${name}";r=${remaining};t=${fullInS}`);
}

/** For a request that lasts: who its bearer is now. Throws `unauthenticated` if the key or token is no longer valid, and `forbidden`. */
export async function recheck(request: FastifyRequest): Promise<Caller> {
  const { config } = request.routeOptions;
  const caller = await request.server.authenticate(credentialsOf(request, config));
  requireRouteScope(caller, config);
  return caller;
}

/** Tokens have no scopes: they open the routes that say so, and within those only what is the bearer's own. */
function requireRouteScope(caller: Caller, { scopes, tokens }: FastifyContextConfig): void {
  const { bearer } = caller;
  if (bearer === 'customer' || bearer === 'stream') {
    if (tokens?.includes(bearer) !== true) throw new AppError('forbidden', `A ${bearer} token does not open this.`);
    return;
  }
  if (scopes !== undefined) requireScope(caller, ...scopes); // undefined: not a route of the table, 404 or 405
}

/** If there are two credentials, a proxy in front may have checked the other one: neither is accepted. */
function credentialsOf(request: FastifyRequest, config: FastifyContextConfig): Credentials {
  const { rawHeaders } = request.raw;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === 'authorization') count += 1;
  if (count > 1) throw new AppError('invalid_request', 'There are two Authorization headers; send one.');
  return { authorization: request.headers.authorization, accessToken: accessTokenOf(request, config), address: request.ip };
}

function accessTokenOf({ query }: FastifyRequest, { tokens, tokenInUrl }: FastifyContextConfig): string | undefined {
  if (tokens === undefined || tokens.length === 0 || tokenInUrl === false) return undefined; // refused later as an unknown parameter
  const { access_token: token } = query as { readonly access_token?: unknown };
  if (token === undefined || typeof token === 'string') return token;
  throw new AppError('invalid_request', '`access_token` stands there twice.');
}
