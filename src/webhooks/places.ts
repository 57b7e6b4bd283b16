// In charge of how far webhooks are, for trimming, blanking and metrics. Not of moving them.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import { type Database, pipeline, type Queryable, type Statement } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { CHANGED, NOW } from './webhook.ts';

/**
 * Every webhook that is sent changes has had them up to here, not counting disabled ones. null: there is none. What comes after is kept from
 * trimming; what comes before need not be kept for webhooks.
 */
export async function readPassedPosition(database: Queryable): Promise<string | null> {
  const [row] = await database.query<{ position: string | null }>({
    name: 'webhooks_passed',
    text: `
      select min(w.position) as position
      from webhooks as w
      where w.status <> 'disabled' and '${CHANGED}' = any(w.types)`,
  });
  return row?.position ?? null;
}

export interface WebhookLag {
  readonly id: string;
  readonly status: 'active' | 'paused' | 'disabled';
  /** changes of the feed after its place, wanted or not */
  readonly behind: number;
  /** how long the first of them has waited; 0: there are none */
  readonly seconds: number;
  /** failed attempts at the current batch */
  readonly failures: number;
}

/** For every webhook; by primary key, however long the log is. */
export async function readWebhookLag(database: Queryable, clock: Clock): Promise<WebhookLag[]> {
  return database.query<{ id: string; status: WebhookLag['status']; behind: number; seconds: number; failures: number }>({
    name: 'webhook_lag',
    text: `
      select w.id, w.status, w.failures, l.behind::double precision as behind,
        case when l.behind > 0 then greatest(0, coalesce(extract(epoch from ${NOW} - c.at), 0))::double precision else 0 end as seconds
      from webhooks as w
      cross join feed as f
      cross join lateral (
        select case when '${CHANGED}' = any(w.types) then greatest(0, f.position - w.position) else 0 end as behind
      ) as l
      left join changes as c on c.position = w.position + 1
      order by w.id`,
    values: [fixedIso(clock)],
  });
}

/** The newest of them are kept if the log is kept without limit: some 50 MB. */
const KEPT_NOTICES = 100_000;
const TRIMMED_AT_ONCE = 5000;

export interface NoticesToTrim {
  /** epoch milliseconds: older ones go with the part of the log to which they belong; null: all of it is kept */
  readonly olderThanMs: number | null;
  /** how much longer they are kept for a webhook */
  readonly waitMs: number;
}

/**
 * What is older than the log that is kept goes, and everything before the newest hundred thousand, a piece at a time and the oldest first.
 * Notices that a webhook has not had wait for it as the log does; a webhook that still has not had them then is told in its record, as for
 * changes. → how many went
 */
export async function trimNotices(
  database: Database,
  clock: Clock,
  { olderThanMs, waitMs }: NoticesToTrim,
  { kept, atOnce }: { readonly kept: number; readonly atOnce: number } = { kept: KEPT_NOTICES, atOnce: TRIMMED_AT_ONCE },
): Promise<number> {
  const instant = (ms: number) => (olderThanMs === null ? null : new Date(olderThanMs - ms).toISOString());
  const trim: Statement = {
    name: 'trim_notices',
    text: `
      with oldest as (
        select n.id, n.at
        from notices as n
        where n.after_position is not null
        order by n.id
        limit $5
      ), passed as (
        select min(w.notice_id) as notice_id
        from webhooks as w
        where w.status <> 'disabled' and w.types <> array['${CHANGED}']
      ), gone as (
        delete from notices as n
        using oldest as o, passed as p, trimmed as t, notice_count as k
        where n.id = o.id
          and (
            n.at < $2::timestamptz and n.after_position <= t.position
              and (n.id <= coalesce(p.notice_id, n.id) or n.at < $3::timestamptz)
            or n.id <= least(k.last_id - $4::bigint, coalesce(p.notice_id, n.id))
          )
        returning n.id, n.type, n.segment_id, n.after_position
      ), missed as (
        select w.id, min(g.after_position) as first, max(g.after_position) as last
        from gone as g
        join webhooks as w on w.notice_id < g.id and g.type = any(w.types) and (w.segment_ids is null or g.segment_id = any(w.segment_ids))
        group by w.id
      ), told as (
        update webhooks as w
        set gap_after = m.first, gap_through = m.last, gap_at = ${NOW}
        from missed as m
        where w.id = m.id
      )
      select count(*)::integer as trimmed
      from gone as g`,
    values: [fixedIso(clock), instant(0), instant(waitMs), kept, atOnce],
  };
  return inTransaction(database, async (client) => {
    const [rows] = await pipeline(client, [trim]); // repeated where several webhooks are told while somebody else has some of them locked
    return Number(rows?.[0]?.['trimmed'] ?? 0);
  });
}
