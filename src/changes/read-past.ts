// In charge of memberships as of a past instant: the log and the outbox are undone backwards from the present, so that a trimmed log does not
// falsify the present. Callers wrap these reads in `readPast` (kept-history.ts), which refuses what has been trimmed. Pages of members are
// read-snapshot.ts.
import { ofCustomer, withTaken } from '../db/citus.ts';
import type { Database } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { groupAt, type MembershipSource, sourceAt } from '../membership/membership-source.ts';
import type { CustomerSegment } from '../membership/read-segments-of.ts';
import { sizeOf } from '../segments/segment-size.ts';
import { positionBefore } from './marks.ts';
import { segmentRange } from './segment-range.ts';

/** SQL: up to here the log holds nothing that came after the instant `$2`. */
const BEFORE_THEN = positionBefore('$2::timestamptz', 'inclusive');

/**
 * SQL: for each customer and segment that the conditions leave, the first change after the instant `$2`: it tells what was so before. What is
 * in the outbox is later than everything in the log. An exit carries the membership that it ended. What an erasure left belongs to nobody.
 */
function firstChangesAfter(ofLog: string, ofOutbox: string): string {
  return `
    select distinct on (v.customer_id, v.segment_id) v.customer_id, v.segment_id, v.type, v.since, v.since_version
    from (
      select c.customer_id, c.segment_id, c.type, c.since, c.since_version, 0 as stage, c.position as place, 0 as ordinal
      from changes as c
      where ${ofLog} and c.at > $2::timestamptz and c.type in ('entered', 'exited')
      union all
      select o.customer_id, o.segment_id, o.type, o.since, o.since_version, 1, o.decision, o.ordinal
      from outbox as o
      where ${ofOutbox} and o.at > $2::timestamptz and o.customer_id <> 0
    ) as v
    order by v.customer_id, v.segment_id, v.stage, v.place, v.ordinal`;
}

interface CustomerSegmentsRow {
  external_id: string;
  segments:
    | { key: string; name: string; group: string | null; source: MembershipSource; since: string | null; version: number | null }[]
    | null;
}

const SEGMENTS_AT = `
  with later as materialized (
    ${firstChangesAfter(`c.customer_id = $1::bigint and c.position > ${BEFORE_THEN}`, 'o.customer_id = $1::bigint')}
  ), held as (
    select m.segment_id, m.since, m.version
    from memberships as m
    where m.customer_id = $1::bigint and not exists (select from later as l where l.segment_id = m.segment_id)
    union all
    select l.segment_id, l.since, l.since_version
    from later as l
    where l.type = 'exited'
  )
  select c.external_id,
    (
      select jsonb_agg(jsonb_build_object('key', s.key, 'name', s.name, 'since', m.since, 'version', m.version,
        'group', ${groupAt('$2::timestamptz')}, 'source', ${sourceAt('$2::timestamptz')}) order by s.key)
      from (select $1::bigint as customer_id, h.segment_id, h.since, h.version from held as h) as m
      join segments as s on s.id = m.segment_id
    ) as segments
  from customers as c
  where c.id = $1::bigint`;

/** null: there is no such customer today. Names are today's. The cost is that of the customer's own changes since the instant. */
export async function readCustomerSegmentsAt(
  database: Database,
  key: CustomerKey,
  atMs: number,
): Promise<{ readonly customerId: string; readonly segments: readonly CustomerSegment[] } | null> {
  const [row] = await database.query<CustomerSegmentsRow>({
    name: 'read_customer_segments_at',
    text: SEGMENTS_AT,
    textOnCitus: withTaken(SEGMENTS_AT, ofCustomer('$1', ['customers', 'memberships', 'outbox', 'pins', 'pin_log'])),
    values: [key, new Date(atMs).toISOString()],
  });
  if (row === undefined) return null;
  const segments = (row.segments ?? []).map(({ since, version, ...segment }) => {
    if (since === null || version === null) throw new Error(`the exit of customer ${key} from ${segment.key} does not say what it ended`);
    return { ...segment, sinceMs: Date.parse(since), version };
  });
  return { customerId: row.external_id, segments };
}

/** How many members the segment had: today's size, which is exact at a position, less the changes after the instant. Without the erased, as above. */
export async function countMembersAt(database: Database, segmentId: number, atMs: number): Promise<number> {
  const [row] = await database.query<{ member_count: string }>({
    name: 'count_members_at',
    text: `
      select ${sizeOf('$1')}
        - (
          select count(*) filter (where c.type = 'entered') - count(*) filter (where c.type = 'exited')
          from changes as c
          where ${segmentRange('c', '$1', BEFORE_THEN)} and c.at > $2::timestamptz and c.erasure_id is null
        ) + (
          select count(*) filter (where o.type = 'entered') - count(*) filter (where o.type = 'exited')
          from outbox as o
          where o.segment_id = $1 and (o.at <= $2::timestamptz or o.customer_id = 0)
        ) as member_count`,
    values: [segmentId, new Date(atMs).toISOString()],
  });
  return Number(row?.member_count ?? 0);
}
