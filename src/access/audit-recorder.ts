// In charge of entries that no write carries: reads of personal data and refused attempts. They are stored in batches, within a second of the
// answer; a process that is killed loses that second, and the refusals of its last minute that were only counted. While the database does not take
// entries, reads of personal data are not answered, and refusals are counted instead of listed. Writes carry their own entry (write-record.ts).
import type { Clock } from '../base/clock.ts';
import { MINUTE_MS } from '../base/durations.ts';
import type { Database } from '../db/database.ts';
import { type AuditChange, type AuditEntry, type AuditOrigin, makeEntry } from './audit-entry.ts';
import { storeEntries } from './store-entries.ts';

/** How long an entry may wait in memory. */
export const FLUSH_MS = 500;
const STORED_TOGETHER = 500;
/** If more than this many wait, reads wait until they are stored. */
const WAITING_MAX = 2_000;
/** Refused attempts are listed one by one up to this many a minute, and then only counted. */
export const REFUSALS_LISTED = 100;

export interface RecorderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

interface RefusedMinute {
  readonly fromMs: number;
  listed: number;
  /** in addition to those that are listed */
  counted: number;
  last: AuditOrigin;
}

export class AuditRecorder {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();
  #waiting: AuditEntry[] = [];
  #flushing: Promise<void> | undefined;
  #refused: RefusedMinute | undefined;

  constructor({ database, clock, onError }: RecorderOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Personal data is about to be answered. Resolves at once, unless too many entries wait already; throws what storing those throws. */
  async read(origin: AuditOrigin, target: string | null, changes: readonly AuditChange[]): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) await this.flush(); // first: a read that is then not answered has no entry, and takes no memory
    this.#add(makeEntry(origin, 'read', target, changes));
  }

  /** Somebody was turned away. Never waits. */
  refused(origin: AuditOrigin, code: string): void {
    const minute = this.#minuteOf(origin);
    minute.last = origin;
    if (minute.listed >= REFUSALS_LISTED || this.#waiting.length >= 2 * WAITING_MAX) minute.counted += 1;
    else {
      minute.listed += 1;
      this.#add(makeEntry(origin, 'refused', null, [{ customerKey: null, content: { code } }]));
    }
  }

  #minuteOf(origin: AuditOrigin): RefusedMinute {
    const fromMs = origin.atMs - (origin.atMs % MINUTE_MS);
    if (this.#refused === undefined || this.#refused.fromMs < fromMs) {
      this.#endMinute();
      this.#refused = { fromMs, listed: 0, counted: 0, last: origin };
    }
    return this.#refused;
  }

  /** One entry for all that were only counted. */
  #endMinute(): void {
    const minute = this.#refused;
    this.#refused = undefined;
    if (minute === undefined || minute.counted === 0) return;
    const origin = { ...minute.last, actor: 'many', keyId: null, address: null, action: 'many' };
    this.#add(makeEntry(origin, 'refused', null, [{ customerKey: null, content: { refusedMore: minute.counted } }]));
  }

  #add(entry: AuditEntry): void {
    this.#waiting.push(entry);
    this.#flushing ??= this.#flushSoon();
  }

  async #flushSoon(): Promise<void> {
    await this.#clock.sleep(FLUSH_MS, this.#closing.signal);
    try {
      await this.#store();
    } catch (error) {
      this.#onError(error); // the entries wait for the next flush
    } finally {
      this.#flushing = undefined;
    }
    if (this.#waiting.length > 0 && !this.#closing.signal.aborted) this.#flushing = this.#flushSoon();
  }

  /** Stores what waits. Throws what the database throws, without losing anything. */
  async flush(): Promise<void> {
    await this.#store();
  }

  async #store(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.slice(0, STORED_TOGETHER);
      this.#waiting = this.#waiting.slice(entries.length);
      try {
        await this.#database.query(storeEntries(entries));
      } catch (error) {
        this.#waiting = [...entries, ...this.#waiting];
        throw error;
      }
    }
  }

  /** Stores what waits, with the refusals that were only counted. */
  async close(): Promise<void> {
    this.#endMinute();
    this.#closing.abort();
    await this.#flushing;
    await this.#store().catch(this.#onError);
  }
}
