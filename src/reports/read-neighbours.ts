// In charge of the segments among which a segment is left for another: those of its group, in the group's order; for a segment without a group
// only itself.
import type { Queryable } from '../db/database.ts';

/** Keys and ids. */
export async function readNeighbours(database: Queryable, segmentId: number): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query<{ key: string; id: number }>({
    name: 'read_neighbours',
    text: `
      select s.key, s.id
      from (
        select u.id, u.place
        from segment_groups as g
        join segment_group_versions as v on v.group_id = g.id and v.number = g.version
        cross join lateral unnest(v.segment_ids || v.otherwise_id) with ordinality as u (id, place)
        where g.deleted_at is null and $1::integer = any(v.segment_ids || v.otherwise_id) and u.id is not null
        union all
        select $1::integer, 0
      ) as n
      join segments as s on s.id = n.id
      group by s.key, s.id
      order by max(n.place), s.id`,
    values: [segmentId],
  });
  return new Map(rows.map(({ key, id }) => [key, id]));
}
