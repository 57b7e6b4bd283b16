// Compares the tables of facts with a shop of the oracle, column by column.
import { expect } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import type { Shop } from '../oracle/shop.ts';

/** Fails with `message` where a row is missing, too many or different. */
export async function compareFacts(database: Database, shop: Shop, message: string): Promise<void> {
  const [customers, orders, items, owners, events] = await Promise.all([
    database.query({
      text: `
        select c.id, c.external_id, c.tags, c.attributes, c.consents, c.created_at, c.created_at_given,
          jsonb_strip_nulls(to_jsonb(c)) - array['id', 'external_id', 'revision', 'tags', 'attributes', 'consents', 'created_at', 'created_at_given', 'created_by_rows'] as profile
        from customers as c
        order by c.id`,
    }),
    database.query({
      text: `
        select o.customer_id, o.id, o.status, o.channel, o.currency, o.total, o.discount, o.coupons, o.item_count, o.placed_at, o.placed_at_given,
          o.exchange_rate
        from orders as o
        order by o.id`,
    }),
    database.query({ text: 'select i.* from order_items as i order by i.order_id, i.line' }),
    database.query({ text: 'select w.* from order_owners as w order by w.order_id' }),
    database.query({ text: 'select e.* from events as e order by e.customer_id, e.id' }),
  ]);
  expect(customers, message).toEqual(sorted(shop.customers.map(customerRow), (row) => row.id, compareKeys));
  expect(
    sorted(orders, (row) => String(row['id'])),
    message,
  ).toEqual(sorted(shop.orders.map(orderRow), (row) => row.id));
  expect(sorted(items, itemPlace), message).toEqual(sorted(shop.orders.flatMap(itemRows), itemPlace));
  expect(
    sorted(owners, (row) => String(row['order_id'])),
    message,
  ).toEqual(
    sorted(
      shop.orders.map((order) => ({ order_id: order.id, customer_id: order.customerKey })),
      (row) => row.order_id,
    ),
  );
  expect(
    sorted(events, (row) => `${row['customer_id']} ${row['id']}`),
    message,
  ).toEqual(sorted(shop.events.map(eventRow), (row) => `${row.customer_id} ${row.id}`));
}

function sorted<Row>(rows: readonly Row[], keyOf: (row: Row) => string, compare = compareTexts): Row[] {
  return [...rows].sort((left, right) => compare(keyOf(left), keyOf(right)));
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareKeys(left: string, right: string): number {
  return BigInt(left) < BigInt(right) ? -1 : 1;
}

function itemPlace(row: object): string {
  return 'order_id' in row && 'line' in row ? `${row.order_id} ${row.line}` : '';
}

function customerRow(customer: Shop['customers'][number]) {
  const { key, id, profile, tags, attributes, consents, createdAtMs, createdAtGivenMs } = customer;
  return { id: key, external_id: id, profile, tags, attributes, consents, created_at: createdAtMs, created_at_given: createdAtGivenMs };
}

function orderRow(order: Shop['orders'][number]) {
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
    placed_at: order.placedAtMs,
    placed_at_given: order.placedAtGivenMs,
    exchange_rate: order.exchangeRate,
  };
}

function itemRows(order: Shop['orders'][number]) {
  return order.items.map((item, index) => ({
    customer_id: order.customerKey,
    order_id: order.id,
    line: index + 1,
    status: order.status,
    channel: order.channel,
    placed_at: order.placedAtMs,
    product_id: item.productId,
    sku: item.sku,
    name: item.name,
    category: item.category,
    brand: item.brand,
    quantity: item.quantity,
    unit_price: item.unitPrice,
  }));
}

function eventRow(event: Shop['events'][number]) {
  return { customer_id: event.customerKey, id: event.id, name: event.name, occurred_at: event.occurredAtMs, properties: event.properties };
}
