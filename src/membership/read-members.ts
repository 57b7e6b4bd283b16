// In charge of reading who is in a segment. Which segments a customer is in is read-segments-of.ts.
import type { Database } from '../db/database.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type MembershipSource, sourceNow } from './membership-source.ts';

export interface Member {
  readonly customerKey: CustomerKey;
  readonly customerId: string;
  readonly sinceMs: number;
  readonly version: number;
  readonly source: MembershipSource;
}

interface MemberRow {
  key: CustomerKey;
  customer_id: string;
  since: number;
  version: number;
  source: MembershipSource;
}

/** In order of the customer's key: so a page costs the same at any depth, and no write between two pages moves anybody from one to the other. */
export async function readMembers(
  database: Database,
  segmentId: number,
  query: { readonly afterKey?: CustomerKey; readonly limit: number; readonly asOfIso: string | null },
): Promise<Member[]> {
  const rows = await database.query<MemberRow>({
    name: 'read_members',
    text: `
      select m.customer_id as key, c.external_id as customer_id, m.since, m.version,
        ${sourceNow('coalesce($4::timestamptz, clock_timestamp())')} as source
      from (
        select m.customer_id, m.segment_id, m.since, m.version
        from memberships as m
        where m.segment_id = $1 and m.customer_id > coalesce($2::bigint, ${LEAST_KEY})
        order by m.customer_id
        limit $3
      ) as m
      join customers as c on c.id = m.customer_id
      join segments as s on s.id = m.segment_id
      order by m.customer_id`,
    values: [segmentId, query.afterKey ?? null, query.limit, query.asOfIso],
  });
  return rows.map(({ key, customer_id, since, ...row }) => ({ ...row, customerKey: key, customerId: customer_id, sinceMs: since }));
}
