// In charge of reading the log of attempts, and of sending a test. Not of deleting what receivers answered (changes/erasures.ts).
import { noteWrite } from '../access/write-record.ts';
import { fixedIso } from '../db/as-of.ts';
import { asQueryable, type Queryable } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { signedMessage } from './deliver-endpoint.ts';
import { RING } from './lease.ts';
import { makeMessageId } from './next-batch.ts';
import { decryptSecret } from './secrets.ts';
import { Receiver, type SendOptions } from './send.ts';
import { NOW } from './webhook.ts';
import { getWebhookRow, type Webhooking } from './webhooks.ts';

export const TEST = 'webhook.test';

export interface Delivery {
  /** among all attempts of the webhook */
  readonly number: string;
  readonly messageId: string;
  readonly type: string;
  readonly succeeded: boolean;
  /** the range of the feed; null: a notice or a test */
  readonly after: string | null;
  readonly through: string | null;
  readonly changes: number;
  readonly attempt: number;
  readonly atMs: number;
  readonly latencyMs: number;
  readonly status: number | null;
  readonly error: string | null;
  /** null: there was none, or it has been deleted */
  readonly answer: string | null;
}

interface DeliveryRow {
  number: string;
  message_id: string;
  type: string;
  succeeded: boolean;
  after_position: string | null;
  through_position: string | null;
  changes: number;
  attempt: number;
  at: number;
  latency_ms: number;
  status: number | null;
  error: string | null;
  answer: string | null;
}

const COLUMNS =
  'd.number, d.message_id, d.type, d.succeeded, d.after_position, d.through_position, d.changes, d.attempt, d.at, d.latency_ms, d.status, d.error, d.answer';

function toDelivery(row: DeliveryRow): Delivery {
  const { message_id: messageId, after_position: after, through_position: through, at: atMs, latency_ms: latencyMs, ...rest } = row;
  return { ...rest, messageId, after, through, atMs, latencyMs };
}

/** The last attempts, newest first. */
export async function listDeliveries(
  database: Queryable,
  query: {
    readonly webhookId: string;
    readonly succeeded?: boolean | undefined;
    readonly beforeNumber?: string | undefined;
    readonly limit: number;
  },
): Promise<Delivery[]> {
  const rows = await database.query<DeliveryRow>({
    text: `
      select ${COLUMNS}
      from deliveries as d
      where d.webhook_id = $1::uuid and ($2::boolean is null or d.succeeded = $2) and ($3::bigint is null or d.number < $3)
      order by d.number desc
      limit $4`,
    values: [query.webhookId, query.succeeded ?? null, query.beforeNumber ?? null, query.limit],
  });
  return rows.map(toDelivery);
}

/** Sends a message of type `webhook.test` now, outside the order of the others, whatever the status. Throws `not_found`, `conflict`. */
export async function testWebhook(webhooking: Webhooking, send: SendOptions, id: string, signal: AbortSignal): Promise<Delivery> {
  const { database, clock, webhookKey } = webhooking;
  const webhook = await getWebhookRow(database, id);
  const secrets = [webhook.secret, ...((webhook.previous_until ?? 0) > clock.nowMs() ? [webhook.previous_secret] : [])]
    .filter((stored) => stored !== null)
    .map((stored) => decryptSecret(webhookKey, id, stored));
  const [newest] = secrets;
  if (newest === null || newest === undefined)
    throw new AppError('conflict', 'Its secret was encrypted with another SECRET_KEY; rotate it first.');
  const nowMs = clock.nowMs();
  const messageId = makeMessageId(nowMs);
  const body = JSON.stringify({ type: TEST, timestamp: new Date(nowMs).toISOString(), data: { webhookId: id } });
  const receiver = new Receiver(webhook.url, send);
  try {
    const message = signedMessage(
      messageId,
      body,
      secrets.filter((secret) => secret !== null),
      nowMs,
    );
    const outcome = await receiver.post(message, signal);
    const rows = await inTransaction(database, async (client) => {
      await noteWrite(client, { target: `webhooks/${id}`, changes: [] });
      return asQueryable(client).query<DeliveryRow>({
        text: `
        with counted as (
          update webhooks as w
          set delivered = w.delivered + $3::integer, failed = w.failed + 1 - $3::integer
          where w.id = $2::uuid
          returning w.id, w.delivered, w.failed
        )
        insert into deliveries as d
          (webhook_id, succeeded, slot, number, message_id, type, changes, attempt, at, latency_ms, status, error, answer)
        select c.id, $3 = 1, (case when $3 = 1 then c.delivered else c.failed end) % ${RING}, c.delivered + c.failed, $4, '${TEST}', 0, 1, ${NOW}, $5,
          $6, $7, $8
        from counted as c
        on conflict (webhook_id, succeeded, slot) do update
        set number = excluded.number, message_id = excluded.message_id, type = excluded.type, after_position = null, through_position = null,
          changes = 0, attempt = 1, at = excluded.at, latency_ms = excluded.latency_ms, status = excluded.status, error = excluded.error,
          answer = excluded.answer
        returning ${COLUMNS}`,
        values: [
          fixedIso(clock),
          id,
          outcome.succeeded ? 1 : 0,
          messageId,
          outcome.latencyMs,
          outcome.status,
          outcome.error,
          outcome.answer,
        ],
      });
    });
    const [row] = rows;
    if (row === undefined) throw new AppError('not_found', 'The webhook was removed meanwhile.');
    return toDelivery(row);
  } finally {
    receiver.close();
  }
}
