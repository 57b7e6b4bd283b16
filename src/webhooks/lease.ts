// In charge of who sends to an endpoint, and of how far it is: leases on rows of `webhooks`, and the statements that move its place, each of
// which has an effect only for the holder of the lease. If two processes believe that they hold one, the row knows which does.
//
// An edit by hand moves the `revision` and leaves the lease alone: whoever is sending then records the attempt and reads the row again. It may
// move the place forwards (for a type that is wanted from now on), and back only by a replay, which moves `replays`, too: then the sender's
// place no longer counts.
//
// Who gives a lease back leaves the instant in `leased_until`: so the row knows when the endpoint last had its turn, whether anything was sent or not.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import type { Queryable } from '../db/database.ts';
import type { Place, Prepared } from './next-batch.ts';
import type { Outcome } from './send.ts';
import { type Batch, CHANGED, type DisabledCode, NOW, WEBHOOK_COLUMNS, type WebhookRow } from './webhook.ts';

/** How long the endpoints of a dead process wait. Leases that are held are renewed every third of this. */
export const LEASE_MS = 6000;
/** How many attempts each of the two rings remembers. */
export const RING = 100;

export interface Held {
  readonly webhook: WebhookRow;
  readonly leaseId: string;
}

/** SQL: nobody holds it. An instant without a holder is that of the last turn: it may lie ahead after the clock was set back, and holds nothing. */
const IS_FREE = `(w.lease_id is null or w.leased_until <= ${NOW})`;

/**
 * Endpoints that have something to do and that nobody holds, who has waited longest first: since the last turn, or since the instant for which a
 * failed one was put off. By the last success, quiet endpoints would come before all others at every growth of the feed. `fresh`: of those that
 * are not failing, and of those that are.
 */
export async function takeEndpoints(
  database: Queryable,
  clock: Clock,
  most: { readonly fresh: number; readonly failing: number },
  held: readonly string[],
): Promise<Held[]> {
  const leaseId = randomUUID();
  const rows = await database.query<WebhookRow>({
    name: 'take_webhooks',
    text: `
      with waiting as (
        select w.id, row_number() over (partition by w.failures > 0 order by greatest(w.retry_at, w.leased_until) nulls first, w.id) as turn, w.failures > 0 as is_failing
        from webhooks as w
        cross join feed as f
        cross join notice_count as k
        where w.status = 'active' and ${IS_FREE} and (w.retry_at is null or w.retry_at <= ${NOW})
          and w.id <> all($5::uuid[])
          and (
            w.batch is not null
            or (w.position < f.position and '${CHANGED}' = any(w.types))
            or (w.notice_id < k.last_id and w.types <> array['${CHANGED}'])
          )
      ), free as (
        select w.id
        from webhooks as w
        where w.id in (select a.id from waiting as a where a.turn <= case when a.is_failing then $3::bigint else $2::bigint end)
          and w.status = 'active' and ${IS_FREE}
        for update skip locked
      )
      update webhooks as w
      set lease_id = $4::uuid, leased_until = ${NOW} + ${LEASE_MS} * interval '1 millisecond'
      from free as r
      where w.id = r.id
      returning ${WEBHOOK_COLUMNS}`,
    values: [fixedIso(clock), most.fresh, most.failing, leaseId, held],
  });
  return rows.map((webhook) => ({ webhook, leaseId }));
}

/** One statement for all that this process holds. → the leases that are still valid */
export async function renewLeases(database: Queryable, clock: Clock, held: readonly Held[]): Promise<ReadonlySet<string>> {
  const rows = await database.query<{ id: string }>({
    name: 'renew_webhooks',
    text: `
      update webhooks as w
      set leased_until = ${NOW} + ${LEASE_MS} * interval '1 millisecond'
      from unnest($2::uuid[], $3::uuid[]) as u (id, lease_id)
      where w.id = u.id and w.lease_id = u.lease_id
      returning w.id`,
    values: [fixedIso(clock), held.map(({ webhook }) => webhook.id), held.map(({ leaseId }) => leaseId)],
  });
  return new Set(rows.map((row) => row.id));
}

