-- Webhooks: where changes and notices are sent, how far each endpoint is, what the last attempts came to.

-- What is told of segments and runs beside memberships: rare, so that one row counts them and ids are in order of commit.
create table notices (
  id bigint primary key,
  type text not null check (type in ('segment.published', 'segment.failed', 'run.finished')),
  segment_id integer not null,
  data jsonb not null,                             -- as it is sent
  at timestamptz(3) not null,
  decision bigint not null,                        -- changes decided before it come before it
  after_position bigint                            -- its place in the feed; null: such changes still wait for their numbers
);
create index notices_unplaced on notices (id) where after_position is null;

-- One row: how many notices there have been. Whoever adds one holds it to the commit.
create table notice_count (
  only_row boolean primary key default true check (only_row),
  last_id bigint not null
);
insert into notice_count (last_id) values (0);

create table webhooks (
  id uuid primary key,
  url text not null,
  description text,
  types text[] not null,
  segment_ids integer[],                           -- null: all
  change_types text[],                             -- null: all, tombstones too
  batch_size integer not null check (batch_size between 1 and 500),
  status text not null check (status in ('active', 'paused', 'disabled')),
  disabled_code text check (disabled_code in ('gone', 'failing', 'secret_unreadable')),
  disabled_detail text,
  disabled_at timestamptz(3),
  secret bytea not null,                           -- encrypted, as is the one before it
  previous_secret bytea,
  previous_until timestamptz(3),
  author text not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  revision bigint not null default 1,              -- moves with every edit by hand: whoever is sending then reads the row again
  replays bigint not null default 0,               -- moves with every new place given by hand: whoever is sending then leaves it alone
  position bigint not null,                        -- everything up to here has been delivered or was not wanted
  notice_id bigint not null,                       -- the same of notices
  batch jsonb,                                     -- what is under way: id, ranges and filter, never a body
  failures integer not null default 0,             -- of this batch, in a row
  failing_since timestamptz(3),
  retry_at timestamptz(3),
  delivered_at timestamptz(3),                     -- the last success
  gap_after bigint,                                -- the last part of the feed that was trimmed before it could be sent
  gap_through bigint,
  gap_at timestamptz(3),
  delivered bigint not null default 0,             -- attempts that succeeded, and that did not
  failed bigint not null default 0,
  lease_id uuid,
  leased_until timestamptz(3),
  check ((status = 'disabled') = (disabled_code is not null)),
  check ((previous_secret is null) = (previous_until is null))
) with (fillfactor = 50);

-- The last attempts, the successful and the others each in a ring: a burst of successes does not push the failure out that one looks for.
create table deliveries (
  webhook_id uuid not null references webhooks (id) on delete cascade,
  succeeded boolean not null,
  slot integer not null,
  number bigint not null,                          -- of all attempts of the webhook
  message_id text not null,
  type text not null,
  after_position bigint,                           -- the range of changes; null: a notice or a test
  through_position bigint,
  changes integer not null,
  attempt integer not null,                        -- of this message, from 1
  at timestamptz(3) not null,
  latency_ms integer not null,
  status integer,                                  -- null: no answer
  error text,
  answer text,                                     -- its first KB; forgotten with every erasure, for it may repeat what it was sent
  primary key (webhook_id, succeeded, slot)
) with (fillfactor = 70);

create index erasures_erased_at on erasures (erased_at);
