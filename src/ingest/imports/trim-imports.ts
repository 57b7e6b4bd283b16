// In charge of removing imports that ended long ago. What one may have left behind is not in its row: staged lines are removed by the next import
// (lease.ts), and what it owes is evaluated by the leader within seconds, whether there is a row or not.
import { DAY_MS } from '../../base/durations.ts';
import type { Database } from '../../db/database.ts';

const KEPT_DAYS = 90;
const TRIMMED_AT_ONCE = 1_000;

/** One piece of what ended more than 90 days before `nowMs`. → how many went; 0: there is nothing more */
export async function trimImports(database: Database, nowMs: number, atOnce: number = TRIMMED_AT_ONCE): Promise<number> {
  const [row] = await database.query<{ trimmed: number }>({
    name: 'trim_imports',
    text: `
      with gone as (
        delete from imports as i
        using (select o.id from imports as o order by o.id limit $2) as oldest
        where i.id = oldest.id and i.finished_at < $1::timestamptz
        returning i.id
      )
      select count(*)::integer as trimmed from gone`,
    values: [new Date(nowMs - KEPT_DAYS * DAY_MS).toISOString(), atOnce],
  });
  return row?.trimmed ?? 0;
}
