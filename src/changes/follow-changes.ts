// In charge of following the feed live: one tail per process reads each new page once, and hands it to everybody who waits for something in
// it, however many. A follower that begins in the past or falls behind reads the database until the tail's last pages hold the rest. A follower
// holds a place and nothing else, so a slow one costs no memory. Not of sending (api/).
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { Turns } from '../base/turns.ts';
import type { Database } from '../db/database.ts';
import { Audience } from './audience.ts';
import { type FeedFilter, letsThrough, queryOf } from './feed-filter.ts';
import { historyTrimmed, readKeptHistory } from './kept-history.ts';
import type { Publisher } from './publisher.ts';
import { type Change, type FeedPage, readChanges, readFeedEnd, readFeedPage } from './read-changes.ts';

/** Changes per page, for the tail and for a follower that reads for itself. */
const PAGE = 1000;
/** What was read last is kept for followers who were busy: so many changes, and only for this long, since an erasure does not reach them. */
const KEPT_CHANGES = 4096;
const KEPT_MS = 5000;
/** How long to rely on being notified of growth before looking anyway. */
const POLL_MS = 1000;
/** Followers reading the database at once: a thousand that come back together must not take every connection. */
const READERS = 3;

interface Page {
  /** everything after it and up to `to` is in `changes` */
  readonly from: number;
  readonly to: number;
  readonly changes: readonly Change[];
  readonly readMs: number;
}

export interface FeedTailOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly publisher: Publisher;
  onError(error: unknown): void;
}

export class FeedTail {
  readonly #options: FeedTailOptions;
  readonly #followers = new Set<Follower>();
  readonly #waiting = new Audience<Follower>();
  readonly #readers = new Turns(READERS);
  #pages: Page[] = [];
  #keptChanges = 0;
  /** the tail has read up to here; null: nobody follows */
  #position: number | null = null;
  #begun: Promise<void> | undefined;
  #term: AbortController | undefined;

  constructor(options: FeedTailOptions) {
    this.#options = options;
  }

  /** how many follow */
  get size(): number {
    return this.#followers.size;
  }