/** What follows has been dealt with; nobody sends any more. */
export async function releaseEndpoint(database: Queryable, clock: Clock, { webhook, leaseId }: Held, place: Place): Promise<void> {
  await database.query({
    name: 'release_webhook',
    text: `
      update webhooks as w
      set lease_id = null, leased_until = ${NOW},
        position = case when w.revision = $4::bigint then $5::bigint else w.position end,
        notice_id = case when w.revision = $4::bigint then $6::bigint else w.notice_id end
      where w.id = $2::uuid and w.lease_id = $3::uuid`,
    values: [fixedIso(clock), webhook.id, leaseId, webhook.revision, place.position, place.noticeId],
  });
}

/** Stores what is under way before it is sent for the first time. false: the lease is lost, or the webhook was edited meanwhile */
export async function fixBatch(database: Queryable, held: Held, place: Place, batch: Batch | null): Promise<boolean> {
  const rows = await database.query({
    name: 'fix_webhook_batch',
    text: `
      update webhooks as w
      set batch = $4::jsonb, position = $5::bigint, notice_id = $6::bigint
      where w.id = $1::uuid and w.lease_id = $2::uuid and w.revision = $3::bigint
      returning w.id`,
    values: [
      held.webhook.id,
      held.leaseId,
      held.webhook.revision,
      batch === null ? null : JSON.stringify(batch),
      place.position,
      place.noticeId,
    ],
  });
  return rows.length > 0;
}

/** A part of the feed was trimmed before it could be sent: the endpoint's record says so, and it goes on after that part. */
export async function recordGap(database: Queryable, clock: Clock, held: Held, through: string): Promise<boolean> {
  const rows = await database.query({
    name: 'record_webhook_gap',
    text: `
      update webhooks as w
      set gap_after = w.position, gap_through = $5::bigint, gap_at = ${NOW}, position = $5::bigint, batch = null
      where w.id = $2::uuid and w.lease_id = $3::uuid and w.revision = $4::bigint
      returning w.id`,
    values: [fixedIso(clock), held.webhook.id, held.leaseId, held.webhook.revision, through],
  });
  return rows.length > 0;
}

export interface Attempt {
  readonly batch: Batch;
  readonly changes: number;
  readonly attempt: number;
  readonly readAtMs: number;
  readonly outcome: Outcome;
}

/** What was read after an erasure's instant may come from before its commit. */
const ERASING = "interval '1 minute'";

/**
 * SQL: the attempt goes into its ring from the row of `recorded`, with $6 and on as values. An answer that may repeat what has been erased since
 * it was made is not kept.
 */
function logAttempt(succeeded: boolean): string {
  const count = succeeded ? 'r.delivered' : 'r.failed';
  return `
    insert into deliveries as d
      (webhook_id, succeeded, slot, number, message_id, type, after_position, through_position, changes, attempt, at, latency_ms, status, error, answer)
    select r.id, ${succeeded}, ${count} % ${RING}, r.delivered + r.failed, $6, $7, $8::bigint, $9::bigint, $10, $11, ${NOW}, $12, $13, $14,
      case when not exists (select from erasures as e where e.erased_at >= $16::timestamptz - ${ERASING}) then $15 end
    from recorded as r
    on conflict (webhook_id, succeeded, slot) do update
    set number = excluded.number, message_id = excluded.message_id, type = excluded.type, after_position = excluded.after_position,
      through_position = excluded.through_position, changes = excluded.changes, attempt = excluded.attempt, at = excluded.at,
      latency_ms = excluded.latency_ms, status = excluded.status, error = excluded.error, answer = excluded.answer`;
}

function attemptValues({ batch, changes, attempt, readAtMs, outcome }: Attempt): unknown[] {
  const isRange = batch.kind === 'changes';
  return [
    batch.id,
    isRange ? CHANGED : batch.type,
    isRange ? batch.after : null,
    isRange ? batch.through : null,
    changes,
    attempt,
    outcome.latencyMs,
    outcome.status,
    outcome.error,
    outcome.answer,
    new Date(readAtMs).toISOString(),
  ];
}

/**
 * The receiver has it: the place moves past it, and the next batch, if one is ready, is fixed in the same statement.
 * → `lost`: another process holds the endpoint, or it is gone; `edited`: the attempt counts, but the row must be read again
 */
