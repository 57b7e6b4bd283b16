// A shop as plain data, and the meaning of a write in it: what the tables must hold after the same facts. Part of the oracle.
import { type Catalog, EMPTY_CATALOG } from '../../src/catalog/catalog.ts';
import type {
  CustomerFact,
  CustomerKey,
  EventFact,
  Facts,
  FlatValue,
  ItemFact,
  OrderFact,
  ProfileColumn,
  Scaled,
} from '../../src/ingest/facts.ts';

export interface ShopCustomer {
  readonly key: CustomerKey;
  readonly id: string;
  readonly profile: Readonly<Partial<Record<ProfileColumn, string>>>;
  readonly tags: readonly string[];
  readonly attributes: Readonly<Record<string, FlatValue | object>>;
  readonly consents: Readonly<Record<string, boolean>>;
  readonly createdAtMs: number;
  /** what was sent, where the clock was taken instead */
  readonly createdAtGivenMs: number | null;
}

export interface ShopOrder {
  readonly id: string;
  readonly customerKey: CustomerKey;
  readonly status: string | null;
  readonly channel: string | null;
  readonly currency: string;
  readonly total: Scaled;
  readonly discount: Scaled;
  readonly coupons: readonly string[];
  readonly itemCount: Scaled;
  readonly placedAtMs: number;
  readonly placedAtGivenMs: number | null;
  readonly exchangeRate: string | null;
  readonly items: readonly ItemFact[];
}

export interface ShopEvent {
  readonly id: string;
  readonly customerKey: CustomerKey;
  readonly name: string;
  readonly occurredAtMs: number;
  readonly properties: Readonly<Record<string, FlatValue | object>>;
}

export interface Shop {
  readonly catalog: Catalog;
  readonly customers: readonly ShopCustomer[];
  readonly orders: readonly ShopOrder[];
  readonly events: readonly ShopEvent[];
}

export const EMPTY_SHOP: Shop = { catalog: EMPTY_CATALOG, customers: [], orders: [], events: [] };

/** Times at most this far ahead of the clock are taken as the clock's. */
const LENIENCY_MS = 5_000;

/** The shop after a write at an instant: customers, then deletions, then orders, then events. */
export function apply(shop: Shop, facts: Facts, asOfMs: number): Shop {
  const customers = [...shop.customers];
  const orders = shop.orders.filter((order) => !facts.deletedOrderIds.includes(order.id));
  const events = [...shop.events];
  for (const fact of facts.customers) writeCustomer(customers, fact, asOfMs);
  for (const [key, id] of namedByRows(facts)) createIfUnknown(customers, key, id, firstTimeMs(facts, key, asOfMs));
  for (const fact of lastOrders(facts.orders)) writeOrder(orders, fact, asOfMs);
  for (const fact of facts.events) writeEvent(events, fact, asOfMs);
  return { catalog: shop.catalog, customers, orders, events };
}

function namedByRows(facts: Facts): readonly (readonly [key: CustomerKey, id: string])[] {
  return [...facts.orders, ...facts.events].map((row) => [row.customerKey, row.customerId]);
}

/** When a customer made by rows came to be: with the earliest of them, at the write where they are all to come. */
function firstTimeMs(facts: Facts, key: CustomerKey, asOfMs: number): number {
  const times = [
    ...facts.orders.filter((order) => order.customerKey === key).map((order) => order.placedAtMs ?? asOfMs),
    ...facts.events.filter((event) => event.customerKey === key).map((event) => event.occurredAtMs ?? asOfMs),
  ];
  return Math.min(asOfMs, ...times);
}

/** Of an order written twice in one batch the last counts; without a time it has that of the one before. */
function lastOrders(orders: readonly OrderFact[]): readonly OrderFact[] {
  const last = new Map<string, OrderFact>();
  for (const order of orders) last.set(order.id, { ...order, placedAtMs: order.placedAtMs ?? last.get(order.id)?.placedAtMs ?? null });
  return [...last.values()];
}

