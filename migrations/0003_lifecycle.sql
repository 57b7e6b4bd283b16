-- The life of a segment: archiving, failures that are tried again, runs that say how fast they are.

-- `archiving`: its members are leaving, piece by piece.
alter table segments drop constraint segments_status_check;
alter table segments add constraint segments_status_check
  check (status in ('draft', 'building', 'active', 'paused', 'failed', 'archiving', 'archived'));

alter table segments add column failures integer not null default 0;  -- in a row; each doubles the time to the next try
alter table segments add column failed_at timestamptz(3);             -- the last one
alter table segments add column retry_at timestamptz(3);              -- of a failed one only

update segments set failures = 1, failed_at = updated_at, retry_at = updated_at where status = 'failed';

-- Where the work that is under way began: a run that was interrupted is as fast as it goes since, not since it was queued.
alter table runs add column resumed_at timestamptz(3);
alter table runs add column resumed_done bigint not null default 0;
