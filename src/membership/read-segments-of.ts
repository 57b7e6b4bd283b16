// In charge of reading the segments of many customers in one statement, for pages that show both. One customer's are read-members.ts.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { isLate } from './is-late.ts';
import { GROUP_NOW, sourceNow } from './membership-source.ts';
import type { CustomerSegment } from './read-members.ts';

export interface SegmentsOf {
  readonly customerId: string;
  /** the clock has overtaken what is stored */
  readonly isLate: boolean;
  readonly segments: readonly CustomerSegment[];
}

interface Row {
  key: CustomerKey;
  external_id: string;
  is_late: boolean;
  segments: (Omit<CustomerSegment, 'sinceMs'> & { since: string })[] | null;
}

/** By customer; who is not there is left out. */
export async function readSegmentsOf(
  database: Queryable,
  keys: readonly CustomerKey[],
  asOfIso: string | null,
): Promise<ReadonlyMap<CustomerKey, SegmentsOf>> {
  const now = 'coalesce($2::timestamptz, clock_timestamp())';
  const rows = await database.query<Row>({
    name: 'read_segments_of',
    text: `
      select c.id as key, c.external_id,
        ${isLate('c.id', `(select ${now})`)} as is_late,
        (
          select jsonb_agg(jsonb_build_object('key', s.key, 'name', s.name, 'since', m.since, 'version', m.version, 'group', ${GROUP_NOW},
            'source', ${sourceNow(now)}) order by s.key)
          from memberships as m
          join segments as s on s.id = m.segment_id
          where m.customer_id = c.id
        ) as segments
      from customers as c
      where c.id = any($1::bigint[])`,
    values: [keys, asOfIso],
  });
  return new Map(
    rows.map(({ key, external_id, is_late, segments }) => [
      key,
      {
        customerId: external_id,
        isLate: is_late,
        segments: (segments ?? []).map(({ since, ...segment }) => ({ ...segment, sinceMs: Date.parse(since) })),
      },
    ]),
  );
}
