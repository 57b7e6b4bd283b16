// In charge of where reads go that may be as old as a replica (READ_DATABASE_URL): to the replica while it serves and has the write that the
// reader names, otherwise to the primary. Not of which reads those are: a handler asks `reads` or `strata.database`.
import { setTimeout as after } from 'node:timers/promises';
import type pg from 'pg';
import { type Clock, startStopwatch } from '../base/clock.ts';
import type { Database } from './database.ts';

/** `none`: there is no replica; `down`: it does not answer; `foreign`: no copy of this database, or not a replica (any more); `catching up`:
 *  it has not yet applied all that this process found on the primary at its start, such as the schema. */
export const REPLICA_STATES = ['none', 'down', 'foreign', 'catching up', 'up'] as const;
export type ReplicaState = (typeof REPLICA_STATES)[number];

export interface ReadsOptions {
  readonly primary: Database;
  /** undefined: all reads are the primary's */
  readonly replica: Database | undefined;
  readonly clock: Clock;
  onState(state: ReplicaState, cause: unknown): void;
}

/** How long a reader who names a write waits for the replica to have it. */
const WAIT_MS = 5000;
const POLL_MS = 10;
/** For a reader who waits longer than this, the primary is made to write out its log, see `#flush`. */
const FLUSH_AFTER_MS = 50;
const WATCH_MS = 1000;
/** A replica that has not answered within this is down. */
const PATIENCE_MS = 3000;

interface Look {
  readonly is_replica: boolean;
  readonly identity: string;
  /** in bytes from the beginning of the log, as are all places here */
  readonly place: string | null;
}

export class Reads {
  readonly #options: ReadsOptions;
  readonly #stopping = new AbortController();
  #state: ReplicaState;
  #place = 0n;
  #leastPlace = 0n;
  #lagBytes: number | null = null;
  #identity: string | undefined;
  #asked: Promise<void> | undefined;
  #flushing: Promise<void> | undefined;
  #watching: Promise<void> | undefined;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#state = options.replica === undefined ? 'none' : 'catching up';
  }

  /** Resolves after the first look at the replica. A replica that does not serve does not prevent the start. */
  async start(): Promise<void> {
    if (this.#options.replica === undefined) return;
    this.#leastPlace = await this.#placeOfPrimary();
    await this.#watch();
    this.#watching = this.#keepWatching();
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** how much the primary had written at the last look that the replica had not applied; null: not known */
  get lagBytes(): number | null {
    return this.#lagBytes;
  }

  /** The database to read from; null: the replica did not get as far as `lsn` in time (pg_lsn as text; null: however far it is will do). */
  async choose(lsn: string | null): Promise<Database | null> {
    const { primary, replica } = this.#options;
    if (replica === undefined || this.#state !== 'up') return primary;
    if (lsn === null) return replica;
    const place = toPlace(lsn);
    const seconds = startStopwatch();
    while (this.#place < place) {
      if (seconds() * 1000 >= WAIT_MS) return null;
      if (seconds() * 1000 >= FLUSH_AFTER_MS) void this.#flush();
      await this.#askPlace();
      if (this.state !== 'up') return primary; // it went down meanwhile
      if (this.#place < place) await after(POLL_MS);
    }
    return replica;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  async #keepWatching(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#options.clock.sleep(WATCH_MS, signal);
      if (!signal.aborted) await this.#watch();
    }
  }

  async #watch(): Promise<void> {
    await this.#askPlace();
    try {
      this.#lagBytes = this.#state === 'down' ? null : Number(maxOf((await this.#placeOfPrimary()) - this.#place, 0n));
    } catch {
      this.#lagBytes = null; // the primary does not answer; /readyz says so
    }
  }

  /** One query for all who are waiting. */
  #askPlace(): Promise<void> {
    this.#asked ??= this.#look().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #look(): Promise<void> {
    const { primary, replica } = this.#options;
    try {
      if (replica === undefined) throw new Error('there is no replica to look at');
      this.#identity ??= (await lookAt(primary)).identity;
      const { is_replica, identity, place } = await withPatience(lookAt(replica));
      if (!is_replica || identity !== this.#identity || place === null) return this.#enter('foreign', undefined);
      this.#place = BigInt(place);
      this.#enter(this.#place >= this.#leastPlace ? 'up' : 'catching up', undefined);
    } catch (error) {
      this.#enter('down', error);
    }
  }

  /**
   * The place in a token is the end of the log in memory, which may be past records of transactions still running, or past the header of
   * a page that is otherwise empty. On a quiet primary the replica would get there only seconds later; a commit takes it there at once.
   */
  #flush(): Promise<void> {
    this.#flushing ??= this.#options.primary
      .query({ name: 'flush_log', text: 'select pg_current_xact_id()' })
      .then(
        () => undefined,
        () => undefined, // the primary does not answer; the reader is told that it waited in vain
      )
      .finally(() => {
        this.#flushing = undefined;
      });
    return this.#flushing;
  }

  async #placeOfPrimary(): Promise<bigint> {
    const [row] = await this.#options.primary.query<{ place: string }>({
      name: 'read_primary_place',
      text: "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as place",
    });
    if (row === undefined) throw new Error('the primary said nothing of its place');
    return BigInt(row.place);
  }

  #enter(state: ReplicaState, cause: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'down') this.#lagBytes = null;
    this.#options.onState(state, cause);
  }
}

/** A copy has the primary's system identifier, and the same database. */
async function lookAt(database: Database): Promise<Look> {
  const [row] = await database.query<Look & pg.QueryResultRow>({
    name: 'look_at_server',
    text: `
      select
        pg_is_in_recovery() as is_replica,
        s.system_identifier::text || ' ' || d.oid::text as identity,
        pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text as place
      from pg_control_system() as s
      cross join pg_database as d
      where d.datname = current_database()`,
  });
  if (row === undefined) throw new Error('the server said nothing of itself');
  return row;
}

function withPatience<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the replica has not answered for ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** `16/B374D848`: two halves in hexadecimal */
function toPlace(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

function maxOf(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
