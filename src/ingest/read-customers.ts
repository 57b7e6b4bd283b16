// In charge of customers as the API shows them: one, some by id, a list. Not of their orders, events and segments.
import type { Database } from '../db/database.ts';
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

type CustomerRow = Omit<WireCustomer, 'createdAt'> & { readonly createdAt: number };

const COLUMNS = `customers.external_id as id, customers.email, customers.phone, customers.first_name as "firstName",
  customers.last_name as "lastName", customers.gender, customers.birthday, customers.country, customers.region, customers.city,
  customers.postal_code as "postalCode", customers.language, customers.source, customers.tags, customers.consents as consent,
  customers.attributes, customers.created_at as "createdAt"`;

function toWire(row: CustomerRow): WireCustomer {
  return { ...row, createdAt: new Date(row.createdAt).toISOString() };
}

export async function readCustomer(database: Database, id: string): Promise<WireCustomer | null> {
  const [customer] = await readCustomers(database, [id]);
  return customer ?? null;
}

/** In the order asked for; who is not there is left out. */
export async function readCustomers(database: Database, ids: readonly string[]): Promise<readonly WireCustomer[]> {
  if (ids.length === 0) return [];
  const rows = await database.query<CustomerRow>({
    name: 'ingest_read_customers',
    text: `
select ${COLUMNS}
from customers
where customers.id = any ($1::bigint[])`,
    values: [ids.map(customerKey)],
  });
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toWire(row)];
  });
}

export interface CustomerListOptions {
  readonly limit: number;
  /** the id after which to go on; null: from the beginning */
  readonly after: string | null;
  /** only those with exactly this one */
  readonly email: string | null;
}

/** In order of id, by bytes. Stable under writes: nobody is shown twice or passed over. */
export async function listCustomers(database: Database, options: CustomerListOptions): Promise<readonly WireCustomer[]> {
  const { limit, after, email } = options;
  const rows = await database.query<CustomerRow>({
    name: email === null ? 'ingest_list_customers' : 'ingest_list_customers_by_email',
    text: `
select ${COLUMNS}
from customers
where customers.external_id > $1
${email === null ? '' : '  and customers.email = $3'}
order by customers.external_id
limit $2`,
    values: email === null ? [after ?? '', limit] : [after ?? '', limit, email],
  });
  return rows.map(toWire);
}
