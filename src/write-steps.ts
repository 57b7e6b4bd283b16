// In charge of the single steps of a write: taking the locks, writing and evaluating facts, saying what is to be stored. The order of the steps
// and the answer are the flow's business (pipeline.ts).
import { fixedIso } from './db/as-of.ts';
import { type Client, inOneBatch, inOrder, pipeline, type Statement } from './db/database.ts';
import type { Ending } from './db/transaction.ts';
import type { Difference, Findings } from './evaluation/find-differences.ts';
import type { CustomerKey, Facts } from './ingest/facts.ts';
import { type FactLocks, type LockedCustomers, lockCustomers, lockOrderOwners, locksAtOnce } from './ingest/lock-facts.ts';
import { factStatements, type Repeated, repeatedEvents } from './ingest/write-facts.ts';
import { findLate, type Late, toLate } from './membership/catch-up.ts';
import { evaluateLocked } from './membership/evaluate-locked.ts';
import type { Decision, LockedDecision } from './membership/in-decision.ts';
import { readMoment, toMoment } from './membership/moment.ts';
import { owe } from './membership/pending.ts';
import { readHeldSegments } from './membership/read-segment-keys.ts';
import { countChanges, recordStatements } from './membership/record.ts';
import type { Strata } from './strata.ts';

/** Several writes as one. */
export function joinFacts(writes: readonly Facts[]): Facts {
  const [only] = writes;
  if (writes.length === 1 && only !== undefined) return only;
  return {
    customers: writes.flatMap((facts) => facts.customers),
    orders: writes.flatMap((facts) => facts.orders),
    deletedOrderIds: writes.flatMap((facts) => facts.deletedOrderIds),
    events: writes.flatMap((facts) => facts.events),
  };
}

/** A write whose locks are taken: whom it touches, and who has to be brought up to date first. */
export interface LockedWrite extends LockedDecision {
  readonly locks: FactLocks;
  readonly late: Late;
}

/** All locks in one batch of statements; `read` throws OrderMoved if an order comes from a customer whom the facts do not name (`locksAtOnce`). */
export function lockAtOnce(strata: Strata, facts: Facts) {
  const locks = locksAtOnce(facts, { fixedIso: fixedIso(strata.clock), isImport: false });
  const behind = locks.statements.length;
  return {
    statements: [...locks.statements, readMoment(strata.clock), findLate(strata, namedCustomers(facts))],
    read: (decision: Decision, rows: Parameters<typeof locks.read>[0]): LockedWrite => {
      const [momentRows = [], lateRows = []] = rows.slice(behind);
      const taken = locks.read(rows);
      return { ...decision, locks: taken, moment: toMoment(momentRows), late: lateBefore(taken, lateRows) };
    },
  };
}

/** Orders first, and then, knowing whose they were, customers. */
export async function lockInSteps(decision: Decision, facts: Facts): Promise<LockedWrite> {
  const { client, clock } = decision;
  const previousOwners = await lockOrderOwners(client, facts);
  const [locked, [momentRows = [], lateRows = []]] = await inOneBatch(client, () =>
    inOrder([
      lockCustomers(client, facts, previousOwners, { fixedIso: fixedIso(clock), isImport: false }),
      pipeline(client, [readMoment(clock), findLate(decision, touchedKeys(facts, previousOwners))]),
    ] as const),
  );
  return { ...decision, locks: { ...locked, previousOwners }, moment: toMoment(momentRows), late: lateBefore(locked, lateRows) };
}

/**
 * Not those whom this write creates: while a segment flips as a whole they count as late, but nothing is stored about them that could be. Brought
 * up to date before their facts are written, they would be told of memberships that they never had.
 */
function lateBefore({ created }: LockedCustomers, rows: Parameters<typeof toLate>[0]): Late {
  const { due, pending } = toLate(rows);
  const isKnown = (key: CustomerKey) => !created.has(key);
  return { due: due.filter(isKnown), pending: pending.filter(isKnown) };
}

/** What no two writes of one transaction may both name. */
export function namedKeys(facts: Facts): string[] {
  return [
    ...touchedKeys(facts, new Map()),
    ...facts.orders.map((order) => `order ${order.id}`),
    ...facts.deletedOrderIds.map((id) => `order ${id}`),
  ];
}

/** The customers whom the facts name. */
export function namedCustomers(facts: Facts): CustomerKey[] {
  return touchedKeys(facts, new Map());
}

