// In charge of recognising keys without asking the database for each request: all live keys are held in memory, and read again
// when one has been changed. Not of changing them (keys.ts).
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Database } from '../db/database.ts';
import type { Caller } from './caller.ts';
import { isSameHash } from './key-secret.ts';
import type { Scope } from './scopes.ts';

/** How long a key revoked by another process may still be accepted. */
const STALE_MS = 1000;
/** How exact `lastUsedAt` is. */
const USE_NOTED_MS = 60_000;
const KEY_IDENTITY = 'key:';

interface KnownKey {
  readonly caller: Caller;
  readonly hash: Buffer;
  readonly previousHash: Buffer | null;
  readonly previousUntilMs: number;
  notedMs: number;
}

interface LivingRow {
  id: string;
  name: string;
  hash: Buffer;
  previous_hash: Buffer | null;
  previous_until: number | null;
  scopes: Scope[];
  segments: string[] | null;
  requests_per_second: number | null;
  expires_at: number | null;
  last_used_at: number | null;
}

/**
 * A text that is no key costs no query and leaves nothing behind, however many come: that is why all keys are held, and not answers. The
 * revision is read by the first request of each second, and all that wait share that read.
 */
export class KnownKeys {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  #revision = '';
  #lookedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #used = new Map<string, number>();
  #noting: Promise<void> | undefined;

  constructor(database: Database, clock: Clock, log: Logger) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  /** null: no live key has this id and a secret with this hash. Throws what the database throws, when it is time to ask it. */
  async find(id: string, hash: Buffer): Promise<Caller | null> {
    const nowMs = await this.#lookIfStale();
    const key = this.#keys.get(id);
    if (key === undefined) return null;
    const isCurrent = isSameHash(hash, key.hash);
    const isPrevious = key.previousHash !== null && isSameHash(hash, key.previousHash) && nowMs < key.previousUntilMs;
    if (!isCurrent && !isPrevious) return null;
    if (key.caller.expiresAtMs !== null && key.caller.expiresAtMs <= nowMs) return null;
    this.#noteUse(id, key, nowMs);
    return key.caller;
  }

  /** Whether the key behind a caller's identity is still valid. An identity that is not a key of the table always is. */
  async isLiving(identity: string): Promise<boolean> {
    if (!identity.startsWith(KEY_IDENTITY)) return true;
    const nowMs = await this.#lookIfStale();
    const expiresAtMs = this.#keys.get(identity.slice(KEY_IDENTITY.length))?.caller.expiresAtMs;
    return expiresAtMs !== undefined && (expiresAtMs === null || expiresAtMs > nowMs);
  }

  /** → now */
  async #lookIfStale(): Promise<number> {
    const nowMs = this.#clock.nowMs();
    const ageMs = nowMs - this.#lookedMs;
    if (ageMs >= STALE_MS || ageMs < 0) await this.#look(); // below 0: the clock was set back
    return nowMs;
  }

  /** After a change made by this process: so that the next request sees it. */
  async refresh(): Promise<void> {
    while (this.#looking !== undefined) await this.#looking.catch(() => {}); // that one may have read before the change
    await this.#look();
  }

  /** Waits until the last uses are stored. */
  async close(): Promise<void> {
    while (this.#noting !== undefined) await this.#noting;
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const beganMs = this.#clock.nowMs();
    const [row] = await this.#database.query<{ revision: string }>({
      name: 'read_keys_revision',
      text: 'select r.revision from api_keys_revision as r',
    });
    if (row === undefined) throw new Error('the revision of the keys is missing');
    if (row.revision !== this.#revision) {
      this.#keys = await this.#load(beganMs);
      this.#revision = row.revision; // read before the keys, so those are no older
    }
    this.#lookedMs = beganMs;
  }

  async #load(nowMs: number): Promise<ReadonlyMap<string, KnownKey>> {
    const rows = await this.#database.query<LivingRow>({
      name: 'read_living_keys',
      text: `
        select k.id, k.name, k.hash, k.previous_hash, k.previous_until, k.scopes, k.segments, k.requests_per_second, k.expires_at,
          k.last_used_at
        from api_keys as k
        where k.revoked_at is null
          and (k.expires_at is null or k.expires_at > $1::timestamptz)
        order by k.id`,
      values: [new Date(nowMs).toISOString()],
    });
    return new Map(rows.map((row) => [row.id, this.#toKnown(row)]));
  }

  #toKnown(row: LivingRow): KnownKey {
    const stored = row.last_used_at ?? Number.NEGATIVE_INFINITY;
    return {
      caller: {
        actor: row.name,
        bearer: 'key',
        identity: `${KEY_IDENTITY}${row.id}`,
        scopes: new Set(row.scopes),
        segments: row.segments === null ? null : new Set(row.segments),
        customerId: null,
        expiresAtMs: row.expires_at,
        requestsPerSecond: row.requests_per_second,
      },
      hash: row.hash,
      previousHash: row.previous_hash,
      previousUntilMs: row.previous_until ?? Number.NEGATIVE_INFINITY,
      notedMs: Math.max(stored, this.#keys.get(row.id)?.notedMs ?? Number.NEGATIVE_INFINITY),
    };
  }

  /** At most once a minute for a key, and never while a request waits for it. */
  #noteUse(id: string, key: KnownKey, nowMs: number): void {
    if (nowMs - key.notedMs < USE_NOTED_MS) return;
    key.notedMs = nowMs;
    this.#used.set(id, nowMs);
    this.#noting ??= this.#writeUses().finally(() => {
      this.#noting = undefined;
    });
  }

  async #writeUses(): Promise<void> {
    while (this.#used.size > 0) {
      const uses = [...this.#used];
      this.#used = new Map();
      try {
        await this.#database.query({
          name: 'note_key_uses',
          text: `
            update api_keys as k
            set last_used_at = used.at
            from unnest($1::text[], $2::timestamptz[]) as used (id, at)
            where k.id = used.id
              and (k.last_used_at is null or k.last_used_at < used.at)`,
          values: [uses.map(([id]) => id), uses.map(([, usedMs]) => new Date(usedMs).toISOString())],
        });
      } catch (error) {
        this.#log.warn({ err: error }, 'when keys were last used could not be written down');
      }
    }
  }
}
