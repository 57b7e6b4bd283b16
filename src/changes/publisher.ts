// In charge of numbering: one publisher moves every row its snapshot sees from `outbox` to `changes` with dense positions, in order of
// (decision, ordinal), in one transaction on the connection that holds the leader's lock. No transaction ids, no horizon: a late commit
// comes later, and whoever waited for a customer's lock also decided later, so each customer's changes keep their order.
// Changes of somebody who was erased before they were numbered are counted, and numbered as tombstones (erase-customer.ts).
import type pg from 'pg';
import { type Clock, startStopwatch } from '../base/clock.ts';
import { outOfSpan, tellSpan } from '../base/tracing.ts';
import { isCitus } from '../db/citus.ts';
import { asQueryable, type Queryable } from '../db/database.ts';
import { countNotedChanges } from './count-noted-changes.ts';
import { MARKED_TOGETHER, markChanges } from './marks.ts';
import { moveDistributed } from './move-distributed.ts';
import { IS_ERASED, MOVED_AT_ONCE, numberChanges } from './number-changes.ts';
import { placeNotices } from './place-notices.ts';

/** A poke can be lost (another process, a broken listener): the outbox is looked at all the same. */
const POLL_MS = 1000;
const CHANNEL = 'strata_outbox';
/** Between two moves under load: what is written meanwhile goes together. Nobody sees a change later than that, and readers on other
 *  processes are told no more often. */
const GATHER_MS = 50;
/** Between two counts: it changes three rows of each segment, 15 ms of 500, however many changes there were. Whoever reads sizes adds what is not counted yet, at
 *  most a hundred notes of a segment. */
const COUNT_SECONDS = 5;
/** Between two looks at notices that have no place: one for nothing costs half of what a move for nothing does. */
const PLACE_SECONDS = 1;
/** Rows deleted from the outbox until it is vacuumed, and all statistics of it with that: autovacuum comes once a minute, and until then
 *  every move walks over what the moves before have deleted (0.9 M changes took minutes). */
const VACUUMED_AFTER = 100_000;
/** Other processes' publishers are told at most that often: NOTIFY in each write halves throughput. */
const NOTIFY_MS = 20;

/**
 * Rows are deleted by their place in the table: a join back to it was planned while the table was empty, as it mostly is, and then took
 * hours for the 0.9 M changes of a mass publish. Who is updated meanwhile (an erasure) has another place and is moved next time.
 */
const MOVE = numberChanges(`
    delete from outbox as o
    where o.ctid = any(array(
      select q.ctid
      from outbox as q
      order by q.decision, q.ordinal
      limit ${MOVED_AT_ONCE}
    ))
    returning o.*, ${IS_ERASED}`);

export interface PublisherOptions {
  readonly clock: Clock;
  /** whose days sizes are kept by */
  readonly timeZone: string;
  /** any connection */
  readonly database: Queryable;
}

export class Publisher {
  readonly #clock: Clock;
  readonly #timeZone: string;
  readonly #database: Queryable;
  #leads = false;
  #notifying = false;
  #wake: (() => void) | undefined;
  #poked = false;
  #listeners = new Set<() => void>();

  constructor({ clock, timeZone, database }: PublisherOptions) {
    this.#clock = clock;
    this.#timeZone = timeZone;
    this.#database = database;
  }

  /** There may be something in the outbox. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
    if (!this.#leads && !this.#notifying) void outOfSpan(() => this.#notifyLeader());
  }

  /** At once, then for what came meanwhile. A notice that is lost costs a second: the leader looks by itself. */
  async #notifyLeader(): Promise<void> {
    this.#notifying = true;
    while (this.#poked && !this.#leads) {
      this.#poked = false;
      await this.#database.query({ text: `notify ${CHANNEL}` }).catch(() => {});
      await this.#clock.sleep(NOTIFY_MS);
    }
    this.#notifying = false;
  }

  /** The feed has grown: numbered here, or heard from the process that numbers. */
  tellGrowth(): void {
    for (const grown of this.#listeners) grown();
  }

  /** Another process says that the feed has grown; what is numbered here has been told already. */
  hearOfGrowth(): void {
    if (!this.#leads) this.tellGrowth();
  }

  /** Calls back at each growth, until what it returns is called. One page in the database may be told of twice, so look before you act. */
  onGrowth(grown: () => void): () => void {
    this.#listeners.add(grown);
    return () => this.#listeners.delete(grown);
  }

  /** Resolves when the feed has grown, after `timeoutMs`, or when the signal aborts. */
  async nextGrowth(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const stop = this.onGrowth(() => waiting.abort());
    try {
      await this.#clock.sleep(timeoutMs, AbortSignal.any([signal, waiting.signal]));
    } finally {
      stop();
    }
  }

  /** Publishes until the signal aborts; only the leader calls this, on the connection that holds the lock. */
  async run(connection: pg.Client, signal: AbortSignal): Promise<void> {
    connection.on('notification', (message) => {
      if (message.channel === CHANNEL) this.poke();
    });
    await connection.query(`listen ${CHANNEL}`);
    this.#leads = true;
    try {
      await this.#publish(connection, signal);
    } finally {
      this.#leads = false;
    }
  }

  async #publish(connection: pg.Client, signal: AbortSignal): Promise<void> {
    let unmarked = MARKED_TOGETHER; // a term begins with what the one before has left
    let deleted = 0;
    let uncounted = true;
    let sinceCounted: (() => number) | undefined;
    let sincePlaced: (() => number) | undefined;
    while (!signal.aborted) {
      this.#poked = false;
      const startMs = this.#clock.nowMs();
      const moved = await moveOutbox(connection);
      if (moved > 0) {
        this.tellGrowth();
        tellSpan('publish', startMs, { 'strata.changes': moved });
        uncounted = true;
      }
      if (uncounted && (sinceCounted === undefined || sinceCounted() >= COUNT_SECONDS)) {
        await countNotedChanges(connection, this.#timeZone);
        uncounted = false;
        sinceCounted = startStopwatch();
      }
      unmarked += moved;
      deleted += moved;
      if (unmarked >= MARKED_TOGETHER) {
        await markChanges(connection);
        unmarked = 0; // at most twice as many changes without a mark as with one
      }
      if (deleted >= VACUUMED_AFTER) {
        await connection.query('vacuum (analyze, truncate off) outbox, uncounted');
        deleted = 0;
      }
      if (moved >= MOVED_AT_ONCE) continue;
      if (sincePlaced === undefined || sincePlaced() >= PLACE_SECONDS) {
        await placeNotices(asQueryable(connection)); // also where nothing was moved: what they waited for may have been
        sincePlaced = startStopwatch();
      }
      if (moved > 0 || this.#poked) await this.#clock.sleep(GATHER_MS, signal);
      if (!this.#poked) await this.#sleep(signal); // nobody says that there is more: a look for nothing costs nearly what a move does
    }
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    await this.#clock.sleep(POLL_MS, AbortSignal.any([signal, waking.signal]));
    this.#wake = undefined;
  }
}

/** Numbers what the outbox holds now, at most 20,000 rows. → how many */
export async function moveOutbox(connection: Pick<pg.Client, 'query'>): Promise<number> {
  if (await isCitus(connection)) return moveDistributed(connection);
  const { rows } = await connection.query<{ moved: number }>({ name: 'move_outbox', text: MOVE });
  return rows[0]?.moved ?? 0;
}
