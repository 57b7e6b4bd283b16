-- The first schema. Big tables carry customer_id first in every key, so that the same schema runs on plain Postgres 18 and on Citus.
-- Text is compared by bytes (collate "C"). Money, prices and quantities are bigint ten-thousandths. Times are whole milliseconds.

create table settings (
  name text collate "C" primary key,
  value text collate "C" not null
);

-- ---------------------------------------------------------------- facts

create table customers (
  id bigint primary key,                           -- first 8 bytes of SHA-256 of external_id, signed
  external_id text collate "C" not null,
  revision bigint not null,                        -- grows with every lock; starts at the clock in microseconds
  email text collate "C",
  phone text collate "C",
  first_name text collate "C",
  last_name text collate "C",
  gender text collate "C",
  birthday date,
  country text collate "C",
  region text collate "C",
  city text collate "C",
  postal_code text collate "C",
  language text collate "C",
  source text collate "C",
  tags text[] collate "C" not null default '{}',
  attributes jsonb not null default '{}',          -- flat: dotted name -> value of the registered type; dates 'YYYY-MM-DD', timestamps 'YYYY-MM-DDTHH:MM:SS.mmmZ'
  consents jsonb not null default '{}',            -- purpose -> boolean
  created_at timestamptz(3) not null,
  created_at_given timestamptz(3)                  -- what the caller sent, where the clock was taken instead
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
create index customers_email on customers (email) where email is not null;
create index customers_external_id on customers (external_id);

create table orders (
  customer_id bigint not null,
  id text collate "C" not null,
  status text collate "C",
  channel text collate "C",
  currency text collate "C" not null,              -- as given; amounts are in the service's currency
  total bigint not null,
  discount bigint not null default 0,
  coupons text[] collate "C" not null default '{}',
  item_count bigint not null default 0,            -- pieces, ten-thousandths
  placed_at timestamptz(3) not null,
  placed_at_given timestamptz(3),                  -- what the caller sent, where the clock was taken instead
  exchange_rate numeric,                           -- the rate it was converted with, where the currency is another
  primary key (customer_id, id)
);
create index orders_placed_at on orders (customer_id, placed_at);

-- Items carry their order's status, channel and time: an order is always written whole, and a look at items then needs no join.
create table order_items (
  customer_id bigint not null,
  order_id text collate "C" not null,
  line integer not null,
  status text collate "C",
  channel text collate "C",
  placed_at timestamptz(3) not null,
  product_id text collate "C",
  sku text collate "C",
  name text collate "C",
  category text collate "C",
  brand text collate "C",
  quantity bigint not null,
  unit_price bigint,
  primary key (customer_id, order_id, line)
);

create table order_owners (
  order_id text collate "C" primary key,
  customer_id bigint not null
) with (fillfactor = 85);

create table events (
  customer_id bigint not null,
  id text collate "C" not null,
  name text collate "C" not null,
  occurred_at timestamptz(3) not null,
  properties jsonb not null default '{}',          -- flat, as customers.attributes
  primary key (customer_id, id)
);
create index events_name on events (customer_id, name, occurred_at);

-- ---------------------------------------------------------------- what rules may name

-- Types of custom attributes (event_name '') and of event properties (by event). property '' registers the event's name itself.
create table registered_types (
  scope text collate "C" not null check (scope in ('attribute', 'property')),
  event_name text collate "C" not null default '',
  name text collate "C" not null,
  type text not null check (type in ('string', 'number', 'boolean', 'date', 'timestamp', 'list', 'event', 'opaque')),
  declared boolean not null default false,
  description text,
  primary key (scope, event_name, name)
);

-- ---------------------------------------------------------------- segments

create table segments (
  id integer generated always as identity primary key,
  key text collate "C" not null unique,
  name text not null,
  description text,
  icon text,
  color text,
  review_at timestamptz(3),
  kind text not null check (kind in ('rule', 'manual')),
  status text not null check (status in ('draft', 'building', 'active', 'paused', 'failed', 'archived')),
  failure text,
  version integer,                                 -- the published one
  due_at timestamptz(3),                           -- a flip of the whole segment that depends on no row
  evaluated_at timestamptz(3),
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null
);

create table segment_versions (
  segment_id integer not null references segments (id),
  number integer not null,
  text text not null,                              -- as its author wrote it, or printed from JSON
  rule jsonb not null,                             -- canonical JSON form
  note text,
  author text,
  created_at timestamptz(3) not null,
  published_at timestamptz(3),
  primary key (segment_id, number)
);

-- One row: the epoch of all definitions together. A compiled program belongs to one epoch.
create table definitions (
  only_row boolean primary key default true check (only_row),
  epoch bigint not null
);
insert into definitions (epoch) values (1);

-- ---------------------------------------------------------------- membership

create table memberships (
  customer_id bigint not null,
  segment_id integer not null,
  since timestamptz(3) not null,
  version integer not null,
  primary key (customer_id, segment_id)
);
create index memberships_segment on memberships (segment_id, customer_id);

create table rechecks (
  customer_id bigint primary key,
  due_at timestamptz(3) not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
create index rechecks_due_at on rechecks (due_at);

-- Customers whose facts an import wrote and whose evaluation it still owes.
create table pending (
  customer_id bigint not null,
  import_id bigint not null,
  primary key (customer_id, import_id)
);
create index pending_import on pending (import_id, customer_id);

-- ---------------------------------------------------------------- changes

create sequence decisions;

create table outbox (
  decision bigint not null,
  ordinal integer not null,
  customer_id bigint not null,
  segment_id integer not null,
  type text not null check (type in ('entered', 'exited')),
  version integer not null,
  cause text not null,
  at timestamptz(3) not null,
  primary key (customer_id, decision, ordinal)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index outbox_decision on outbox (decision, ordinal);

create table changes (
  position bigint primary key,
  type text not null,
  segment_id integer not null,
  customer_id bigint not null,
  version integer not null,
  cause text not null,
  at timestamptz(3) not null
);
create index changes_customer on changes (customer_id, position);
create index changes_segment on changes (segment_id, position);

-- One row: where the feed ends.
create table feed (
  only_row boolean primary key default true check (only_row),
  position bigint not null
);
insert into feed (position) values (0);

-- Kept by the publisher in the transaction that numbers the changes: exact at feed.position.
create table segment_sizes (
  segment_id integer primary key,
  member_count bigint not null
);

-- ---------------------------------------------------------------- work

create table runs (
  id bigint generated always as identity primary key,
  segment_id integer not null,
  version integer not null,
  cause text not null,
  status text not null check (status in ('queued', 'running', 'done', 'failed', 'cancelled', 'superseded')),
  done bigint not null default 0,
  total bigint not null default 0,
  changes bigint not null default 0,
  cursor bigint,                                   -- customers with a smaller or equal id are done
  failure text,
  queued_at timestamptz(3) not null,
  started_at timestamptz(3),
  finished_at timestamptz(3)
);
create index runs_open on runs (id) where status in ('queued', 'running');
create index runs_segment on runs (segment_id, id);

create table imports (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('customers', 'orders', 'events')),
  status text not null check (status in ('running', 'done', 'failed')),
  leased_until timestamptz(3) not null,
  started_at timestamptz(3) not null,
  finished_at timestamptz(3)
);

-- Lines of order files wait here until the stream has ended: the lines of one order may stand anywhere in a file.
create unlogged table import_lines (
  import_id bigint not null,
  order_id text collate "C" not null,
  line bigint not null,
  data jsonb not null
);
create index import_lines_order on import_lines (import_id, order_id collate "C", line);
