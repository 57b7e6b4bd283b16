// In charge of the routes of keys. What a key may hold and who may make it is access/keys.ts.
import { z } from 'zod';
import { type Caller, requireSegments } from '../../access/caller.ts';
import { createKey, getKey, type Key, listKeys, revokeKey, rotateKey } from '../../access/keys.ts';
import { SCOPES, type Scope } from '../../access/scopes.ts';
import { AppError } from '../../errors.ts';
import { findUnknownKeys } from '../../segments/find-unknown-keys.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { type Route, route } from './route.ts';
import { Instant, InstantInput, instant, instantOrNull, listOf, Page, SegmentKey, storableText } from './wire.ts';

const SEGMENTS_MAX = 1000;
const GRACE_MAX_S = 30 * 86_400;

const ScopeSchema = z.enum(Object.keys(SCOPES) as [Scope, ...Scope[]]);
const Named = 'Keys of the only segments that it may ask about; null: all';

const KeyInput = z
  .strictObject({
    name: storableText(100).meta({ description: 'Stands in the audit, in versions and pins as who did it; no other living key has it' }),
    scopes: z.array(ScopeSchema).min(1),
    segments: z.array(SegmentKey).min(1).max(SEGMENTS_MAX).nullish().meta({ description: Named }),
    requestsPerSecond: z.int().min(1).max(1_000_000).nullish().meta({ description: 'null: as the service is configured' }),
    expiresAt: InstantInput.nullish().meta({ description: 'null: it does not expire' }),
  })
  .meta({ id: 'KeyInput' });

const keyFields = {
  id: z.string().meta({ description: 'Stands in the secret too: strata_{id}_…' }),
  name: z.string(),
  scopes: z.array(ScopeSchema),
  segments: z.array(SegmentKey).nullable().meta({ description: Named }),
  requestsPerSecond: z.int().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  rotatedAt: Instant.nullable(),
  previousUntil: Instant.nullable().meta({ description: 'Until when the secret before the last rotation opens too' }),
  expiresAt: Instant.nullable(),
  revokedAt: Instant.nullable(),
  lastUsedAt: Instant.nullable().meta({ description: 'To a minute' }),
};
const KeySchema = z.strictObject(keyFields).meta({ id: 'Key' });
const KeyWithSecret = z
  .strictObject({ ...keyFields, secret: z.string().meta({ description: 'Send it as `Authorization: Bearer …`; it is shown this once' }) })
  .meta({ id: 'KeyWithSecret' });

const RotationInput = z
  .strictObject({
    graceSeconds: z.int().min(0).max(GRACE_MAX_S).meta({ description: 'How long the secret that is replaced still opens; 0: not at all' }),
  })
  .meta({ id: 'KeyRotation' });

const KeyPath = z.strictObject({ keyId: z.string().regex(/^[0-9a-z]{12}$/, 'the id of a key has twelve letters and digits') });

