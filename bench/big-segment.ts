// In charge of finding the segment with the most members, and places in it: figures about pages need many.
import type { Bench } from './bench.ts';

export interface BigSegment {
  readonly key: string;
  readonly members: number;
  /** customers in the order of the segment's pages, evenly spread: the first one is at the start, where there is no place before it */
  readonly places: readonly string[];
}

/** the least bigint, since SQL needs one */
export const START = '-9223372036854775808';

/** `places`: at most this many, each with a whole page after it if the segment has one. */
export async function findBigSegment({ server, strataDatabase }: Bench, places: number, page: number): Promise<BigSegment> {
  const client = await server.connect(strataDatabase);
  try {
    const { rows: found } = await client.query<{ id: number; key: string; members: number }>(
      `select s.id, s.key, count(*)::integer as members
       from memberships as m
       join segments as s on s.id = m.segment_id
       where s.key like 'mix-%'
       group by s.id, s.key
       order by members desc, s.id
       limit 1`,
    );
    const [big] = found;
    if (big === undefined) throw new Error('nobody is in any segment');
    const { rows } = await client.query<{ place: string }>(
      `select n.customer_id::text as place
       from (
         select m.customer_id, row_number() over (order by m.customer_id) as number
         from memberships as m
         where m.segment_id = $1
       ) as n
       where n.number <= greatest($2::integer - $3::integer, 1) and n.number % greatest(($2::integer - $3::integer) / $4::integer, 1) = 0
       order by n.customer_id`,
      [big.id, big.members, page, places],
    );
    return { key: big.key, members: big.members, places: [START, ...rows.map(({ place }) => place)] };
  } finally {
    await client.end();
  }
}
