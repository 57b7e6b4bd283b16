-- The past: what an exit ended, sizes over time, where the log begins, and marks that find an instant in it.

-- On exits: since when, and under which version, the membership had been held. The log alone tells it only until the entry is trimmed.
alter table outbox add column since timestamptz(3), add column since_version integer;
alter table changes add column since timestamptz(3), add column since_version integer;

update changes as x
set since = e.at, since_version = e.version
from changes as e
where x.type = 'exited' and e.position = (
  select max(p.position)
  from changes as p
  where p.customer_id = x.customer_id and p.segment_id = x.segment_id and p.type = 'entered' and p.position < x.position
);

update outbox as x
set (since, since_version) = (
  select p.at, p.version
  from (
    select o.at, o.version, 1 as stage, o.decision as place, o.ordinal
    from outbox as o
    where o.customer_id = x.customer_id and o.segment_id = x.segment_id and o.type = 'entered'
      and (o.decision, o.ordinal) < (x.decision, x.ordinal)
    union all
    select c.at, c.version, 0, c.position, 0
    from changes as c
    where c.customer_id = x.customer_id and c.segment_id = x.segment_id and c.type = 'entered'
  ) as p
  order by p.stage desc, p.place desc, p.ordinal desc
  limit 1
)
where x.type = 'exited';

-- Entries and exits by quarter of an hour, kept by the publisher in the transaction that numbers them: exact at feed.position. A quarter,
-- because the days of every time zone begin at one (test/history/quarters.test.ts). Kept as long as the log.
create table segment_quarters (
  segment_id integer not null,
  at timestamptz(3) not null,                      -- its beginning
  cause text not null,
  entered bigint not null,
  exited bigint not null,
  primary key (segment_id, at, cause)
) with (fillfactor = 85);

-- The same by day of the service's time zone, kept for ever.
create table segment_days (
  segment_id integer not null,
  day date not null,
  cause text not null,
  entered bigint not null,
  exited bigint not null,
  primary key (segment_id, day, cause)
) with (fillfactor = 85);

insert into segment_quarters (segment_id, at, cause, entered, exited)
select c.segment_id, date_bin('15 minutes', c.at, 'epoch'::timestamptz), c.cause,
  count(*) filter (where c.type = 'entered'), count(*) filter (where c.type = 'exited')
from changes as c
where c.type in ('entered', 'exited')
group by 1, 2, 3;

insert into segment_days (segment_id, day, cause, entered, exited)
select q.segment_id, strata_local_date(q.at, coalesce((select s.value from settings as s where s.name = 'time_zone'), 'UTC')), q.cause,
  sum(q.entered), sum(q.exited)
from segment_quarters as q
group by 1, 2, 3;

-- Where instants lie in the log: no change up to `position` is later than `latest_at`, none of the block that ends there is earlier than
-- `earliest_at`. Positions are in order of decision, instants nearly so. They only make reads cheap, so they may lag behind.
create table change_marks (
  position bigint primary key,
  earliest_at timestamptz(3) not null,
  latest_at timestamptz(3) not null                -- never falls from mark to mark
);
create index change_marks_latest_at on change_marks (latest_at, position);

-- One row: what retention has taken from the log. The past can be asked back to `at`.
create table trimmed (
  only_row boolean primary key default true check (only_row),
  position bigint not null,                        -- of the last change that is gone
  at timestamptz(3)                                -- the latest instant among those that are gone; null: none are
);
insert into trimmed (position) values (0);
