// THE FLOW. Read this first: what happens to a write from its facts to its answer, all in one transaction.
//
//   ingest ─► catalog ─► rules ─► evaluation ─► membership ─► changes ─► api
//
// Facts come in validated (ingest/). The rules of all live segments are compiled to one statement per kind of write (rules/, evaluation/).
// Postgres says which memberships differ, and these are stored with a change record each (membership/) that the publisher numbers (changes/).
// Locks are taken in this order everywhere: definitions (shared) · orders by id · customers by key. Each lock is a statement of its own; what
// it guards is read by a later one. The clock is read after the last lock. The steps themselves are in write-steps.ts. Below the write stand
// the other things that can be done (an import, a pin, a move, an erasure) and the read of one customer's segments.
import { currentRecord, endNotes, type NotedWrite, noteLongWork, storeNotes, type WriteRecord } from './access/write-record.ts';
import { type Asker, currentAsker, inSharedSpan } from './base/tracing.ts';
import { eraseCustomer } from './changes/erase-customer.ts';
import type { Receipt } from './changes/erasures.ts';
import { printToken } from './changes/write-token.ts';
import { fixedIso } from './db/as-of.ts';
import { asQueryable } from './db/database.ts';
import { type EndingAt, inTransaction, inTransactionWith } from './db/transaction.ts';
import { customerKey } from './ingest/customer-key.ts';
import { describeFacts } from './ingest/describe-facts.ts';
import type { CustomerKey, Facts } from './ingest/facts.ts';
import type { BatchesFrom, WrittenPart } from './ingest/imports/import-run.ts';
import { type ImportDependencies, type ImportRequest, type ImportSummary, runImport } from './ingest/imports/run-import.ts';
import { type FactLocks, OrderMoved } from './ingest/lock-facts.ts';
import type { Repeated } from './ingest/write-facts.ts';
import { catchUp } from './membership/catch-up.ts';
import type { DecidedByHand, DecidedIn } from './membership/decide-by-hand.ts';
import { withoutCulprits } from './membership/fail-segments.ts';
import { inDecisionWith } from './membership/in-decision.ts';
import { lookAgain } from './membership/look-again.ts';
import { type MovedIn, type MoveRequest, moveMembers, type Skipped } from './membership/move-members.ts';
import { toSegmentKeys } from './membership/read-segment-keys.ts';
import { type CustomerSegment, readCustomerSegments } from './membership/read-segments-of.ts';
import { countChanges } from './membership/record.ts';
import { settlePending } from './membership/settle-pending.ts';
import { type PinRequest, writePin } from './membership/write-pins.ts';
import type { Strata } from './strata.ts';
import {
  changesByCustomer,
  joinFacts,
  type LockedWrite,
  lockAtOnce,
  lockInSteps,
  namedCustomers,
  recordingOf,
  touchedKeys,
  writeAndEvaluate,
  writeOnly,
  writeOnlyAtOnce,
} from './write-steps.ts';

export type { Strata } from './strata.ts';

export interface WriteOutcome {
  /** how many entries and exits the write caused, among all customers that it touched */
  readonly changes: number;
  /** for each touched customer, the keys of the segments it is in now, in order */
  readonly segments: ReadonlyMap<CustomerKey, readonly string[]>;
  /** events that were there already, in the store or earlier among them, and were not written again */
  readonly repeatedEvents: number;
  /** opaque; a read that carries it sees at least this write */
  readonly token: string;
}

/** One request's write, with what is stored along with it in its transaction. */
export interface WriteRequest {
  readonly facts: Facts;
  /** undefined: no caller asked for the write, so the audit has no entry for it */
  readonly record: WriteRecord | undefined;
  /** The request's answer, to be kept for its Idempotency-Key; asked for inside the transaction, before the token is known. */
  readonly answerOf: AnswerOf<WriteOutcome> | undefined;
  /** the span that the write belongs to, if the request is traced */
  readonly asker?: Asker;
}

export type AnswerOf<Outcome> = (outcome: Outcome) => unknown;

