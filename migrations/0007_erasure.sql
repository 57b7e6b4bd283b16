-- Erasure: receipts that name nobody, exits that consumers still get, and tombstones in the feed.

-- One row per erasure, for ever: the receipt. Whom it was about stands here, and nowhere else, only until the exits are blanked.
create table erasures (
  id uuid primary key,
  salt bytea not null,
  hash bytea not null,                             -- SHA-256 of the salt and the id's UTF-8
  changes integer not null,                        -- how many segments the customer was in
  erased_at timestamptz(3) not null,
  blank_at timestamptz(3) not null,                -- when the exits become tombstones
  blanked_at timestamptz(3),
  customer_id bigint,
  external_id text collate "C",
  check (blanked_at is null or (customer_id is null and external_id is null))
);
create index erasures_blank_at on erasures (blank_at) where blanked_at is null;
create index erasures_customer on erasures (customer_id) where customer_id is not null;

-- An exit of an erasure names its erasure instead of a customer: an id that comes again has nothing to do with it. customer_id 0 is nobody:
-- without an erasure a tombstone that waits for its number, whose type and segment are counted and then dropped.
alter table outbox add column erasure_id uuid;

-- Tombstones: type `erased`, a position and an instant, and nothing else.
alter table changes add column erasure_id uuid;
alter table changes alter column segment_id drop not null;
alter table changes alter column customer_id drop not null;
alter table changes alter column version drop not null;
alter table changes alter column cause drop not null;
alter table changes add constraint changes_whole check (
  case
    when type = 'erased' then num_nonnulls(segment_id, customer_id, version, cause, since, since_version, pin_log_id, seen, erasure_id) = 0
    else num_nulls(segment_id, version, cause) = 0 and num_nonnulls(customer_id, erasure_id) = 1
  end
);
create index changes_erasure on changes (erasure_id, position) where erasure_id is not null;
