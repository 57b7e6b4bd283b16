// From raw rows to facts: every row judged, types of new attributes and properties registered before anything is written.
// Not of writing. A batch is all or nothing, or partial.
import { unreachable } from '../base/assert.ts';
import { NearNames } from '../base/nearest-name.ts';
import type { Result } from '../base/result.ts';
import { BatchTypes, type RegisteredTypes } from '../catalog/registered-types.ts';
import type { Database } from '../db/database.ts';
import { ERRORS_MAX, type ErrorDetail } from '../errors.ts';
import { type CustomerFact, type EventFact, type Facts, NO_FACTS, type OrderFact } from './facts.ts';
import { foldCustomers } from './fold-customers.ts';
import type { RowContext } from './ingest-context.ts';
import { StaleTypes } from './lock-facts.ts';
import { validateCustomer } from './validate-customer.ts';
import { validateEvent } from './validate-event.ts';
import { validateOrder } from './validate-order.ts';

export type RowKind = 'customers' | 'orders' | 'events';

export interface IngestContext {
  readonly database: Database;
  readonly types: RegisteredTypes;
  /** the service's */
  readonly currency: string;
  readonly newEventId: RowContext['newEventId'];
}

export interface BatchOptions {
  /** the good rows are taken; otherwise one bad row has all refused */
  readonly partial: boolean;
  /** the JSON pointer of a row; without it `/data/0` and so on */
  readonly pointerOf?: (index: number) => string;
}

export interface PreparedBatch {
  /** empty if one bad row had all refused */
  readonly facts: Facts;
  /** rows taken */
  readonly accepted: number;
  /** of these, rows with the id of an earlier one; for events the earlier one stays */
  readonly repeated: number;
  /** rows refused */
  readonly rejectedRows: number;
  /** what is wrong with them, in order of rows: everything, or beyond so many mistakes one for each row */
  readonly rejected: readonly ErrorDetail[];
  /** how many mistakes there are, listed or not */
  readonly mistakes: number;
}

/**
 * Only rows that are taken register types, and only when the batch will be written. If another process was first, or has redeclared a type by
 * which rows are refused, the rows are judged again.
 */
export async function prepareBatch(
  rawRows: readonly unknown[],
  kind: RowKind,
  context: IngestContext,
  options: BatchOptions,
): Promise<PreparedBatch> {
  for (;;) {
    const types = new BatchTypes(context.types);
    const near = new NearNames();
    const batch = judge(rawRows, kind, { types, currency: context.currency, newEventId: context.newEventId, near }, options);
    if (isRefusedByType(batch.rejected) && (await context.types.refresh(context.database))) continue;
    if (batch.accepted === 0) return batch;
    const lost = await context.types.register(context.database, types.proposals());
    if (lost.length === 0) return batch;
  }
}

/** A type that this process knows may be out of date: what is written by it is noticed behind the locks, what is refused by it is not. */
export function isRefusedByType(rejected: readonly ErrorDetail[]): boolean {
  return rejected.some(({ code }) => code === 'type_mismatch');
}

/**
 * Runs `work`, which judges rows and writes them, and runs it again if types were redeclared in between. `work` has no effect when it throws
 * StaleTypes.
 */
export async function withCurrentTypes<Value>(
  context: Pick<IngestContext, 'database' | 'types'>,
  work: () => Promise<Value>,
): Promise<Value> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StaleTypes)) throw error;
      await context.types.reload(context.database);
    }
  }
}

function judge(rawRows: readonly unknown[], kind: RowKind, context: RowContext, options: BatchOptions): PreparedBatch {
  switch (kind) {
    case 'customers': {
      const judged = judgeRows(rawRows, validateCustomer, context, options);
      const customers = foldCustomers(judged.facts);
      return { ...judged, facts: { ...NO_FACTS, customers }, repeated: judged.accepted - customers.length };
    }
    case 'orders': {
      const judged = judgeRows(rawRows, validateOrder, context, options);
      return { ...judged, facts: { ...NO_FACTS, orders: judged.facts }, repeated: countRepeated(judged.facts, orderIdentity) };
    }
    case 'events': {
      const judged = judgeRows(rawRows, validateEvent, context, options);
      return { ...judged, facts: { ...NO_FACTS, events: judged.facts }, repeated: countRepeated(judged.facts, eventIdentity) };
    }
    default:
      return unreachable(kind);
  }
}

interface JudgedRows<Fact> {
  readonly facts: readonly Fact[];
  readonly accepted: number;
  readonly rejectedRows: number;
  readonly rejected: readonly ErrorDetail[];
  readonly mistakes: number;
}

function judgeRows<Fact extends CustomerFact | OrderFact | EventFact>(
  rawRows: readonly unknown[],
  validate: (raw: unknown, context: RowContext, base: string) => Result<Fact, ErrorDetail>,
  context: RowContext,
  options: BatchOptions,
): JudgedRows<Fact> {
  const pointerOf = options.pointerOf ?? ((index: number) => `/data/${index}`);
  const facts: Fact[] = [];
  const rejected: ErrorDetail[] = [];
  let rejectedRows = 0;
  let mistakes = 0;
  rawRows.forEach((raw, index) => {
    const result = validate(raw, context, pointerOf(index));
    if (result.ok) {
      facts.push(result.value);
      context.types.acceptRow();
    } else {
      rejectedRows += 1;
      mistakes += result.problems.length + (result.more ?? 0);
      const room = Math.max(1, ERRORS_MAX - rejected.length); // no bad row goes without a reason
      for (const problem of result.problems.slice(0, room)) rejected.push(problem);
      context.types.dropRow();
    }
  });
  if (rejectedRows > 0 && !options.partial) return { facts: [], accepted: 0, rejectedRows, rejected, mistakes };
  return { facts, accepted: facts.length, rejectedRows, rejected, mistakes };
}

function countRepeated<Fact>(facts: readonly Fact[], identityOf: (fact: Fact) => string): number {
  return facts.length - new Set(facts.map(identityOf)).size;
}

function orderIdentity(order: OrderFact): string {
  return order.id;
}

function eventIdentity(event: EventFact): string {
  return `${event.customerKey} ${event.id}`;
}
