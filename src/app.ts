// In charge of wiring the HTTP service by hand: what applies to every request, and the table of routes. Builds, but does not listen;
// opening and closing Strata itself is the caller's business (main.ts).
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { ACCESS_LIMITS, type AccessLimits } from './access/access-limits.ts';
import { authenticator } from './access/authenticate.ts';
import { NOBODY } from './access/caller.ts';
import { trustProxies } from './access/peer-address.ts';
import { RateLimits } from './access/rate-limits.ts';
import { registerGraphql } from './api/graphql/register-graphql.ts';
import { isGraphqlSocket } from './api/graphql/serve-sockets.ts';
import { openGate } from './api/rest/authenticate.ts';
import { allowOrigins } from './api/rest/cors.ts';
import { readJsonBodies } from './api/rest/json-body.ts';
import { meterRequests } from './api/rest/meter-requests.ts';
import { openMetrics } from './api/rest/metrics.ts';
import { nearestPath } from './api/rest/nearest-path.ts';
import { refuseOverload } from './api/rest/overload.ts';
import { handleError, PROBLEM_TYPE, problem } from './api/rest/problem.ts';
import { parseQueryString } from './api/rest/query-string.ts';
import { recordRefusal } from './api/rest/record-call.ts';
import { registerRoutes } from './api/rest/register-routes.ts';
import { ROUTES } from './api/rest/routes.ts';
import { giveUpSlowBodies, giveUpUnreadAnswers, PATIENCE, type Patience, serverPatience } from './api/rest/slow-requests.ts';
import { traceRequests } from './api/rest/trace-requests.ts';
import { servePage } from './api/serve-page.ts';
import { AppError } from './errors.ts';
import type { Strata } from './strata.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Has uploads end that still come, each with an answer. */
    cutOffUploads(): void;
  }
}

export interface AppOptions {
  readonly strata: Strata;
  readonly adminKey: string;
  readonly limits?: Partial<AccessLimits>;
  /** of pages that may read with tokens; absent: none */
  readonly corsOrigins?: readonly string[];
  /** true: /metrics needs no key */
  readonly metricsPublic?: boolean;
  /** false: GraphQL does not answer questions about its schema */
  readonly introspection?: boolean;
  /** a pino logger; absent: silent */
  readonly logger?: FastifyBaseLogger;
  /** address ranges of proxies whose X-Forwarded-For is believed; absent: none */
  readonly trustProxy?: readonly string[];
  /** tests: how long slow requests are waited for */
  readonly patience?: Partial<Patience>;
  /** tests: an answer that its schema does not describe exactly is a 500 */
  readonly checkAnswers?: boolean;
}

/** 256 bytes percent-encoded are 768 characters; longer ids are to reach the check that says so, and headers end at 16 KiB anyway. */
const MAX_PARAM_LENGTH = 16 * 1024;
/** Callers whose rate is remembered, and addresses of failures: at most about 10 MB. */
const CALLERS_MAX = 50_000;

const CUT_OFF = 'The service stopped before all of the file was taken; send it again to complete it.';

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const stopping = new AbortController();
  const cutOff = new AbortController();
  const patience = { ...PATIENCE, ...options.patience };
  const app: FastifyInstance = Fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: options.trustProxy === undefined ? false : [...options.trustProxy], // otherwise anybody could claim any address
    keepAliveTimeout: patience.idleMs,
    http: { ...serverPatience(patience), shouldUpgradeCallback: isGraphqlSocket }, // other upgrades, such as to h2c, are answered as ordinary requests
    return503OnClosing: false, // clients that are already connected are served; the server takes no new connections
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, querystringParser: parseQueryString },
    frameworkErrors: (error, request, reply) => handleError(error, request as FastifyRequest, reply as unknown as FastifyReply),
    clientErrorHandler: refuseBrokenHttp,
  });
  const { strata, adminKey } = options;
  const limits = { ...ACCESS_LIMITS, ...options.limits };
  const nowMs = () => strata.clock.nowMs();
  const failures = new RateLimits(CALLERS_MAX);
  const { keys, tokens } = strata;
  const authenticate = authenticator({ adminKey, keys, tokens, failures, failuresPerMinute: limits.failedKeysPerMinute, nowMs });
  const gate = openGate({ authenticate, rates: new RateLimits(CALLERS_MAX), limits, nowMs });
  app.decorateRequest('caller', null);
  app.decorate('authenticate', authenticate);
  app.decorate('cutOffUploads', () => cutOff.abort(new AppError('unavailable', CUT_OFF)));
  traceRequests(app);
  await allowOrigins(app, options.corsOrigins ?? []);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
  });
  const admit = refuseOverload(app);
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config?.public !== true) request.caller = await gate(request, reply);
  });
  meterRequests(app, strata.meters);
  giveUpSlowBodies(app, patience);
  giveUpUnreadAnswers(app, patience);
  app.addHook('onError', async (request, _reply, error) => {
    recordRefusal(strata, request.caller ?? NOBODY, request, request.routeOptions.config?.operationId ?? 'none', error);
  });
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(async (request) => refuseUnknownPath(request));
  readJsonBodies(app);
  const routes = options.metricsPublic === true ? openMetrics(ROUTES) : ROUTES;
  const context = { strata, admit, stopping: stopping.signal, cutOff: cutOff.signal, checkAnswers: options.checkAnswers === true };
  registerRoutes(app, routes, context);
  await registerGraphql(app, {
    routes: ROUTES,
    context,
    introspection: options.introspection ?? true,
    trustsProxy: trustProxies(options.trustProxy ?? []),
  });
  await servePage(app);
  app.addHook('preClose', async () => stopping.abort(new AppError('unavailable', 'The service is stopping.')));
  await app.ready();
  return app;
}

/** GraphQL is not in the table. */
const PATHS = [...ROUTES, { method: 'POST', path: '/graphql' }] as const;

function refuseUnknownPath({ method, url }: FastifyRequest): never {
  const path = url.split('?')[0] ?? '';
  const meant = nearestPath(method, path, PATHS);
  const hint = meant === undefined ? 'All calls are listed at /docs.' : `Did you mean ${meant.slice(0, 200)}?`;
  throw new AppError('not_found', `There is no ${method} ${path.slice(0, 200)}. ${hint}`);
}

const BROKEN_HTTP: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The headers are too large.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not come in time.',
};

/** What Node's HTTP parser refuses never becomes a request; it gets a problem all the same. */
function refuseBrokenHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const id = randomUUID();
  const detail = BROKEN_HTTP[error.code ?? ''] ?? 'This is not well-formed HTTP/1.1.';
  const body = JSON.stringify(problem('invalid_request', detail, id));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}\r\nX-Request-Id: ${id}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
