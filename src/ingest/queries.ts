// The SQL that locks and writes facts: named statements over arrays of rows (jsonb), each for 1 to 5,000 rows.
// In charge of the texts only; what goes into them is built in write-facts.ts. Lock statements stand alone, see there.
import type { ProfileColumn } from './facts.ts';

/** One statement of a known text: the name under which each connection prepares it. */
export interface Query {
  readonly name: string;
  readonly text: string;
}

export const PROFILE_COLUMNS: readonly ProfileColumn[] = [
  'email',
  'phone',
  'first_name',
  'last_name',
  'gender',
  'birthday',
  'country',
  'region',
  'city',
  'postal_code',
  'language',
  'source',
];

/**
 * Locks orders by id. A deleted order is locked like a written one (customer_id 0) and its row removed when the facts are applied;
 * so also a delete that races with the first write of its order waits for it.
 */
export const LOCK_ORDER_OWNERS: Query = {
  name: 'ingest_lock_order_owners',
  text: `
insert into order_owners (order_id, customer_id)
select given.order_id, given.customer_id
from jsonb_to_recordset($1::jsonb) as given (order_id text, customer_id bigint)
order by given.order_id collate "C"
on conflict (order_id) do update
set customer_id = excluded.customer_id
returning new.order_id, old.customer_id as previous_customer_id`,
};

const COLUMN_LIST = PROFILE_COLUMNS.join(', ');
const GIVEN_COLUMNS = PROFILE_COLUMNS.map((column) => `given.${column}`).join(', ');
const GIVEN_TYPES = PROFILE_COLUMNS.map((column) => `${column} ${column === 'birthday' ? 'date' : 'text'}`).join(', ');

/** `source`: where the rows come from; rows of customers that cannot be created carry no external id of their own. */
function lockCustomers(name: string, externalId: string, joins: string): Query {
  return {
    name,
    text: `
insert into customers (id, external_id, revision, ${COLUMN_LIST}, tags, attributes, consents, created_at)
select given.id, ${externalId}, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint, ${GIVEN_COLUMNS},
  coalesce(given.tags, '{}'), coalesce(given.attributes, '{}'), coalesce(given.consents, '{}'), coalesce(given.created_at, 'epoch')
from jsonb_to_recordset($1::jsonb) as given
  (id bigint, external_id text, ${GIVEN_TYPES}, tags text[], attributes jsonb, consents jsonb, created_at timestamptz)
${joins}
order by given.id
on conflict (id) do update
set revision = customers.revision + 1
where customers.external_id = excluded.external_id
returning new.id, old.id is null as created`,
  };
}

export const LOCK_CUSTOMERS: Query = lockCustomers('ingest_lock_customers', 'given.external_id', '');

/**
 * The same with previous owners of orders among the rows, of whom only the key is known: one statement, so that all locks are taken
 * in one order. They exist: whoever erases a customer locks its orders first. If one does not, its row is left out and nobody is created.
 */
export const LOCK_CUSTOMERS_AND_PREVIOUS: Query = lockCustomers(
  'ingest_lock_customers_and_previous',
  'coalesce(given.external_id, previous.external_id)',
  `left join customers as previous on given.external_id is null and previous.id = given.id
where given.external_id is not null or previous.id is not null`,
);

/** Created customers whose time depends on the instant of the write. */
export const SETTLE_CREATED: Query = {
  name: 'ingest_settle_created',
  text: `
update customers
set created_at = given.created_at,
  created_at_given = given.created_at_given
from jsonb_to_recordset($1::jsonb) as given (id bigint, created_at timestamptz, created_at_given timestamptz)
where customers.id = given.id`,
};

/**
 * The time to store for a given one ($2: asOf). A time at most 5 s ahead of the clock becomes the clock's and is remembered as given:
 * when it comes again, also much later, what is stored stays; so does a time of the future that is sent again shortly before it comes.
 */
function settledTime(given: string, stored: string): { readonly at: string; readonly given: string } {
  const unchanged = `${given} is null or ${given} = ${stored} or ${given} = ${stored}_given`;
  const ahead = `${given} > $2::timestamptz and ${given} <= $2::timestamptz + interval '5 seconds'`;
  return {
    at: `case when ${unchanged} then ${stored} when ${ahead} then $2::timestamptz else ${given} end`,
    given: `case when ${unchanged} then ${stored}_given when ${ahead} then ${given} end`,
  };
}

const MERGED_TIME = settledTime('given.created_at', 'customers.created_at');

/** column → its merged value */
const MERGED: readonly (readonly [column: string, value: string])[] = [
  ...PROFILE_COLUMNS.map((column) => {
    const value = column === 'birthday' ? `(given.profile ->> 'birthday')::date` : `given.profile ->> '${column}'`;
    return [column, `case when given.profile ? '${column}' then ${value} else customers.${column} end`] as const;
  }),
  ['tags', 'coalesce(given.tags, customers.tags)'],
  ['attributes', '(customers.attributes || given.attributes) - given.cleared_attributes'],
  ['consents', '(customers.consents || given.consents) - given.cleared_consents'],
  ['created_at', MERGED_TIME.at],
  ['created_at_given', MERGED_TIME.given],
];

/** Rows that would stay as they are are not written again: importing a file twice writes no profile. */
export const MERGE_CUSTOMERS: Query = {
  name: 'ingest_merge_customers',
  text: `
update customers
set ${MERGED.map(([column, value]) => `${column} = ${value}`).join(',\n  ')}
from jsonb_to_recordset($1::jsonb) as given
  (id bigint, profile jsonb, tags text[], attributes jsonb, cleared_attributes text[], consents jsonb, cleared_consents text[], created_at timestamptz)
where customers.id = given.id
  and (${MERGED.map(([column]) => `customers.${column}`).join(', ')})
    is distinct from (${MERGED.map(([, value]) => value).join(',\n      ')})`,
};

