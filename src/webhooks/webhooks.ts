// In charge of webhooks as they are stored: making, reading, changing and removing them, and giving them another place. Not of sending
// (deliverer.ts). A secret is shown only once: when it is made.
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import { isUuid, uuidv7 } from '../base/uuid.ts';
import { historyTrimmed, readKeptHistory, requireKept } from '../changes/kept-history.ts';
import { findStart, readFeedEnd } from '../changes/read-changes.ts';
import { fixedIso } from '../db/as-of.ts';
import { asQueryable, type Client, type Database, type Queryable } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError, type ErrorDetail } from '../errors.ts';
import { type AddressRange, refuseUrl } from './addresses.ts';
import { encryptSecret, makeSecret, readSecret } from './secrets.ts';
import { CHANGED, type DisabledCode, type MessageType, NOW, WEBHOOK_COLUMNS, type WebhookRow } from './webhook.ts';

const MOST_WEBHOOKS = 1000;

/** What the record of webhooks needs beside the database. */
export interface Webhooking {
  readonly database: Database;
  readonly clock: Clock;
  readonly webhookKey: Buffer;
  readonly webhookAllow: readonly AddressRange[];
}

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly MessageType[];
  /** keys; null: all */
  readonly segments: readonly string[] | null;
  readonly changeTypes: readonly ('entered' | 'exited')[] | null;
  readonly batchSize: number;
  readonly status: 'active' | 'paused' | 'disabled';
  readonly disabled: { readonly code: DisabledCode; readonly detail: string; readonly atMs: number } | null;
  /** everything up to here has been delivered or was not wanted, and how many changes of the feed come after it */
  readonly position: string;
  readonly behind: string;
  /** failed attempts of the batch under way */
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly nextAttemptAtMs: number | null;
  readonly deliveredAtMs: number | null;
  /** the last part of the feed that was trimmed before it could be sent: after one position and up to the other */
  readonly gap: { readonly after: string; readonly through: string; readonly atMs: number } | null;
  /** until when the previous secret signs, too */
  readonly previousSecretUntilMs: number | null;
  readonly author: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface WebhookContent {
  readonly url: string;
  readonly description: string | null;
  readonly types: readonly MessageType[];
  readonly segments: readonly string[] | null;
  readonly changeTypes: readonly ('entered' | 'exited')[] | null;
  readonly batchSize: number;
}

/** Where to begin: after a position (0: at the beginning of what is kept), or so that no change at or after an instant is left out. */
export type From = { readonly position: string } | { readonly atMs: number };

type ListedRow = WebhookRow & { readonly segment_keys: string[] | null; readonly feed_end: string };

const SELECT = `
  select ${WEBHOOK_COLUMNS}, f.position as feed_end,
    (select array_agg(s.key order by s.key) from segments as s where s.id = any(w.segment_ids)) as segment_keys
  from webhooks as w
  cross join feed as f`;

function toWebhook(row: ListedRow): Webhook {
  const behind = row.types.includes(CHANGED) ? BigInt(row.feed_end) - BigInt(row.position) : 0n;
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    types: row.types,
    segments: row.segment_ids === null ? null : (row.segment_keys ?? []),
    changeTypes: row.change_types,
    batchSize: row.batch_size,
    status: row.status,
    disabled:
      row.disabled_code === null
        ? null
        : { code: row.disabled_code, detail: row.disabled_detail ?? '', atMs: row.disabled_at ?? row.updated_at },
    position: row.position,
    behind: String(behind),
    failures: row.failures,
    failingSinceMs: row.failing_since,
    nextAttemptAtMs: row.retry_at,
    deliveredAtMs: row.delivered_at,
    gap: row.gap_after === null ? null : { after: row.gap_after, through: row.gap_through ?? '0', atMs: row.gap_at ?? row.updated_at },
    previousSecretUntilMs: row.previous_until,
    author: row.author,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
  };
}

function notFound(id: string): AppError {
  return new AppError('not_found', `There is no webhook “${id.slice(0, 100)}”.`);
}

