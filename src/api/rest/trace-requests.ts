// In charge of one span for each request, named by its route's path, never by the URL: that would say whom it is about. It continues the
// caller's `traceparent`. Not of what happens inside (base/tracing.ts and its callers).
import type { FastifyInstance } from 'fastify';
import { isTracing, type OpenSpan, openSpan } from '../../base/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    span: OpenSpan | undefined;
  }
}

export function traceRequests(app: FastifyInstance): void {
  if (!isTracing()) return;
  app.decorateRequest('span', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const { method, id, headers } = request;
    const route = request.routeOptions.url ?? 'none';
    const attributes = { 'http.request.method': method, 'http.route': route, 'strata.request_id': id };
    const span = openSpan(`${method} ${route}`, { attributes, kind: 'server', headers });
    if (span === undefined) return done();
    request.span = span;
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      span.note({ 'http.response.status_code': statusCode });
      span.end(statusCode >= 500 ? String(statusCode) : writableFinished ? undefined : 'aborted');
    });
    span.run(done);
  });
  // a body is read by callbacks from the socket, which have no request's context
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.span === undefined) done();
    else request.span.run(done);
  });
}
