-- Functions of the compiled rules. All are immutable (time and zone are arguments) and none raises for any stored value.
-- `at time zone` with a timestamp is the only zone arithmetic used: it does not depend on the session.

-- The first instant whose local date is the given one, or a later one where the date is skipped.
-- Postgres alone takes the second midnight where it comes twice, and lands after the beginning where it never comes.
create function strata_day_start(day date, zone text) returns timestamptz
language plpgsql immutable strict parallel safe as $$
declare
  midnight timestamp := day::timestamp;
  found timestamptz;
  early timestamptz;
  middle timestamptz;
begin
  if not isfinite(day) then
    return case when day > '2000-01-01'::date then 'infinity'::timestamptz else '-infinity'::timestamptz end;
  end if;
  found := midnight at time zone zone;
  -- midnight by the offset in force a day earlier: another instant only where the clock changed since
  early := (midnight + ((found - interval '24 hours') at time zone 'UTC' - (found - interval '24 hours') at time zone zone)) at time zone 'UTC';
  if early = found and found at time zone zone = midnight then
    return found;
  end if;
  if early < found and early at time zone zone = midnight then
    return early;
  end if;
  if found at time zone zone = midnight then
    return found;
  end if;
  -- midnight never comes: the change of the clock itself, to the second
  early := least(early, found) - interval '24 hours';
  found := greatest(found, early + interval '48 hours');
  while found - early > interval '1 second' loop
    middle := early + make_interval(secs => floor(extract(epoch from found - early) / 2)::double precision);
    if middle at time zone zone >= midnight then
      found := middle;
    else
      early := middle;
    end if;
  end loop;
  return found;
end $$;

-- The day an instant belongs to: the last one that has begun.
create function strata_local_date(instant timestamptz, zone text) returns date
language plpgsql immutable strict parallel safe as $$
declare
  day date := (instant at time zone zone)::date;
begin
  if isfinite(day) and strata_day_start(day + 1, zone) <= instant then
    return day + 1;
  end if;
  return day;
end $$;

-- a / b to 20 significant digits, half to even; null where b is 0.
create function strata_divide(a numeric, b numeric) returns numeric
language plpgsql immutable strict parallel safe as $$
declare
  places integer := greatest(scale(a), scale(b));
  dividend numeric;
  divisor numeric;
  shift integer;
  quotient numeric;
  remainder numeric;
begin
  if b = 0 or a in ('NaN', 'Infinity', '-Infinity') or b in ('NaN', 'Infinity', '-Infinity') then
    return null;
  end if;
  if a = 0 then
    return 0;
  end if;
  dividend := trunc(abs(a) * ('1e' || places)::numeric);
  divisor := trunc(abs(b) * ('1e' || places)::numeric);
  -- the integer quotient of what follows has 20 or 21 digits
  shift := 20 - length(dividend::text) + length(divisor::text);
  if shift > 16000 then
    return 0;
  end if;
  if shift >= 0 then
    dividend := dividend * ('1e' || shift)::numeric;
  else
    divisor := divisor * ('1e' || -shift)::numeric;
  end if;
  quotient := div(dividend, divisor);
  if quotient >= 100000000000000000000 then
    shift := shift - 1;
    divisor := divisor * 10;
    quotient := div(dividend, divisor);
  end if;
  remainder := 2 * (dividend - quotient * divisor);
  if remainder > divisor or (remainder = divisor and mod(quotient, 2) = 1) then
    quotient := quotient + 1;
  end if;
  if shift >= 0 then
    quotient := quotient * ('1e-' || shift)::numeric;
  else
    quotient := quotient * ('1e' || -shift)::numeric;
  end if;
  return trim_scale(case when (a < 0) <> (b < 0) then -quotient else quotient end);
end $$;

-- A number in [0, 10000): hundredths of the bucket. SHA-256 of the salt's length in bytes, ':', salt, id; its first six bytes, big-endian.
create function strata_bucket_hundredths(salt text, id text) returns integer
language plpgsql immutable strict parallel safe as $$
declare
  digest bytea := sha256(convert_to(octet_length(salt)::text || ':' || salt || id, 'UTF8'));
begin
  return (
    get_byte(digest, 0)::bigint * 1099511627776 + get_byte(digest, 1)::bigint * 4294967296
    + get_byte(digest, 2)::bigint * 16777216 + get_byte(digest, 3)::bigint * 65536
    + get_byte(digest, 4)::bigint * 256 + get_byte(digest, 5)::bigint
  ) % 10000;
end $$;

create function strata_bucket(salt text, id text) returns numeric
language sql immutable strict parallel safe as $$
  select (strata_bucket_hundredths(salt, id) * 0.01)::numeric
$$;

-- The date that a text `YYYY-MM-DD` names, null where it names none.
create function strata_date(value text) returns date
language plpgsql immutable strict parallel safe as $$
declare
  year integer;
  month integer;
  day integer;
  longest integer;
begin
  if value !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then
    return null;
  end if;
  year := left(value, 4);
  month := substr(value, 6, 2);
  day := substr(value, 9, 2);
  longest := 31 - case when month in (4, 6, 9, 11) then 1 when month = 2 then 3 else 0 end;
  if month = 2 and year % 4 = 0 and (year % 100 <> 0 or year % 400 = 0) then
    longest := 29;
  end if;
  if year = 0 or day > longest then
    return null;
  end if;
  return make_date(year, month, day);
end $$;

-- The instant that a text `YYYY-MM-DDTHH:MM:SS.mmmZ` names, null where it names none.
create function strata_timestamp(value text) returns timestamptz
language plpgsql immutable strict parallel safe as $$
begin
  if value !~ '^.{10}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,3})?Z$' then
    return null;
  end if;
  return (
    strata_date(left(value, 10))
    + make_time(substr(value, 12, 2)::integer, substr(value, 15, 2)::integer, rtrim(substr(value, 18), 'Z')::double precision)
  ) at time zone 'UTC';
end $$;

-- Whole years from birthday to today, 29 February counting as 1 March in common years; null before birth.
-- Not strict, so that it is inlined.
create function strata_age(birthday date, today date) returns integer
language sql immutable parallel safe as $$
  select case
    when birthday <= today then (
      (extract(year from today) * 10000 + extract(month from today) * 100 + extract(day from today))::integer
      - (extract(year from birthday) * 10000 + extract(month from birthday) * 100 + extract(day from birthday))::integer
    ) / 10000
  end
$$;

-- The anniversary of a day in a year: 29 February has it on 1 March in common years.
create function strata_anniversary(day date, year integer) returns date
language sql immutable strict parallel safe as $$
  select make_date(year, extract(month from day)::integer, 1) + (extract(day from day)::integer - 1)
$$;

-- The first anniversary on or after a date; year 0, the day itself, is none.
create function strata_next_anniversary(day date, earliest date) returns date
language plpgsql immutable strict parallel safe as $$
declare
  year integer := greatest(extract(year from earliest)::integer, extract(year from day)::integer + 1);
  found date := strata_anniversary(day, year);
begin
  return case when found < earliest then strata_anniversary(day, year + 1) else found end;
end $$;
