// In charge of reading the first members of many segments in one statement, for pages that show several. One segment's are read-members.ts.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type MembershipSource, sourceNow } from './membership-source.ts';
import type { Member } from './read-members.ts';

interface Row {
  segment: string;
  key: CustomerKey;
  customer_id: string;
  since: number;
  version: number;
  source: MembershipSource;
}

/** By key of the segment, each at most `limit`, in order of the customers' keys. */
export async function readMembersOf(
  database: Queryable,
  segmentKeys: readonly string[],
  { limit, asOfIso }: { readonly limit: number; readonly asOfIso: string | null },
): Promise<ReadonlyMap<string, readonly Member[]>> {
  const rows = await database.query<Row>({
    name: 'read_members_of',
    text: `
      select s.key as segment, m.customer_id as key, c.external_id as customer_id, m.since, m.version,
        ${sourceNow('coalesce($3::timestamptz, clock_timestamp())')} as source
      from segments as s
      cross join lateral (
        select n.customer_id, n.segment_id, n.since, n.version
        from memberships as n
        where n.segment_id = s.id
        order by n.customer_id
        limit $2
      ) as m
      join customers as c on c.id = m.customer_id
      where s.key = any($1::text[])
      order by s.key, m.customer_id`,
    values: [segmentKeys, limit, asOfIso],
  });
  const members = new Map<string, Member[]>(segmentKeys.map((key) => [key, []]));
  for (const { segment, key, customer_id, since, ...row } of rows) {
    members.get(segment)?.push({ ...row, customerKey: key, customerId: customer_id, sinceMs: since });
  }
  return members;
}