/** Writes facts. When it resolves, every membership that depends on them is right and committed. Small writes that come together share a transaction. */
export function write(strata: Strata, facts: Facts, answerOf?: AnswerOf<WriteOutcome>): Promise<WriteOutcome> {
  const request = { facts, record: currentRecord(), answerOf, asker: currentAsker() };
  return countRows(facts) <= SMALL_ROWS ? strata.singles.add(request) : strata.batches.add(request);
}

const SMALL_ROWS = 20;

function countRows(facts: Facts): number {
  return facts.customers.length + facts.orders.length + facts.deletedOrderIds.length + facts.events.length;
}

/** Several writes in one transaction; no two of them name the same customer or order. → their outcomes, in the same order */
export function writeTogether(strata: Strata, requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
  const askers = requests.map((request) => request.asker);
  return inSharedSpan('write', { 'strata.writes': requests.length }, askers, () => writeRequests(strata, requests));
}

async function writeRequests(strata: Strata, requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
  const facts = joinFacts(requests.map((request) => request.facts));
  const decided = await decideFacts(strata, facts, requests);
  const token = printToken({ cluster: strata.cluster, lsn: decided.lsn, decision: decided.decision });
  return requests.map((request) => outcomeOf(request.facts, decided, token));
}

async function decideFacts(strata: Strata, facts: Facts, requests: readonly WriteRequest[]): Promise<Committed> {
  const decided = await withoutCulprits(
    strata,
    () => ({ customers: { keys: namedCustomers(facts) }, prepare: async (client) => void (await writeOnly(strata, client, facts)) }),
    () => decideOnce(strata, facts, requests),
  );
  if (decided.changes.size > 0) strata.publisher.poke();
  return decided;
}

function outcomeOf(facts: Facts, decided: Decided, token: string): WriteOutcome {
  const keys = touchedKeys(facts, decided.previousOwners);
  const sumOf = (counts: ReadonlyMap<CustomerKey, number>) => keys.reduce((sum, key) => sum + (counts.get(key) ?? 0), 0);
  const segments = new Map(keys.map((key) => [key, decided.segments.get(key) ?? []]));
  return { changes: sumOf(decided.changes), segments, repeatedEvents: sumOf(decided.repeated), token };
}

/** What a write decided, as far as it is known before its commit. */
interface Decided {
  readonly decision: string;
  /** number of changes by customer */
  readonly changes: ReadonlyMap<CustomerKey, number>;
  readonly segments: ReadonlyMap<CustomerKey, readonly string[]>;
  readonly repeated: Repeated;
  readonly previousOwners: FactLocks['previousOwners'];
}

interface Committed extends Decided {
  /** the place in the write-ahead log after the commit */
  readonly lsn: string;
}

/** Takes all locks in one go; one after the other if an order is deleted or comes from another customer. */
async function decideOnce(strata: Strata, facts: Facts, requests: readonly WriteRequest[]): Promise<Committed> {
  const inSteps = () => inDecisionWith(strata, [], async (decision) => decide(await lockInSteps(decision, facts), facts, requests));
  if (facts.deletedOrderIds.length > 0) return inSteps();
  const atOnce = lockAtOnce(strata, facts);
  try {
    return await inDecisionWith(strata, atOnce.statements, (decision, rows) => decide(atOnce.read(decision, rows), facts, requests));
  } catch (error) {
    if (error instanceof OrderMoved) return inSteps();
    throw error;
  }
}

