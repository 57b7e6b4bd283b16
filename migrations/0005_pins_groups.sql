-- Moving by hand: pins, manual segments, groups of segments that exclude each other, moves of many in the background.

-- Set at the first pin of a segment, under the definitions lock: segments without pins are evaluated without looking for any.
alter table segments add column has_pins boolean not null default false;

-- What somebody said by hand about a customer and a segment; it counts while `until` is null or lies ahead.
create table pins (
  customer_id bigint not null,
  segment_id integer not null,
  include boolean not null,
  until timestamptz(3),
  reason text,
  actor text not null,
  pinned_at timestamptz(3) not null,
  primary key (customer_id, segment_id)
);
create index pins_segment on pins (segment_id, customer_id);

-- Every pin ever made or taken back, also those that changed no membership.
create table pin_log (
  id bigint generated always as identity,
  customer_id bigint not null,
  segment_id integer not null,
  action text not null check (action in ('pinned_in', 'pinned_out', 'released')),
  cause text not null check (cause in ('pin', 'unpin', 'move')),
  until timestamptz(3),
  reason text,
  actor text not null,
  at timestamptz(3) not null,
  primary key (customer_id, id)
);
create index pin_log_segment on pin_log (segment_id, id);

-- Which entry of pin_log a change came from: who and why. Null for changes that nobody made by hand.
alter table outbox add column pin_log_id bigint;
alter table changes add column pin_log_id bigint;

-- ---------------------------------------------------------------- groups

-- A customer is in at most one segment of a group: the first in order that holds.
create table segment_groups (
  id integer generated always as identity primary key,
  key text collate "C" not null,
  name text not null,
  version integer not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  deleted_at timestamptz(3)
);
create unique index segment_groups_key on segment_groups (key) where deleted_at is null;

create table segment_group_versions (
  group_id integer not null references segment_groups (id),
  number integer not null,
  segment_ids integer[] not null,                  -- in order
  otherwise_id integer,                            -- takes whoever none of them holds for; one of them or another
  author text,
  created_at timestamptz(3) not null,
  primary key (group_id, number)
);

-- ---------------------------------------------------------------- moves of many

-- What a run with cause 'move' is to do; its progress is the run's.
create table run_moves (
  run_id bigint primary key references runs (id),
  from_id integer not null,
  to_id integer not null,
  rule jsonb,                                      -- null: all members
  replaces boolean not null,                       -- takes the place of pins in the target's group
  until timestamptz(3),
  reason text,
  actor text not null
);
