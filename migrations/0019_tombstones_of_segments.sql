-- Of whom nothing may be known any more, that somebody left a segment may: an exit of an erasure keeps its segment when it is blanked, so that
-- who reads by segment, and comes too late to be told who it was, knows that the members are to be taken anew.
alter table changes drop constraint changes_whole;
-- Not validated: the rows there are satisfy the stricter one before it, and looking through the log would hold up the service.
alter table changes add constraint changes_whole check (
  case
    when type = 'erased' then num_nonnulls(customer_id, version, cause, since, since_version, pin_log_id, seen, erasure_id) = 0
    else num_nulls(segment_id, version, cause) = 0 and num_nonnulls(customer_id, erasure_id) = 1
  end
) not valid;
