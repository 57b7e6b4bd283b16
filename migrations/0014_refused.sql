-- The audit by outcome. What was written is nearly all of it, and is found by time.
create index audit_outcome on audit (outcome, at, position) where outcome <> 'written';
