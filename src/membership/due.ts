// In charge of acting when only the clock has moved: customers whose next look is due are evaluated, in order of their instants.
// The cost follows the flips: an idle tick is one look at an index.
import { inOwnSpan } from '../base/tracing.ts';
import type { Database } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { evaluateBacklog } from './due-backlog.ts';
import { type Due, DueQueue, keysOf } from './due-queue.ts';
import type { Deciding } from './in-decision.ts';
import { lookInHalves } from './look-in-halves.ts';

/** Pieces that are found together: a few ten thousand rows of an index at a time. */
const FOUND_PIECES = 24;
const PUT_OFF_MS = 60_000;

export interface DueReport {
  readonly customers: number;
  readonly changes: number;
}

export interface DueOptions {
  /** A customer could not be evaluated: it was put off for a minute. */
  onFailure(error: unknown, key: CustomerKey): void;
  /** These customers were looked at, in one transaction. */
  onLooked?(due: readonly Due[], report: DueReport): void;
  /** When it aborts, the work ends between two transactions; whoever was not looked at stays due. */
  readonly signal?: AbortSignal;
}

/**
 * Evaluates everybody who is due, in order of their instants, until nobody is left who was due when the end of the list was found, or the signal
 * aborts.
 */
export async function evaluateDue(deciding: Deciding, { onFailure, onLooked, signal }: DueOptions): Promise<DueReport> {
  const { lookCustomers } = deciding.programs.get().limits;
  const due = new DueQueue(deciding, lookCustomers * FOUND_PIECES);
  await due.fill();
  const waiting = due.length;
  if (waiting === 0) return { customers: 0, changes: 0 };
  const total = { customers: 0, changes: 0 };
  const onFailed = async (error: unknown, key: CustomerKey) => {
    await putOff(deciding.database, key, deciding.clock.nowMs() + PUT_OFF_MS);
    onFailure(error, key);
  };
  const look = (part: readonly Due[]) => lookInHalves(deciding, { keys: keysOf(part), cause: 'time' }, { onFailure: onFailed });
  const onDone = (part: readonly Due[], changes: number) => {
    total.customers += part.length;
    total.changes += changes;
    onLooked?.(part, { customers: part.length, changes });
  };
  await inOwnSpan('look at due', { 'strata.customers': waiting }, async () => {
    if (waiting > lookCustomers) return evaluateBacklog(deciding, due, { look, onDone, signal });
    const part = due.take(waiting);
    onDone(part, await look(part));
  });
  return total;
}

async function putOff(database: Database, key: CustomerKey, untilMs: number): Promise<void> {
  await database.query({
    text: 'update rechecks as r set due_at = $2::timestamptz where r.customer_id = $1::bigint',
    values: [key, new Date(untilMs).toISOString()],
  });
}

/** When the next look at anybody is due, in epoch milliseconds; null: no look is planned. */
export async function nextDueMs(database: Database): Promise<number | null> {
  const [row] = await database.query<{ due_at: number | null }>({
    name: 'next_due',
    text: 'select min(r.due_at) as due_at from rechecks as r',
  });
  return row?.due_at ?? null;
}
