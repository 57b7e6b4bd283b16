// Locks whom a write touches and writes its facts, set-based, inside the caller's transaction: lockOrderOwners, lockCustomers,
// (the caller reads asOf), applyFacts. In charge of rows and their order; the SQL is queries.ts, evaluation comes after.
//
// READ COMMITTED: a statement's snapshot is older than its waits, so each lock is a statement of its own, and what it guards is
// read by a later one.
import { READ_TYPES_VERSION } from '../catalog/registered-types.ts';
import { type Client, pipeline, type Statement } from '../db/database.ts';
import { AppError } from '../errors.ts';
import type { CustomerFact, CustomerKey, EventFact, Facts, ItemFact, OrderFact } from './facts.ts';
import {
  INSERT_EVENTS,
  INSERT_ITEMS,
  INSERT_ORDERS,
  LOCK_ORDER_OWNERS,
  lockCustomersQuery,
  MERGE_CUSTOMERS,
  REMOVE_ORDER_OWNERS,
  REMOVE_ORDERS,
  REPLACE_ITEMS,
  REPLACE_ORDERS,
  SETTLE_CREATED,
  TRIM_ITEMS,
} from './queries.ts';
import { overRows, type Row, type RowsQuery } from './rows-query.ts';

/** A time at most this far ahead of the clock is taken as the clock's. */
export const CLOCK_TOLERANCE_MS = 5_000;

/** What an order's `customer_id` in order_owners is while its deletion is under way. */
const NOBODY: CustomerKey = '0';

/**
 * An attribute or property was declared anew, with another type, after these facts were judged: they must be judged again.
 * See `withCurrentTypes`. A redeclaration waits for writers that have passed here, and writers wait here for it.
 */
export class StaleTypes extends Error {
  constructor() {
    super('types were redeclared while these facts were under way');
    this.name = 'StaleTypes';
  }
}

export interface LockedCustomers {
  /** made by this write */
  readonly created: ReadonlySet<CustomerKey>;
  /** everybody touched: named by the facts, or previous owner of one of their orders */
  readonly locked: readonly CustomerKey[];
}

export interface FactLocks extends LockedCustomers {
  readonly previousOwners: ReadonlyMap<string, CustomerKey | null>;
}

/** Locks the orders of these facts by id; → previous owner by order id, deleted orders too (null: nobody had it). Sends one statement at most. */
export async function lockOrderOwners(client: Client, facts: Facts): Promise<ReadonlyMap<string, CustomerKey | null>> {
  const lock = orderOwnersLock(facts);
  return lock.read(await pipeline(client, lock.statements));
}

/** Statements that take a lock, and what their rows say. */
interface Lock<Taken> {
  readonly statements: readonly Statement[];
  read(rows: Rows): Taken;
}

type Rows = readonly (readonly Readonly<Record<string, unknown>>[])[];

function orderOwnersLock(facts: Facts): Lock<ReadonlyMap<string, CustomerKey | null>> {
  const owners = new Map<string, CustomerKey>();
  for (const id of facts.deletedOrderIds) owners.set(id, NOBODY);
  for (const order of facts.orders) owners.set(order.id, order.customerKey);
  const rows = [...owners].map(([orderId, customerKey]) => ({ order_id: orderId, customer_id: customerKey }));
  return {
    statements: optional(LOCK_ORDER_OWNERS, rows),
    read: ([found = []]) =>
      new Map(found.map((row) => [String(row['order_id']), row['previous_customer_id'] as CustomerKey | null] as const)),
  };
}

/**
 * Locks by id all customers whom the facts name, making those who are not there with all their values, and the previous owners.
 * Sends all it sends before it waits: what the caller sends next stands behind the lock.
 * Throws AppError id_collision where two external ids meet in one key, StaleTypes where values were judged by types that are no more.
 */
export async function lockCustomers(
  client: Client,
  facts: Facts,
  previousOwners: ReadonlyMap<string, CustomerKey | null>,
  fixedIso: string | null,
): Promise<LockedCustomers> {
  const lock = customersLock(facts, previousOwners, fixedIso);
  return lock.read(await pipeline(client, lock.statements));
}