async function decide(locked: LockedWrite, facts: Facts, requests: readonly WriteRequest[]): Promise<EndingAt<Committed>> {
  const { client, program, moment, locks, late } = locked;
  const overdue = await catchUp(locked, late); // what the clock alone has changed comes first
  const { findings, members, repeated } = await writeAndEvaluate(locked, facts);
  const differences = findings.flatMap((found) => found.differences);
  const decided: Decided = {
    decision: moment.decision,
    changes: changesByCustomer([...overdue, ...differences]),
    segments: toSegmentKeys(members, program, differences),
    repeated,
    previousOwners: locks.previousOwners,
  };
  const recording = recordingOf(locked, findings, countChanges(overdue));
  const notes = notesOf(requests, locks.previousOwners);
  const ended = await endNotes(
    client,
    [...storeNotes(notes), ...recording],
    notes.map(({ request, ...note }) => withAnswer(note, request, decided)),
  );
  return {
    last: ended.last,
    valueAt: (lsn) => {
      ended.value();
      return { ...decided, lsn };
    },
  };
}

/** What the audit records, by request. */
function notesOf(requests: readonly WriteRequest[], previousOwners: FactLocks['previousOwners']) {
  return requests.flatMap((request) => {
    const { record, facts } = request;
    return record === undefined ? [] : [{ record, request, written: { target: null, changes: describeFacts(facts, previousOwners) } }];
  });
}

function withAnswer({ record, written }: NotedWrite, { facts, answerOf }: WriteRequest, decided: Decided): NotedWrite {
  if (record.claim === null || answerOf === undefined) return { record, written };
  return { record, written: { ...written, answer: { decision: decided.decision, body: answerOf(outcomeOf(facts, decided, '')) } } };
}

/**
 * One batch of an import. Rows of customers are decided at once: each is about another customer, so putting the evaluation off would only mean
 * that all of them are locked and written a second time. Orders and events are many for one customer, so they are evaluated together at the end.
 */
async function writeImported(strata: Strata, facts: Facts, importId: string): Promise<WrittenPart> {
  if (facts.orders.length > 0 || facts.events.length > 0) {
    return { changes: 0, repeated: await writeDeferred(strata, facts, importId) };
  }
  const { changes } = await decideFacts(strata, facts, []);
  return { changes: [...changes.values()].reduce((sum, count) => sum + count, 0), repeated: 0 };
}

/** Writes facts without evaluating anything, and notes in the same transaction to whom the import owes an evaluation. → how many events were there already */
export async function writeDeferred(strata: Strata, facts: Facts, importId: string): Promise<number> {
  const inSteps = () => inTransaction(strata.database, (client) => writeOnly(strata, client, facts, importId));
  if (facts.deletedOrderIds.length > 0) return inSteps();
  const { statements, end } = writeOnlyAtOnce(strata, facts, importId);
  try {
    return await inTransactionWith(strata.database, statements, async (_client, rows) => end(rows));
  } catch (error) {
    if (error instanceof OrderMoved) return inSteps();
    throw error;
  }
}

/**
 * As `writeDeferred`, with many batches in one transaction: an import that is all or nothing. Asks for the batches again if it is repeated; they are
 * read on its own connection, since many such imports at once, each with one and waiting for a second, would wait for each other.
 */
async function writeDeferredTogether(strata: Strata, batches: BatchesFrom, importId: string): Promise<number> {
  return inTransaction(strata.database, async (client) => {
    let repeated = 0;
    for await (const facts of batches(asQueryable(client))) repeated += await writeOnly(strata, client, facts, importId);
    return repeated;
  });
}

/** Imports a file; everybody whom it names is evaluated before it answers. */
export function importFile(strata: Strata, request: ImportRequest): Promise<ImportSummary> {
  const { database, clock, types, currency } = strata;
  const dependencies: ImportDependencies = {
    database,
    clock,
    types,
    currency,
    write: (facts, importId) => writeImported(strata, facts, importId),
    writeDeferredTogether: (batches, importId) => writeDeferredTogether(strata, batches, importId),
    evaluatePending: (importId, signal) => evaluatePending(strata, importId, signal),
  };
  const { kind, format, options } = request;
  const { map, defaults, ...others } = options;
  const asked = { format, options: { ...others, map: Object.fromEntries(map), defaults: [...defaults.keys()] } }; // whose values may name somebody
  return noteLongWork(strata, `imports/${kind}`, asked, () => runImport(dependencies, request), extentOf);
}

