// In charge of whom facts name, of the creation times they imply, and of refusing two ids that have the same key.
import { AppError } from '../errors.ts';
import type { CustomerFact, CustomerKey, Facts } from './facts.ts';

export interface NamedCustomer {
  readonly id: string;
  fact: CustomerFact | null;
  /** the earliest time among the orders and events that name the customer; infinity: none has one */
  firstMs: number;
}

/** Everybody whom the facts name, also in superseded rows of an order. */
export function namedCustomers(facts: Facts): Map<CustomerKey, NamedCustomer> {
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

/** The customer's creation time according to the rows; infinity: they give none, so it is the instant of the write. */
export function firstInstantMs(customer: NamedCustomer): number {
  return customer.fact === null ? customer.firstMs : (customer.fact.createdAtMs ?? Number.POSITIVE_INFINITY);
}

export function refuseCollisions(named: ReadonlyMap<CustomerKey, NamedCustomer>, locked: ReadonlySet<CustomerKey>): void {
  const collided = [...named].filter(([key]) => !locked.has(key)).map(([, customer]) => customer.id);
  if (collided.length > 0) throw collision(collided);
}

function collision(ids: readonly string[]): AppError {
  const list = ids.map((id) => JSON.stringify(id)).join(', ');
  return new AppError('id_collision', `Another customer has the same key as ${list}; such an id cannot be taken.`);
}
