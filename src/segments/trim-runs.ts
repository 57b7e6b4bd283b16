// In charge of removing runs that ended long ago and that nothing refers to any more. Not of the notices of their ends, which go with the log.
import { DAY_MS } from '../base/durations.ts';
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';

const KEPT_DAYS = 90;
/** Of each segment the newest are kept, however old they are. */
const KEPT_RUNS = 100;
const TRIMMED_AT_ONCE = 1_000;

/**
 * A version that was tried again and again has as many runs of cause `definition`: the first tells since when it was in force (explain-past.ts), the
 * last whether it still has to be brought about (`causeOfTry` in runs.ts), what lies between tells nothing. Of the others the newest stands in the
 * segment's own answer, and the last that is done says that its version was brought about. So what stays is in proportion to what was published.
 */
const FIND = `
  select old.id
  from segments as s
  cross join lateral (
    select k.id
    from runs as k
    where k.segment_id = s.id
    order by k.id desc
    offset $2
    limit 1
  ) as edge
  cross join lateral (
    select r.id
    from runs as r
    where r.segment_id = s.id and r.id <= edge.id and r.finished_at < $1::timestamptz
      and case r.cause
        when 'move' then true
        when 'definition' then r.version = (
            select p.version
            from runs as p
            where p.segment_id = s.id and p.id < r.id and p.cause = 'definition'
            order by p.id desc
            limit 1
          ) and r.version = (
            select n.version
            from runs as n
            where n.segment_id = s.id and n.id > r.id and n.cause = 'definition'
            order by n.id
            limit 1
          )
        else exists (
            select from runs as n
            where n.segment_id = s.id and n.id > r.id and n.cause <> 'move'
              and (r.status <> 'done' or n.status = 'done' and n.version = r.version)
          )
      end
    order by r.id
    limit $3 -- also so that segments come first: by runs, each would seek the edge of its segment again
  ) as old
  limit $3`;

/** One piece of what ended more than 90 days before `nowMs` and is not among the last 100 of its segment. → how many went; 0: there is nothing more */
export function trimRuns(
  database: Database,
  nowMs: number,
  { kept, atOnce }: { readonly kept: number; readonly atOnce: number } = { kept: KEPT_RUNS, atOnce: TRIMMED_AT_ONCE },
): Promise<number> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<{ id: string }>({
      name: 'find_old_runs',
      text: FIND,
      values: [new Date(nowMs - KEPT_DAYS * DAY_MS).toISOString(), kept, atOnce],
    });
    if (rows.length === 0) return 0;
    const ids = rows.map((row) => row.id);
    await client.query({ name: 'trim_run_moves', text: 'delete from run_moves as m where m.run_id = any($1::bigint[])', values: [ids] });
    await client.query({ name: 'trim_runs', text: 'delete from runs as r where r.id = any($1::bigint[])', values: [ids] });
    return ids.length;
  });
}
