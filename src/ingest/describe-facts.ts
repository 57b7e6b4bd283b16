// In charge of what the audit records of facts: what was written, by customer, so that an erasure removes one person's and leaves the others'.
// In the form of facts.ts (amounts in ten-thousandths, instants in epoch milliseconds). Nothing is read for it, so there is no `before`.
import type { AuditChange } from '../access/audit-entry.ts';
import type { CustomerKey, Facts } from './facts.ts';

interface Told {
  customerId?: string;
  profile?: object[];
  orders?: object[];
  events?: object[];
  /** ids of orders that this customer no longer has: deleted, or written under another customer */
  ordersGone?: string[];
}

export function describeFacts(facts: Facts, previousOwners: ReadonlyMap<string, CustomerKey | null>): AuditChange[] {
  const told = new Map<CustomerKey, Told>();
  const of = (key: CustomerKey, customerId?: string): Told => {
    const known = told.get(key);
    const found = known ?? {};
    if (known === undefined) told.set(key, found);
    if (customerId !== undefined) found.customerId = customerId;
    return found;
  };
  for (const { key, id, typesVersion, ...rest } of facts.customers) {
    const found = of(key, id);
    found.profile ??= [];
    found.profile.push(rest);
  }
  for (const { customerKey, customerId, ...rest } of facts.orders) {
    const found = of(customerKey, customerId);
    found.orders ??= [];
    found.orders.push(rest);
    const before = previousOwners.get(rest.id) ?? null;
    if (before !== null && before !== customerKey) gone(of(before), rest.id);
  }
  for (const { customerKey, customerId, typesVersion, ...rest } of facts.events) {
    const found = of(customerKey, customerId);
    found.events ??= [];
    found.events.push(rest);
  }
  for (const id of facts.deletedOrderIds) {
    const before = previousOwners.get(id) ?? null;
    if (before !== null) gone(of(before), id);
  }
  return [...told].map(([customerKey, { customerId, ...after }]) => ({ customerKey, content: { customerId, after } }));
}

function gone(told: Told, orderId: string): void {
  told.ordersGone ??= [];
  told.ordersGone.push(orderId);
}
