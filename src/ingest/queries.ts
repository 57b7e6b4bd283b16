// The SQL that locks and writes facts: named statements over arrays of rows, each for 1 to 5,000 rows. In charge of the texts only; their rows
// are built in lock-facts.ts and write-facts.ts. Why each lock is a statement of its own is said in the former.
import type { Statement } from '../db/database.ts';
import type { ProfileColumn } from './facts.ts';
import { type RowsColumn, type RowsParts, type RowsQuery, rowsQuery } from './rows-query.ts';

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
 * so that a delete that races with the first write of its order waits for it, too.
 */
export const LOCK_ORDER_OWNERS: RowsQuery = rowsQuery(
  'ingest_lock_order_owners',
  [
    ['order_id', 'text'],
    ['customer_id', 'bigint'],
  ],
  ({ given }) => `
insert into order_owners (order_id, customer_id)
select given.order_id, given.customer_id
from ${given}
order by given.order_id collate "C"
on conflict (order_id) do update
set customer_id = excluded.customer_id
returning new.order_id, old.customer_id as previous_customer_id`,
);

const PROFILE_TYPES: readonly RowsColumn[] = PROFILE_COLUMNS.map((column) => [column, column === 'birthday' ? 'date' : 'text']);

const NAMED: readonly RowsColumn[] = [
  ['id', 'bigint'],
  ['external_id', 'text'],
  ['created_at', 'timestamptz'],
];

/** The values of a new customer, beside `NAMED`, and their defaults where the rows say nothing. */
const TOLD: readonly RowsColumn[] = [...PROFILE_TYPES, ['tags', 'text[]'], ['attributes', 'jsonb'], ['consents', 'jsonb']];
const NOTHING_TOLD: ReadonlyMap<string, string> = new Map(['tags', 'attributes', 'consents'].map((column) => [column, "'{}'"]));

export interface CustomerLocks {
  /** whether the rows have profiles; otherwise they only name the customers, at a third of the cost */
  readonly tell: boolean;
  /** whether there are previous owners of orders among the rows, of whom only the key is known */
  readonly previous: boolean;
  /** the rows are of an import of orders or events: whom such rows have made came to be with the earliest of them, not with the first */
  readonly byRows: boolean;
}

/**
 * Locks by id, and creates those who do not exist; without a time of their own at the clock's ($ after the rows: a fixed clock).
 * One statement, with previous owners among the rows, so that all locks are taken in one sequence. Previous owners exist, since an erasure
 * locks a customer's orders first. If one does not, its row is left out and nobody is created.
 */
function lockCustomers({ tell, previous, byRows }: CustomerLocks): RowsQuery {
  const told = tell ? TOLD : [];
  const values = told.map(([column]) => {
    const nothing = NOTHING_TOLD.get(column);
    return nothing === undefined ? `given.${column}` : `coalesce(given.${column}, ${nothing})`;
  });
  const externalId = previous ? 'coalesce(given.external_id, previous.external_id)' : 'given.external_id';
  const joins = (narrowed: string) =>
    previous
      ? `left join customers as previous on given.external_id is null and previous.id = given.id${narrowed}
where given.external_id is not null or previous.id is not null`
      : '';
  const earlier = 'customers.created_by_rows and excluded.created_at < customers.created_at'; // a row without a time has the clock's
  const lowered = byRows ? `, created_at = case when ${earlier} then excluded.created_at else customers.created_at end` : '';
  const list = (items: readonly string[]) => items.map((item) => `, ${item}`).join('');
  const build = ({ given, parameter }: RowsParts, joined: string) => `
insert into customers (id, external_id, revision, created_at${list([...told.map(([column]) => column), ...(byRows ? ['created_by_rows'] : [])])})
select given.id, ${externalId}, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint,
  coalesce(given.created_at, ${parameter(1)}::timestamptz, date_trunc('milliseconds', clock_timestamp()))${list([...values, ...(byRows ? ['true'] : [])])}
from ${given}
${joined}
order by given.id
on conflict (id) do update
set revision = customers.revision + 1${lowered}
where customers.external_id = excluded.external_id
returning new.id, old.id is null as created`;
  return rowsQuery(
    `ingest_lock_customers${tell ? '_told' : ''}${previous ? '_and_previous' : ''}${byRows ? '_by_rows' : ''}`,
    [...NAMED, ...told],
    (parts) => build(parts, joins('')),
    // Citus first fetches that whole side of an outer join, so it is told which customers it needs
    previous ? (parts) => build(parts, joins(` and previous.id = any(${parts.all('id')})`)) : undefined,
  );
}

