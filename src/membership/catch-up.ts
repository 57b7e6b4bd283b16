// In charge of what comes before a decision about customers: those who are late by the clock, or whom an import owes a look, are looked at
// first, so that each change keeps its own cause.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import { narrowToPlace } from '../db/citus.ts';
import { pipeline, type Statement } from '../db/database.ts';
import type { Difference } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { lookAtLocked } from './evaluate-locked.ts';
import type { Deciding, LockedDecision } from './in-decision.ts';
import { hasDueLook, isLate } from './is-late.ts';
import { dropPending, readPending, tellImports, toPending } from './pending.ts';
import { countChanges } from './record.ts';

export interface Late {
  readonly due: readonly CustomerKey[];
  readonly pending: readonly CustomerKey[];
}

const NOW = '(select coalesce($2::timestamptz, clock_timestamp()))';

/** Customers who are late by the clock, or whom an import owes a look: what is stored about them may be out of date. */
export function findLate({ clock }: Pick<Deciding, 'clock'>, keys: readonly CustomerKey[]): Statement {
  return findWhere('find_late', (key) => isLate(key, NOW), clock, keys);
}

/** The same except for segments that have flipped as a whole: for callers that leave those out. */
export function findOwnLate({ clock }: Pick<Deciding, 'clock'>, keys: readonly CustomerKey[]): Statement {
  return findWhere('find_own_late', (key) => hasDueLook(key, NOW), clock, keys);
}

function findWhere(name: string, condition: (key: string) => string, clock: Clock, keys: readonly CustomerKey[]): Statement {
  const asked = (key: string, source: string, narrowed: string) => {
    const isOwed = `exists (select from pending as p where p.customer_id = ${key})`;
    return `
      select ${key} as customer_id, ${isOwed} as owed
      from ${source}
      where ${narrowed}(${condition(key)} or ${isOwed})`;
  };
  return {
    name,
    text: asked('u.customer_id', 'unnest($1::bigint[]) as u (customer_id)', ''),
    // of rows that lie in no place Citus asks nothing in places; whoever is late has a row
    textOnCitus: narrowToPlace(asked('c.id', 'customers as c', 'c.id = any($1::bigint[]) and ')),
    values: [keys, fixedIso(clock)],
  };
}

export function toLate(rows: readonly Record<string, unknown>[]): Late {
  return {
    due: rows.filter((row) => !row['owed']).map((row) => String(row['customer_id'])),
    pending: rows.filter((row) => row['owed']).map((row) => String(row['customer_id'])),
  };
}

/** `ordinalFrom`: rows of the outbox that the decision has written already. → what differed */
export async function catchUp(decision: LockedDecision, late: Late, ordinalFrom = 0): Promise<readonly Difference[]> {
  const { client, program } = decision;
  const flipped = await lookAtLocked(decision, program.all, { keys: late.due, cause: 'time' }, ordinalFrom);
  const afterFlips = ordinalFrom + countChanges(flipped);
  const owed = await lookAtLocked(decision, program.all, { keys: late.pending, cause: 'data' }, afterFlips);
  if (late.pending.length > 0) {
    const [pending = []] = await pipeline(client, [readPending(late.pending), dropPending(late.pending)]);
    await pipeline(client, tellImports(toPending(pending), owed));
  }
  return [...flipped, ...owed];
}
