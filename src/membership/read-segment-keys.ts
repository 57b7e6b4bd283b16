// In charge of what an answer to a write says: keys of the segments that its customers are in now.
import type { Statement } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';

export function readSegmentKeys(keys: readonly CustomerKey[]): Statement {
  return {
    name: 'read_segment_keys',
    text: `
      select m.customer_id, array_agg(s.key order by s.key) as segments
      from memberships as m
      join segments as s on s.id = m.segment_id
      where m.customer_id = any($1::bigint[])
      group by m.customer_id`,
    values: [keys],
  };
}

export function toSegmentKeys(rows: readonly Record<string, unknown>[]): ReadonlyMap<CustomerKey, readonly string[]> {
  return new Map(rows.map((row) => [String(row['customer_id']), row['segments'] as string[]]));
}
