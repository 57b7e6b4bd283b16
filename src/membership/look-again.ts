// In charge of evaluating given customers again, for all live segments: when a look is due, when an import owes one, when a
// reader asks; and of the locks of everybody who decides about given customers. A look creates nobody.
import { pipeline, type Statement } from '../db/database.ts';
import type { Difference } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type Look, lookAtLocked } from './evaluate-locked.ts';
import { withoutCulprits } from './fail-segments.ts';
import { type Deciding, type Decision, inDecision, type LockedDecision } from './in-decision.ts';
import { readMoment, toMoment } from './moment.ts';
import { dropPending, type Pending, readPending, tellImports, toPending } from './pending.ts';
import { countChanges } from './record.ts';

/**
 * Locks customers in order of id and reads the moment after the locks. → those who exist, each with the revision before. (Otherwise the planner
 * would visit them in the order of the table, and two looks could wait for each other until the deadlock timeout of one second.)
 */
export async function lockForLook(decision: Decision, keys: readonly CustomerKey[]): Promise<LockedForLook> {
  return readLocks(decision, await pipeline(decision.client, lockStatements(decision, keys)));
}

export interface LockedForLook extends LockedDecision {
  readonly revisions: ReadonlyMap<CustomerKey, string>;
  /** empty if the customers were not locked for settling */
  readonly pending: Pending;
}

function lockStatements({ clock }: Pick<Deciding, 'clock'>, keys: readonly CustomerKey[]): readonly Statement[] {
  return [
    { name: 'lock_in_order', text: `select set_config('enable_bitmapscan', 'off', true)` },
    {
      name: 'lock_for_look',
      text: 'update customers as c set revision = c.revision + 1 where c.id = any($1::bigint[]) returning c.id, c.revision - 1 as revision',
      values: [ascending(keys)],
    },
    readMoment(clock),
  ];
}

/**
 * The same for callers who settle what is owed to the customers, as part of a batch of the caller's; `readLocks` reads the rows of exactly
 * these.
 */
export function lockForSettling(deciding: Pick<Deciding, 'clock'>, keys: readonly CustomerKey[]): readonly Statement[] {
  return [...lockStatements(deciding, keys), readPending(keys)];
}

type Rows = readonly (readonly Readonly<Record<string, unknown>>[])[];

export function readLocks(decision: Decision, [, locked = [], moment = [], pending = []]: Rows): LockedForLook {
  const revisions = new Map(locked.map((row) => [String(row['id']), String(row['revision'])]));
  return { ...decision, moment: toMoment(moment), revisions, pending: toPending(pending) };
}

/** In the order in which Postgres sorts them. */
function ascending(keys: readonly CustomerKey[]): CustomerKey[] {
  return [...BigInt64Array.from(keys, BigInt).sort()].map(String);
}

/** One transaction: lock, take the moment, evaluate all, record; what is due or owed to the customers is settled. → number of changes */
export function lookAgain(deciding: Deciding, look: Look): Promise<number> {
  return withoutCulprits(
    deciding,
    () => ({ customers: { keys: look.keys } }),
    () => inDecision(deciding, (decision) => lookOnce(decision, look)),
  );
}

async function lookOnce(decision: Decision, { keys, cause }: Look): Promise<number> {
  const { client, program } = decision;
  const locked = readLocks(decision, await pipeline(client, lockForSettling(decision, keys)));
  const existing = keys.filter((key) => locked.revisions.has(key)); // somebody created after the locks were taken is not ours
  const owed = cause === 'time' ? await onlyOwed(locked, existing) : new Set<CustomerKey>();
  const others = existing.filter((key) => !owed.has(key));
  const differing = await lookAtLocked(locked, program.all, { keys: others, cause });
  const paid = await lookAtLocked(locked, program.all, { keys: [...owed], cause: 'data' }, countChanges(differing));
  const differences = [...differing, ...paid];
  await pipeline(client, settleStatements(keys, locked, differences));
  return countChanges(differences);
}

/** Those whom an import owes a look and whose own look is not due: whatever differs does so by the import's data and not by the clock. */
async function onlyOwed({ client, pending, moment }: LockedForLook, keys: readonly CustomerKey[]): Promise<ReadonlySet<CustomerKey>> {
  const owed = keys.filter((key) => pending.has(key));
  if (owed.length === 0) return new Set();
  const text = 'select r.customer_id from rechecks as r where r.customer_id = any($1::bigint[]) and r.due_at <= $2::timestamptz';
  const [due = []] = await pipeline(client, [{ name: 'due_among_owed', text, values: [owed, new Date(moment.asOfMs).toISOString()] }]);
  const isDue = new Set(due.map((row) => String(row['customer_id'])));
  return new Set(owed.filter((key) => !isDue.has(key)));
}

/** For customers who have been evaluated, and for those who do not exist: nothing is owed to them any more. `differences`: what was found. */
export function settleStatements(
  keys: readonly CustomerKey[],
  { revisions, pending }: LockedForLook,
  differences: readonly Difference[],
): readonly Statement[] {
  const settled = [...pending.keys()].filter((key) => revisions.has(key));
  const gone = keys.filter((key) => !revisions.has(key));
  return [
    ...(settled.length === 0 ? [] : [dropPending(settled)]),
    ...tellImports(pending, differences),
    ...(gone.length === 0 ? [] : [dropOf('pending', gone), dropOf('rechecks', gone)]),
  ];
}

/** For customers who do not exist; if one has come back meanwhile, what is new is kept. */
function dropOf(table: 'pending' | 'rechecks', keys: readonly CustomerKey[]): Statement {
  return {
    name: `drop_${table}`,
    text: `
      delete from ${table} as t
      where t.customer_id = any($1::bigint[]) and not exists (select from customers as c where c.id = t.customer_id)`,
    values: [keys],
  };
}
