// In charge of keys as they are stored: making, listing, rotating, revoking. Also of who may make which (nobody gives more than
// they have). Recognising the key of a request is known-keys.ts.
import type { Clock } from '../base/clock.ts';
import { asQueryable, type Client, type Database, type Queryable } from '../db/database.ts';
import { inTransaction, sqlState } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { allows, allowsSegment, type Caller } from './caller.ts';
import { hashOfSecret, newKeyId, newSecret } from './key-secret.ts';
import type { Scope } from './scopes.ts';
import { noteWrite } from './write-record.ts';

/** Each process holds all of them in memory. */
export const KEYS_MAX = 10_000;

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** keys of the only segments it may access; null: all */
  readonly segments: readonly string[] | null;
  readonly requestsPerSecond: number | null;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly rotatedAtMs: number | null;
  /** until when the previous secret is accepted too */
  readonly previousUntilMs: number | null;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly segments: readonly string[] | null;
  readonly requestsPerSecond: number | null;
  readonly expiresAtMs: number | null;
}

export interface KeyWithSecret {
  readonly key: Key;
  /** shown only this once */
  readonly secret: string;
}

interface KeyRow {
  id: string;
  name: string;
  scopes: Scope[];
  segments: string[] | null;
  requests_per_second: number | null;
  created_at: number;
  created_by: string;
  rotated_at: number | null;
  previous_until: number | null;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

const COLUMNS = `k.id, k.name, k.scopes, k.segments, k.requests_per_second, k.created_at, k.created_by, k.rotated_at, k.previous_until,
        k.expires_at, k.revoked_at, k.last_used_at`;

function toKey(row: KeyRow): Key {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    segments: row.segments,
    requestsPerSecond: row.requests_per_second,
    createdAtMs: row.created_at,
    createdBy: row.created_by,
    rotatedAtMs: row.rotated_at,
    previousUntilMs: row.previous_until,
    expiresAtMs: row.expires_at,
    revokedAtMs: row.revoked_at,
    lastUsedAtMs: row.last_used_at,
  };
}

/** Names under which a key would pass for another actor. The audit puts all of them down by itself; `many` are refused attempts that were only counted. */
const TAKEN_NAMES: ReadonlySet<string> = new Set(['admin', 'nobody', 'strata', 'command line', 'customer token', 'stream token', 'many']);
const UNIQUE_VIOLATION = '23505';

/** Throws `forbidden` if it would have more than the caller, `already_exists` for the name of a live key. */
export async function createKey(database: Database, clock: Clock, caller: Caller, wish: NewKey): Promise<KeyWithSecret> {
  requireNoMore(caller, wish);
  if (TAKEN_NAMES.has(wish.name.toLowerCase())) throw nameTaken(wish.name);
  const id = newKeyId();
  const secret = newSecret(id);
  const key = await changeKeys(database, async (client) => {
    await requireRoom(client);
    const { rows } = await client.query<KeyRow>({
      name: 'create_key',
      text: `
        insert into api_keys as k (id, name, hash, scopes, segments, requests_per_second, created_at, created_by, expires_at)
        values ($1, $2, $3, $4::text[], $5::text[], $6::integer, $7::timestamptz, $8, $9::timestamptz)
        returning ${COLUMNS}`,
      values: [
        id,
        wish.name,
        hashOfSecret(secret),
        wish.scopes,
        wish.segments,
        wish.requestsPerSecond,
        iso(clock.nowMs()),
        caller.actor,
        wish.expiresAtMs === null ? null : iso(wish.expiresAtMs),
      ],
    });
    await noteKey(client, id, null, rows[0]);
    return rows[0];
  }).catch((error: unknown) => {
    throw sqlState(error) === UNIQUE_VIOLATION ? nameTaken(wish.name) : error;
  });
  if (key === undefined) throw new Error('a key that was inserted was not returned');
  return { key: toKey(key), secret };
}

/** Those that have no more than the caller, including revoked ones; in order of id. */
export async function listKeys(
  database: Database,
  caller: Caller,
  { afterId, limit }: { readonly afterId: string | null; readonly limit: number },
): Promise<Key[]> {
  const rows = await database.query<KeyRow>({
    name: 'list_keys',
    text: `
      select ${COLUMNS}
      from api_keys as k
      where ($1::text is null or k.id > $1)
        and ($2::boolean or k.scopes <@ $3::text[])
        and ($4::text[] is null or k.segments <@ $4)
      order by k.id
      limit $5`,
    values: [afterId, allows(caller, 'admin'), [...caller.scopes], caller.segments === null ? null : [...caller.segments], limit],
  });
  return rows.map(toKey);
}

/** Throws `not_found` also for a key that has more than the caller. */
export async function getKey(database: Queryable, caller: Caller, id: string): Promise<Key> {
  const [row] = await database.query<KeyRow>({
    name: 'get_key',
    text: `
      select ${COLUMNS}
      from api_keys as k
      where k.id = $1`,
    values: [id],
  });
  const key = row === undefined ? undefined : toKey(row);
  if (key === undefined || !hasNoMore(caller, key)) throw new AppError('not_found', `There is no key “${id}” that you may manage.`);
  return key;
}

