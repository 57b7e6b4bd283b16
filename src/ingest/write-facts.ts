// Writes facts, set-based, inside the transaction of a caller who has taken the locks (lock-facts.ts) and then read asOf.
// In charge of rows and their order; the SQL is queries.ts, evaluation comes after.
import { type Client, pipeline, type Statement } from '../db/database.ts';
import type { CustomerFact, CustomerKey, EventFact, Facts, ItemFact, OrderFact } from './facts.ts';
import type { FactLocks } from './lock-facts.ts';
import { firstInstantMs, type NamedCustomer, namedCustomers } from './named-customers.ts';
import {
  INSERT_EVENTS,
  INSERT_ITEMS,
  INSERT_ORDERS,
  MERGE_CUSTOMERS,
  REMOVE_ORDER_OWNERS,
  REMOVE_ORDERS,
  REPLACE_ITEMS,
  REPLACE_ORDERS,
  SETTLE_CREATED,
  TRIM_ITEMS,
} from './queries.ts';
import { overAnyRows, printInstant, type Row, withoutNulls } from './rows-query.ts';

/** A time at most this far ahead of the clock counts as the clock's. */
export const CLOCK_TOLERANCE_MS = 5_000;

/** Writes the facts as of that instant; rows that are already so are not touched. Sends all its statements in one go. */
export async function applyFacts(client: Client, facts: Facts, asOfMs: number, locks: FactLocks): Promise<void> {
  await pipeline(client, factStatements(facts, asOfMs, locks));
}

/**
 * The statements of `applyFacts`, those of events last, for a caller that sends more after them. Only valid in the transaction that took these
 * locks.
 */
export function factStatements(facts: Facts, asOfMs: number, locks: FactLocks): readonly Statement[] {
  return [
    ...customerStatements(facts, asOfMs, locks),
    ...orderStatements(facts, asOfMs, locks.previousOwners),
    ...eventStatements(facts.events, asOfMs),
  ];
}

/** Of the rows that these statements bring: by customer how many of the events were there already, and were not written again. */
export function repeatedEvents({ events }: Facts, rows: readonly (readonly Readonly<Record<string, unknown>>[])[]): Repeated {
  const repeated = new Map<CustomerKey, number>();
  for (const { customerKey } of events) repeated.set(customerKey, (repeated.get(customerKey) ?? 0) + 1);
  for (const row of events.length === 0 ? [] : (rows.at(-1) ?? [])) {
    const key = String(row['customer_id']);
    repeated.set(key, (repeated.get(key) ?? 0) - 1);
  }
  return repeated;
}

/** Number of events by customer. */
export type Repeated = ReadonlyMap<CustomerKey, number>;

// ---------------------------------------------------------------- customers

function customerStatements(facts: Facts, asOfMs: number, locks: FactLocks): Statement[] {
  const merged: Row[] = [];
  for (const fact of facts.customers) if (!locks.created.has(fact.key) && saysSomething(fact)) merged.push(mergeRow(fact));
  const settled: Row[] = [];
  if (locks.created.size > 0) {
    for (const [key, customer] of namedCustomers(facts)) {
      if (!locks.created.has(key)) continue;
      const row = createdTime(customer, asOfMs);
      if (row !== null) settled.push({ id: key, ...row });
    }
  }
  return [...overAnyRows(SETTLE_CREATED, settled), ...overAnyRows(MERGE_CUSTOMERS, merged, ...asOfAndTolerated(asOfMs))];
}

/** The creation time of a new customer, if it is not the one inserted. */
function createdTime(customer: NamedCustomer, asOfMs: number): { created_at: string; created_at_given: string | null } | null {
  const atMs = firstInstantMs(customer);
  if (atMs <= asOfMs || !Number.isFinite(atMs)) return null;
  if (customer.fact === null) return { created_at: printInstant(asOfMs), created_at_given: null };
  const settled = settleTime(atMs, asOfMs);
  return settled.given === null ? null : { created_at: settled.at, created_at_given: settled.given };
}

function saysSomething(fact: CustomerFact): boolean {
  return (
    Object.keys(fact.profile).length > 0 ||
    fact.tags !== undefined ||
    fact.attributes !== undefined ||
    fact.consents !== undefined ||
    fact.createdAtMs !== undefined
  );
}

function mergeRow(fact: CustomerFact): Row {
  return {
    id: fact.key,
    profile: fact.profile,
    birthday: fact.profile.birthday ?? null,
    tags: fact.tags ?? null,
    attributes: withoutNulls(fact.attributes ?? {}),
    cleared_attributes: cleared(fact.attributes ?? {}),
    consents: withoutNulls(fact.consents ?? {}),
    cleared_consents: cleared(fact.consents ?? {}),
    created_at: fact.createdAtMs === undefined ? null : printInstant(fact.createdAtMs),
  };
}

function cleared(values: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(values).filter((name) => values[name] === null);
}

// ---------------------------------------------------------------- orders