const LOCKS = [false, true].map((byRows) =>
  [false, true].map((tell) => [false, true].map((previous) => lockCustomers({ tell, previous, byRows }))),
);

export function lockCustomersQuery({ tell, previous, byRows }: CustomerLocks): RowsQuery {
  return LOCKS[Number(byRows)]?.[Number(tell)]?.[Number(previous)] as RowsQuery;
}

/** Created customers whose time is the clock's although they gave one, because that is ahead of the instant of the write. */
export const SETTLE_CREATED: RowsQuery = rowsQuery(
  'ingest_settle_created',
  [
    ['id', 'bigint'],
    ['created_at', 'timestamptz'],
    ['created_at_given', 'timestamptz'],
  ],
  ({ given }) => `
update customers
set created_at = given.created_at,
  created_at_given = given.created_at_given
from ${given}
where customers.id = given.id`,
);

/**
 * The time to store for a given one, as of `asOf`. A time at most 5 s ahead of the clock becomes the clock's, and the given one is remembered:
 * if it is sent again, even much later, the stored time stays; so does a future time that is sent again shortly before it comes.
 */
function settledTime(given: string, stored: string, asOf: string, tolerated: string): { readonly at: string; readonly given: string } {
  const unchanged = `${given} is null or ${given} = ${stored} or ${given} = ${stored}_given`;
  const ahead = `${given} > ${asOf} and ${given} <= ${tolerated}`;
  return {
    at: `case when ${unchanged} then ${stored} when ${ahead} then ${asOf} else ${given} end`,
    given: `case when ${unchanged} then ${stored}_given when ${ahead} then ${given} end`,
  };
}

/** column → its merged value; by immutable functions only, since Citus allows no others in an update */
function mergedCustomer(asOf: string, tolerated: string): readonly (readonly [column: string, value: string])[] {
  const time = settledTime('given.created_at', 'customers.created_at', asOf, tolerated);
  return [
    ...PROFILE_COLUMNS.map((column) => {
      const value = column === 'birthday' ? 'given.birthday' : `given.profile ->> '${column}'`;
      return [column, `case when given.profile ? '${column}' then ${value} else customers.${column} end`] as const;
    }),
    ['tags', 'coalesce(given.tags, customers.tags)'],
    ['attributes', '(customers.attributes || given.attributes) - given.cleared_attributes'],
    ['consents', '(customers.consents || given.consents) - given.cleared_consents'],
    ['created_at', time.at],
    ['created_at_given', time.given],
    ['created_by_rows', 'customers.created_by_rows and given.created_at is null'],
  ];
}

/** Rows that would not change are not written: importing a file twice writes no profile. Parameters: asOf, and the tolerated end ahead of it. */
export const MERGE_CUSTOMERS: RowsQuery = rowsQuery(
  'ingest_merge_customers',
  [
    ['id', 'bigint'],
    ['profile', 'jsonb'],
    ['birthday', 'date'],
    ['tags', 'text[]'],
    ['attributes', 'jsonb'],
    ['cleared_attributes', 'text[]'],
    ['consents', 'jsonb'],
    ['cleared_consents', 'text[]'],
    ['created_at', 'timestamptz'],
  ],
  mergeCustomers,
  mergeCustomers,
);

function mergeCustomers({ given, parameter }: RowsParts): string {
  const merged = mergedCustomer(`${parameter(1)}::timestamptz`, `${parameter(2)}::timestamptz`);
  return `
update customers
set ${merged.map(([column, value]) => `${column} = ${value}`).join(',\n  ')}
from ${given}
where customers.id = given.id
  and (${merged.map(([column]) => `customers.${column}`).join(', ')})
    is distinct from (${merged.map(([, value]) => value).join(',\n      ')})`;
}

