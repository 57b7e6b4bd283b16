// In charge of evaluating given customers again, for all live segments: when a look is due, when an import owes one, when a
// reader asks, when a full run meets a customer that was written meanwhile. A look creates nobody.
import { type Client, pipeline, type Statement } from '../db/database.ts';
import { type Difference, findDifferences } from '../evaluation/find-differences.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type Debts, readDebts, tellImports, toDebts } from './debts.ts';
import { withoutCulprits } from './fail-segments.ts';
import { type Deciding, inDecision } from './in-decision.ts';
import { type Moment, readMoment, toMoment } from './moment.ts';
import { type Cause, countChanges, recordStatements } from './record.ts';

export interface Look {
  readonly keys: readonly CustomerKey[];
  readonly cause: Cause;
}

/**
 * Locks customers in order of id and reads the moment after the locks. → those who exist, each with the revision before. (Otherwise the planner
 * would visit them in the order of the table, and two looks could wait for each other until the deadlock timeout of one second.)
 */
export async function lockForLook(client: Client, deciding: Deciding, keys: readonly CustomerKey[]): Promise<LockedForLook> {
  return readLocks(await pipeline(client, lockStatements(deciding, keys)));
}

export interface LockedForLook {
  readonly moment: Moment;
  readonly revisions: ReadonlyMap<CustomerKey, string>;
  /** empty if the customers were not locked for settling */
  readonly debts: Debts;
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
  return [...lockStatements(deciding, keys), readDebts(keys)];
}

export function readLocks([, locked, moment, debts]: readonly (readonly Readonly<Record<string, unknown>>[])[]): LockedForLook {
  const revisions = new Map((locked ?? []).map((row) => [String(row['id']), String(row['revision'])]));
  return { moment: toMoment(moment ?? []), revisions, debts: toDebts(debts ?? []) };
}

/** In the order in which Postgres sorts them. */
function ascending(keys: readonly CustomerKey[]): CustomerKey[] {
  return [...BigInt64Array.from(keys, BigInt).sort()].map(String);
}

type LockedLook = Look & { readonly moment: Moment; readonly ordinalFrom?: number };

/** Evaluates all live segments for locked customers. → what differed */
export function evaluateAll(client: Client, deciding: Deciding, program: Program, look: LockedLook): Promise<readonly Difference[]> {
  return evaluateLocked(client, deciding, program, program.all, look);
}

/** Evaluates live segments for locked customers and records what differs. → what differed */
export async function evaluateLocked(
  client: Client,
  deciding: Deciding,
  program: Program,
  segmentIds: readonly number[],
  look: LockedLook,
): Promise<readonly Difference[]> {
  const { keys, moment, cause, ordinalFrom = 0 } = look;
  if (keys.length === 0) return [];
  const input = { asOfMs: moment.asOfMs, timeZone: deciding.timeZone, customers: { keys } };
  const found = await findDifferences(client, program, segmentIds, input);
  const findings = { ...found, differences: inOrderOf(keys, found.differences) };
  await pipeline(client, recordStatements({ findings, moment, cause, ordinalFrom, versionOf: versionsOf(program) }));
  return findings.differences;
}

/** In the order in which the customers were given, so that customers who flip together are in the feed in order of their instants. */
function inOrderOf(keys: readonly CustomerKey[], differences: readonly Difference[]): readonly Difference[] {
  const byKey = new Map(differences.map((difference) => [difference.customerKey, difference]));
  return keys.flatMap((key) => byKey.get(key) ?? []);
}

/** A segment that is no longer live keeps its members; one that appears in a difference is always live. */
export function versionsOf(program: Program): (segmentId: number) => number {
  return (segmentId) => {
    const version = program.versionOf(segmentId);
    if (version === undefined) throw new Error(`segment ${segmentId} was evaluated without being live`);
    return version;
  };
}

/** One transaction: lock, take the moment, evaluate all, record; looks and debts of the customers are settled. → number of changes */
export function lookAgain(deciding: Deciding, look: Look): Promise<number> {
  return withoutCulprits(
    deciding,
    () => ({ customers: { keys: look.keys } }),
    () => inDecision(deciding, (client, program) => lookOnce(client, deciding, program, look)),
  );
}

/** In the caller's transaction, which shares the definitions. → number of changes */
export async function lookOnce(client: Client, deciding: Deciding, program: Program, look: Look): Promise<number> {
  const locked = readLocks(await pipeline(client, lockForSettling(deciding, look.keys)));
  const { moment, revisions } = locked;
  const keys = look.keys.filter((key) => revisions.has(key)); // somebody created after the locks were taken is not ours
  const differences = await evaluateAll(client, deciding, program, { ...look, keys, moment });
  await pipeline(client, settleStatements(look.keys, locked, differences));
  return countChanges(differences);
}

/** Settles the debts to customers who have been evaluated, and all debts to customers who do not exist. `differences`: what the evaluation found. */
export function settleStatements(
  keys: readonly CustomerKey[],
  { revisions, debts }: LockedForLook,
  differences: readonly Difference[],
): readonly Statement[] {
  const settled = [...debts.keys()].filter((key) => revisions.has(key));
  const gone = keys.filter((key) => !revisions.has(key));
  return [
    ...(settled.length === 0 ? [] : [dropDebts(settled)]),
    ...tellImports(debts, differences),
    ...(gone.length === 0 ? [] : [dropOf('pending', gone), dropOf('rechecks', gone)]),
  ];
}

export function dropDebts(keys: readonly CustomerKey[]): Statement {
  return { name: 'settle_pending', text: 'delete from pending as p where p.customer_id = any($1::bigint[])', values: [keys] };
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
