// In charge of how far segments overlap: how many customers are in both of each two. Not of who they are.
import { asQueryable, type Database } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';

export interface Overlap {
  readonly left: string;
  readonly right: string;
  /** customers in both */
  readonly both: number;
}

/** Each two of the segments once, in the order of the keys, also where nobody is in both. */
export async function readOverlap(database: Database, segments: ReadonlyMap<string, number>): Promise<readonly Overlap[]> {
  const rows = await inScan(database, (client) =>
    asQueryable(client).query<{ left_id: number; right_id: number; both: string }>({
      text: `
        select l.segment_id as left_id, r.segment_id as right_id, count(*) as both
        from memberships as l
        join memberships as r on r.customer_id = l.customer_id and r.segment_id > l.segment_id
        where l.segment_id = any($1::integer[]) and r.segment_id = any($1::integer[])
        group by l.segment_id, r.segment_id`,
      values: [[...segments.values()]],
    }),
  );
  const counts = new Map(rows.map((row) => [`${row.left_id} ${row.right_id}`, Number(row.both)]));
  const named = [...segments];
  return named.flatMap(([left, leftId], index) =>
    named.slice(index + 1).map(([right, rightId]) => {
      const [low, high] = leftId < rightId ? [leftId, rightId] : [rightId, leftId];
      return { left, right, both: counts.get(`${low} ${high}`) ?? 0 };
    }),
  );
}
