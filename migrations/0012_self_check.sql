-- The self-check: how far the walk through everybody is that compares what is stored with what the facts say.

-- One row, written by the leader.
create table self_check (
  only_row boolean primary key default true check (only_row),
  cursor bigint,                                   -- customers with a smaller or equal id were looked at in this pass; null: none yet
  segment_id integer,                              -- the last segment whose size was counted; null: the customers' turn
  passes bigint not null default 0,                -- walks that reached the end
  passed_at timestamptz(3)                         -- when the last one did
);
insert into self_check default values;
