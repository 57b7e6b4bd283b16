// Locks whom a write touches, inside the caller's transaction: the owners of its orders, then customers by key, creating new ones.
// In charge of the locks and of what they find; the SQL is queries.ts, what is written under them is write-facts.ts.
//
// READ COMMITTED: a statement's snapshot is older than its waits, so each lock is a statement of its own, and what it guards is
// read by a later one.
import { READ_TYPES_VERSION } from '../catalog/registered-types.ts';
import { type Client, pipeline, type Statement } from '../db/database.ts';
import type { CustomerKey, Facts } from './facts.ts';
import { firstInstantMs, type NamedCustomer, namedCustomers, refuseCollisions } from './named-customers.ts';
import { LOCK_ORDER_OWNERS, lockCustomersQuery } from './queries.ts';
import { overAnyRows, overRows, printInstant, type Row, withoutNulls } from './rows-query.ts';

/** An order's `customer_id` in order_owners while it is being deleted. */
const NOBODY: CustomerKey = '0';

/**
 * An attribute or property was redeclared with another type after these facts were judged: they must be judged again.
 * See `withCurrentTypes`. A redeclaration waits for writers that have passed here, and writers wait here for it.
 */
export class StaleTypes extends Error {
  constructor() {
    super('types were redeclared while these facts were under way');
    this.name = 'StaleTypes';
  }
}

export interface LockedCustomers {
  /** created by this write */
  readonly created: ReadonlySet<CustomerKey>;
  /** everybody touched: named by the facts, or previous owner of one of their orders */
  readonly locked: readonly CustomerKey[];
}

export interface FactLocks extends LockedCustomers {
  readonly previousOwners: ReadonlyMap<string, CustomerKey | null>;
}

/**
 * Locks the orders of these facts by id; → the previous owner by order id, for deleted orders too (null: nobody had it). Sends at most one
 * statement.
 */
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
    statements: overAnyRows(LOCK_ORDER_OWNERS, rows),
    read: ([found = []]) =>
      new Map(found.map((row) => [String(row['order_id']), row['previous_customer_id'] as CustomerKey | null] as const)),
  };
}

/**
 * As their insertion will take it anyway. A write that evaluates shares the definitions with nobody who redeclares; an import does not, and a type
 * that was redeclared after its version was read, and before the first event was written, would go unnoticed.
 */
const LOCK_EVENTS: Statement = { name: 'lock_events_table', text: 'lock table events in row exclusive mode' };

/** For the locks of customers. */
export interface LockOptions {
  /** a clock that stands; null: the database's */
  readonly fixedIso: string | null;
  readonly isImport: boolean;
}

/**
 * Locks by id all customers whom the facts name, creating those who do not exist with all their values, and the previous owners.
 * Sends everything before it waits: what the caller sends next comes after the lock.
 * Throws AppError id_collision if two external ids have the same key, StaleTypes if values were judged by types that are out of date.
 */
export async function lockCustomers(
  client: Client,
  facts: Facts,
  previousOwners: ReadonlyMap<string, CustomerKey | null>,
  options: LockOptions,
): Promise<LockedCustomers> {
  const lock = customersLock(facts, previousOwners, options);
  return lock.read(await pipeline(client, lock.statements));
}

function customersLock(
  facts: Facts,
  previousOwners: ReadonlyMap<string, CustomerKey | null>,
  { fixedIso, isImport }: LockOptions,
): Lock<LockedCustomers> {
  const named = namedCustomers(facts);
  const rows: Row[] = [];
  for (const [key, customer] of named) rows.push(insertRow(key, customer));
  const previous = new Set<CustomerKey>();
  for (const key of previousOwners.values()) if (key !== null && key !== NOBODY && !named.has(key)) previous.add(key);
  for (const key of previous) rows.push({ id: key });
  if (rows.length === 0) return { statements: [], read: () => ({ created: new Set(), locked: [] }) };

  const tell = facts.customers.length > 0;
  const lock = overRows(lockCustomersQuery({ tell, previous: previous.size > 0, byRows: isImport && !tell }), rows, fixedIso);
  const judgedBy = typesVersions(facts);
  const beforeEvents = isImport && facts.events.length > 0 ? [LOCK_EVENTS] : [];
  return {
    statements: judgedBy.size === 0 ? [lock] : [lock, ...beforeEvents, READ_TYPES_VERSION],
    read: ([found = [], ...rest]) => {
      const versions = rest[beforeEvents.length] ?? [];
      for (const version of judgedBy) if (version !== versions[0]?.['version']) throw new StaleTypes();
      const locked = found.map((row) => String(row['id']));
      if (locked.length < rows.length) refuseCollisions(named, new Set(locked));
      return { created: new Set(found.filter((row) => row['created'] === true).map((row) => String(row['id']))), locked };
    },
  };
}

/** An order came from a customer whom the write does not name, but who must be locked in the same sequence as those it names. */
export class OrderMoved extends Error {
  constructor() {
    super('an order came from another customer');
    this.name = 'OrderMoved';
  }
}

/**
 * Both locks in one go, before it is known whose the orders were: on the assumption that they are new or stay with their customers, as they
 * nearly always do. Otherwise `read` throws OrderMoved; it also throws what the functions above throw. Not for facts that delete orders.
 */
export function locksAtOnce(facts: Facts, options: LockOptions): Lock<FactLocks> {
  const owners = orderOwnersLock(facts);
  const customers = customersLock(facts, new Map(), options);
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

function typesVersions(facts: Facts): ReadonlySet<string> {
  const versions = new Set<string>();
  for (const { typesVersion } of facts.customers) if (typesVersion !== undefined) versions.add(typesVersion);
  for (const { typesVersion } of facts.events) if (typesVersion !== undefined) versions.add(typesVersion);
  return versions;
}

/** All values of a customer who may be new. Without a time it gets the clock's; a time ahead of asOf is settled by `createdTime` (write-facts.ts). */
function insertRow(key: CustomerKey, customer: NamedCustomer): Row {
  const fact = customer.fact;
  const atMs = firstInstantMs(customer);
  const createdAt = Number.isFinite(atMs) ? printInstant(atMs) : null;
  if (fact === null) return { id: key, external_id: customer.id, created_at: createdAt };
  return {
    ...fact.profile,
    id: key,
    external_id: fact.id,
    tags: fact.tags ?? null,
    attributes: fact.attributes === undefined ? null : withoutNulls(fact.attributes),
    consents: fact.consents === undefined ? null : withoutNulls(fact.consents),
    created_at: createdAt,
  };
}
