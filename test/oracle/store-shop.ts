// Puts a shop of the oracle straight into the tables, bypassing the write path: for tests of evaluation alone.
import { type Client, pipeline } from '../../src/db/database.ts';
import type { Shop, ShopCustomer, ShopOrder } from './shop.ts';

const CUSTOMER_COLUMNS =
  'id, external_id, revision, email, phone, first_name, last_name, gender, birthday, country, region, city, postal_code, language, source, tags, attributes, consents, created_at';
const ORDER_COLUMNS = 'customer_id, id, status, channel, currency, total, discount, coupons, item_count, placed_at';
const ITEM_COLUMNS =
  'customer_id, order_id, line, status, channel, placed_at, product_id, sku, name, category, brand, quantity, unit_price';
const EVENT_COLUMNS = 'customer_id, id, name, occurred_at, properties';

/** In the place of whatever facts there were. */
export async function storeShop(client: Client, shop: Shop): Promise<void> {
  const insert = (table: string, columns: string, rows: readonly object[]) => ({
    name: `store_${table}`,
    text: `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
    values: [JSON.stringify(rows)],
  });
  await pipeline(client, [
    { text: 'delete from customers' },
    { text: 'delete from orders' },
    { text: 'delete from order_items' },
    { text: 'delete from events' },
    insert('customers', CUSTOMER_COLUMNS, shop.customers.map(customerRow)),
    insert('orders', ORDER_COLUMNS, shop.orders.map(orderRow)),
    insert('order_items', ITEM_COLUMNS, shop.orders.flatMap(itemRows)),
    insert(
      'events',
      EVENT_COLUMNS,
      shop.events.map(({ customerKey, id, name, occurredAtMs, properties }) => ({
        customer_id: customerKey,
        id,
        name,
        occurred_at: iso(occurredAtMs),
        properties,
      })),
    ),
  ]);
}

function customerRow(customer: ShopCustomer): object {
  const { key, id, profile, tags, attributes, consents, createdAtMs } = customer;
  return { id: key, external_id: id, revision: 1, ...profile, tags, attributes, consents, created_at: iso(createdAtMs) };
}

function orderRow(order: ShopOrder): object {
  const { customerKey, id, status, channel, currency, total, discount, coupons, itemCount, placedAtMs } = order;
  return {
    customer_id: customerKey,
    id,
    status,
    channel,
    currency,
    total,
    discount,
    coupons,
    item_count: itemCount,
    placed_at: iso(placedAtMs),
  };
}

function itemRows(order: ShopOrder): readonly object[] {
  const { customerKey, id, status, channel, placedAtMs } = order;
  return order.items.map((item, index) => ({
    customer_id: customerKey,
    order_id: id,
    line: index + 1,
    status,
    channel,
    placed_at: iso(placedAtMs),
    product_id: item.productId,
    sku: item.sku,
    name: item.name,
    category: item.category,
    brand: item.brand,
    quantity: item.quantity,
    unit_price: item.unitPrice,
  }));
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