/** In the order in which they were made. */
export async function listWebhooks(
  database: Queryable,
  page: { readonly afterId?: string | undefined; readonly limit: number },
): Promise<Webhook[]> {
  const rows = await database.query<ListedRow>({
    text: `${SELECT} where $1::uuid is null or w.id > $1::uuid order by w.id limit $2`,
    values: [page.afterId ?? null, page.limit],
  });
  return rows.map(toWebhook);
}

/** Throws `not_found`. */
export async function getWebhook(database: Queryable, id: string): Promise<Webhook> {
  const [row] = isUuid(id) ? await database.query<ListedRow>({ text: `${SELECT} where w.id = $1::uuid`, values: [id] }) : [];
  if (row === undefined) throw notFound(id);
  return toWebhook(row);
}

/** The row with its secrets, as they are stored. Throws `not_found`. */
export async function getWebhookRow(database: Queryable, id: string): Promise<WebhookRow> {
  const sql = `select ${WEBHOOK_COLUMNS} from webhooks as w where w.id = $1::uuid`;
  const [row] = isUuid(id) ? await database.query<WebhookRow>({ text: sql, values: [id] }) : [];
  if (row === undefined) throw notFound(id);
  return row;
}

// ---------------------------------------------------------------- making and changing

/**
 * Begins at the feed's end unless told otherwise. Throws `invalid_fields`, `not_found` (a segment), `history_trimmed`, `conflict`. → with its
 * secret, once
 */
export async function createWebhook(
  webhooking: Webhooking,
  content: WebhookContent & { readonly from?: From | undefined; readonly secret?: string | undefined; readonly author: string },
): Promise<{ readonly webhook: Webhook; readonly secret: string }> {
  const { database, clock, webhookKey } = webhooking;
  requireUrl(webhooking, content.url);
  const secret = content.secret ?? makeSecret();
  const id = uuidv7(clock.nowMs());
  const stored = encryptSecret(webhookKey, id, requireSecret(secret));
  const webhook = await inTransaction(database, async (client) => {
    const { rows } = await client.query<{ count: number }>('select count(*)::integer as count from webhooks');
    if ((rows[0]?.count ?? 0) >= MOST_WEBHOOKS)
      throw new AppError('conflict', `There are ${MOST_WEBHOOKS} webhooks already; remove one first.`);
    const place = await placeFrom(client, clock, content.from);
    await client.query(
      `insert into webhooks (id, url, description, types, segment_ids, change_types, batch_size, status, secret, author, created_at, updated_at,
         position, notice_id)
       select $2::uuid, $3, $4, $5::text[], $6::integer[], $7::text[], $8, 'active', $9, $10, n.at, n.at, $11::bigint, $12::bigint
       from (select ${NOW} as at) as n`,
      [
        fixedIso(clock),
        id,
        content.url,
        content.description,
        content.types,
        await segmentIdsOf(client, content.segments),
        content.changeTypes,
        content.batchSize,
        stored,
        content.author,
        place.position,
        place.noticeId,
      ],
    );
    return note(client, id, null);
  });
  return { webhook, secret };
}

/** For the audit: what was edited, never a secret. → the webhook as it is now */
async function note(client: Client, id: string, before: Webhook | null, more: object = {}): Promise<Webhook> {
  const webhook = await getWebhook(asQueryable(client), id);
  const content = { before: before === null ? null : editable(before), after: { ...editable(webhook), ...more } };
  await noteWrite(client, { target: `webhooks/${id}`, changes: [{ customerKey: null, content }] });
  return webhook;
}

function editable({ url, description, types, segments, changeTypes, batchSize, status }: Webhook) {
  return { url, description, types, segments, changeTypes, batchSize, status };
}

export type WebhookEdit = Partial<WebhookContent> & { readonly status?: 'active' | 'paused' | undefined };

/**
 * Changes what is given. `active` also resumes one that was disabled, and after any change what has failed is tried again at once. Who resumes
 * it, or gives it another URL, has mended something: failures are counted from there. Types that are newly wanted are sent from now on. A batch
 * that is under way stays as it is. Throws `not_found`, `invalid_fields`.
 */
