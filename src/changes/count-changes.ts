// In charge of counting entries and exits by segment, quarter and day, and of sizes. Numbering only notes them (number-changes.ts), since to find
// and change three rows for each segment of a move cost nearly as much as everything else that the publisher does: a change of 500 segments took
// 41 µs in moves of 300 and takes 30, of which the note is 4, and a count of 3,000 such changes 15 ms (22 November 2026).
import type pg from 'pg';

const COUNT = `
  with taken as (
    delete from uncounted as u
    returning u.segment_id, u.at, u.cause, u.entered, u.exited
  ), counted as (
    select t.segment_id, t.at as quarter, t.cause, sum(t.entered) as entered, sum(t.exited) as exited
    from taken as t
    group by t.segment_id, t.at, t.cause
  ), by_quarter as (
    insert into segment_quarters as q (segment_id, at, cause, entered, exited)
    select c.segment_id, c.quarter, c.cause, c.entered, c.exited
    from counted as c
    order by c.segment_id, c.quarter, c.cause
    on conflict (segment_id, at, cause) do update
    set entered = q.entered + excluded.entered, exited = q.exited + excluded.exited
  ), by_day as (
    insert into segment_days as d (segment_id, day, cause, entered, exited)
    select c.segment_id, strata_local_date(c.quarter, $1) as day, c.cause, sum(c.entered), sum(c.exited)
    from counted as c
    group by c.segment_id, day, c.cause
    order by c.segment_id, day, c.cause
    on conflict (segment_id, day, cause) do update
    set entered = d.entered + excluded.entered, exited = d.exited + excluded.exited
  )
  insert into segment_sizes as z (segment_id, member_count)
  select c.segment_id, sum(c.entered - c.exited)
  from counted as c
  group by c.segment_id
  order by c.segment_id
  on conflict (segment_id) do update
  set member_count = z.member_count + excluded.member_count`;

/** Counts what is noted. `timeZone`: whose days sizes are kept by. Two at once count each note once. */
export async function countChanges(connection: Pick<pg.Client, 'query'>, timeZone: string): Promise<void> {
  await connection.query({ name: 'count_changes', text: COUNT, values: [timeZone] });
}
