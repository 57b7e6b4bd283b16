// In charge of answering a field with the handler of a REST route: what HTTP would carry is made from arguments. Not of which field stands for
// which route (route-fields.ts).
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerRoute } from '../rest/answer-route.ts';
import { type CheckRequest, requestChecker } from '../rest/check-request.ts';
import { JsonText } from '../rest/json-text.ts';
import type { Route } from '../rest/route.ts';
import type { GraphqlContext } from './context.ts';
import { recordRefusedRoute } from './refused-fields.ts';

export interface RouteParts {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteAnswer {
  readonly answer: unknown;
  /** the tag of what was answered, to be sent back with an edit */
  readonly etag: string | null;
}

export type CallRoute = (context: GraphqlContext, parts: RouteParts) => Promise<RouteAnswer>;

/** Headers of the operation that concern a single call, and so are arguments of it. */
const OF_ONE_CALL = ['if-match', 'if-none-match', 'idempotency-key'];

export function routeCaller(route: Route): CallRoute {
  const check: CheckRequest = requestChecker(route);
  return async (context, parts) => {
    const { request, reply, sent } = carry(context, route, parts);
    const { caller, signal, readsFor, heavyTurns } = context;
    const call = { caller, request, reply, signal, readsFor, heavyTurns };
    const answer = await answerRoute(context.routes, route, check, call).catch((error: unknown) => {
      recordRefusedRoute(context, route, error);
      throw error;
    });
    return { answer: answer instanceof JsonText ? answer.toJSON() : answer, etag: sent.get('etag') ?? null };
  };
}

/** The operation's own request with another path, query and body; and a reply whose headers are kept instead of sent. */
function carry(context: GraphqlContext, route: Route, parts: RouteParts) {
  const { http } = context;
  const headers = { ...http.request.headers };
  for (const name of OF_ONE_CALL) delete headers[name];
  const own = {
    method: route.method,
    headers: { ...headers, ...parts.headers },
    params: withoutNull(parts.params),
    query: withoutNull(parts.query),
    body: parts.body,
  };
  const request = Object.create(http.request, Object.getOwnPropertyDescriptors(own)) as FastifyRequest;
  const sent = new Map<string, string>();
  const reply = {
    statusCode: 200,
    raw: http.reply.raw,
    request,
    code(status: number) {
      this.statusCode = status;
      return this;
    },
    header(name: string, value: unknown) {
      sent.set(name.toLowerCase(), String(value));
      return this;
    },
    getHeader: (name: string) => sent.get(name.toLowerCase()),
  };
  return { request, reply: reply as unknown as FastifyReply, sent };
}

/** An argument that is null counts as left out: a URL cannot say null. */
function withoutNull(given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
}