const ORDER: readonly RowsColumn[] = [
  ['customer_id', 'bigint'],
  ['id', 'text'],
  ['status', 'text'],
  ['channel', 'text'],
  ['currency', 'text'],
  ['total', 'bigint'],
  ['discount', 'bigint'],
  ['coupons', 'text[]'],
  ['item_count', 'bigint'],
  ['placed_at', 'timestamptz'],
  ['placed_at_given', 'timestamptz'],
  ['exchange_rate', 'numeric'],
  ['original', 'jsonb'],
];
const ORDER_COLUMNS = ORDER.map(([column]) => column).join(', ');

/** New orders: their times are settled already. */
export const INSERT_ORDERS: RowsQuery = rowsQuery(
  'ingest_insert_orders',
  ORDER,
  ({ given }) => `
insert into orders (${ORDER_COLUMNS})
select ${ORDER.map(([column]) => `given.${column}`).join(', ')}
from ${given}`,
);

const REPLACED_COLUMNS = ORDER.map(([column]) => column).filter((column) => column !== 'customer_id' && column !== 'id');

/**
 * Orders that existed, whose stored time is needed: `previous_customer_id` says under whom; null: it is not to be used. Parameters: asOf, and the
 * tolerated end ahead of it.
 */
export const REPLACE_ORDERS: RowsQuery = rowsQuery(
  'ingest_replace_orders',
  [...ORDER, ['previous_customer_id', 'bigint']],
  (parts) => replaceOrders(parts, ''),
  (parts) =>
    replaceOrders(parts, ` and previous.customer_id = any(${parts.all('previous_customer_id')}) and previous.id = any(${parts.all('id')})`),
);

function replaceOrders({ given, parameter }: RowsParts, narrowed: string): string {
  const asOf = `${parameter(1)}::timestamptz`;
  const time = settledTime('given.placed_at', 'previous.placed_at', asOf, `${parameter(2)}::timestamptz`);
  const replacedBy = (column: string) =>
    column === 'placed_at' ? `coalesce(${time.at}, ${asOf})` : column === 'placed_at_given' ? time.given : `given.${column}`;
  return `
insert into orders (${ORDER_COLUMNS})
select ${ORDER.map(([column]) => replacedBy(column)).join(',\n  ')}
from ${given}
left join orders as previous on previous.customer_id = given.previous_customer_id and previous.id = given.id${narrowed}
on conflict (customer_id, id) do update
set ${REPLACED_COLUMNS.map((column) => `${column} = excluded.${column}`).join(',\n  ')}
where (${REPLACED_COLUMNS.map((column) => `orders.${column}`).join(', ')})
  is distinct from (${REPLACED_COLUMNS.map((column) => `excluded.${column}`).join(', ')})`;
}

const ITEM: readonly RowsColumn[] = [
  ['customer_id', 'bigint'],
  ['order_id', 'text'],
  ['line', 'integer'],
  ['product_id', 'text'],
  ['sku', 'text'],
  ['name', 'text'],
  ['category', 'text'],
  ['brand', 'text'],
  ['quantity', 'bigint'],
  ['unit_price', 'bigint'],
];

/** The columns that items copy from their order. */
const OF_ORDER: readonly RowsColumn[] = [
  ['status', 'text'],
  ['channel', 'text'],
  ['placed_at', 'timestamptz'],
];
const ITEM_COLUMNS = [...ITEM, ...OF_ORDER].map(([column]) => column).join(', ');

export const INSERT_ITEMS: RowsQuery = rowsQuery(
  'ingest_insert_items',
  [...ITEM, ...OF_ORDER],
  ({ given }) => `
insert into order_items (${ITEM_COLUMNS})
select ${[...ITEM, ...OF_ORDER].map(([column]) => `given.${column}`).join(', ')}
from ${given}`,
);

