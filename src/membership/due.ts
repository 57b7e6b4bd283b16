// In charge of acting when only the clock has moved: customers whose next look is due are evaluated, in order of their instants.
// The cost follows the flips: an idle tick is one look at an index.
import { inOwnSpan } from '../base/tracing.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database } from '../db/database.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { evaluateBacklog } from './due-backlog.ts';
import type { Deciding } from './in-decision.ts';
import { lookAgain } from './look-again.ts';

/** Pieces that are found together: a backlog is gone through without a stop, and who falls due meanwhile waits two seconds at the most. */
const DUE_PIECES = 24;
const PUT_OFF_MS = 60_000;

export interface DueReport {
  readonly customers: number;
  readonly changes: number;
  /** since when each of them had been due */
  readonly dueAtMs: readonly number[];
}

/**
 * The longest due customers, at most 24,000, in order of their instants. A customer that cannot be evaluated is put off for a minute and reported.
 * The clock is asked in a query of its own: asked per row it would be volatile, and the whole table would be read for it at every tick.
 */
export async function evaluateDue(deciding: Deciding, onFailure: (error: unknown, key: CustomerKey) => void): Promise<DueReport> {
  const { lookCustomers } = deciding.programs.get().limits;
  const rows = await deciding.database.query<{ customer_id: CustomerKey; due_at: number }>({
    name: 'find_due',
    text: `
      select r.customer_id, r.due_at
      from rechecks as r
      where r.due_at <= (select coalesce($1::timestamptz, clock_timestamp()))
      order by r.due_at, r.customer_id
      limit ${lookCustomers * DUE_PIECES}`,
    values: [fixedIso(deciding.clock)],
  });
  const keys = rows.map((row) => row.customer_id);
  if (keys.length === 0) return { customers: 0, changes: 0, dueAtMs: [] };
  const look = (part: readonly CustomerKey[]) => lookAtParts(deciding, part, onFailure);
  const changes = await inOwnSpan('look at due', { 'strata.customers': keys.length }, () =>
    keys.length <= lookCustomers ? look(keys) : evaluateBacklog(deciding, keys, look),
  );
  return { customers: keys.length, changes, dueAtMs: rows.map((row) => row.due_at) };
}

/** Halves until the one that fails stands alone: the others are not held up by it. */
async function lookAtParts(
  deciding: Deciding,
  keys: readonly CustomerKey[],
  onFailure: (error: unknown, key: CustomerKey) => void,
): Promise<number> {
  try {
    return await lookAgain(deciding, { keys, cause: 'time' });
  } catch (error) {
    if (!isEvaluationFailure(error)) throw error;
    const [only] = keys;
    if (keys.length > 1 || only === undefined) {
      const middle = Math.ceil(keys.length / 2);
      const first = await lookAtParts(deciding, keys.slice(0, middle), onFailure);
      return first + (await lookAtParts(deciding, keys.slice(middle), onFailure));
    }
    await putOff(deciding.database, only, deciding.clock.nowMs() + PUT_OFF_MS);
    onFailure(error, only);
    return 0;
  }
}

async function putOff(database: Database, key: CustomerKey, untilMs: number): Promise<void> {
  await database.query({
    text: 'update rechecks as r set due_at = $2::timestamptz where r.customer_id = $1::bigint',
    values: [key, new Date(untilMs).toISOString()],
  });
}

/** When the next look of anybody is due, in epoch milliseconds; null: nobody has one. */
export async function nextDueMs(database: Database): Promise<number | null> {
  const [row] = await database.query<{ due_at: number | null }>({
    name: 'next_due',
    text: 'select min(r.due_at) as due_at from rechecks as r',
  });
  return row?.due_at ?? null;
}
