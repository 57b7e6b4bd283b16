// In charge of customers as the API shows them: one, some by id, a list. Not of their orders, events and segments.
import type { Database } from '../db/database.ts';
import { isoOfText } from '../db/instant-text.ts';
import { customerKey } from './customer-key.ts';
import type { FlatValue } from './facts.ts';

export interface WireCustomer {
  readonly id: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly gender: string | null;
  readonly birthday: string | null;
  readonly country: string | null;
  readonly region: string | null;
  readonly city: string | null;
  readonly postalCode: string | null;
  readonly language: string | null;
  readonly source: string | null;
  readonly tags: readonly string[];
  readonly consent: Readonly<Record<string, boolean>>;
  readonly attributes: Readonly<Record<string, FlatValue | object>>;
  readonly createdAt: string;
}

/** SQL of each field; instants as text, see toWire. */
const COLUMNS: Readonly<Record<keyof WireCustomer, string>> = {
  id: 'customers.external_id',
  email: 'customers.email',
  phone: 'customers.phone',
  firstName: 'customers.first_name',
  lastName: 'customers.last_name',
  gender: 'customers.gender',
  birthday: 'customers.birthday',
  country: 'customers.country',
  region: 'customers.region',
  city: 'customers.city',
  postalCode: 'customers.postal_code',
  language: 'customers.language',
  source: 'customers.source',
  tags: 'customers.tags',
  consent: 'customers.consents',
  attributes: 'customers.attributes',
  createdAt: 'customers.created_at::text',
};

export type CustomerField = keyof WireCustomer;

/** Some fields of a customer, always with its id. */
export type CustomerPart = Pick<WireCustomer, 'id'> & Partial<WireCustomer>;

/** Which fields are read: the others are neither fetched nor parsed. */
export interface CustomerSelection {
  readonly fields: readonly CustomerField[];
  /** SQL over `customers`: a column for each field, with its name */
  readonly columns: string;
  /** for names of statements: one for each selection */
  readonly number: number;
}

const ALL_FIELDS = Object.keys(COLUMNS) as readonly CustomerField[];
/** Each selection has a statement of its own, which every connection keeps; beyond so many selections all fields are read. */
const SELECTIONS_MAX = 64;
const selections = new Map<string, CustomerSelection>();

export const WHOLE_CUSTOMER: CustomerSelection = select(ALL_FIELDS);

/** Names that are not fields of a customer are ignored. */
export function selectCustomer(names: ReadonlySet<string>): CustomerSelection {
  return select(ALL_FIELDS.filter((field) => field === 'id' || names.has(field)));
}

function select(fields: readonly CustomerField[]): CustomerSelection {
  const name = fields.join();
  const known = selections.get(name);
  if (known !== undefined) return known;
  if (selections.size >= SELECTIONS_MAX) return WHOLE_CUSTOMER;
  const columns = fields.map((field) => `${COLUMNS[field]} as "${field}"`).join(', ');
  const selection = { fields, columns, number: selections.size };
  selections.set(name, selection);
  return selection;
}

/** Turns a row of a selection into what is answered about the customer; in place, since nobody else has the row. */
export function toCustomer<Row extends { createdAt?: string }>(row: Row): Row {
  if (row.createdAt !== undefined) row.createdAt = isoOfText(row.createdAt);
  return row;
}

export async function readCustomer(database: Database, id: string): Promise<WireCustomer | null> {
  const [customer] = await readCustomers(database, [id]);
  return customer ?? null;
}

/** In the order asked for; customers who do not exist are left out. */
export async function readCustomers(database: Database, ids: readonly string[]): Promise<readonly WireCustomer[]> {
  return (await readCustomerParts(database, ids, WHOLE_CUSTOMER)) as readonly WireCustomer[];
}

/** The same, with some fields only. */
export async function readCustomerParts(
  database: Database,
  ids: readonly string[],
  { columns, number }: CustomerSelection,
): Promise<readonly CustomerPart[]> {
  if (ids.length === 0) return [];
  const rows = await database.query<CustomerPart>({
    name: `ingest_read_customers_${number}`,
    text: `
select ${columns}
from customers
where customers.id = any ($1::bigint[])`,
    values: [ids.map(customerKey)],
  });
  const byId = new Map(rows.map((row) => [row.id, toCustomer(row)]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [row];
  });
}

export interface CustomerListOptions {
  readonly limit: number;
  /** the id after which to go on; null: from the beginning */
  readonly after: string | null;
  /** only those with exactly this one */
  readonly email: string | null;
}

/** In order of id, by bytes. Stable under writes: nobody is shown twice or skipped. */
export async function listCustomers(database: Database, options: CustomerListOptions): Promise<readonly WireCustomer[]> {
  const { limit, after, email } = options;
  const rows = await database.query<WireCustomer>({
    name: email === null ? 'ingest_list_customers' : 'ingest_list_customers_by_email',
    text: `
select ${WHOLE_CUSTOMER.columns}
from customers
where customers.external_id > $1
${email === null ? '' : '  and customers.email = $3'}
order by customers.external_id
limit $2`,
    values: email === null ? [after ?? '', limit] : [after ?? '', limit, email],
  });
  return rows.map(toCustomer);
}
