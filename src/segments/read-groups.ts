// In charge of reading groups as an evaluation needs them. Not of changing them (groups.ts).
import type { Queryable } from '../db/database.ts';
import type { GroupToEvaluate } from '../rules/emit-choice.ts';

/** In order of id. */
export async function readGroups(database: Queryable): Promise<GroupToEvaluate[]> {
  const rows = await database.query<{ id: number; segment_ids: number[]; otherwise_id: number | null }>({
    name: 'read_groups',
    text: `
      select g.id, v.segment_ids, v.otherwise_id
      from segment_groups as g
      join segment_group_versions as v on v.group_id = g.id and v.number = g.version
      where g.deleted_at is null
      order by g.id`,
  });
  return rows.map((row) => ({ id: row.id, segmentIds: row.segment_ids, otherwiseId: row.otherwise_id }));
}
