// In charge of registering a table of routes with Fastify: checking, freshness, ETags, serialising, 405 for the other methods. Not of what any
// route does.
import { hash } from 'node:crypto';
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { type Caller, NOBODY } from '../../access/caller.ts';
import type { Scope } from '../../access/scopes.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';
import { answerRoute } from './answer-route.ts';
import { type CheckRequest, requestChecker } from './check-request.ts';
import { inlineJsonSchema } from './json-schema.ts';
import { JsonText } from './json-text.ts';
import { siblingsOf } from './nearest-path.ts';
import type { Admit, Load } from './overload.ts';
import { isStillComing } from './problem.ts';
import { isWrite, type Method, type Route, scopesOf, type TokenKind } from './route.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly operationId?: string;
    /** needs no key */
    readonly public?: boolean;
    /** counted among the requests under way; absent: not counted */
    readonly load?: Load;
    /** not counted if its `wait` says so: then it lasts as long as nothing happens */
    readonly mayWait?: boolean;
    /** its body is a stream of any length */
    readonly upload?: boolean;
    /** any one of these scopes opens it */
    readonly scopes?: readonly Scope[];
    /** open to the bearers of these tokens too; CORS is only for them */
    readonly tokens?: readonly TokenKind[];
    /** tokens are taken only from the header, not from `?access_token=` */
    readonly tokenInUrl?: false;
    readonly cors?: false;
  }
  interface FastifyRequest {
    /** set for every route that is not public */
    caller: Caller | null;
  }
}

export interface RouteContext {
  readonly strata: Strata;
  /** through which all work goes, so that there is never too much of it under way */
  readonly admit: Admit;
  /** aborts when the service begins to stop */
  readonly stopping: AbortSignal;
  /** aborts when it can wait no longer for uploads, with what their senders are told */
  readonly cutOff: AbortSignal;
  /** in tests: check every answer against its schema, strictly */
  readonly checkAnswers: boolean;
}

export function registerRoutes(app: FastifyInstance, routes: readonly Route[], context: RouteContext): void {
  const streams = routes.filter((route) => route.body?.kind === 'stream');
  for (const route of routes) if (!streams.includes(route)) registerRoute(app, route, context);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const contentTypes = new Set(streams.flatMap((route) => (route.body?.kind === 'stream' ? route.body.contentTypes : [])));
    for (const type of contentTypes) scope.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
    for (const route of streams) registerRoute(scope, route, context);
  });
  refuseOtherMethods(app, routes);
}

function registerRoute(app: FastifyInstance, route: Route, context: RouteContext): void {
  const check = requestChecker(route);
  const answers = route.media === undefined ? Object.entries(route.answers) : [];
  const response = Object.fromEntries(answers.map(([status, schema]) => [status, inlineJsonSchema(schema, 'output')]));
  app.route({
    method: route.method,
    url: route.path,
    schema: { response },
    config: configOf(route),
    handler: async (request, reply) => {
      const answer = await answerOf(route, context, check, request, reply);
      if (route.etag === 'read') return answerUnlessSame(request, reply, answer);
      return answer instanceof JsonText ? reply.type(JSON_TYPE).send(answer.text) : answer;
    },
  });
}

async function answerOf(
  route: Route,
  context: RouteContext,
  check: CheckRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  try {
    requireBody(route, request.body);
    // an upload may end when the service stops, as any request may that is no wait and no stream
    const ending = route.body?.kind === 'stream' ? context.cutOff : context.stopping;
    const signal = () => AbortSignal.any([ending, hangUp(reply)]);
    const call = { caller: request.caller ?? NOBODY, request, reply, signal };
    return await context.admit(request, () => answerRoute(context, route, check, call));
  } finally {
    // before anything is sent: a connection kept alive would delay the end; but closed while its sender writes, it would take the answer along
    const isLeaving = context.strata.isLeaving || context.stopping.aborted;
    if (isLeaving && !isStillComing(reply)) reply.header('connection', 'close');
  }
}

function configOf(route: Route): FastifyContextConfig {
  const tokens = route.tokens ?? [];
  return {
    operationId: route.operationId,
    public: route.public === true,
    upload: route.body?.kind === 'stream',
    ...loadOf(route),
    mayWait: route.query !== undefined && 'wait' in route.query.shape,
    scopes: scopesOf(route),
    tokens,
    ...(tokens.length === 0 ? { cors: false } : {}),
  };
}

/** Streams last, so they are not counted; and what reports the state of the process is always answered. */
function loadOf(route: Route): Pick<FastifyContextConfig, 'load'> {
  if (route.public === true || route.operationId === 'getMetrics' || route.media !== undefined || route.body?.kind === 'stream') return {};
  return { load: isWrite(route) ? 'write' : 'read' };
}

function requireBody(route: Route, body: unknown): void {
  if (route.body === undefined || route.body.kind === 'stream') return;
  if (body === undefined && route.body.optional !== true)
    throw new AppError('invalid_json', 'A JSON body is needed here, with Content-Type application/json.');
}

function hangUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new AppError('import_incomplete', 'The caller hung up.'));
  });
  return controller.signal;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** The ETag is a hash of the bytes themselves. */
function answerUnlessSame(request: FastifyRequest, reply: FastifyReply, answer: unknown): unknown {
  const text = answer instanceof JsonText ? answer.text : String(reply.serialize(answer));
  const tag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`;
  reply.header('etag', tag).header('cache-control', 'private, no-cache');
  const known = request.headers['if-none-match'];
  if (known !== undefined && (known === '*' || known.split(',').some((each) => each.trim().replace(/^W\//, '') === tag)))
    return reply.code(304).send();
  return reply.type(JSON_TYPE).send(text);
}

const ALL_METHODS: readonly Method[] = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];

/** 405 with Allow if the path exists under another method. */
function refuseOtherMethods(app: FastifyInstance, routes: readonly Route[]): void {
  for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
    const taken = group.map((route) => route.method);
    const allow = [...taken, ...(taken.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
    const others: HTTPMethods[] = ALL_METHODS.filter((method) => !taken.includes(method));
    if (!taken.includes('GET')) others.push('HEAD');
    const refuse = async ({ method }: FastifyRequest, reply: FastifyReply) => {
      reply.header('allow', allow);
      const siblings = siblingsOf(method, path, routes);
      const hint = siblings.length === 0 ? '' : ` There is ${siblings.join(' and ')}.`;
      throw new AppError('method_not_allowed', `${method} is not taken here; ${allow} are.${hint}`);
    };
    const config = { public: group.some((route) => route.public === true), cors: false } as const;
    const tokens = group.flatMap((route) => route.tokens ?? []);
    // onRequest: refused before a body is read
    app.route({ method: others, url: path, config, exposeHeadRoute: false, preParsing: refuse, handler: refuse });
    app.route({
      method: 'OPTIONS',
      url: path,
      config: { public: true, ...(tokens.length === 0 ? { cors: false } : {}) },
      handler: async (_request, reply) => reply.code(204).header('allow', allow).send(),
    });
  }
}