function writeCustomer(customers: ShopCustomer[], fact: CustomerFact, asOfMs: number): void {
  const at = customers.findIndex((customer) => customer.key === fact.key);
  const before = at === -1 ? undefined : customers[at];
  const after: ShopCustomer = {
    key: fact.key,
    id: fact.id,
    profile: merge(before?.profile ?? {}, fact.profile),
    tags: fact.tags ?? before?.tags ?? [],
    attributes: merge<FlatValue | object>(before?.attributes ?? {}, fact.attributes ?? {}),
    consents: merge(before?.consents ?? {}, fact.consents ?? {}),
    ...createdAt(before, fact.createdAtMs, asOfMs),
  };
  if (at === -1) customers.push(after);
  else customers[at] = after;
}

function createdAt(before: ShopCustomer | undefined, givenMs: number | undefined, asOfMs: number) {
  if (givenMs === undefined) {
    return { createdAtMs: before?.createdAtMs ?? asOfMs, createdAtGivenMs: before?.createdAtGivenMs ?? null };
  }
  if (before !== undefined && (givenMs === before.createdAtMs || givenMs === before.createdAtGivenMs)) {
    return { createdAtMs: before.createdAtMs, createdAtGivenMs: before.createdAtGivenMs };
  }
  const takenMs = taken(givenMs, asOfMs);
  return { createdAtMs: takenMs, createdAtGivenMs: takenMs === givenMs ? null : givenMs };
}

function writeOrder(orders: ShopOrder[], fact: OrderFact, asOfMs: number): void {
  const at = orders.findIndex((order) => order.id === fact.id);
  const before = at === -1 ? undefined : orders[at];
  const after: ShopOrder = {
    id: fact.id,
    customerKey: fact.customerKey,
    status: fact.status,
    channel: fact.channel,
    currency: fact.currency,
    total: fact.total,
    discount: fact.discount,
    coupons: fact.coupons,
    itemCount: fact.itemCount,
    ...placedAt(before, fact.placedAtMs, asOfMs),
    exchangeRate: fact.exchangeRate,
    items: fact.items,
  };
  if (at === -1) orders.push(after);
  else orders[at] = after;
}

function placedAt(before: ShopOrder | undefined, givenMs: number | null, asOfMs: number) {
  if (givenMs === null) {
    return { placedAtMs: before?.placedAtMs ?? asOfMs, placedAtGivenMs: before?.placedAtGivenMs ?? null };
  }
  if (before !== undefined && (givenMs === before.placedAtMs || givenMs === before.placedAtGivenMs)) {
    return { placedAtMs: before.placedAtMs, placedAtGivenMs: before.placedAtGivenMs };
  }
  const takenMs = taken(givenMs, asOfMs);
  return { placedAtMs: takenMs, placedAtGivenMs: takenMs === givenMs ? null : givenMs };
}

/** An event that is there stays as it is: sending it again is a retry. */
function writeEvent(events: ShopEvent[], fact: EventFact, asOfMs: number): void {
  if (events.some((event) => event.customerKey === fact.customerKey && event.id === fact.id)) return;
  const occurredAtMs = fact.occurredAtMs === null ? asOfMs : taken(fact.occurredAtMs, asOfMs);
  events.push({ id: fact.id, customerKey: fact.customerKey, name: fact.name, occurredAtMs, properties: fact.properties });
}

function createIfUnknown(customers: ShopCustomer[], key: CustomerKey, id: string, createdAtMs: number): void {
  if (customers.some((customer) => customer.key === key)) return;
  customers.push({ key, id, profile: {}, tags: [], attributes: {}, consents: {}, createdAtMs, createdAtGivenMs: null });
}

function taken(givenMs: number, asOfMs: number): number {
  return givenMs > asOfMs && givenMs <= asOfMs + LENIENCY_MS ? asOfMs : givenMs;
}

/** What is absent stays, null clears. */
function merge<Value>(
  before: Readonly<Record<string, Value>>,
  change: Readonly<Record<string, Value | null | undefined>>,
): Record<string, Value> {
  const after: Record<string, Value> = { ...before };
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    if (value === null) delete after[name];
    else after[name] = value;
  }
  return after;
}