const ORDER_COLUMNS =
  'customer_id, id, status, channel, currency, total, discount, coupons, item_count, placed_at, placed_at_given, exchange_rate';
const ORDER_GIVEN = `jsonb_to_recordset($1::jsonb) as given
  (customer_id bigint, previous_customer_id bigint, id text, status text, channel text, currency text, total bigint, discount bigint,
   coupons text[], item_count bigint, placed_at timestamptz, placed_at_given timestamptz, exchange_rate numeric)`;

/** Orders that nobody had: their times are settled already. */
export const INSERT_ORDERS: Query = {
  name: 'ingest_insert_orders',
  text: `
insert into orders (${ORDER_COLUMNS})
select given.customer_id, given.id, given.status, given.channel, given.currency, given.total, given.discount, given.coupons,
  given.item_count, given.placed_at, given.placed_at_given, given.exchange_rate
from ${ORDER_GIVEN}`,
};

const REPLACED_COLUMNS = [
  'status',
  'channel',
  'currency',
  'total',
  'discount',
  'coupons',
  'item_count',
  'placed_at',
  'placed_at_given',
  'exchange_rate',
];
const REPLACED_TIME = settledTime('given.placed_at', 'previous.placed_at');

/** Orders that somebody had, whose stored time is needed: `previous_customer_id` says under whom, null: not to be looked at. */
export const REPLACE_ORDERS: Query = {
  name: 'ingest_replace_orders',
  text: `
insert into orders (${ORDER_COLUMNS})
select given.customer_id, given.id, given.status, given.channel, given.currency, given.total, given.discount, given.coupons,
  given.item_count, coalesce(${REPLACED_TIME.at}, $2::timestamptz), ${REPLACED_TIME.given}, given.exchange_rate
from ${ORDER_GIVEN}
left join orders as previous on previous.customer_id = given.previous_customer_id and previous.id = given.id
on conflict (customer_id, id) do update
set ${REPLACED_COLUMNS.map((column) => `${column} = excluded.${column}`).join(',\n  ')}
where (${REPLACED_COLUMNS.map((column) => `orders.${column}`).join(', ')})
  is distinct from (${REPLACED_COLUMNS.map((column) => `excluded.${column}`).join(', ')})`,
};

const ITEM_COLUMNS =
  'customer_id, order_id, line, status, channel, placed_at, product_id, sku, name, category, brand, quantity, unit_price';
const ITEM_GIVEN = `jsonb_to_recordset($1::jsonb) as given
  (customer_id bigint, order_id text, line integer, status text, channel text, placed_at timestamptz,
   product_id text, sku text, name text, category text, brand text, quantity bigint, unit_price bigint)`;

export const INSERT_ITEMS: Query = {
  name: 'ingest_insert_items',
  text: `
insert into order_items (${ITEM_COLUMNS})
select given.customer_id, given.order_id, given.line, given.status, given.channel, given.placed_at,
  given.product_id, given.sku, given.name, given.category, given.brand, given.quantity, given.unit_price
from ${ITEM_GIVEN}`,
};

const REPLACED_ITEM_COLUMNS = [
  'status',
  'channel',
  'placed_at',
  'product_id',
  'sku',
  'name',
  'category',
  'brand',
  'quantity',
  'unit_price',
];

/** Items of replaced orders: the time is the one that their order was stored with. */
export const REPLACE_ITEMS: Query = {
  name: 'ingest_replace_items',
  text: `
insert into order_items (${ITEM_COLUMNS})
select given.customer_id, given.order_id, given.line, orders.status, orders.channel, orders.placed_at,
  given.product_id, given.sku, given.name, given.category, given.brand, given.quantity, given.unit_price
from ${ITEM_GIVEN}
join orders on orders.customer_id = given.customer_id and orders.id = given.order_id
on conflict (customer_id, order_id, line) do update
set ${REPLACED_ITEM_COLUMNS.map((column) => `${column} = excluded.${column}`).join(',\n  ')}
where (${REPLACED_ITEM_COLUMNS.map((column) => `order_items.${column}`).join(', ')})
  is distinct from (${REPLACED_ITEM_COLUMNS.map((column) => `excluded.${column}`).join(', ')})`,
};

/** Lines past the last one of a replaced order; with `kept` 0 all lines, of orders that moved or were deleted. */
export const TRIM_ITEMS: Query = {
  name: 'ingest_trim_items',
  text: `
delete from order_items
using jsonb_to_recordset($1::jsonb) as given (customer_id bigint, order_id text, kept integer)
where order_items.customer_id = given.customer_id
  and order_items.order_id = given.order_id
  and order_items.line > given.kept`,
};

export const REMOVE_ORDERS: Query = {
  name: 'ingest_remove_orders',
  text: `
delete from orders
using jsonb_to_recordset($1::jsonb) as given (customer_id bigint, order_id text)
where orders.customer_id = given.customer_id
  and orders.id = given.order_id`,
};

export const REMOVE_ORDER_OWNERS: Query = {
  name: 'ingest_remove_order_owners',
  text: `
delete from order_owners
where order_owners.order_id = any ($1::text[])`,
};

/** Appending: an event that is there stays as it is. */
export const INSERT_EVENTS: Query = {
  name: 'ingest_insert_events',
  text: `
insert into events (customer_id, id, name, occurred_at, properties)
select given.customer_id, given.id, given.name, given.occurred_at, given.properties
from jsonb_to_recordset($1::jsonb) as given (customer_id bigint, id text, name text, occurred_at timestamptz, properties jsonb)
on conflict (customer_id, id) do nothing`,
};