const ITEM_KEY: ReadonlySet<string> = new Set(['customer_id', 'order_id', 'line']);
const REPLACED_ITEM_COLUMNS = [...ITEM, ...OF_ORDER].map(([column]) => column).filter((column) => !ITEM_KEY.has(column));

/** Items of replaced orders: their time is the one with which the order was stored. */
export const REPLACE_ITEMS: RowsQuery = rowsQuery(
  'ingest_replace_items',
  ITEM,
  (parts) => replaceItems(parts, ''),
  (parts) => replaceItems(parts, ` and orders.customer_id = any(${parts.all('customer_id')})`),
);

function replaceItems({ given }: RowsParts, narrowed: string): string {
  return `
insert into order_items (${ITEM_COLUMNS})
select ${[...ITEM.map(([column]) => `given.${column}`), ...OF_ORDER.map(([column]) => `orders.${column}`)].join(', ')}
from ${given}
join orders on orders.customer_id = given.customer_id and orders.id = given.order_id${narrowed}
on conflict (customer_id, order_id, line) do update
set ${REPLACED_ITEM_COLUMNS.map((column) => `${column} = excluded.${column}`).join(',\n  ')}
where (${REPLACED_ITEM_COLUMNS.map((column) => `order_items.${column}`).join(', ')})
  is distinct from (${REPLACED_ITEM_COLUMNS.map((column) => `excluded.${column}`).join(', ')})`;
}

const ORDER_KEY: readonly RowsColumn[] = [
  ['customer_id', 'bigint'],
  ['order_id', 'text'],
];

/** The lines after the last one of a replaced order; with `kept` 0 all lines, for orders that moved or were deleted. */
export const TRIM_ITEMS: RowsQuery = rowsQuery(
  'ingest_trim_items',
  [...ORDER_KEY, ['kept', 'integer']],
  ({ given }) => `
delete from order_items
using ${given}
where order_items.customer_id = given.customer_id
  and order_items.order_id = given.order_id
  and order_items.line > given.kept`,
);

export const REMOVE_ORDERS: RowsQuery = rowsQuery(
  'ingest_remove_orders',
  ORDER_KEY,
  ({ given }) => `
delete from orders
using ${given}
where orders.customer_id = given.customer_id
  and orders.id = given.order_id`,
);

/** Parameter 1: ids. */
export const REMOVE_ORDER_OWNERS: Pick<Statement, 'name' | 'text'> = {
  name: 'ingest_remove_order_owners',
  text: `
delete from order_owners
where order_owners.order_id = any ($1::text[])`,
};

/** Events are only appended: one that exists stays as it is, and is not among the rows. */
export const INSERT_EVENTS: RowsQuery = rowsQuery(
  'ingest_insert_events',
  [
    ['customer_id', 'bigint'],
    ['id', 'text'],
    ['name', 'text'],
    ['occurred_at', 'timestamptz'],
    ['properties', 'jsonb'],
  ],
  ({ given }) => `
insert into events (customer_id, id, name, occurred_at, properties)
select given.customer_id, given.id, given.name, given.occurred_at, given.properties
from ${given}
on conflict (customer_id, id) do nothing
returning events.customer_id`,
);

/** Which of these events are stored. */
export const FIND_EVENTS: RowsQuery = rowsQuery(
  'ingest_find_events',
  [
    ['customer_id', 'bigint'],
    ['id', 'text'],
  ],
  ({ given }) => `
select events.id
from ${given}
join events on events.customer_id = given.customer_id and events.id = given.id`,
);

/** Events with these values whose id an import has computed: the first of equals, for each content. */
export const FIND_EVENTS_BY_CONTENT: RowsQuery = rowsQuery(
  'ingest_find_events_by_content',
  [
    ['content', 'text'],
    ['customer_id', 'bigint'],
    ['name', 'text'],
    ['occurred_at', 'timestamptz'],
    ['properties', 'jsonb'],
  ],
  ({ given }) => `
select given.content, min(events.id) as id
from ${given}
join events on events.customer_id = given.customer_id
  and events.name = given.name
  and events.occurred_at = given.occurred_at
where events.properties = given.properties
  and events.id ~ '^[0-9a-f]{32}-1$'
group by given.content`,
);
