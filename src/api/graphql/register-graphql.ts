// In charge of adding GraphQL to the app: the schema made from the existing routes, mercurius to run it, HTTP and websockets.
import type { FastifyInstance } from 'fastify';
import mercurius from 'mercurius';
import type { TrustsProxy } from '../../access/peer-address.ts';
import type { RouteContext } from '../rest/register-routes.ts';
import type { Route } from '../rest/route.ts';
import { GRAPHQL_LIMITS } from './limits.ts';
import { buildGraphqlSchema } from './schema.ts';
import { serveHttp } from './serve-http.ts';
import { serveSockets } from './serve-sockets.ts';

export interface RegisterGraphql {
  readonly routes: readonly Route[];
  readonly context: RouteContext;
  readonly introspection: boolean;
  readonly trustsProxy: TrustsProxy;
}

export async function registerGraphql(
  app: FastifyInstance,
  { routes, context, introspection, trustsProxy }: RegisterGraphql,
): Promise<void> {
  const schema = schemaOf(routes);
  await app.register(mercurius, {
    schema,
    routes: false, // its own pass 47 of 61 audits, follow subscriptions without validating them, and answer errors as they are
    jit: 1,
    cache: GRAPHQL_LIMITS.documents,
    errorFormatter: (result) => ({ statusCode: 200, response: result as never }), // serve-http.ts does this
  });
  const options = { schema, routes: context, introspection };
  await app.register(async (scope) => serveHttp(scope, options));
  serveSockets(app, { ...options, trustsProxy });
}

const schemas = new WeakMap<readonly Route[], ReturnType<typeof buildGraphqlSchema>>();

/** Made once for a table of routes: it holds nothing that belongs to one service. */
function schemaOf(routes: readonly Route[]): ReturnType<typeof buildGraphqlSchema> {
  const known = schemas.get(routes) ?? buildGraphqlSchema(routes);
  schemas.set(routes, known);
  return known;
}
