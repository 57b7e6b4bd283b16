// In charge of finding instants in the log by position. Changes are in order of decision, and their instants nearly so: a mark after each
// few thousand says what lies before it, so that a look at the past begins where it must and not at the beginning.
import type pg from 'pg';

/** A look at the past reads at most this many changes too many; a log of 100 M has 25,000 marks. */
export const MARKED_TOGETHER = 4096;

/** SQL: a position up to which every change is before the instant, or at it if `inclusive`. */
export function positionBefore(instant: string, inclusive: 'inclusive' | 'exclusive'): string {
  return `coalesce((
    select k.position
    from change_marks as k
    where k.latest_at ${inclusive === 'inclusive' ? '<=' : '<'} ${instant}
    order by k.latest_at desc, k.position desc
    limit 1
  ), 0)`;
}

const MARK = `
  with last as (
    select greatest(k.position, t.position) as position, greatest(k.latest_at, t.at) as latest_at
    from trimmed as t
    left join (
      select p.position, p.latest_at
      from change_marks as p
      order by p.position desc
      limit 1
    ) as k on true
  ), block as (
    select c.position, c.at
    from changes as c
    where c.position > (select l.position from last as l)
    order by c.position
    limit $1
  )
  insert into change_marks (position, earliest_at, latest_at)
  select max(b.position), min(b.at), greatest(max(b.at), (select l.latest_at from last as l))
  from block as b
  having count(*) = $1`;

/** Marks every full block that has no mark yet; whoever numbers calls it, on the same connection. */
export async function markChanges(connection: Pick<pg.Client, 'query'>, together: number = MARKED_TOGETHER): Promise<void> {
  for (;;) {
    const { rowCount } = await connection.query({ name: 'mark_changes', text: MARK, values: [together] });
    if (rowCount === 0) return;
  }
}
