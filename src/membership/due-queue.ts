// In charge of finding who is due, in order of their instants, page by page. Not of looking at them (due.ts, due-backlog.ts).
import { fixedIso } from '../db/as-of.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Deciding } from './in-decision.ts';

/** Somebody whose next look is due, and when it fell due. */
export interface Due {
  readonly key: CustomerKey;
  readonly dueAtMs: number;
}

export function keysOf(due: readonly Due[]): CustomerKey[] {
  return due.map((each) => each.key);
}

/** Customers who are due, those due longest first. */
export class DueQueue {
  readonly #deciding: Deciding;
  readonly #foundAtOnce: number;
  #waiting: Due[] = [];
  #last: Due | undefined;
  #isWhole = false;

  constructor(deciding: Deciding, foundAtOnce: number) {
    this.#deciding = deciding;
    this.#foundAtOnce = foundAtOnce;
  }

  /** How many are waiting: all there are, or at least as many as `fill` was asked to find. */
  get length(): number {
    return this.#waiting.length;
  }

  take(count: number): readonly Due[] {
    return this.#waiting.splice(0, count);
  }

  /**
   * Finds customers until at least this many are waiting, unless there are no more. Whoever falls due after the end was found is left to another
   * queue. The clock is read in a subquery of its own: read per row it would be volatile, and the whole table would be read for it at every
   * tick.
   */
  async fill(least = 1): Promise<void> {
    while (this.#waiting.length < least && !this.#isWhole) {
      const last = this.#last;
      const rows = await this.#deciding.database.query<{ key: CustomerKey; due_at: number }>({
        name: 'find_due',
        text: `
          select r.customer_id as key, r.due_at
          from rechecks as r
          where r.due_at <= (select coalesce($1::timestamptz, clock_timestamp()))
            and r.due_at >= $2::timestamptz and (r.due_at, r.customer_id) > ($2::timestamptz, $3::bigint)
          order by r.due_at, r.customer_id
          limit ${this.#foundAtOnce}`,
        values: [
          fixedIso(this.#deciding.clock),
          last === undefined ? '-infinity' : new Date(last.dueAtMs).toISOString(),
          last?.key ?? LEAST_KEY,
        ],
      });
      this.#isWhole = rows.length < this.#foundAtOnce;
      this.#waiting.push(...rows.map((row) => ({ key: row.key, dueAtMs: row.due_at })));
      this.#last = this.#waiting.at(-1) ?? last;
    }
  }
}