  /** Begins after a position. Close it when it is no longer needed. */
  follow(filter: FeedFilter, afterPosition: string): Follower {
    const follower = new Follower(this, this.#options.clock, filter, afterPosition);
    this.#followers.add(follower);
    if (this.#term === undefined) this.#start();
    return follower;
  }

  /** Ends all waiting. */
  stop(): void {
    for (const follower of [...this.#followers]) follower.close();
  }

  // ---------------------------------------------------------------- for followers only

  leave(follower: Follower): void {
    this.#followers.delete(follower);
    this.#waiting.delete(follower.filter, follower);
    if (this.#followers.size > 0) return;
    this.#term?.abort();
    this.#term = undefined;
  }

  wait(follower: Follower): void {
    this.#waiting.add(follower.filter, follower);
  }

  endWait(follower: Follower): void {
    this.#waiting.delete(follower.filter, follower);
  }

  /** The position of a follower that waits, or that finds nothing further. */
  get position(): number {
    return this.#position ?? 0;
  }

  async begun(): Promise<void> {
    await this.#begun;
  }

  /** The part of the last pages after the position; null: they begin later. */
  recent(filter: FeedFilter, after: number, limit: number): FeedPage | null {
    const position = this.#position;
    if (position === null) return null;
    if (after >= position) return { changes: [], place: String(after) };
    const first = this.#pages.findIndex((page) => page.to > after);
    if (first === -1 || (this.#pages[first]?.from ?? 0) > after) return null;
    const changes: Change[] = [];
    for (const page of this.#pages.slice(first)) {
      for (const change of page.changes) {
        if (Number(change.position) <= after || !letsThrough(filter, change)) continue;
        changes.push(change);
        if (changes.length === limit) return { changes, place: change.position };
      }
    }
    return { changes, place: String(position) };
  }

  /** Reads from the database. Throws `history_trimmed` if retention has passed the position. */
  async readBehind(filter: FeedFilter, after: number, limit: number): Promise<FeedPage> {
    const { database, clock } = this.#options;
    const release = await this.#readers.take();
    try {
      const page = await readFeedPage(database, queryOf(filter, String(after), Math.min(limit, PAGE)));
      const { trimmedPosition, oldestMs } = await readKeptHistory(database, clock); // read after the page: what is gone now may still have been there then
      if (oldestMs !== null && BigInt(after) < BigInt(trimmedPosition)) throw historyTrimmed(oldestMs);
      return page;
    } finally {
      release();
    }
  }

  // ---------------------------------------------------------------- the tail

  #start(): void {
    const term = new AbortController();
    this.#term = term;
    this.#pages = [];
    this.#keptChanges = 0;
    this.#position = null;
    const grown = new Bell();
    const stopListening = this.#options.publisher.onGrowth(() => grown.ring());
    term.signal.addEventListener('abort', stopListening, { once: true });
    this.#begun = this.#begin(term.signal, grown);
  }

  /** Resolves when the tail has found its place; it goes on until the term ends. */
  async #begin(signal: AbortSignal, grown: Bell): Promise<void> {
    const { database, clock, onError } = this.#options;
    while (!signal.aborted) {
      try {
        const end = Number(await readFeedEnd(database));
        if (!signal.aborted) this.#position = end;
        break;
      } catch (error) {
        onError(error);
        await clock.sleep(POLL_MS, signal);
      }
    }
    void this.#readAll(signal, grown);
  }

  async #readAll(signal: AbortSignal, grown: Bell): Promise<void> {
    const { clock, onError } = this.#options;
    while (!signal.aborted) {
      try {
        const isMore = await this.#readOn(signal);
        this.#forget();
        if (!isMore) await grown.wait(clock, POLL_MS, signal);
      } catch (error) {
        onError(error);
        await clock.sleep(POLL_MS, signal);
      }
    }
  }

  /** → there may be more */
  async #readOn(signal: AbortSignal): Promise<boolean> {
    const from = this.position;
    const changes = await readChanges(this.#options.database, { afterPosition: String(from), limit: PAGE });
    const [first] = changes;
    if (signal.aborted || first === undefined) return false;
    const to = Number(changes.at(-1)?.position);
    const isWhole = Number(first.position) === from + 1 && to === from + changes.length;
    this.#position = to;
    if (isWhole) {
      this.#keep({ from, to, changes, readMs: this.#options.clock.nowMs() });
      for (const share of this.#waiting.sharesOf(changes)) for (const follower of share.members) follower.give(share.changes, to);
    } else {
      this.#pages = []; // retention has overtaken the tail: each follower finds that out for itself
      this.#keptChanges = 0;
      for (const follower of this.#followers) follower.give(null, to);
    }
    return changes.length === PAGE;
  }

  #keep(page: Page): void {
    this.#pages.push(page);
    this.#keptChanges += page.changes.length;
    while (this.#keptChanges > KEPT_CHANGES && this.#pages.length > 1) this.#dropFirst();
  }

  #forget(): void {
    const oldestMs = this.#options.clock.nowMs() - KEPT_MS;
    while (this.#pages[0] !== undefined && this.#pages[0].readMs < oldestMs) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#keptChanges -= this.#pages.shift()?.changes.length ?? 0;
  }
}

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One reader of the feed at a place of its own. One call of `next` at a time. */
export class Follower {
  readonly filter: FeedFilter;
  readonly #tail: FeedTail;
  readonly #clock: Clock;
  #position: number;
  /** what was given up to here has been passed on, since its reader has asked for more */
  #passed: number;
  #closed = false;
  /** ends the current wait */
  #give: ((changes: readonly Change[] | null, to: number) => void) | undefined;
  #end: (() => void) | undefined;

  constructor(tail: FeedTail, clock: Clock, filter: FeedFilter, afterPosition: string) {
    this.#tail = tail;
    this.#clock = clock;
    this.filter = filter;
    this.#position = Number(afterPosition);
    this.#passed = this.#position;
  }

  /** Everything that the filter lets through up to here has been given and passed on, so a reader may be told to go on from here. */
  get place(): string {
    return String(this.#end === undefined ? this.#passed : this.#waitedTo());
  }

  /** A follower that waits has missed nothing. */
  #waitedTo(): number {
    return Math.max(this.#position, this.#tail.position);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * The next changes, at most so many (and never more than 1,000), as soon as there are any; none when the time is up, the signal aborts or
   * the follower is closed. Followers who want the same and wait together get the same array. Throws `history_trimmed`, and what the database throws.
   */
  async next(limit: number, options: WaitOptions = {}): Promise<FeedPage> {
    this.#passed = this.#position;
    await this.#tail.begun();
    while (!this.#closed && options.signal?.aborted !== true) {
      const recent = this.#tail.recent(this.filter, this.#position, limit);
      const page = recent ?? (await this.#tail.readBehind(this.filter, this.#position, limit));
      this.#position = Number(page.place);
      if (page.changes.length > 0) return page;
      this.#passed = this.#position;
      if (recent === null) continue;
      const given = await this.#wait(options);
      if (given === 'time is up') break;
      if (given === null) continue; // not from the tail: read for yourself
      const changes = given.length > limit ? given.slice(0, limit) : given;
      if (changes.length < given.length) this.#position = Number(changes.at(-1)?.position);
      if (changes.length > 0) return { changes, place: String(this.#position) };
    }
    return { changes: [], place: String(this.#position) };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#end?.();
    this.#tail.leave(this);
  }

  /** For the tail only: everything this follower wants up to a place; null: it must read for itself. */
  give(changes: readonly Change[] | null, to: number): void {
    this.#give?.(changes, to);
  }

  #wait({ timeoutMs, signal }: WaitOptions): Promise<readonly Change[] | null | 'time is up'> {
    return new Promise((resolve) => {
      const waiting = new AbortController();
      const finish = (outcome: readonly Change[] | null | 'time is up') => {
        if (this.#give === undefined) return;
        this.#give = undefined;
        this.#end = undefined;
        this.#tail.endWait(this);
        signal?.removeEventListener('abort', end);
        waiting.abort();
        resolve(outcome);
      };
      const end = () => {
        this.#position = this.#waitedTo();
        finish('time is up');
      };
      this.#give = (changes, to) => {
        if (changes === null) return finish(null);
        const own =
          Number(changes[0]?.position) > this.#position ? changes : changes.filter(({ position }) => Number(position) > this.#position);
        if (to > this.#position) this.#position = to;
        if (own.length > 0) finish(own);
      };
      this.#end = end;
      this.#tail.wait(this);
      signal?.addEventListener('abort', end, { once: true });
      if (timeoutMs !== undefined) void this.#clock.sleep(timeoutMs, waiting.signal).then(() => this.#end === end && end());
    });
  }
}
