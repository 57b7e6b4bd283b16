-- Entries and exits that have their places in the feed and stand in no sum yet: noted in the transaction that numbers them, and every few
-- seconds counted into segment_quarters, segment_days and segment_sizes, which are three rows to find and change for each segment. Whoever
-- reads a size adds these, so that it is exact at feed.position as before. An older version that runs beside reads sizes a few seconds
-- late; what it numbers itself it counts at once.
create table uncounted (
  segment_id integer not null,
  position bigint not null,                        -- where the feed ended before them
  at timestamptz(3) not null,                      -- the beginning of the quarter of an hour
  cause text not null,
  entered bigint not null,
  exited bigint not null,
  primary key (segment_id, position, at, cause)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