/** The orders that are there in the end. One without a time takes it from the same order earlier in the batch, as it would from the table. */
function lastOrders(orders: readonly OrderFact[]): OrderFact[] {
  const last = new Map<string, OrderFact>();
  for (const order of orders) {
    const before = last.get(order.id);
    last.set(order.id, before !== undefined && order.placedAtMs === null ? { ...order, placedAtMs: before.placedAtMs } : order);
  }
  return [...last.values()];
}

function orderStatements(facts: Facts, asOfMs: number, previousOwners: ReadonlyMap<string, CustomerKey | null>): Statement[] {
  if (facts.orders.length === 0 && facts.deletedOrderIds.length === 0) return [];
  const asOf = printInstant(asOfMs);
  const deleted = new Set(facts.deletedOrderIds);
  const fresh: Row[] = [];
  const freshItems: Row[] = [];
  const replaced: Row[] = [];
  const replacedItems: Row[] = [];
  const kept: { customer_id: CustomerKey; order_id: string; kept: number }[] = [];
  const removed: { customer_id: CustomerKey; order_id: string }[] = [];
  for (const order of lastOrders(facts.orders)) {
    const previous = previousOwners.get(order.id) ?? null;
    if (previous === null) {
      const time = order.placedAtMs === null ? { at: asOf, given: null } : settleTime(order.placedAtMs, asOfMs);
      fresh.push({ ...orderRow(order), placed_at: time.at, placed_at_given: time.given });
      order.items.forEach((item, index) => {
        freshItems.push({ ...itemRow(order, item, index + 1), status: order.status, channel: order.channel, placed_at: time.at });
      });
      continue;
    }
    replaced.push({
      ...orderRow(order),
      previous_customer_id: deleted.has(order.id) ? null : previous, // written again after its deletion: it takes over nothing
      placed_at: order.placedAtMs === null ? null : printInstant(order.placedAtMs),
    });
    order.items.forEach((item, index) => {
      replacedItems.push(itemRow(order, item, index + 1));
    });
    if (previous === order.customerKey) kept.push({ customer_id: previous, order_id: order.id, kept: order.items.length });
    else removed.push({ customer_id: previous, order_id: order.id });
    deleted.delete(order.id);
  }
  for (const order of facts.orders) deleted.delete(order.id);
  for (const id of deleted) {
    const previous = previousOwners.get(id) ?? null;
    if (previous !== null) removed.push({ customer_id: previous, order_id: id });
  }
  const trimmed = [...kept, ...removed.map((row) => ({ ...row, kept: 0 }))];
  return [
    ...overAnyRows(INSERT_ORDERS, fresh),
    ...overAnyRows(INSERT_ITEMS, freshItems),
    ...overAnyRows(REPLACE_ORDERS, replaced, ...asOfAndTolerated(asOfMs)),
    ...overAnyRows(REPLACE_ITEMS, replacedItems),
    ...overAnyRows(TRIM_ITEMS, trimmed),
    ...overAnyRows(REMOVE_ORDERS, removed), // after the replacing, which takes over the time from the row that goes
    ...(deleted.size === 0 ? [] : [{ ...REMOVE_ORDER_OWNERS, values: [[...deleted]] }]),
  ];
}

function orderRow(order: OrderFact): Row {
  return {
    customer_id: order.customerKey,
    id: order.id,
    status: order.status,
    channel: order.channel,
    currency: order.currency,
    total: order.total,
    discount: order.discount,
    coupons: order.coupons,
    item_count: order.itemCount,
    exchange_rate: order.exchangeRate,
    original: order.original,
  };
}

function itemRow(order: OrderFact, item: ItemFact, line: number): Row {
  return {
    customer_id: order.customerKey,
    order_id: order.id,
    line,
    product_id: item.productId,
    sku: item.sku,
    name: item.name,
    category: item.category,
    brand: item.brand,
    quantity: item.quantity,
    unit_price: item.unitPrice,
  };
}

// ---------------------------------------------------------------- events

function eventStatements(events: readonly EventFact[], asOfMs: number): Statement[] {
  const rows = events.map((event) => ({
    customer_id: event.customerKey,
    id: event.id,
    name: event.name,
    occurred_at: event.occurredAtMs === null ? printInstant(asOfMs) : settleTime(event.occurredAtMs, asOfMs).at,
    properties: event.properties,
  }));
  return overAnyRows(INSERT_EVENTS, rows);
}

// ---------------------------------------------------------------- times

function asOfAndTolerated(asOfMs: number): readonly [string, string] {
  return [printInstant(asOfMs), printInstant(asOfMs + CLOCK_TOLERANCE_MS)];
}

/** The time to store, and the given one if that differs: as `settledTime` of queries.ts does for rows that replace others. */
function settleTime(givenMs: number, asOfMs: number): { readonly at: string; readonly given: string | null } {
  const given = printInstant(givenMs);
  return givenMs > asOfMs && givenMs <= asOfMs + CLOCK_TOLERANCE_MS ? { at: printInstant(asOfMs), given } : { at: given, given: null };
}