export async function changeWebhook(webhooking: Webhooking, id: string, edit: WebhookEdit): Promise<Webhook> {
  const { database, clock } = webhooking;
  if (edit.url !== undefined) requireUrl(webhooking, edit.url);
  return inTransaction(database, async (client) => {
    const row = await lockWebhook(client, id);
    const before = await getWebhook(asQueryable(client), id);
    const types = edit.types ?? row.types;
    const beginsChanges = types.includes(CHANGED) && !row.types.includes(CHANGED);
    const beginsNotices = types.some((type) => type !== CHANGED) && row.types.every((type) => type === CHANGED);
    const end = await placeFrom(client, clock, undefined);
    const status = edit.status ?? row.status;
    const url = edit.url ?? row.url;
    const countsAnew = (row.status !== 'active' && status === 'active') || url !== row.url;
    await client.query(
      `update webhooks as w
       set url = $3, description = $4, types = $5::text[], segment_ids = $6::integer[], change_types = $7::text[], batch_size = $8,
         status = $9, updated_at = ${NOW}, revision = w.revision + 1, retry_at = null,
         failures = case when $12 then 0 else w.failures end, failing_since = case when $12 then null else w.failing_since end,
         disabled_code = case when $9 = 'disabled' then w.disabled_code end, disabled_detail = case when $9 = 'disabled' then w.disabled_detail end,
         disabled_at = case when $9 = 'disabled' then w.disabled_at end,
         position = coalesce($10::bigint, w.position), notice_id = coalesce($11::bigint, w.notice_id)
       where w.id = $2::uuid`,
      [
        fixedIso(clock),
        id,
        url,
        edit.description === undefined ? row.description : edit.description,
        types,
        edit.segments === undefined ? row.segment_ids : await segmentIdsOf(client, edit.segments),
        edit.changeTypes === undefined ? row.change_types : edit.changeTypes,
        edit.batchSize ?? row.batch_size,
        status,
        beginsChanges ? end.position : null,
        beginsNotices ? end.noticeId : null,
        countsAnew,
      ],
    );
    return note(client, id, before);
  });
}

/** Removes it with its deliveries. What is under way may still arrive. Throws `not_found`. */
export async function deleteWebhook(database: Database, id: string): Promise<Webhook> {
  return inTransaction(database, async (client) => {
    await lockWebhook(client, id);
    const webhook = await getWebhook(asQueryable(client), id);
    await client.query('delete from webhooks as w where w.id = $1::uuid', [id]);
    await noteWrite(client, {
      target: `webhooks/${id}`,
      changes: [{ customerKey: null, content: { before: editable(webhook), after: null } }],
    });
    return webhook;
  });
}

/** Sends again from that place, with new message ids; what was under way is dropped. Throws `not_found`, `history_trimmed`, `invalid_fields`. */
export async function replayWebhook({ database, clock }: Webhooking, id: string, from: From): Promise<Webhook> {
  return inTransaction(database, async (client) => {
    await lockWebhook(client, id);
    const before = await getWebhook(asQueryable(client), id);
    const place = await placeFrom(client, clock, from);
    await client.query(
      `update webhooks as w
       set position = $3::bigint, notice_id = $4::bigint, batch = null, failures = 0, failing_since = null, retry_at = null,
         updated_at = ${NOW}, revision = w.revision + 1, replays = w.replays + 1
       where w.id = $2::uuid`,
      [fixedIso(clock), id, place.position, place.noticeId],
    );
    return note(client, id, before, { replayedFrom: place.position, from: before.position });
  });
}

/**
 * A new secret signs from now on, and for so long the previous one as well; older ones no longer do. Throws `not_found`, `invalid_fields`. → the
 * secret, shown once
 */
