// In charge of recording a call: for a write its entry in the audit and, under an Idempotency-Key, its answer; for a read of personal data an
// entry. Both REST and GraphQL come through here. What is recorded in the write's own transaction is access/write-record.ts.
import type { FastifyRequest } from 'fastify';
import type { AuditChange, AuditOrigin } from '../../access/audit-entry.ts';
import { allows, type Caller } from '../../access/caller.ts';
import type { Claim, Claimed, KeptAnswer } from '../../access/claims.ts';
import { noteWrite, type WriteRecord, withRecord } from '../../access/write-record.ts';
import { unreachable } from '../../base/assert.ts';
import { readDecidedToken } from '../../changes/decided-token.ts';
import { inTransaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { isAttribute } from '../../reports/profile-fields.ts';
import type { Strata } from '../../strata.ts';
import type { RouteCall } from './answer-route.ts';
import type { Route } from './route.ts';
import { isWrite } from './route.ts';

export interface CheckedCall extends RouteCall {
  readonly strata: Strata;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** Carries out the call, once under one key, and records it. Throws what `handle` throws, and `in_progress`, `key_reused`, `answer_lost`. */
export async function recordCall(route: Route, call: CheckedCall, handle: () => Promise<unknown>): Promise<unknown> {
  if (isWrite(route)) return recordWrite(route, call, handle);
  const answer = await handle();
  await recordRead(route, call, answer);
  return answer;
}

export function originOf(
  { strata, caller, request }: Pick<CheckedCall, 'strata' | 'caller'> & { readonly request: Pick<FastifyRequest, 'ip' | 'id'> },
  action: string,
): AuditOrigin {
  const isCustomer = caller.customerId !== null; // a person's own device: neither the person nor the address is kept
  return {
    atMs: strata.clock.nowMs(),
    actor: isCustomer ? 'customer token' : caller.actor,
    keyId: isCustomer ? null : caller.identity,
    address: isCustomer ? null : request.ip,
    requestId: request.id,
    action,
  };
}

/** Somebody was turned away: 401 and 403 are recorded in the audit, as many as it takes. */
export function recordRefusal(
  strata: Strata,
  caller: Caller,
  request: Pick<FastifyRequest, 'ip' | 'id'>,
  action: string,
  error: unknown,
): void {
  if (!(error instanceof AppError) || (error.code !== 'unauthenticated' && error.code !== 'forbidden')) return;
  strata.audit.refused(originOf({ strata, caller, request }, action), error.code);
}

// ---------------------------------------------------------------- writes

async function recordWrite(route: Route, call: CheckedCall, handle: () => Promise<unknown>): Promise<unknown> {
  const key = idempotencyKeyOf(route, call);
  if (key === undefined) return carryOut(route, call, null, handle);
  const claimed = await claim(route, call, key);
  switch (claimed.kind) {
    case 'ours':
      return carryOutOnce(route, call, claimed.claim, handle);
    case 'done':
      return repeat(call, claimed.answer);
    case 'running':
      throw new AppError('in_progress', 'The first request with this Idempotency-Key still runs; ask again in a moment.');
    case 'other_request':
      throw new AppError('key_reused', 'This Idempotency-Key came with another request before; take a new one for each.');
    default:
      return unreachable(claimed);
  }
}

const KEY_LENGTH_MAX = 255;

/** Accepted on every write. Throws `invalid_request` for one that is malformed, and on imports. */
function idempotencyKeyOf(route: Route, { request }: CheckedCall): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  const refuse = (detail: string) =>
    new AppError('invalid_request', detail, { errors: [{ parameter: 'Idempotency-Key', code: 'invalid_value', detail }] });
  if (route.body?.kind === 'stream')
    throw refuse('Imports take no Idempotency-Key: their rows have ids, so that sending the file again changes nothing.');
  if (typeof key !== 'string' || key.length > KEY_LENGTH_MAX || !/^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*$/.test(key))
    throw refuse(`An Idempotency-Key is 1 to ${KEY_LENGTH_MAX} printable ASCII characters.`);
  return key;
}

function claim(route: Route, { strata, caller, params, query, body, request }: CheckedCall, key: string): Promise<Claimed> {
  const ifMatch = request.headers['if-match'] ?? null;
  const content = JSON.stringify([params, query, body ?? null, ifMatch]);
  return strata.claims.claim({ operation: route.operationId, caller: caller.identity, key, content });
}

async function carryOutOnce(route: Route, call: CheckedCall, claim: Claim, handle: () => Promise<unknown>): Promise<unknown> {
  const { claims } = call.strata;
  try {
    return await carryOut(route, call, claim, handle);
  } catch (error) {
    await claims.release(claim).catch(() => undefined); // the database is away: the lease will run out
    throw error;
  }
}

async function carryOut(route: Route, call: CheckedCall, claim: Claim | null, handle: () => Promise<unknown>): Promise<unknown> {
  const { strata, reply, params } = call;
  const record: WriteRecord = {
    origin: originOf(call, route.operationId),
    claim,
    status: reply.statusCode,
    keepsAnswer: route.secretAnswer !== true,
    noted: false,
    answered: false,
  };
  const answer = await withRecord(record, handle);
  if (!record.noted) {
    strata.log.error({ action: route.operationId }, 'a write was recorded after its transaction, not in it');
    await withRecord(record, () =>
      inTransaction(strata.database, (client) => noteWrite(client, { target: null, changes: changesOf(params) })),
    );
  }
  if (claim !== null && record.keepsAnswer && !record.answered) await keepAnswer(call, claim, answer);
  return answer;
}

function changesOf(params: unknown): AuditChange[] {
  const { customerId } = params as { readonly customerId?: string };
  return customerId === undefined ? [] : [{ customerKey: customerKey(customerId), content: { customerId } }];
}

const KEPT_HEADERS = ['etag', 'location'] as const;

/** After the write: if this fails, a retry is answered `answer_lost`, and still nothing is done twice. */
async function keepAnswer({ strata, reply }: CheckedCall, claim: Claim, body: unknown): Promise<void> {
  const headers = Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => {
      const value = reply.getHeader(name);
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
  await strata.claims
    .keep(claim, { status: reply.statusCode, headers, body })
    .catch((error: unknown) => strata.log.warn({ err: error }, 'the answer of a write could not be kept for its Idempotency-Key'));
}

async function repeat({ strata, reply }: CheckedCall, answer: KeptAnswer | null): Promise<unknown> {
  if (answer === null) {
    throw new AppError(
      'answer_lost',
      'The first request with this Idempotency-Key was carried out, and its answer is not kept (it held a secret, or somebody who was erased since, or was interrupted): read what it has written.',
    );
  }
  reply.code(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value);
  reply.header('idempotency-replayed', 'true');
  if (answer.decision === null) return answer.body;
  return { ...(answer.body as object), token: await readDecidedToken(strata, answer.decision) };
}

// ---------------------------------------------------------------- reads

/** For answers about more customers than this, how many is recorded, not who. */
const NAMED_MAX = 10;

/** `more`: what is recorded for each of them; `ofMany`: for many at once. */
export function describeRead(customerIds: readonly string[], more: object, ofMany: object = {}): AuditChange[] {
  if (customerIds.length > NAMED_MAX) return [{ customerKey: null, content: { customers: customerIds.length, ...more, ...ofMany } }];
  return customerIds.map((customerId) => ({ customerKey: customerKey(customerId), content: { customerId, ...more } }));
}

async function recordRead(route: Route, call: CheckedCall, answer: unknown): Promise<void> {
  const { personal } = route;
  if (personal === undefined || call.reply.statusCode >= 300 || !sees(call.caller, personal)) return;
  const changes = readOf(personal.of, call, answer as Told);
  if (changes.length > 0) await call.strata.audit.read(originOf(call, route.operationId), null, changes);
}

function sees(caller: Caller, { fields }: NonNullable<Route['personal']>): boolean {
  return !fields || allows(caller, 'pii:read');
}

/** The fields by which answers name persons. */
interface Told {
  readonly id?: string;
  readonly customerId?: string;
  readonly data?: readonly (Told & { readonly kind?: string; readonly path?: string; readonly values?: readonly string[] })[];
  readonly sample?: readonly Told[];
  readonly payloads?: readonly { readonly content: { readonly customerId?: string } | null }[];
}

/** Values of attributes, without the persons they belong to. */
function describeValues(fields: readonly unknown[], asked: readonly string[]): AuditChange[] {
  return fields.length === 0 ? [] : [{ customerKey: null, content: { fields, asked } }];
}

function readOf(of: NonNullable<Route['personal']>['of'], { params, query }: CheckedCall, answer: Told): AuditChange[] {
  const { key: segment, customerId } = params as { readonly key?: string; readonly customerId?: string };
  const { data = [], sample = [] } = answer;
  const asked = Object.keys(query as object);
  const about = (ids: readonly string[]) => describeRead(ids, { asked }, { segment });
  switch (of) {
    case 'path':
      return about([String(customerId)]);
    case 'owner':
      return about(answer.customerId === undefined ? [] : [answer.customerId]);
    case 'rows':
      return about(data.map((row) => String(row.customerId ?? row.id)));
    case 'sample':
      return about(sample.map((row) => String(row.id)));
    case 'payloads': {
      const contents = data.flatMap(({ payloads = [] }) => payloads.flatMap(({ content }) => content?.customerId ?? []));
      return about([...new Set(contents)]);
    }
    case 'values':
      return describeValues(
        data.flatMap(({ kind, path, values = [] }) => (kind === 'attribute' && values.length > 0 ? [path] : [])),
        asked,
      );
    case 'distributions': {
      const { by = [] } = query as { readonly by?: readonly string[] };
      return describeValues([...new Set(by.filter(isAttribute))], asked);
    }
    default:
      return unreachable(of);
  }
}
