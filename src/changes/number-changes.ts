// In charge of the statement that gives changes their positions and notes them for count-noted-changes.ts. Not of where they come from: publisher.ts
// takes them out of the outbox, or move-distributed.ts on Citus.

/** Rows numbered in one transaction; they go in order of decision, so those left over come later anyway. */
export const MOVED_AT_ONCE = 20_000;
/** Every process listens here (db/listener.ts); the message is the end of the feed. It goes with the commit of the numbering: a commit of
 *  its own would be a disk write of its own. */
export const FEED_CHANNEL = 'strata_feed';

/** SQL over `outbox as o`: whether its customer was erased before it was numbered; it is then counted and becomes a tombstone. */
export const IS_ERASED = 'o.customer_id = 0 and o.erasure_id is null as is_erased';

/** `moved` is SQL that gives rows of the outbox with `is_erased`. → how many, as `moved`; no row if there are none */
export function numberChanges(moved: string): string {
  return `
  with moved as (${moved}
  ), numbered as (
    insert into changes (position, type, segment_id, customer_id, erasure_id, version, cause, at, since, since_version, pin_log_id, seen)
    select f.position + row_number() over (order by m.decision, m.ordinal),
      case when m.is_erased then 'erased' else m.type end,
      case when not m.is_erased then m.segment_id end,
      nullif(m.customer_id, 0), m.erasure_id,
      case when not m.is_erased then m.version end,
      case when not m.is_erased then m.cause end,
      m.at, m.since, m.since_version, m.pin_log_id, m.seen
    from moved as m
    cross join feed as f
    returning position
  ), noted as (
    insert into uncounted (segment_id, position, at, cause, entered, exited)
    select m.segment_id, f.position, date_bin('15 minutes', m.at, 'epoch'::timestamptz) as quarter, m.cause,
      count(*) filter (where m.type = 'entered'), count(*) filter (where m.type = 'exited')
    from moved as m
    cross join feed as f
    group by m.segment_id, f.position, quarter, m.cause
  )
  update feed as f
  set position = f.position + (select count(*) from numbered)
  where exists (select from numbered)
  returning (select count(*) from numbered)::integer as moved, pg_notify('${FEED_CHANNEL}', f.position::text)`;
}
