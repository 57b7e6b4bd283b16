// In charge of orders with their items as the API shows them: in the service's currency, which is what rules and reports count in, and for an
// order in another currency, beside it, what it was sent with. So an order can be sent back as it was read.
import { withTaken } from '../db/citus.ts';
import type { Database } from '../db/database.ts';
import { printAmount, printQuantity, readRate } from './amount.ts';
import { customerKey } from './customer-key.ts';
import type { CustomerKey } from './facts.ts';
import { disagreementOf, type OriginalAmounts } from './original-amounts.ts';

export interface WireItem {
  readonly productId: string | null;
  readonly sku: string | null;
  readonly name: string | null;
  readonly category: string | null;
  readonly brand: string | null;
  readonly quantity: string;
  readonly unitPrice: string | null;
}

export interface WireOrder {
  readonly id: string;
  readonly customerId: string;
  readonly status: string | null;
  readonly channel: string | null;
  /** the service's currency, in which the amounts are */
  readonly currency: string;
  readonly exchangeRate: null;
  readonly total: string;
  readonly discount: string;
  readonly coupons: readonly string[];
  readonly itemCount: string;
  readonly placedAt: string;
  readonly items: readonly WireItem[];
  readonly original: WireOriginal | null;
}

/** For an order in another currency. */
export interface WireOriginal {
  readonly currency: string;
  readonly exchangeRate: string;
  /** null together with the others: not known, because the order is from before they were kept */
  readonly total: string | null;
  readonly discount: string | null;
  readonly items: OriginalAmounts['items'] | null;
}

type OrderRow = Omit<WireOrder, 'placedAt' | 'items' | 'original' | 'exchangeRate'> & {
  readonly customerKey: CustomerKey;
  readonly placedAt: number;
  readonly exchangeRate: string | null;
  readonly original: OriginalAmounts | null;
};
type ItemRow = WireItem & { readonly orderId: string };

const COLUMNS = `orders.customer_id as "customerKey", customers.external_id as "customerId", orders.id, orders.status, orders.channel,
  orders.currency, orders.exchange_rate::text as "exchangeRate", orders.original, orders.total, orders.discount, orders.coupons,
  orders.item_count as "itemCount", orders.placed_at as "placedAt"`;

const ORDER = `
select ${COLUMNS}
from order_owners
join orders
  on orders.customer_id = order_owners.customer_id
  and orders.id = order_owners.order_id
join customers on customers.id = orders.customer_id
where order_owners.order_id = $1`;

/** `currency`: the service's. */
export async function readOrder(database: Database, currency: string, id: string): Promise<WireOrder | null> {
  const rows = await database.query<OrderRow>({
    name: 'ingest_read_order',
    text: ORDER,
    textOnCitus: withTaken(ORDER, [
      ['order_owners', 'select w.order_id, w.customer_id from order_owners as w where w.order_id = $1'],
      ['customers', 'select k.id, k.external_id from customers as k where k.id = any(array(select w.customer_id from order_owners as w))'],
      ['orders', 'select o.* from orders as o where o.id = $1 and o.customer_id = any(array(select w.customer_id from order_owners as w))'],
    ]),
    values: [id],
  });
  const [order] = await withItems(database, currency, rows);
  return order ?? null;
}

export interface TimePlace {
  readonly atMs: number;
  readonly id: string;
}

/** Newest first; `after`: the last one shown, null from the newest. */
export async function listOrders(
  database: Database,
  currency: string,
  customerId: string,
  options: { readonly limit: number; readonly after: TimePlace | null },
): Promise<readonly WireOrder[]> {
  const { limit, after } = options;
  const rows = await database.query<OrderRow>({
    name: after === null ? 'ingest_list_orders' : 'ingest_list_orders_after',
    text: `
select ${COLUMNS}
from orders
join customers on customers.id = orders.customer_id
where orders.customer_id = $1
${after === null ? '' : '  and (orders.placed_at, orders.id) < ($3::timestamptz, $4)'}
order by orders.placed_at desc, orders.id desc
limit $2`,
    values: [customerKey(customerId), limit, ...(after === null ? [] : [new Date(after.atMs).toISOString(), after.id])],
  });
  return withItems(database, currency, rows);
}

/** The newest orders of each customer, at most `limit`, in one statement for all; by customer id, absent if there are none. */
export async function listOrdersOf(
  database: Database,
  currency: string,
  customerIds: readonly string[],
  limit: number,
): Promise<ReadonlyMap<string, readonly WireOrder[]>> {
  const rows = await database.query<OrderRow>({
    name: 'ingest_list_orders_of',
    text: `
select ${COLUMNS}
from customers
cross join lateral (
  select o.*
  from orders as o
  where o.customer_id = customers.id
  order by o.placed_at desc, o.id desc
  limit $2
) as orders
where customers.id = any ($1::bigint[])
order by orders.customer_id, orders.placed_at desc, orders.id desc`,
    values: [customerIds.map(customerKey), limit],
  });
  return Map.groupBy(await withItems(database, currency, rows), (order) => order.customerId);
}

async function withItems(database: Database, currency: string, orders: readonly OrderRow[]): Promise<readonly WireOrder[]> {
  if (orders.length === 0) return [];
  const items = await database.query<ItemRow>({
    name: 'ingest_read_items',
    text: `
select order_items.order_id as "orderId", order_items.product_id as "productId", order_items.sku, order_items.name,
  order_items.category, order_items.brand, order_items.quantity, order_items.unit_price as "unitPrice"
from order_items
where order_items.customer_id = any ($1::bigint[])
  and order_items.order_id = any ($2::text[])
order by order_items.order_id, order_items.line`,
    values: [[...new Set(orders.map((order) => order.customerKey))], orders.map((order) => order.id)],
  });
  const byOrder = Map.groupBy(items, (item) => item.orderId);
  return orders.map((order) => toWire(order, byOrder.get(order.id) ?? [], currency));
}

function toWire({ customerKey: _, ...order }: OrderRow, items: readonly ItemRow[], currency: string): WireOrder {
  return {
    ...order,
    currency,
    exchangeRate: null,
    total: printAmount(order.total),
    discount: printAmount(order.discount),
    itemCount: printQuantity(order.itemCount),
    placedAt: new Date(order.placedAt).toISOString(),
    items: items.map(({ orderId, ...item }) => ({
      ...item,
      quantity: printQuantity(item.quantity),
      unitPrice: item.unitPrice === null ? null : printAmount(item.unitPrice),
    })),
    original: originalOf(order, items),
  };
}

/** Stored amounts that do not agree with the amounts beside them were left there by a service of the version before. */
function originalOf(
  { currency, exchangeRate, original, ...order }: Omit<OrderRow, 'customerKey'>,
  items: readonly ItemRow[],
): WireOriginal | null {
  const rate = exchangeRate === null ? undefined : readRate(exchangeRate);
  if (rate === undefined) return null;
  const unitPrices = items.map(({ unitPrice }) => (unitPrice === null ? null : BigInt(unitPrice)));
  const amounts = { total: BigInt(order.total), discount: BigInt(order.discount), unitPrices };
  const isKnown = original !== null && disagreementOf(original, rate, amounts) === null;
  const known = isKnown ? original : { total: null, discount: null, items: null };
  return { currency, exchangeRate: rate.text, total: known.total, discount: known.discount, items: known.items };
}