function customersLock(
  facts: Facts,
  previousOwners: ReadonlyMap<string, CustomerKey | null>,
  fixedIso: string | null,
): Lock<LockedCustomers> {
  const named = namedCustomers(facts);
  const rows: Row[] = [];
  for (const [key, customer] of named) rows.push(insertRow(key, customer));
  const previous = new Set<CustomerKey>();
  for (const key of previousOwners.values()) if (key !== null && key !== NOBODY && !named.has(key)) previous.add(key);
  for (const key of previous) rows.push({ id: key });
  if (rows.length === 0) return { statements: [], read: () => ({ created: new Set(), locked: [] }) };

  const lock = overRows(lockCustomersQuery({ tell: facts.customers.length > 0, previous: previous.size > 0 }), rows, fixedIso);
  const judgedBy = typesVersions(facts);
  return {
    statements: judgedBy.size === 0 ? [lock] : [lock, READ_TYPES_VERSION],
    read: ([found = [], versions = []]) => {
      for (const version of judgedBy) if (version !== versions[0]?.['version']) throw new StaleTypes();
      const locked = found.map((row) => String(row['id']));
      if (locked.length < rows.length) refuseCollisions(named, new Set(locked));
      return { created: new Set(found.filter((row) => row['created'] === true).map((row) => String(row['id']))), locked };
    },
  };
}

/** An order came from a customer whom the write does not name, and who has to be locked in one order with those it does name. */
export class OrderMoved extends Error {
  constructor() {
    super('an order came from another customer');
    this.name = 'OrderMoved';
  }
}

/**
 * Both locks in one go, before it is known whose the orders were: whoever asks so supposes that they are new or stay with their customers, which
 * is nearly always so. `read` throws OrderMoved where it is not, and what the functions above throw. Not for facts that delete orders.
 */
export function locksAtOnce(facts: Facts, fixedIso: string | null): Lock<FactLocks> {
  const owners = orderOwnersLock(facts);
  const customers = customersLock(facts, new Map(), fixedIso);
  const behind = owners.statements.length;
  return {
    statements: [...owners.statements, ...customers.statements],
    read: (rows) => {
      const previousOwners = owners.read(rows.slice(0, behind));
      const locked = customers.read(rows.slice(behind));
      const isLocked = new Set(locked.locked);
      for (const key of previousOwners.values()) if (key !== null && key !== NOBODY && !isLocked.has(key)) throw new OrderMoved();
      return { ...locked, previousOwners };
    },
  };
}

/** Writes the facts as of that instant; what is already so stays untouched. Sends all its statements in one go. */
export async function applyFacts(client: Client, facts: Facts, asOfMs: number, locks: FactLocks): Promise<void> {
  await pipeline(client, factStatements(facts, asOfMs, locks));
}

/** The statements of `applyFacts`, for a caller who sends more behind them. Only valid in the transaction that took these locks. */
export function factStatements(facts: Facts, asOfMs: number, locks: FactLocks): readonly Statement[] {
  return [
    ...customerStatements(facts, asOfMs, locks),
    ...orderStatements(facts, asOfMs, locks.previousOwners),
    ...eventStatements(facts.events, asOfMs),
  ];
}

function typesVersions(facts: Facts): ReadonlySet<string> {
  const versions = new Set<string>();
  for (const { typesVersion } of facts.customers) if (typesVersion !== undefined) versions.add(typesVersion);
  for (const { typesVersion } of facts.events) if (typesVersion !== undefined) versions.add(typesVersion);
  return versions;
}

// ---------------------------------------------------------------- customers

interface NamedCustomer {
  readonly id: string;
  fact: CustomerFact | null;
  /** the earliest time among the orders and events that name the customer; infinity: none has one */
  firstMs: number;
}

/** Everybody whom the facts name, superseded rows of an order too. */
function namedCustomers(facts: Facts): Map<CustomerKey, NamedCustomer> {
  const named = new Map<CustomerKey, NamedCustomer>();
  const name = (key: CustomerKey, id: string): NamedCustomer => {
    const found = named.get(key);
    if (found === undefined) {
      const customer: NamedCustomer = { id, fact: null, firstMs: Number.POSITIVE_INFINITY };
      named.set(key, customer);
      return customer;
    }
    if (found.id !== id) throw collision([found.id, id]);
    return found;
  };
  for (const fact of facts.customers) name(fact.key, fact.id).fact = fact;
  for (const order of facts.orders) {
    const customer = name(order.customerKey, order.customerId);
    if (order.placedAtMs !== null) customer.firstMs = Math.min(customer.firstMs, order.placedAtMs);
  }
  for (const event of facts.events) {
    const customer = name(event.customerKey, event.customerId);
    if (event.occurredAtMs !== null) customer.firstMs = Math.min(customer.firstMs, event.occurredAtMs);
  }
  return named;
}

