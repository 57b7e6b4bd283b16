-- The record of what was done: answers kept for a repeated Idempotency-Key, and the audit.

-- One row per key for a day. It is claimed before the work begins; the write's own transaction marks it as done, and cannot where somebody
-- else has taken it over meanwhile.
create table idempotency_keys (
  id bytea primary key,                            -- SHA-256 of face, operation, caller and key; the key itself is kept nowhere
  request bytea not null,                          -- SHA-256 of the key and all that the request says
  holder uuid not null,                            -- the run of the work that may commit
  leased_until timestamptz(3) not null,            -- past it somebody else may take over, unless the work is done
  made_at timestamptz(3) not null,
  done_at timestamptz(3),
  status smallint,                                 -- of the answer, with its headers and its body; null: not kept
  headers jsonb,
  answer text,
  decision bigint,                                 -- the answer was stored before its token was known, which is made of this
  is_kept boolean not null default true,           -- false: the answer is not to be kept, or has been removed by an erasure
  customers bigint[] not null default '{}'         -- whom the answer may name
);
create index idempotency_keys_made_at on idempotency_keys (made_at);
create index idempotency_keys_customers on idempotency_keys using gin (customers) with (fastupdate = off) where customers <> '{}';

-- ---------------------------------------------------------------- audit

-- Entries wait here, written in the transaction of what they tell of, until the leader gives them their places in the chain.
create table audit_inbox (
  id uuid primary key,                             -- version 7: in order of time
  at timestamptz(3) not null,
  actor text collate "C" not null,
  key_id text collate "C",
  address text,
  request_id text not null,
  action text collate "C" not null,                -- the operation's id
  outcome text not null check (outcome in ('written', 'begun', 'read', 'refused')),
  target text collate "C",                         -- what it was about, where that is nobody
  payload_hash bytea,                              -- SHA-256 of the hashes of its payloads in order, in hex; null: it has none
  hash bytea not null                              -- SHA-256 of all of the above, see access/audit-entry.ts
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Append-only and dense. `chain` is SHA-256 of the chain before and the row's hash: no row can be changed, taken out or put in without
-- changing all that follow.
create table audit (
  position bigint primary key,
  id uuid not null unique,
  at timestamptz(3) not null,
  actor text collate "C" not null,
  key_id text collate "C",
  address text,
  request_id text not null,
  action text collate "C" not null,
  outcome text not null,
  target text collate "C",
  payload_hash bytea,
  hash bytea not null,
  chain bytea not null
);
create index audit_at on audit (at, position);
create index audit_actor on audit (actor, at, position);
create index audit_action on audit (action, at, position);
create index audit_target on audit (target, at, position) where target is not null;

-- What was before and after, one row for each customer that an entry is about. An erasure, and retention, take the content and its salt and
-- leave the hash, which says nothing by itself: the chain stays whole.
create table audit_payloads (
  entry_id uuid not null,
  part integer not null,
  customer_id bigint,                              -- null: about nobody, or removed
  hash bytea not null,                             -- SHA-256 of the salt in hex and the content
  salt bytea,                                      -- 16 random bytes
  content text,
  primary key (entry_id, part),
  check ((salt is null) = (content is null) and (content is not null or customer_id is null))
);
create index audit_payloads_customer on audit_payloads (customer_id) where customer_id is not null;

-- The end of the chain, and where it begins since retention took what was before.
create table audit_head (
  single boolean primary key default true check (single),
  position bigint not null,
  chain bytea not null,
  anchor_position bigint not null,
  anchor_chain bytea not null
);
insert into audit_head (position, chain, anchor_position, anchor_chain) values (0, sha256(''), 0, sha256(''));

create function strata_chain_step(chain bytea, hash bytea, start bytea) returns bytea
language sql immutable parallel safe
return sha256(coalesce(chain, start) || hash);

-- The chain over rows in order, from `start` on.
create aggregate strata_chain(hash bytea, start bytea) (sfunc = strata_chain_step, stype = bytea);
