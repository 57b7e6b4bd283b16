// In charge of reading which segments customers are in: of one customer, or of many in one statement for pages that show both.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { isLate } from './is-late.ts';
import { GROUP_NOW, type MembershipSource, sourceNow } from './membership-source.ts';

export interface CustomerSegment {
  readonly key: string;
  readonly name: string;
  /** key of the group that the segment is in */
  readonly group: string | null;
  readonly source: MembershipSource;
  readonly sinceMs: number;
  readonly version: number;
}

export interface SegmentsOf {
  readonly customerId: string;
  /** what is stored is out of date by the clock */
  readonly isLate: boolean;
  readonly segments: readonly CustomerSegment[];
}

interface Row {
  key: CustomerKey;
  external_id: string;
  is_late: boolean;
  segments: (Omit<CustomerSegment, 'sinceMs'> & { since: string })[] | null;
}

const NOW = 'coalesce($2::timestamptz, clock_timestamp())';

const SELECT_SEGMENTS = `
      select c.id as key, c.external_id,
        ${isLate('c.id', `(select ${NOW})`)} as is_late,
        (
          select jsonb_agg(jsonb_build_object('key', s.key, 'name', s.name, 'since', m.since, 'version', m.version, 'group', ${GROUP_NOW},
            'source', ${sourceNow(NOW)}) order by s.key)
          from memberships as m
          join segments as s on s.id = m.segment_id
          where m.customer_id = c.id
        ) as segments
      from customers as c`;

function toSegmentsOf({ external_id, is_late, segments }: Row): SegmentsOf {
  return {
    customerId: external_id,
    isLate: is_late,
    segments: (segments ?? []).map(({ since, ...segment }) => ({ ...segment, sinceMs: Date.parse(since) })),
  };
}

/** null: there is no such customer. */
export async function readCustomerSegments(database: Queryable, key: CustomerKey, asOfIso: string | null): Promise<SegmentsOf | null> {
  const [row] = await database.query<Row>({
    name: 'read_customer_segments',
    text: `${SELECT_SEGMENTS}
      where c.id = $1::bigint`,
    values: [key, asOfIso],
  });
  return row === undefined ? null : toSegmentsOf(row);
}

/** By customer; those who do not exist are left out. */
export async function readSegmentsOf(
  database: Queryable,
  keys: readonly CustomerKey[],
  asOfIso: string | null,
): Promise<ReadonlyMap<CustomerKey, SegmentsOf>> {
  const rows = await database.query<Row>({
    name: 'read_segments_of',
    text: `${SELECT_SEGMENTS}
      where c.id = any($1::bigint[])`,
    values: [keys, asOfIso],
  });
  return new Map(rows.map((row) => [row.key, toSegmentsOf(row)]));
}
