// In charge of validating rows of a file: which are facts, which are rejected. New attributes and properties are registered before anything is
// written. Not of writing.
import { setImmediate } from 'node:timers/promises';
import { unreachable } from '../../base/assert.ts';
import { NearNames } from '../../base/nearest-name.ts';
import { BatchTypes } from '../../catalog/registered-types.ts';
import type { Queryable } from '../../db/database.ts';
import type { ErrorDetail } from '../../errors.ts';
import { type CustomerFact, type EventFact, type Facts, NO_FACTS, type OrderFact } from '../facts.ts';
import { foldCustomers } from '../fold-customers.ts';
import type { RowContext } from '../ingest-context.ts';
import { isRefusedByType } from '../prepare-batch.ts';
import { isObject } from '../problem.ts';
import { validateCustomer } from '../validate-customer.ts';
import { validateEvent } from '../validate-event.ts';
import { validateOrder } from '../validate-order.ts';
import { orderOfLine } from './assemble-order.ts';
import type { ImportRun, Row } from './import-run.ts';
import { ROWS_BETWEEN_PAUSES } from './limits.ts';
import { typeOpenCells } from './read-cell.ts';
import type { RawRow } from './read-row.ts';

export type Fact = CustomerFact | OrderFact | EventFact;

/** The id under which events without one are judged; no caller's id is empty. */
export const NO_EVENT_ID = '';

export interface TakenRow {
  readonly row: Row;
  readonly fact: Fact;
}

export interface JudgedRows {
  readonly taken: readonly TakenRow[];
  readonly rejected: readonly { readonly row: Row; readonly problems: readonly ErrorDetail[] }[];
}

export interface JudgedLines {
  readonly taken: readonly Row[];
  readonly rejected: JudgedRows['rejected'];
}

const VALIDATORS = { customers: validateCustomer, orders: validateOrder, events: validateEvent } as const;

/**
 * Rows that are to be written: what they propose is registered. Judged again where another process was first to register a type, or has
 * redeclared one by which rows are refused.
 */
export async function judgeRows(run: ImportRun, rows: readonly Row[]): Promise<JudgedRows> {
  const { types, database } = run.target;
  for (;;) {
    const batchTypes = new BatchTypes(types);
    const judged = await judgeInPauses(run, rows, batchTypes);
    if (judged.rejected.some(({ problems }) => isRefusedByType(problems)) && (await types.refresh(database))) continue;
    const proposals = batchTypes.proposals();
    if (proposals.length === 0 || (await types.register(database, proposals)).length === 0) return judged;
  }
}

/**
 * The same inside a transaction, by whose connection (`source`) the types are read. Nothing is registered in it, which others would wait for and a
 * rollback undo: `atomicTypes` of the import were registered before, and its rows propose no others.
 */
export async function judgeRowsWithin(source: Queryable, run: ImportRun, rows: readonly Row[]): Promise<JudgedRows> {
  for (;;) {
    const batchTypes = new BatchTypes(run.target.types);
    const judged = await judgeInPauses(run, rows, batchTypes);
    if (judged.rejected.some(({ problems }) => isRefusedByType(problems)) && (await run.target.types.refresh(source))) continue;
    if (batchTypes.proposals().length > 0) throw new Error('rows propose types that were not registered before');
    return judged;
  }
}

/** Some rows at a time, so that Postgres' answers meanwhile need not wait for all of them. */
async function judgeInPauses(run: ImportRun, rows: readonly Row[], batchTypes: BatchTypes): Promise<JudgedRows> {
  const taken: TakenRow[] = [];
  const rejected: JudgedRows['rejected'][number][] = [];
  for (let from = 0; from < rows.length; from += ROWS_BETWEEN_PAUSES) {
    if (from > 0) await setImmediate();
    const judged = judgeAgainst(run, rows.slice(from, from + ROWS_BETWEEN_PAUSES), batchTypes);
    taken.push(...judged.taken);
    rejected.push(...judged.rejected);
  }
  return { taken, rejected };
}

/** Rows that may not be written: nothing is registered, `batchTypes` keeps what they propose. */
export function judgeAgainst(run: ImportRun, rows: readonly Row[], batchTypes: BatchTypes): JudgedRows {
  const context: RowContext = {
    types: batchTypes,
    currency: run.target.currency,
    newEventId: () => NO_EVENT_ID,
    round: run.round,
    near: new NearNames(),
  };
  const validate = VALIDATORS[run.kind];
  const taken: TakenRow[] = [];
  const rejected: { row: Row; problems: readonly ErrorDetail[] }[] = [];
  for (const row of rows) {
    const isText = run.cellTimes !== null && isObject(row.raw);
    const raw = isText ? typeOpenCells(row.raw as RawRow, run.target.types, run.cellTimes) : row.raw;
    const result = validate(raw, context, '');
    if (result.ok) {
      taken.push({ row, fact: result.value });
      batchTypes.acceptRow();
    } else {
      rejected.push({ row, problems: result.problems });
      batchTypes.dropRow();
    }
  }
  return { taken, rejected };
}

/** What may be on another line of the order; it is judged when the order is complete. */
const NOT_OF_ONE_LINE: ReadonlySet<string> = new Set(['/customerId missing_field', '/exchangeRate missing_exchange_rate']);

/** What is wrong with each line of an order by itself; the order comes later. */
export function judgeOrderLines(run: ImportRun, rows: readonly Row[]): JudgedLines {
  const context: RowContext = {
    types: new BatchTypes(run.target.types),
    currency: run.target.currency,
    newEventId: null,
    round: run.round,
    near: new NearNames(),
  };
  const taken: Row[] = [];
  const rejected: { row: Row; problems: readonly ErrorDetail[] }[] = [];
  for (const row of rows) {
    const order = isObject(row.raw) ? orderOfLine(row.raw as RawRow, run.orderDefaults) : row.raw;
    const result = validateOrder(order, context, '');
    const problems = result.ok ? [] : result.problems.filter((problem) => !NOT_OF_ONE_LINE.has(`${problem.pointer} ${problem.code}`));
    if (problems.length === 0) taken.push(row);
    else rejected.push({ row, problems });
  }
  return { taken, rejected };
}

export function toFacts(run: ImportRun, facts: readonly Fact[]): Facts {
  switch (run.kind) {
    case 'customers':
      return { ...NO_FACTS, customers: foldCustomers(facts as readonly CustomerFact[]) };
    case 'orders':
      return { ...NO_FACTS, orders: facts as readonly OrderFact[] };
    case 'events':
      return { ...NO_FACTS, events: facts as readonly EventFact[] };
    default:
      return unreachable(run.kind);
  }
}
