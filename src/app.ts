// In charge of wiring the HTTP service by hand: what applies to every request, and the table of routes. Builds, but does not listen;
// opening and closing Strata itself is the caller's business (main.ts).
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { authenticator } from './api/rest/authenticate.ts';
import { readJsonBodies } from './api/rest/json-body.ts';
import { handleError, PROBLEM_TYPE, problem } from './api/rest/problem.ts';
import { parseQueryString } from './api/rest/query-string.ts';
import { registerRoutes, requireRouteScope } from './api/rest/register-routes.ts';
import { ROUTES } from './api/rest/routes.ts';
import { AppError } from './errors.ts';
import type { Strata } from './strata.ts';

export interface AppOptions {
  readonly strata: Strata;
  readonly adminKey: string;
  /** a pino logger; absent: silent */
  readonly logger?: FastifyBaseLogger;
  /** tests: an answer that its schema does not describe exactly is a 500 */
  readonly checkAnswers?: boolean;
}

/** 256 bytes percent-encoded are 768 characters; longer ids are to reach the check that says so, and headers end at 16 KiB anyway. */
const MAX_PARAM_LENGTH = 16 * 1024;

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const stopping = new AbortController();
  const app: FastifyInstance = Fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    return503OnClosing: false, // who is already connected is served; the server takes no new connections
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, querystringParser: parseQueryString },
    frameworkErrors: (error, request, reply) => handleError(error, request as FastifyRequest, reply as unknown as FastifyReply),
    clientErrorHandler: refuseBrokenHttp,
  });
  const authenticate = authenticator(options.adminKey);
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    const { config } = request.routeOptions;
    if (config?.public === true) return;
    request.caller = authenticate(request.headers.authorization);
    requireRouteScope(request.caller, config);
  });
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(async (request) => {
    throw new AppError('not_found', `There is no ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}.`);
  });
  readJsonBodies(app);
  registerRoutes(app, ROUTES, { strata: options.strata, stopping: stopping.signal, checkAnswers: options.checkAnswers === true });
  app.addHook('preClose', async () => stopping.abort(new AppError('unavailable', 'The service is stopping.')));
  await app.ready();
  return app;
}

/** What Node's HTTP parser refuses never becomes a request; it gets a problem all the same. */
function refuseBrokenHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const id = randomUUID();
  const detail = error.code === 'HPE_HEADER_OVERFLOW' ? 'The headers are too large.' : 'This is not well-formed HTTP/1.1.';
  const body = JSON.stringify(problem('invalid_request', detail, id));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}\r\nX-Request-Id: ${id}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
