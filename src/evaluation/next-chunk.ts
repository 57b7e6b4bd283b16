// In charge of walking all customers in order of key, a chunk at a time. What is done with them is the caller's business.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';

/** The customers whose keys are greater than `afterKey` and at most `throughKey`. */
export interface Chunk {
  readonly afterKey: CustomerKey;
  readonly throughKey: CustomerKey;
  readonly customers: number;
}

/** The next customers after `afterKey` (LEAST_KEY: from the first one), at most `size` of them; null: there are none. */
export async function nextChunk(database: Queryable, afterKey: CustomerKey, size: number): Promise<Chunk | null> {
  const [row] = await database.query<{ through_key: CustomerKey | null; customers: number }>({
    name: 'next_chunk',
    text: `
      select max(k.id) as through_key, count(*)::integer as customers
      from (
        select c.id
        from customers as c
        where c.id > $1::bigint
        order by c.id
        limit $2
      ) as k`,
    values: [afterKey, size],
  });
  return row === undefined || row.through_key === null ? null : { afterKey, throughKey: row.through_key, customers: row.customers };
}
