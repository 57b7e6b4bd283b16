// In charge of what a route is: one entry of a table from which Fastify's route, its validation, the serialisation of its answers and the
// OpenAPI document are all made. Not of any particular route.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import type { Scope } from '../../access/scopes.ts';
import type { Database } from '../../db/database.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Strata } from '../../strata.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

export type Tag =
  | 'customers'
  | 'orders'
  | 'events'
  | 'imports'
  | 'catalog'
  | 'rules'
  | 'segments'
  | 'groups'
  | 'changes'
  | 'reports'
  | 'runs'
  | 'webhooks'
  | 'audit'
  | 'keys'
  | 'service';

/**
 * `schema`: parsed JSON, checked against the schema before the handler sees it.
 * `document`: parsed JSON, checked by the next stage (the schema only documents), so that hot paths are not checked twice.
 * `stream`: the raw bytes as they come, of any length.
 */
export type Body<Schema extends z.ZodType> =
  | { readonly kind: 'schema' | 'document'; readonly schema: Schema; readonly optional?: true }
  | { readonly kind: 'stream'; readonly contentTypes: readonly string[] };

/** What a handler is given: everything checked. */
interface Call<Params, Query, Payload> {
  readonly strata: Strata;
  /** As fresh as was asked for, and a replica if that is enough. For writes, and for reads that a replica cannot answer: `strata.database`. */
  readonly reads: Database;
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Payload;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Aborts when the caller hangs up or the service stops: long waits end then. */
  readonly signal: () => AbortSignal;
}

/** See access/access-tokens.ts. */
export type TokenKind = 'customer' | 'stream';

/**
 * Open to everybody, or to a key with the scope; of several scopes any one is enough. Scopes that depend on the input are checked in the handler
 * (`requireScope`).
 */
export type Access =
  | { readonly public: true; readonly scope?: never; readonly tokens?: never }
  | {
      readonly public?: never;
      readonly scope: Scope | readonly Scope[];
      /**
       * Also open to the bearers of these tokens, who have no scopes; also from `?access_token=`. If the path has a `customerId`, it is then the
       * one of the customer's token; otherwise the handler must keep to `caller.customerId` and `caller.segments`.
       */
      readonly tokens?: readonly TokenKind[];
    };

export type RouteDefinition<Params extends z.ZodObject, Query extends z.ZodObject, Payload extends z.ZodType> = Access &
  RouteFields<Params, Query, Payload>;

/**
 * Whom an answer is about: the customer of the path, the answer's `customerId`, its `data`, its `sample`, the payloads of its `data`; `values`:
 * nobody by name, only the frequent values of personal fields in its `data`; `distributions`: nobody by name, only the values of the attributes
 * in its `by`.
 */
interface Personal {
  readonly of: 'path' | 'owner' | 'rows' | 'sample' | 'payloads' | 'values' | 'distributions';
  /** it is about them only with `pii:read` */
  readonly fields?: true;
}

interface RouteFields<Params extends z.ZodObject, Query extends z.ZodObject, Payload extends z.ZodType> {
  readonly method: Method;
  /** in Fastify's form: `/v1/customers/:customerId` */
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body<Payload>;
  /** the answer's; absent: JSON. Others are streams, which the handler sends as they are. */
  readonly media?: 'text/event-stream' | 'text/csv' | 'text/plain' | 'text/html';
  /** by status; the first is sent unless the handler sets another */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** in addition to those that every route of this shape has */
  readonly refusals?: readonly ErrorCode[];
  /** fields that callers put into the body by mistake, and what each is to be asked for by instead */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** takes `Strata-Token` and `?fresh=`: the answer is at least as fresh as that write; `feed`: once its changes are published */
  readonly fresh?: 'write' | 'feed';
  /** `edit`: takes If-Match; `read`: sends an ETag and answers 304 */
  readonly etag?: 'edit' | 'read';
  /** for a POST that stores nothing: it is no write in the audit and is harmless when repeated, so it takes no Idempotency-Key */
  readonly readsOnly?: true;
  /** the answer holds a secret: it is not kept for a repeated Idempotency-Key */
  readonly secretAnswer?: true;
  /** the answer is about persons, and is recorded in the audit */
  readonly personal?: Personal;
  /** reads many customers at once, always or for such a query: only a few run at a time, so that page views keep their share */
  readonly heavy?: true | ((query: z.output<Query>) => boolean);
  readonly handle: (call: Call<z.output<Params>, z.output<Query>, z.output<Payload>>) => Promise<unknown>;
}

/** A route whose types have been checked where it was written. */
export type Route = RouteDefinition<z.ZodObject, z.ZodObject, z.ZodType>;

export function route<Params extends z.ZodObject, Query extends z.ZodObject, Payload extends z.ZodType>(
  definition: RouteDefinition<Params, Query, Payload>,
): Route {
  return definition as unknown as Route;
}

/** Any one of these scopes opens the route; none: it is public. */
export function scopesOf({ scope }: Route): readonly Scope[] {
  return scope === undefined ? [] : typeof scope === 'string' ? [scope] : scope;
}

/** Everything but a GET, unless it says that it only reads. */
export function isWrite(route: Route): boolean {
  return route.method !== 'GET' && route.readsOnly !== true;
}

/** Every write except imports, whose rows have ids. */
export function takesIdempotencyKey(route: Route): boolean {
  return isWrite(route) && route.body?.kind !== 'stream';
}

const OF_JSON = ['invalid_json', 'invalid_encoding', 'body_too_large'] as const;

/** Every code that a route may answer, with those that come with its shape. */
export function refusalsOf(route: Route): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(['invalid_request']);
  if (route.public !== true) for (const code of ['unauthenticated', 'forbidden', 'rate_limited'] as const) codes.add(code);
  if (route.body !== undefined) codes.add('unsupported_media_type');
  if (route.body !== undefined && route.body.kind !== 'stream') {
    for (const code of [...OF_JSON, 'invalid_fields'] as const) codes.add(code);
  }
  if (route.body === undefined && route.method !== 'GET')
    for (const code of ['unsupported_media_type', ...OF_JSON] as const) codes.add(code); // such a body is read all the same
  if (route.fresh !== undefined) for (const code of ['token_unknown', 'not_yet'] as const) codes.add(code);
  if (route.etag === 'edit') codes.add('version_conflict');
  if (takesIdempotencyKey(route)) for (const code of ['in_progress', 'answer_lost', 'key_reused'] as const) codes.add(code);
  for (const code of route.refusals ?? []) codes.add(code);
  for (const code of ['internal_error', 'unavailable'] as const) codes.add(code);
  return [...codes];
}