export async function rotateSecret(
  { database, clock, webhookKey }: Webhooking,
  id: string,
  { overlapMs, secret = makeSecret() }: { readonly overlapMs: number; readonly secret?: string | undefined },
): Promise<{ readonly webhook: Webhook; readonly secret: string }> {
  const bytes = requireSecret(secret);
  const webhook = await inTransaction(database, async (client) => {
    await lockWebhook(client, id);
    const before = await getWebhook(asQueryable(client), id);
    await client.query(
      `update webhooks as w
       set secret = $3, previous_secret = case when $4::double precision > 0 then w.secret end,
         previous_until = case when $4 > 0 then ${NOW} + $4 * interval '1 millisecond' end,
         updated_at = ${NOW}, revision = w.revision + 1
       where w.id = $2::uuid`,
      [fixedIso(clock), id, encryptSecret(webhookKey, id, bytes), overlapMs],
    );
    return note(client, id, before, { rotated: true });
  });
  return { webhook, secret };
}

async function lockWebhook(client: Client, id: string): Promise<WebhookRow> {
  if (isUuid(id)) await client.query('select w.id from webhooks as w where w.id = $1::uuid for update', [id]);
  return getWebhookRow(asQueryable(client), id);
}

// ---------------------------------------------------------------- what is given

function refuseField(pointer: string, detail: string): AppError {
  const errors: ErrorDetail[] = [{ pointer, code: 'invalid_value', detail }];
  return new AppError('invalid_fields', `${pointer}: ${detail}`, { errors });
}

function requireUrl({ webhookAllow }: Webhooking, url: string): void {
  const refusal = refuseUrl(url, webhookAllow);
  if (refusal !== null) throw refuseField('/url', refusal);
}

function requireSecret(secret: string): Buffer {
  const bytes = readSecret(secret);
  if (bytes === null) throw refuseField('/secret', 'A secret is `whsec_` and 24 to 64 bytes in base64.');
  return bytes;
}

async function segmentIdsOf(client: Client, keys: readonly string[] | null): Promise<number[] | null> {
  if (keys === null) return null;
  const { rows } = await client.query<{ id: number; key: string }>('select s.id, s.key from segments as s where s.key = any($1::text[])', [
    keys,
  ]);
  const ids = new Map(rows.map((row) => [row.key, row.id]));
  const errors = keys.flatMap((key, index) =>
    ids.has(key) ? [] : [{ pointer: `/segments/${index}`, code: 'unknown_segment', detail: `There is no segment “${key}”.` }],
  );
  if (errors.length > 0) throw new AppError('invalid_fields', errors[0]?.detail ?? '', { errors });
  return [...ids.values()].sort((one, other) => one - other);
}

/**
 * A notice comes after the changes of its place; a webhook that begins after a position gets the notices at that position or later: who has had
 * the change there need not have had them.
 */
async function placeFrom(client: Client, clock: Clock, from: From | undefined): Promise<{ position: string; noticeId: string }> {
  const database = asQueryable(client);
  if (from === undefined) {
    const { rows } = await client.query<{ position: string; last_id: string }>(
      'select f.position, k.last_id from feed as f cross join notice_count as k',
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the row of the feed is missing');
    return { position: row.position, noticeId: row.last_id };
  }
  const position = await positionOf(database, clock, from);
  const { rows } = await client.query<{ notice_id: string }>(
    `select coalesce(
       (select min(n.id) - 1 from notices as n where n.after_position is null or n.after_position >= $1::bigint),
       k.last_id
     ) as notice_id
     from notice_count as k`,
    [position],
  );
  return { position, noticeId: rows[0]?.notice_id ?? '0' };
}

async function positionOf(database: Queryable, clock: Clock, from: From): Promise<string> {
  if ('atMs' in from) {
    requireKept(from.atMs, await readKeptHistory(database, clock));
    return findStart(database, from.atMs);
  }
  const end = await readFeedEnd(database);
  if (BigInt(from.position) > BigInt(end)) throw refuseField('/from', `The feed ends at ${end}.`);
  const { trimmedPosition, oldestMs } = await readKeptHistory(database, clock);
  if (BigInt(from.position) >= BigInt(trimmedPosition)) return from.position;
  if (from.position === '0') return trimmedPosition;
  throw historyTrimmed(oldestMs ?? 0);
}
