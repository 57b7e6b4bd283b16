-- Keys with scopes. Secrets are random (256 bits), so a plain SHA-256 of them is enough at rest.
create table api_keys (
  id text collate "C" primary key,                 -- stands in the secret itself, to look it up by
  name text not null,
  hash bytea not null,                             -- SHA-256 of the secret
  previous_hash bytea,                             -- of the secret before, which opens until then
  previous_until timestamptz(3),
  scopes text[] not null,
  segments text[],                                 -- keys of the only segments it may ask about; null: all
  requests_per_second integer,                     -- null: as configured
  created_at timestamptz(3) not null,
  created_by text not null,
  rotated_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  check ((previous_hash is null) = (previous_until is null))
);
-- a name says who did something, so two keys that live do not share one
create unique index api_keys_name on api_keys (lower(name)) where revoked_at is null;

-- One row that every change of a key raises, but not its use: processes hold all keys in memory, and look here whether they still stand.
create table api_keys_revision (
  only_row boolean primary key default true check (only_row),
  revision bigint not null
);
insert into api_keys_revision (revision) values (1);
