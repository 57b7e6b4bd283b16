// In charge of retention: removing from the log, in small pieces, what is older than is to be kept. Sizes by day stay for ever.
import type { Database } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';

/** Changes per transaction: about 40 ms, during which nobody waits (readers do not, and the publisher writes elsewhere). */
export const TRIMMED_AT_ONCE = 5_000;

// A prefix of the log goes, up to the first change that is still to be kept: so whoever asks about a later instant misses nothing.
const TRIM = `
  with piece as (
    select c.position, c.at
    from changes as c
    where c.position <= coalesce($3::bigint, 9223372036854775807)
    order by c.position
    limit $2
  ), cut as (
    select coalesce(min(p.position) filter (where p.at >= $1::timestamptz) - 1, max(p.position)) as position
    from piece as p
  ), gone as (
    delete from changes as c
    using cut as t
    where c.position <= t.position
    returning c.position, c.at
  ), summed as (
    select max(g.position) as position, max(g.at) as at, count(*)::integer as trimmed
    from gone as g
    having count(*) > 0
  )
  update trimmed as t
  set position = greatest(t.position, s.position), at = greatest(t.at, s.at)
  from summed as s
  returning s.trimmed`;

const TRIM_MARKS = 'delete from change_marks as k using trimmed as t where k.position <= t.position';

const TRIM_QUARTERS = `
  delete from segment_quarters as q
  using (
    select p.segment_id, p.at, p.cause
    from trimmed as t
    cross join segments as s
    join segment_quarters as p on p.segment_id = s.id and p.at < date_bin('15 minutes', t.at, 'epoch'::timestamptz)
    limit $1
  ) as old
  where q.segment_id = old.segment_id and q.at = old.at and q.cause = old.cause`;

/**
 * One piece of what is older than the instant, at most up to the position. → how many changes and quarters of hours went; 0: there is nothing
 * more
 */
export function trimHistory(
  database: Database,
  olderThanMs: number,
  atOnce: number = TRIMMED_AT_ONCE,
  throughPosition: string | null = null,
): Promise<number> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<{ trimmed: number }>({
      name: 'trim_changes',
      text: TRIM,
      values: [new Date(olderThanMs).toISOString(), atOnce, throughPosition],
    });
    const trimmed = rows[0]?.trimmed ?? 0;
    if (trimmed > 0) await client.query({ name: 'trim_marks', text: TRIM_MARKS });
    const { rowCount } = await client.query({ name: 'trim_quarters', text: TRIM_QUARTERS, values: [atOnce] });
    return trimmed + (rowCount ?? 0);
  });
}