/**
 * A new secret; the previous one is accepted until the grace is over, any older one no longer. Throws `not_found`, `conflict` for a dead key,
 * `forbidden` for one that outlives the caller's: with its secret the caller would, too.
 */
export async function rotateKey(database: Database, clock: Clock, caller: Caller, id: string, graceMs: number): Promise<KeyWithSecret> {
  const secret = newSecret(id);
  const row = await changeKeys(database, async (client) => {
    const known = await getKey(asQueryable(client), caller, id);
    const nowMs = clock.nowMs();
    if (known.revokedAtMs !== null) throw new AppError('conflict', 'This key is revoked; make a new one.');
    if (known.expiresAtMs !== null && known.expiresAtMs <= nowMs) throw new AppError('conflict', 'This key has expired; make a new one.');
    requireNoMore(caller, known);
    const { rows } = await client.query<KeyRow>({
      name: 'rotate_key',
      text: `
        update api_keys as k
        set hash = $2,
          previous_hash = case when $4::timestamptz > $3::timestamptz then k.hash end,
          previous_until = case when $4::timestamptz > $3::timestamptz then $4::timestamptz end,
          rotated_at = $3::timestamptz
        where k.id = $1
        returning ${COLUMNS}`,
      values: [id, hashOfSecret(secret), iso(nowMs), iso(nowMs + graceMs)],
    });
    await noteKey(client, id, known, rows[0]);
    return rows[0];
  });
  if (row === undefined) throw new Error('a key that was rotated was not returned');
  return { key: toKey(row), secret };
}

/** The key is no longer accepted; its row stays, so that its name keeps its meaning. A second time changes nothing. Throws `not_found`. */
export async function revokeKey(database: Database, clock: Clock, caller: Caller, id: string): Promise<Key> {
  const row = await changeKeys(database, async (client) => {
    const known = await getKey(asQueryable(client), caller, id);
    const { rows } = await client.query<KeyRow>({
      name: 'revoke_key',
      text: `
        update api_keys as k
        set revoked_at = coalesce(k.revoked_at, $2::timestamptz),
          previous_hash = null,
          previous_until = null
        where k.id = $1
        returning ${COLUMNS}`,
      values: [id, iso(clock.nowMs())],
    });
    await noteKey(client, id, known, rows[0]);
    return rows[0];
  });
  if (row === undefined) throw new Error('a key that was revoked was not returned');
  return toKey(row);
}

/** For the audit; without secret or hash. */
function noteKey(client: Client, id: string, before: Key | null, after: KeyRow | undefined): Promise<void> {
  const content = { before, after: after === undefined ? null : toKey(after) };
  return noteWrite(client, { target: `keys/${id}`, changes: [{ customerKey: null, content }] });
}

/** The revision is raised first: its row's lock lets one change of keys happen at a time, and no process reads half of one. */
function changeKeys<Value>(database: Database, change: (client: Client) => Promise<Value>): Promise<Value> {
  return inTransaction(database, async (client) => {
    await client.query('update api_keys_revision set revision = revision + 1');
    return change(client);
  });
}

async function requireRoom(client: Client): Promise<void> {
  const { rows } = await client.query<{ count: string }>('select count(*) as count from api_keys as k where k.revoked_at is null');
  if (Number(rows[0]?.count) < KEYS_MAX) return;
  throw new AppError('conflict', `There are ${KEYS_MAX} keys, which is all there can be; revoke those that nobody uses.`);
}

// ---------------------------------------------------------------- nobody gives more than they have

interface Powers {
  readonly scopes: readonly Scope[];
  readonly segments: readonly string[] | null;
}

function hasNoMore(caller: Caller, { scopes, segments }: Powers): boolean {
  if (!scopes.every((scope) => allows(caller, scope))) return false;
  return caller.segments === null || (segments?.every((key) => allowsSegment(caller, key)) ?? false);
}

function requireNoMore(caller: Caller, { scopes, segments, expiresAtMs }: Powers & Pick<NewKey, 'expiresAtMs'>): void {
  const lacking = scopes.filter((scope) => !allows(caller, scope));
  if (lacking.length > 0) {
    const names = lacking.map((scope) => `\`${scope}\``).join(', ');
    throw new AppError('forbidden', `Nobody can make a key with more than they have: yours lacks ${names}.`);
  }
  if (!hasNoMore(caller, { scopes, segments })) {
    throw new AppError('forbidden', 'Your key is for named segments; the keys that it makes name some of those in `segments`.');
  }
  if (caller.expiresAtMs === null || (expiresAtMs !== null && expiresAtMs <= caller.expiresAtMs)) return;
  throw new AppError('forbidden', `Your key ends at ${iso(caller.expiresAtMs)}; the keys that it makes or rotates end then or before.`);
}

function nameTaken(name: string): AppError {
  return new AppError('already_exists', `“${name}” is the name of another key; a name says who did something.`);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