/** The customers whom the facts name, and those from whom they take an order. */
export function touchedKeys(facts: Facts, previousOwners: ReadonlyMap<string, CustomerKey | null>): CustomerKey[] {
  const keys = new Set<CustomerKey>();
  for (const customer of facts.customers) keys.add(customer.key);
  for (const order of facts.orders) keys.add(order.customerKey);
  for (const event of facts.events) keys.add(event.customerKey);
  for (const key of previousOwners.values()) if (key !== null) keys.add(key);
  return [...keys];
}

/**
 * Writes the facts and evaluates whom they touch: new customers against every segment, the others against those segments that read what was
 * written and their dependents. → what differs, rows of the segments that the customers were in before that (`readHeldSegments`), and whose
 * events were there already
 */
export async function writeAndEvaluate(
  write: LockedWrite,
  facts: Facts,
): Promise<{
  readonly findings: readonly Findings[];
  readonly members: readonly Readonly<Record<string, unknown>>[];
  readonly repeated: Repeated;
}> {
  const { client, program, moment, locks } = write;
  const touched = program.touchedBy({
    profile: facts.customers.length > 0,
    orders: facts.orders.length > 0 || facts.deletedOrderIds.length > 0,
    events: new Set(facts.events.map((event) => event.name)),
  });
  const everything = touched.length === program.all.length;
  const evaluate = (keys: readonly CustomerKey[], segmentIds: readonly number[]) =>
    keys.length === 0 ? [] : program.inParts(segmentIds).map((part) => evaluateLocked(write, part, keys));
  const known = locks.locked.filter((key) => !locks.created.has(key));
  const [written, [members = []], ...findings] = await inOneBatch(client, () =>
    inOrder([
      pipeline(client, factStatements(facts, moment.asOfMs, locks)), // everything is sent together, and the server runs it in this order
      pipeline(client, known.length === 0 ? [] : [readHeldSegments(known)]), // new customers are in none
      ...evaluate(everything ? [] : known, touched),
      ...evaluate(everything ? locks.locked : [...locks.created], program.all),
    ] as const),
  );
  return { findings, members, repeated: repeatedEvents(facts, written) };
}

/** The statements that store what differs. `ordinalFrom`: how many rows of the outbox the decision has written already. */
export function recordingOf(decision: LockedDecision, findings: readonly Findings[], ordinalFrom: number): readonly Statement[] {
  let ordinal = ordinalFrom;
  return findings.flatMap((found) => {
    const from = ordinal;
    ordinal += countChanges(found.differences);
    return recordStatements(decision, { findings: found, cause: 'data', ordinalFrom: from });
  });
}

export function changesByCustomer(differences: readonly Difference[]): ReadonlyMap<CustomerKey, number> {
  const changes = new Map<CustomerKey, number>();
  for (const { customerKey, entered, exited } of differences) {
    const count = entered.length + exited.length;
    if (count > 0) changes.set(customerKey, (changes.get(customerKey) ?? 0) + count);
  }
  return changes;
}

/** Writes the facts and evaluates nothing; for an import it also notes to whom an evaluation is owed. → how many events were there already */
export async function writeOnly(strata: Strata, client: Client, facts: Facts, importId?: string): Promise<number> {
  const previousOwners = await lockOrderOwners(client, facts);
  const [locked, [momentRows = []]] = await inOrder([
    lockCustomers(client, facts, previousOwners, { fixedIso: fixedIso(strata.clock), isImport: importId !== undefined }),
    pipeline(client, [readMoment(strata.clock)]),
  ] as const);
  const { asOfMs } = toMoment(momentRows);
  const debts = importId === undefined ? [] : [owe(importId, locked.locked)];
  const statements = factStatements(facts, asOfMs, { ...locked, previousOwners });
  const rows = await pipeline(client, [...statements, ...debts]);
  return sum(repeatedEvents(facts, rows.slice(0, statements.length)));
}

function sum(repeated: Repeated): number {
  return [...repeated.values()].reduce((count, one) => count + one, 0);
}

/** As `writeOnly`, in two batches of statements and for facts that delete no orders; throws OrderMoved if an order comes from somebody else. */
export function writeOnlyAtOnce(strata: Strata, facts: Facts, importId: string) {
  const locks = locksAtOnce(facts, { fixedIso: fixedIso(strata.clock), isImport: true });
  return {
    statements: [...locks.statements, readMoment(strata.clock)],
    end: (rows: Parameters<typeof locks.read>[0]): Ending<number> => {
      const taken = locks.read(rows);
      const { asOfMs } = toMoment(rows[locks.statements.length] ?? []);
      const statements = factStatements(facts, asOfMs, taken);
      return {
        last: [...statements, owe(importId, taken.locked)],
        value: (ended) => sum(repeatedEvents(facts, ended.slice(0, statements.length))),
      };
    },
  };
}
