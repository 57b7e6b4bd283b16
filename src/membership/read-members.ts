// In charge of reading memberships: who is in a segment, and which segments a customer is in.
import type { Database } from '../db/database.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { isLate } from './is-late.ts';
import { GROUP_NOW, type MembershipSource, sourceNow } from './membership-source.ts';

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

/** In order of the customer's key: a page costs the same at any depth, and writes in between move nobody across it. */
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

export interface CustomerSegment {
  readonly key: string;
  readonly name: string;
  /** key of the group that the segment is in */
  readonly group: string | null;
  readonly source: MembershipSource;
  readonly sinceMs: number;
  readonly version: number;
}

interface CustomerSegmentsRow {
  external_id: string;
  is_late: boolean;
  segments: { key: string; name: string; group: string | null; source: MembershipSource; since: string; version: number }[] | null;
}

/** null: there is no such customer. `isLate`: the clock has overtaken what is stored. */
export async function readCustomerSegments(
  database: Database,
  key: CustomerKey,
  asOfIso: string | null,
): Promise<{ readonly customerId: string; readonly isLate: boolean; readonly segments: readonly CustomerSegment[] } | null> {
  const [row] = await database.query<CustomerSegmentsRow>({
    name: 'read_customer_segments',
    text: `
      select c.external_id,
        ${isLate('c.id', '(select coalesce($2::timestamptz, clock_timestamp()))')} as is_late,
        (
          select jsonb_agg(jsonb_build_object('key', s.key, 'name', s.name, 'since', m.since, 'version', m.version, 'group', ${GROUP_NOW},
            'source', ${sourceNow('coalesce($2::timestamptz, clock_timestamp())')}) order by s.key)
          from memberships as m
          join segments as s on s.id = m.segment_id
          where m.customer_id = c.id
        ) as segments
      from customers as c
      where c.id = $1::bigint`,
    values: [key, asOfIso],
  });
  if (row === undefined) return null;
  const segments = (row.segments ?? []).map(({ since, ...segment }) => ({ ...segment, sinceMs: Date.parse(since) }));
  return { customerId: row.external_id, isLate: row.is_late, segments };
}
