// Facts written as the pipeline writes them, without evaluation, and the rows that they leave behind.
import type { Database } from '../../src/db/database.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { type CustomerFact, type EventFact, type Facts, NO_FACTS, type OrderFact } from '../../src/ingest/facts.ts';
import { lockCustomers, lockOrderOwners } from '../../src/ingest/lock-facts.ts';
import { applyFacts } from '../../src/ingest/write-facts.ts';

export const AS_OF_MS = Date.UTC(2026, 5, 1, 12);

export function writeFacts(database: Database, facts: Partial<Facts>, asOfMs = AS_OF_MS): Promise<readonly string[]> {
  const all: Facts = { ...NO_FACTS, ...facts };
  return inTransaction(database, async (client) => {
    const previousOwners = await lockOrderOwners(client, all);
    const locked = await lockCustomers(client, all, previousOwners, { fixedIso: new Date(asOfMs).toISOString(), isImport: false });
    await applyFacts(client, all, asOfMs, { ...locked, previousOwners });
    return [...locked.locked];
  });
}

export function customer(id: string, more: Partial<CustomerFact> = {}): CustomerFact {
  return { key: customerKey(id), id, profile: {}, ...more };
}

export function order(id: string, customerId: string, more: Partial<OrderFact> = {}): OrderFact {
  return {
    id,
    customerKey: customerKey(customerId),
    customerId,
    status: 'paid',
    channel: null,
    currency: 'USD',
    total: '10000',
    discount: '0',
    coupons: [],
    itemCount: '0',
    placedAtMs: AS_OF_MS - 1000,
    exchangeRate: null,
    items: [],
    ...more,
  };
}

export function items(...productIds: string[]): OrderFact['items'] {
  const rest = { sku: null, name: null, category: null, brand: null, quantity: '10000', unitPrice: '5000' };
  return productIds.map((productId) => ({ productId, ...rest }));
}

export function event(id: string, customerId: string, more: Partial<EventFact> = {}): EventFact {
  return {
    id,
    customerKey: customerKey(customerId),
    customerId,
    name: 'page_view',
    occurredAtMs: AS_OF_MS - 1000,
    properties: {},
    ...more,
  };
}

/** Everything stored, in order, without revisions. */
export async function readEverything(database: Database): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {};
  for (const table of ['customers', 'orders', 'order_items', 'order_owners', 'events', 'registered_types']) {
    const rows = await database.query<{ row: object }>({
      text: `select to_jsonb(t) - 'revision' as row from ${table} as t order by to_jsonb(t)::text`,
    });
    tables[table] = rows.map(({ row }) => row);
  }
  return tables;
}
