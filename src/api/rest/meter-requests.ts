// In charge of counting requests by route and status, and of measuring how long they took. By the route's path, never by the URL: that would
// make a metric for each customer, and reveal who they are.
import type { FastifyInstance } from 'fastify';
import type { Meters } from '../../base/meters.ts';

export function meterRequests(app: FastifyInstance, { requests, requestSeconds }: Meters): void {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    requests.inc({ method, route, status: reply.statusCode });
    requestSeconds.observe({ method, route }, reply.elapsedTime / 1000);
    done();
  });
}