/** What the audit is told of its end: no ids, which would outlive an erasure. */
function extentOf({ rows, accepted, repeated, rejected, incompleteOrders, changes }: ImportSummary): object {
  const incomplete = incompleteOrders === undefined ? {} : { incompleteOrders: incompleteOrders.count };
  return { rows, accepted, ...(repeated === undefined ? {} : { repeated }), rejected, ...incomplete, changes };
}

/** The end of an import: everybody to whom it owes an evaluation is evaluated, in bulk, until the signal aborts. */
export async function evaluatePending(
  strata: Strata,
  importId: string,
  signal?: AbortSignal,
): Promise<{ readonly changes: number; readonly token: string }> {
  const changes = await settlePending(strata, importId, signal);
  if (changes > 0) strata.publisher.poke();
  const [row] = await strata.database.query<{ lsn: string; decision: string }>({
    text: `select pg_current_wal_insert_lsn()::text as lsn, (select d.last_value from decisions as d) as decision`,
  });
  if (row === undefined) throw new Error('the end of the log was not read');
  return { changes, token: printToken({ cluster: strata.cluster, lsn: row.lsn, decision: row.decision }) };
}

export interface HandOutcome {
  readonly changes: number;
  /** keys of the segments that the customer is in now, in order */
  readonly segments: readonly string[];
  readonly token: string;
}

/** Puts a customer into a segment or out of it by hand, or lets the rule decide again. Decided like a write. Throws what `writePin` throws. */
export async function pin(strata: Strata, request: PinRequest, answerOf?: AnswerOf<HandOutcome>): Promise<HandOutcome> {
  const outcomeOf = ({ changes, segments }: DecidedIn, token: string): HandOutcome => {
    return { changes, segments: segments.get(customerKey(request.customerId)) ?? [], token };
  };
  const decided = await writePin(strata, request, answerOf && ((inside) => answerOf(outcomeOf(inside, ''))));
  return outcomeOf(decided, announce(strata, decided));
}

export interface MoveOutcome {
  readonly moved: number;
  readonly skipped: readonly Skipped[];
  readonly changes: number;
  readonly token: string;
}

/** Moves customers from one segment to another in one transaction. Throws what `moveMembers` throws. */
export async function move(strata: Strata, request: MoveRequest, answerOf?: AnswerOf<MoveOutcome>): Promise<MoveOutcome> {
  const outcomeOf = ({ moved, skipped, changes }: MovedIn, token: string): MoveOutcome => ({ moved, skipped, changes, token });
  const decided = await moveMembers(strata, request, answerOf && ((inside) => answerOf(outcomeOf(inside, ''))));
  return outcomeOf(decided, announce(strata, decided));
}

function announce(strata: Strata, { changes, lsn, decision }: DecidedByHand): string {
  if (changes > 0) strata.publisher.poke();
  return printToken({ cluster: strata.cluster, lsn, decision });
}

/** Erases a person from every table: consumers get exits, the past becomes tombstones, and the receipt names nobody. Throws `not_found`. */
export async function erase(strata: Strata, customerId: string): Promise<{ readonly receipt: Receipt; readonly token: string }> {
  const { receipt, decision, lsn } = await eraseCustomer(strata, customerId, strata.erasureDays);
  strata.publisher.poke();
  return { receipt, token: printToken({ cluster: strata.cluster, lsn, decision }) };
}

export interface CustomerSegments {
  readonly customerId: string;
  readonly segments: readonly CustomerSegment[];
}

/** The segments of a customer, evaluated first if the clock has overtaken what is stored. null: there is no such customer. */
export async function readSegments(strata: Strata, key: CustomerKey): Promise<CustomerSegments | null> {
  const found = await readCustomerSegments(strata.database, key, fixedIso(strata.clock));
  if (found === null || !found.isLate) return found;
  if ((await lookAgain(strata, { keys: [key], cause: 'time' })) > 0) strata.publisher.poke();
  return readCustomerSegments(strata.database, key, fixedIso(strata.clock));
}
