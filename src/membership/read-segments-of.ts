// In charge of reading the segments of many customers in one statement, for pages that show both. One customer's are read-members.ts.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { GROUP_NOW, sourceNow } from './membership-source.ts';
import type { CustomerSegment } from './read-members.ts';

export interface SegmentsOf {
  readonly customerId: string;
  /** the clock has passed the customer's next look, or an import owes one, so this may be late */
  readonly isDue: boolean;
  readonly segments: readonly CustomerSegment[];
}

interface Row {
  key: CustomerKey;
  external_id: string;
  is_due: boolean;
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
        exists (select from rechecks as r where r.customer_id = c.id and r.due_at <= ${now}) as is_due,
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
    rows.map(({ key, external_id, is_due, segments }) => [
      key,
      {
        customerId: external_id,
        isDue: is_due,
        segments: (segments ?? []).map(({ since, ...segment }) => ({ ...segment, sinceMs: Date.parse(since) })),
      },
    ]),
  );
}
