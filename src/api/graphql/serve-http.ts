// In charge of GraphQL over HTTP at /graphql: which requests are taken, in which form and with which status they are answered. Operations are
// run by mercurius, with documents kept validated and compiled; what an operation may ask for is measure-document.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { allows, NOBODY } from '../../access/caller.ts';
import { Turns } from '../../base/turns.ts';
import { AppError } from '../../errors.ts';
import { chooseReads, publishedReads } from '../rest/freshness.ts';
import { recordRefusal } from '../rest/record-call.ts';
import type { RouteContext } from '../rest/register-routes.ts';
import { requireFitting } from './check-variables.ts';
import type { GraphqlContext } from './context.ts';
import { fieldError, requestErrors } from './graphql-errors.ts';
import { makeLoaders } from './loaders.ts';
import { measureDocument } from './measure-document.ts';
import { PersonalReads } from './personal-reads.ts';
import { Documents, fromUrl, readRequest } from './read-operation.ts';
import { recordRefusedFields } from './refused-fields.ts';

export const GRAPHQL_PATH = '/graphql';

const JSON_TYPE = 'application/json';
const RESPONSE_TYPE = 'application/graphql-response+json';

export interface GraphqlOptions {
  readonly schema: GraphQLSchema;
  readonly routes: RouteContext;
  /** whether introspection is allowed */
  readonly introspection: boolean;
}

/** Registered in a scope of its own, whose errors have the form of GraphQL. */
export function serveHttp(app: FastifyInstance, options: GraphqlOptions): void {
  const documents = new Documents();
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply));
  const handler = async (request: FastifyRequest, reply: FastifyReply) => answer(app, options, documents, request, reply);
  // tokens open fields that say so (measure-document.ts); a token in the URL, which is logged and kept, is for clients that cannot send a header
  const config = { tokens: ['customer', 'stream'] as const, cors: false as const, tokenInUrl: false as const, load: 'graphql' as const };
  app.route({ method: ['GET', 'POST'], url: GRAPHQL_PATH, exposeHeadRoute: false, config, handler });
  app.route({
    method: ['PUT', 'PATCH', 'DELETE', 'HEAD'],
    url: GRAPHQL_PATH,
    exposeHeadRoute: false,
    config,
    preParsing: refuseMethod,
    handler: refuseMethod,
  });
}

async function refuseMethod(request: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header('allow', 'GET, POST');
  throw new AppError('method_not_allowed', `${request.method} is not taken here; GET, POST are.`);
}

async function answer(
  app: FastifyInstance,
  options: GraphqlOptions,
  documents: Documents,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const type = acceptedType(request.headers.accept);
  if (request.headers['idempotency-key'] !== undefined) {
    throw new AppError('invalid_request', 'A mutation takes its `idempotencyKey` as an argument; a header would be of none of several.');
  }
  const given = readRequest(request.method === 'GET' ? fromUrl(request.query as Readonly<Record<string, unknown>>) : requireBody(request));
  let result: Readonly<Record<string, unknown>>;
  try {
    result = await options.routes.admit(request, () => execute(app, options, documents, given, request, reply));
  } catch (error) {
    const { refusal, errors } = requestErrors(error, request.log);
    if (refusal.code === 'method_not_allowed') throw refusal;
    recordRefusal(options.routes.strata, request.caller ?? NOBODY, request, 'graphql', refusal); // other refusals pass the app's own hook
    sayWhenAgain(reply, refusal);
    // as the specification has it: a client that asks for plain JSON learns it from the body
    return send(reply, type, type === JSON_TYPE && refusal.status < 500 ? 200 : refusal.status, { errors });
  }
  return send(reply, type, type === JSON_TYPE || 'data' in result ? 200 : 400, result);
}

