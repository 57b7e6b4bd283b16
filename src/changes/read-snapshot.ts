// In charge of the members of a segment as they were at a position of the feed, on every page the same: what the log holds behind it, and
// what waits to be numbered, is undone. Whoever applies the changes behind that position to these members has the members. What an erasure
// left belongs to nobody: the erased are not among them, and their exits find nobody.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type MembershipSource, sourceNow } from '../membership/membership-source.ts';
import type { Member } from '../membership/read-members.ts';
import { segmentRange } from './segment-range.ts';

interface MemberRow {
  key: CustomerKey;
  customer_id: string;
  since: number | null;
  version: number | null;
  source: MembershipSource;
}

const LEAST_KEY = '-9223372036854775808';

/**
 * In order of the customer's key, as `readMembers`; the position is not beyond the feed's end. The cost is that of the page and of the
 * segment's changes since the position. Whether all of those are kept still is the caller's to ask, afterwards.
 */
export async function readMembersAtPosition(
  database: Queryable,
  segmentId: number,
  position: string,
  query: { readonly afterKey?: CustomerKey; readonly limit: number; readonly asOfIso: string | null },
): Promise<Member[]> {
  const rows = await database.query<MemberRow>({
    name: 'read_members_at_position',
    text: `
      with later as materialized (
        select distinct on (v.customer_id) v.customer_id, v.type, v.since, v.since_version
        from (
          select c.customer_id, c.type, c.since, c.since_version, 0 as stage, c.position as place, 0 as ordinal
          from changes as c
          where ${segmentRange('c', '$1::integer', '$2::bigint')} and c.customer_id > $3::bigint and c.type in ('entered', 'exited')
          union all
          select o.customer_id, o.type, o.since, o.since_version, 1, o.decision, o.ordinal
          from outbox as o
          where o.segment_id = $1::integer and o.customer_id > $3::bigint and o.customer_id <> 0
        ) as v
        order by v.customer_id, v.stage, v.place, v.ordinal
      ), stayed as (
        select m.customer_id, m.since, m.version
        from memberships as m
        where m.segment_id = $1::integer and m.customer_id > $3::bigint
          and not exists (select from later as l where l.customer_id = m.customer_id)
        order by m.customer_id
        limit $4
      ), gone as (
        select l.customer_id, l.since, l.since_version
        from later as l
        where l.type = 'exited'
        order by l.customer_id
        limit $4
      ), members as (
        select * from stayed
        union all
        select * from gone
        order by customer_id
        limit $4
      )
      select m.customer_id as key, c.external_id as customer_id, m.since, m.version,
        ${sourceNow('coalesce($5::timestamptz, clock_timestamp())')} as source
      from (select p.customer_id, $1::integer as segment_id, p.since, p.version from members as p) as m
      join customers as c on c.id = m.customer_id
      join segments as s on s.id = m.segment_id
      order by m.customer_id`,
    values: [segmentId, position, query.afterKey ?? LEAST_KEY, query.limit, query.asOfIso],
  });
  return rows.map(({ key, customer_id, since, version, source }) => {
    if (since === null || version === null)
      throw new Error(`the exit of customer ${key} from segment ${segmentId} does not say what it ended`);
    return { customerKey: key, customerId: customer_id, sinceMs: since, version, source };
  });
}