export async function recordSuccess(
  database: Queryable,
  clock: Clock,
  held: Held,
  attempt: Attempt,
  then: Place,
  next: Prepared | null,
): Promise<'recorded' | 'edited' | 'lost'> {
  const rows = await database.query<{ revision: string }>({
    name: 'record_webhook_success',
    text: `
      with recorded as (
        update webhooks as w
        set position = case when w.replays = $19::bigint then greatest(w.position, $17::bigint) else w.position end,
          notice_id = case when w.replays = $19::bigint then greatest(w.notice_id, $18::bigint) else w.notice_id end,
          batch = case when w.revision = $4::bigint then $5::jsonb when w.batch ->> 'id' = $6 then null else w.batch end,
          failures = 0, failing_since = null, retry_at = null, delivered = w.delivered + 1, delivered_at = ${NOW}
        where w.id = $2::uuid and w.lease_id = $3::uuid
        returning w.id, w.revision, w.delivered, w.failed
      ), logged as (
        ${logAttempt(true)}
      )
      select r.revision
      from recorded as r`,
    values: [
      fixedIso(clock),
      held.webhook.id,
      held.leaseId,
      held.webhook.revision,
      next === null ? null : JSON.stringify(next.batch),
      ...attemptValues(attempt),
      then.position,
      then.noticeId,
      held.webhook.replays,
    ],
  });
  const [row] = rows;
  if (row === undefined) return 'lost';
  return row.revision === held.webhook.revision ? 'recorded' : 'edited';
}

export interface Disabling {
  readonly code: DisabledCode;
  readonly detail: string;
}

/**
 * It is tried again after that time, or never; the lease is given back. After an edit meanwhile (another URL, a resume) it is tried at once. →
 * whether we held it
 */
export async function recordFailure(
  database: Queryable,
  clock: Clock,
  held: Held,
  attempt: Attempt,
  then: { readonly retryMs: number } | Disabling,
): Promise<boolean> {
  const isOver = 'code' in then;
  const rows = await database.query({
    name: 'record_webhook_failure',
    text: `
      with recorded as (
        update webhooks as w
        set lease_id = null, leased_until = ${NOW}, failed = w.failed + 1,
          failures = case when w.revision = $4::bigint then w.failures + 1 else w.failures end,
          failing_since = case when w.revision = $4::bigint then coalesce(w.failing_since, ${NOW}) else w.failing_since end,
          retry_at = case when w.revision = $4::bigint then ${NOW} + $5::double precision * interval '1 millisecond' else w.retry_at end,
          status = case when w.revision = $4::bigint and $17::text is not null then 'disabled' else w.status end,
          disabled_code = case when w.revision = $4::bigint then coalesce($17, w.disabled_code) else w.disabled_code end,
          disabled_detail = case when w.revision = $4::bigint then coalesce($18, w.disabled_detail) else w.disabled_detail end,
          disabled_at = case when w.revision = $4::bigint and $17 is not null then ${NOW} else w.disabled_at end
        where w.id = $2::uuid and w.lease_id = $3::uuid
        returning w.id, w.delivered, w.failed
      ), logged as (
        ${logAttempt(false)}
      )
      select r.id
      from recorded as r`,
    values: [
      fixedIso(clock),
      held.webhook.id,
      held.leaseId,
      held.webhook.revision,
      isOver ? null : then.retryMs,
      ...attemptValues(attempt),
      isOver ? then.code : null,
      isOver ? then.detail : null,
    ],
  });
  return rows.length > 0;
}

/** Without an attempt: there is nothing to sign with. */
export async function disableEndpoint(database: Queryable, clock: Clock, held: Held, { code, detail }: Disabling): Promise<void> {
  await database.query({
    name: 'disable_webhook',
    text: `
      update webhooks as w
      set status = 'disabled', disabled_code = $5, disabled_detail = $6, disabled_at = ${NOW}, lease_id = null, leased_until = ${NOW}
      where w.id = $2::uuid and w.lease_id = $3::uuid and w.revision = $4::bigint`,
    values: [fixedIso(clock), held.webhook.id, held.leaseId, held.webhook.revision, code, detail],
  });
}

/** The row as it is now. null: it is gone, or another process holds it. */
export async function readHeld(database: Queryable, { webhook, leaseId }: Held): Promise<Held | null> {
  const [row] = await database.query<WebhookRow>({
    name: 'read_held_webhook',
    text: `select ${WEBHOOK_COLUMNS} from webhooks as w where w.id = $1::uuid and w.lease_id = $2::uuid`,
    values: [webhook.id, leaseId],
  });
  return row === undefined ? null : { webhook: row, leaseId };
}
