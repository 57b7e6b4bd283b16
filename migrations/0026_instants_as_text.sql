-- An instant with its offset from UTC as attributes hold instants, finer digits cut off. The text says all that it depends on, which its functions one
-- by one do not know: where rows lie on many servers (Citus) an update may call nothing that could depend on a session.
create function strata_instant_text(value text) returns text
language plpgsql immutable strict parallel safe as $$
begin
  return to_char(date_trunc('milliseconds', value::timestamptz) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end $$;
