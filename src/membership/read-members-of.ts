// In charge of reading pages of members of many segments in one statement, with the customers' fields that are asked for. One segment's page
// without customers is read-members.ts.
import type { Queryable } from '../db/database.ts';
import { isoOfText } from '../db/instant-text.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type CustomerPart, type CustomerSelection, toCustomer } from '../ingest/read-customers.ts';
import { type MembershipSource, sourceNow } from './membership-source.ts';

/** Where a page of a segment's members begins. */
export interface MembersPlace {
  readonly segment: string;
  /** behind this customer; null: at the start */
  readonly afterKey: CustomerKey | null;
}

export interface MemberOf {
  readonly customerKey: CustomerKey;
  readonly since: string;
  readonly version: number;
  readonly source: MembershipSource;
  readonly customer: CustomerPart;
}

/** The selected columns are named like fields of a customer; the member's own have names apart from those. */
type Row = CustomerPart & {
  readonly page: number;
  readonly member_key: CustomerKey;
  readonly member_since: string;
  readonly member_version: number;
  readonly member_source: MembershipSource;
};

/** For each place at most `limit` members, in order of the customers' keys. */
export async function readMembersOf(
  database: Queryable,
  places: readonly MembersPlace[],
  { limit, asOfIso, customer }: { readonly limit: number; readonly asOfIso: string | null; readonly customer: CustomerSelection },
): Promise<readonly (readonly MemberOf[])[]> {
  const rows = await database.query<Row>({
    name: `read_members_of_${customer.number}`,
    text: `
      select w.page::integer as page, m.customer_id as member_key, m.since::text as member_since, m.version as member_version,
        ${sourceNow('coalesce($4::timestamptz, clock_timestamp())')} as member_source, ${customer.columns}
      from unnest($1::text[], $2::bigint[]) with ordinality as w (segment, after_key, page)
      join segments as s on s.key = w.segment
      cross join lateral (
        select n.customer_id, n.segment_id, n.since, n.version
        from memberships as n
        where n.segment_id = s.id and n.customer_id > coalesce(w.after_key, ${LEAST_KEY})
        order by n.customer_id
        limit $3
      ) as m
      join customers on customers.id = m.customer_id
      order by w.page, m.customer_id`,
    values: [places.map(({ segment }) => segment), places.map(({ afterKey }) => afterKey), limit, asOfIso],
  });
  const pages: MemberOf[][] = places.map(() => []);
  for (const row of rows) {
    pages[row.page - 1]?.push({
      customerKey: row.member_key,
      since: isoOfText(row.member_since),
      version: row.member_version,
      source: row.member_source,
      customer: toCustomer(row),
    });
  }
  return pages;
}