/** When the customer came to be, as the rows say; infinity: they do not, so it is the instant of the write. */
function firstInstantMs(customer: NamedCustomer): number {
  return customer.fact === null ? customer.firstMs : (customer.fact.createdAtMs ?? Number.POSITIVE_INFINITY);
}

/** All values of a customer who may be new. Without a time it is the clock's; one ahead of asOf is settled by `createdTime`. */
function insertRow(key: CustomerKey, customer: NamedCustomer): Row {
  const fact = customer.fact;
  const atMs = firstInstantMs(customer);
  const createdAt = Number.isFinite(atMs) ? timestamp(atMs) : null;
  if (fact === null) return { id: key, external_id: customer.id, created_at: createdAt };
  return {
    ...fact.profile,
    id: key,
    external_id: fact.id,
    tags: fact.tags ?? null,
    attributes: fact.attributes === undefined ? null : given(fact.attributes),
    consents: fact.consents === undefined ? null : given(fact.consents),
    created_at: createdAt,
  };
}

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
  return [...optional(SETTLE_CREATED, settled), ...optional(MERGE_CUSTOMERS, merged, timestamp(asOfMs))];
}

/** The time of a customer just made, where what was inserted is not it yet. */
function createdTime(customer: NamedCustomer, asOfMs: number): { created_at: string; created_at_given: string | null } | null {
  const atMs = firstInstantMs(customer);
  if (atMs <= asOfMs || !Number.isFinite(atMs)) return null;
  if (customer.fact === null) return { created_at: timestamp(asOfMs), created_at_given: null };
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
    tags: fact.tags ?? null,
    attributes: given(fact.attributes ?? {}),
    cleared_attributes: cleared(fact.attributes ?? {}),
    consents: given(fact.consents ?? {}),
    cleared_consents: cleared(fact.consents ?? {}),
    created_at: fact.createdAtMs === undefined ? null : timestamp(fact.createdAtMs),
  };
}

function given(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function cleared(values: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(values).filter((name) => values[name] === null);
}

function refuseCollisions(named: ReadonlyMap<CustomerKey, NamedCustomer>, locked: ReadonlySet<CustomerKey>): void {
  const collided = [...named].filter(([key]) => !locked.has(key)).map(([, customer]) => customer.id);
  if (collided.length > 0) throw collision(collided);
}

function collision(ids: readonly string[]): AppError {
  const list = ids.map((id) => JSON.stringify(id)).join(', ');
  return new AppError('id_collision', `Another customer has the same key as ${list}; such an id cannot be taken.`);
}

// ---------------------------------------------------------------- orders

/** The orders that are to stand at the end. One without a time takes it from the same order earlier in the batch, as it would from the table. */
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
  const asOf = timestamp(asOfMs);
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
      previous_customer_id: deleted.has(order.id) ? null : previous, // written anew after its deletion: nothing is taken over
      placed_at: order.placedAtMs === null ? null : timestamp(order.placedAtMs),
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
    ...optional(INSERT_ORDERS, fresh),
    ...optional(INSERT_ITEMS, freshItems),
    ...optional(REPLACE_ORDERS, replaced, asOf),
    ...optional(REPLACE_ITEMS, replacedItems),
    ...optional(TRIM_ITEMS, trimmed),
    ...optional(REMOVE_ORDERS, removed), // behind the replacing, which takes the time over from the row that goes
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
    occurred_at: event.occurredAtMs === null ? timestamp(asOfMs) : settleTime(event.occurredAtMs, asOfMs).at,
    properties: event.properties,
  }));
  return optional(INSERT_EVENTS, rows);
}

// ---------------------------------------------------------------- times and statements

/** The time to store, and the one given where that differs: see the SQL of the same name. */
function settleTime(givenMs: number, asOfMs: number): { readonly at: string; readonly given: string | null } {
  const given = timestamp(givenMs);
  return givenMs > asOfMs && givenMs <= asOfMs + CLOCK_TOLERANCE_MS ? { at: timestamp(asOfMs), given } : { at: given, given: null };
}

function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

function optional(query: RowsQuery, rows: readonly Row[], ...more: readonly unknown[]): Statement[] {
  return rows.length === 0 ? [] : [overRows(query, rows, ...more)];
}