export const keyRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/keys',
    operationId: 'createKey',
    tag: 'keys',
    scope: 'keys',
    summary: 'Make a key; its secret is shown once',
    description: 'Nobody can make a key with more than they have: neither scopes, nor segments, nor time.',
    body: { kind: 'schema', schema: KeyInput },
    secretAnswer: true,
    answers: { 201: KeyWithSecret },
    refusals: ['already_exists', 'conflict'],
    handle: async ({ strata, caller, body, reply }) => {
      const expiresAtMs = typeof body.expiresAt === 'string' ? Date.parse(body.expiresAt) : null;
      requireFuture(strata, expiresAtMs);
      const segments = body.segments == null ? null : [...new Set(body.segments)];
      requireSegments(caller, segments ?? []); // before they are looked up
      await requireKnown(strata, segments ?? []);
      const wish = {
        name: body.name,
        scopes: [...new Set(body.scopes)],
        segments,
        requestsPerSecond: body.requestsPerSecond ?? null,
        expiresAtMs,
      };
      const { key, secret } = await createKey(strata.database, strata.clock, caller, wish);
      await strata.keys.refresh();
      reply.header('location', `/v1/keys/${key.id}`);
      return { ...keyOut(key), secret };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/keys',
    operationId: 'listKeys',
    tag: 'keys',
    scope: 'keys',
    summary: 'Keys, revoked ones too, in order of id',
    description: 'Those that have no more than yours.',
    query: z.strictObject(Page),
    fresh: 'write',
    answers: { 200: listOf(KeySchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      const [afterId = null] = decodeCursor('keys', query.after, ['text']) ?? [];
      const rows = await listKeys(strata.database, caller, { afterId, limit: query.limit + 1 });
      return page(rows, query.limit, keyOut, (last) => encodeCursor('keys', [last.id]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/keys/:keyId',
    operationId: 'getKey',
    tag: 'keys',
    scope: 'keys',
    summary: 'One key',
    params: KeyPath,
    fresh: 'write',
    answers: { 200: KeySchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => keyOut(await getKey(strata.database, caller, params.keyId)),
  }),
  route({
    method: 'POST',
    path: '/v1/keys/:keyId/rotate',
    operationId: 'rotateKey',
    tag: 'keys',
    scope: 'keys',
    summary: 'Give it a new secret, shown once',
    description: 'The one before opens until the grace is over; one before that no more.',
    params: KeyPath,
    body: { kind: 'schema', schema: RotationInput },
    secretAnswer: true,
    answers: { 200: KeyWithSecret },
    refusals: ['not_found', 'conflict'],
    handle: async ({ strata, caller, params, body }) => {
      const { key, secret } = await rotateKey(strata.database, strata.clock, caller, params.keyId, body.graceSeconds * 1000);
      await strata.keys.refresh();
      return { ...keyOut(key), secret };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/keys/:keyId',
    operationId: 'revokeKey',
    tag: 'keys',
    scope: 'keys',
    summary: 'Revoke a key: it opens nothing any more',
    description:
      'At once in this process, within a second in others. Tokens that it has minted end with it, and streams opened with them at their next heartbeat.',
    params: KeyPath,
    answers: { 200: KeySchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => {
      const key = await revokeKey(strata.database, strata.clock, caller, params.keyId);
      await strata.keys.refresh();
      return keyOut(key);
    },
  }),
];

function keyOut(key: Key): z.input<typeof KeySchema> {
  return {
    id: key.id,
    name: key.name,
    scopes: [...key.scopes],
    segments: key.segments === null ? null : [...key.segments],
    requestsPerSecond: key.requestsPerSecond,
    createdAt: instant(key.createdAtMs),
    createdBy: key.createdBy,
    rotatedAt: instantOrNull(key.rotatedAtMs),
    previousUntil: instantOrNull(key.previousUntilMs),
    expiresAt: instantOrNull(key.expiresAtMs),
    revokedAt: instantOrNull(key.revokedAtMs),
    lastUsedAt: instantOrNull(key.lastUsedAtMs),
  };
}

function requireFuture(strata: Strata, expiresAtMs: number | null): void {
  if (expiresAtMs === null || expiresAtMs > strata.clock.nowMs()) return;
  const detail = 'This lies in the past; such a key would open nothing.';
  throw new AppError('invalid_fields', detail, { errors: [{ pointer: '/expiresAt', code: 'invalid_timestamp', detail }] });
}

/** A key for a mistyped segment would silently show nothing. */
async function requireKnown({ database }: Pick<Strata, 'database'>, segments: readonly string[]): Promise<void> {
  const errors = (await findUnknownKeys(database, segments)).map((key) => ({
    pointer: `/segments/${segments.indexOf(key)}`,
    code: 'unknown_segment',
    detail: `There is no segment “${key}”.`,
  }));
  const [first] = errors;
  if (first !== undefined) throw new AppError('invalid_fields', first.detail, { errors });
}

/** The segments that a token is for: those named, each of which the caller must be allowed to see, or all that the caller may see. */
export async function segmentsForToken(strata: Strata, caller: Caller, wished: readonly string[] | undefined): Promise<string[] | null> {
  if (wished === undefined) return caller.segments === null ? null : [...caller.segments];
  const segments = [...new Set(wished)];
  await requireKnown(strata, segments);
  return segments;
}
