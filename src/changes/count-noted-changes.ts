// In charge of counting entries and exits by segment, quarter and day, and of sizes. Numbering only notes the changes (number-changes.ts), since
// finding and changing three rows for each segment of a move cost nearly as much as everything else the publisher does: with 500 segments
// and 300 changes at a time a change took 41 µs and now takes 30, 4 of them for the note; counting 3,000 such changes takes 15 ms (22 November 2026).
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

/** Counts what is noted. Sizes are kept by the days of `timeZone`. If two run at once, each note is still counted once. */
export async function countNotedChanges(connection: Pick<pg.Client, 'query'>, timeZone: string): Promise<void> {
  await connection.query({ name: 'count_changes', text: COUNT, values: [timeZone] });
}
