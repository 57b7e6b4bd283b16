// In charge of how far webhooks are, for those who must know: what may be trimmed or blanked, and what is measured. Not of moving them.
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Database, Queryable } from '../db/database.ts';
import { CHANGED, NOW } from './webhook.ts';

/**
 * Every webhook that is sent changes has had them up to here, disabled ones not counted. null: there is none. What comes behind it is kept
 * from trimming, what comes before it need not be kept for webhooks.
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
  /** changes of the feed behind its place, wanted or not */
  readonly behind: number;
  /** how long the first of them has waited; 0: none does */
  readonly seconds: number;
  /** attempts of what is under way that failed */
  readonly failures: number;
}

/** Of every webhook; by primary key, whatever the log holds. */
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

/** Notices go with the part of the feed that they stand in, once they are as old. */
export async function trimNotices(database: Database, olderThanMs: number): Promise<void> {
  await database.query({
    name: 'trim_notices',
    text: `
      delete from notices as n
      using trimmed as t
      where n.after_position < t.position and n.at < $1::timestamptz
        and n.id <= coalesce((select min(w.notice_id) from webhooks as w where w.status <> 'disabled' and w.types <> array['${CHANGED}']), n.id)`,
    values: [new Date(olderThanMs).toISOString()],
  });
}
