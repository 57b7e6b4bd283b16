// In charge of a customer's events as the API shows them.
import type { Database } from '../db/database.ts';
import { customerKey } from './customer-key.ts';
import type { FlatValue } from './facts.ts';
import type { TimePlace } from './read-orders.ts';

export interface WireEvent {
  readonly id: string;
  readonly customerId: string;
  readonly name: string;
  readonly occurredAt: string;
  readonly properties: Readonly<Record<string, FlatValue | object>>;
}

type EventRow = Omit<WireEvent, 'occurredAt' | 'customerId'> & { readonly occurredAt: number };

/** Newest first; `name` null: any name; `after`: the last one shown, null from the newest. */
export async function listEvents(
  database: Database,
  customerId: string,
  options: { readonly limit: number; readonly after: TimePlace | null; readonly name: string | null },
): Promise<readonly WireEvent[]> {
  const { limit, after, name } = options;
  const rows = await database.query<EventRow>({
    name: `ingest_list_events${name === null ? '' : '_of_name'}${after === null ? '' : '_after'}`,
    text: `
select events.id, events.name, events.occurred_at as "occurredAt", events.properties
from events
where events.customer_id = $1
${name === null ? '' : '  and events.name = $3\n'}${after === null ? '' : `  and (events.occurred_at, events.id) < ($${name === null ? 3 : 4}::timestamptz, $${name === null ? 4 : 5})\n`}order by events.occurred_at desc, events.id desc
limit $2`,
    values: [
      customerKey(customerId),
      limit,
      ...(name === null ? [] : [name]),
      ...(after === null ? [] : [new Date(after.atMs).toISOString(), after.id]),
    ],
  });
  return rows.map(({ occurredAt, ...row }) => ({ ...row, customerId, occurredAt: new Date(occurredAt).toISOString() }));
}

/** The newest of each customer, at most `limit`, in one statement for all; by customer id, absent where there are none. */
export async function listEventsOf(
  database: Database,
  customerIds: readonly string[],
  { limit, name }: { readonly limit: number; readonly name: string | null },
): Promise<ReadonlyMap<string, readonly WireEvent[]>> {
  const rows = await database.query<EventRow & { readonly customerId: string }>({
    name: `ingest_list_events_of${name === null ? '' : '_name'}`,
    text: `
select customers.external_id as "customerId", events.id, events.name, events.occurred_at as "occurredAt", events.properties
from customers
cross join lateral (
  select e.id, e.name, e.occurred_at, e.properties
  from events as e
  where e.customer_id = customers.id
  ${name === null ? '' : 'and e.name = $3'}
  order by e.occurred_at desc, e.id desc
  limit $2
) as events
where customers.id = any ($1::bigint[])
order by customers.id, events.occurred_at desc, events.id desc`,
    values: [customerIds.map(customerKey), limit, ...(name === null ? [] : [name])],
  });
  const events = rows.map(({ occurredAt, ...row }) => ({ ...row, occurredAt: new Date(occurredAt).toISOString() }));
  return Map.groupBy(events, (event) => event.customerId);
}