async function execute(
  app: FastifyInstance,
  { schema, routes, introspection }: GraphqlOptions,
  documents: Documents,
  given: ReturnType<typeof readRequest>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Readonly<Record<string, unknown>>> {
  const caller = request.caller ?? NOBODY;
  const { document, operation, source, variables, operationName } = documents.read(given);
  if (operation.operation === 'subscription')
    throw new AppError('invalid_request', 'Subscriptions are for a websocket: graphql-transport-ws.');
  if (request.method === 'GET' && operation.operation !== 'query') {
    reply.header('allow', 'POST');
    throw new AppError('method_not_allowed', 'A mutation is taken by POST only.');
  }
  const asked = measureDocument({ schema, document, operation, variables, caller, introspection });
  requireFitting({ schema, operation, variables, contentLength: request.headers['content-length'] });
  const token = request.headers['strata-token'];
  const fresh = await chooseReads(routes.strata, 'write', token);
  const reads = operation.operation === 'query' ? fresh : routes.strata.database;
  const seesPersonal = allows(caller, 'pii:read');
  const personalReads = new PersonalReads();
  const context: GraphqlContext = {
    strata: routes.strata,
    routes,
    reads,
    readsFor: publishedReads(routes.strata, reads, token),
    caller,
    seesPersonal,
    loaders: makeLoaders({
      strata: routes.strata,
      reads,
      caller,
      personal: personalReads,
      seesCustomers: seesPersonal && asked.personal,
      fields: asked.fields,
    }),
    personalReads,
    http: { request, reply },
    signal: hangUp(reply, routes.stopping),
    heavyTurns: new Turns(1),
  };
  const found = (await app.graphql(source, { ...context }, variables ?? {}, operationName ?? undefined)) as ExecutionResult;
  await personalReads.tell(routes.strata, caller, request);
  recordRefusedFields(context, found.errors);
  return present(found, asked.withheld, request);
}

function present(found: ExecutionResult, withheld: readonly string[], request: FastifyRequest): Readonly<Record<string, unknown>> {
  const { data, errors } = found;
  if (data === undefined) return { errors: requestErrors({ errors }, request.log).errors };
  return {
    data,
    ...(errors === undefined || errors.length === 0 ? {} : { errors: errors.map((error: GraphQLError) => fieldError(error, request.log)) }),
    ...(withheld.length === 0 ? {} : { extensions: { withheld } }),
  };
}

/** The signal is made only when asked for: most operations do not need it. */
function hangUp(reply: FastifyReply, stopping: AbortSignal): () => AbortSignal {
  let signal: AbortSignal | undefined;
  return () => {
    if (signal === undefined) {
      const controller = new AbortController();
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) controller.abort(new AppError('unavailable', 'The caller hung up.'));
      });
      signal = AbortSignal.any([stopping, controller.signal]);
    }
    return signal;
  };
}

function requireBody(request: FastifyRequest): unknown {
  if (request.body === undefined || request.body === null)
    throw new AppError('invalid_request', 'A JSON body with `query` is needed, with Content-Type application/json.');
  return request.body;
}

/** By preference, then in order; as the specification says, a client that accepts neither is answered 406. */
function acceptedType(accept: string | undefined): string {
  if (accept === undefined || accept.trim() === '') return JSON_TYPE;
  const wanted = accept.split(',').map((each, order) => {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1');
    return { name, quality: Number.isFinite(quality) ? quality : 0, order };
  });
  wanted.sort((left, right) => right.quality - left.quality || left.order - right.order);
  for (const { name, quality } of wanted) {
    if (quality <= 0) continue;
    if (name === RESPONSE_TYPE) return RESPONSE_TYPE;
    if (name === JSON_TYPE || name === 'application/*' || name === '*/*') return JSON_TYPE;
  }
  throw new AppError('not_acceptable', `Answers are ${RESPONSE_TYPE} or ${JSON_TYPE}.`);
}

function send(reply: FastifyReply, type: string, status: number, body: object): FastifyReply {
  return reply.code(status).header('vary', 'accept').type(`${type}; charset=utf-8`).send(JSON.stringify(body));
}

/** For errors before an operation is read: no key, no JSON, no parameters. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { refusal, errors } = requestErrors(error, request.log);
  const { status, code } = refusal;
  sayWhenAgain(reply, refusal);
  if (code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="strata"').header('connection', 'close');
  const type = (request.headers.accept ?? '').includes(RESPONSE_TYPE) ? RESPONSE_TYPE : JSON_TYPE;
  void send(reply, type, status, { errors });
}

function sayWhenAgain(reply: FastifyReply, { status, retryAfterS }: AppError): void {
  if (retryAfterS !== null || status === 503) reply.header('retry-after', String(retryAfterS ?? 1));
}
