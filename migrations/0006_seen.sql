-- Reasons: what the conditions of a rule came to when a membership changed.

-- For each condition of the version's rule, in order, [holds, value…] with a value for each of its sides that is computed (false, 0 or
-- more values). Null where no rule was evaluated (archiving, erasure, manual segments) and for changes older than this.
alter table outbox add column seen jsonb;
alter table changes add column seen jsonb;
