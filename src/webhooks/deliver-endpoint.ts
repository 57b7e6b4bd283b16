// In charge of sending to one endpoint that this process holds, in order, until nothing is left or an attempt fails. The next batch is read
// while one is under way. Not of who holds what (deliverer.ts), nor of how a request goes (send.ts).
//
//   fixed before? ─► the same again : the next, fixed ─► sent ─► recorded, with the place ─► …
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { inOwnSpan } from '../base/tracing.ts';
import type { Database } from '../db/database.ts';
import { backOffMs } from './back-off.ts';
import {
  type Attempt,
  disableEndpoint,
  fixBatch,
  type Held,
  readHeld,
  recordFailure,
  recordGap,
  recordSuccess,
  releaseEndpoint,
} from './lease.ts';
import { findNext, type Next, type Place, type Prepared, readAgain } from './next-batch.ts';
import { decryptSecret, sign } from './secrets.ts';
import type { Message, Outcome, Receiver } from './send.ts';
import type { WebhookRow } from './webhook.ts';

export interface Delivering {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** the key that encrypts secrets */
  readonly key: Buffer;
  /** limits reads of batches to a few at a time in this process */
  readonly reading: <Value>(read: () => Promise<Value>) => Promise<Value>;
  readonly receiverOf: (webhook: WebhookRow) => Receiver;
}

/** `stopping`: no attempt begins any more. `broken`: the one under way ends at once. Resolves when the endpoint has been given back. */
export interface Until {
  readonly stopping: AbortSignal;
  readonly broken: AbortSignal;
  /** called before each request */
  onRequest(): void;
}

const GONE = 410;
/** An endpoint with much to send gives its place to others in between. */
const TURN_MS = 5000;

/** What came of an endpoint's turn. */
export interface Turn {
  readonly requests: number;
  /** it goes on from another place than before: what it was taken for need not be looked at again */
  readonly hasMoved: boolean;
}

export async function deliverTo(delivering: Delivering, taken: Held, until: Until): Promise<Turn> {
  let requests = 0;
  const onRequest = () => {
    requests += 1;
    until.onRequest();
  };
  const before = placeOf(taken.webhook);
  const place = await deliverUntil(delivering, taken, { ...until, onRequest });
  const isThere = place === null || (place.position === before.position && place.noticeId === before.noticeId);
  return { requests, hasMoved: !isThere };
}

/** → where it was given back; null: by a failure, or it was not ours any more */
async function deliverUntil(delivering: Delivering, taken: Held, until: Until): Promise<Place | null> {
  const startMs = delivering.clock.nowMs();
  let held = taken;
  let next: Promise<Next> | null = null;
  for (;;) {
    const place = placeOf(held.webhook);
    const { webhook } = held;
    const isOver = delivering.clock.nowMs() - startMs > TURN_MS;
    if (webhook.status !== 'active' || until.stopping.aborted || isOver) {
      await next?.catch(() => {});
      await releaseEndpoint(delivering.database, delivering.clock, held, place);
      return place;
    }
    const found: Next = await (next ?? read(delivering, webhook, place));
    next = null;
    if (found.kind === 'wait') {
      await releaseEndpoint(delivering.database, delivering.clock, held, found.place);
      return found.place;
    }
    if (found.kind === 'trimmed') {
      delivering.log.warn(
        { webhook: webhook.id, after: place.position, through: found.through },
        'the log was trimmed before a webhook had it',
      );
      const again = (await recordGap(delivering.database, delivering.clock, held, found.through))
        ? await readHeld(delivering.database, held)
        : null;
      if (again === null) return null;
      held = again;
      continue;
    }
    if (found.kind === 'skip') {
      const isOurs = await fixBatch(delivering.database, held, found.place, null);
      const again = await readHeld(delivering.database, held);
      if (again === null || (!isOurs && again.webhook.revision === webhook.revision)) return null;
      held = again;
      continue;
    }
    const sent = await sendPrepared(delivering, held, found.prepared, until);
    if (sent === null) return null;
    held = sent.held;
    next = sent.next;
  }
}

function placeOf(webhook: WebhookRow): Place {
  return { position: webhook.position, noticeId: webhook.notice_id };
}

function read(delivering: Delivering, webhook: WebhookRow, place: Place): Promise<Next> {
  const { database, clock } = delivering;
  const { batch } = webhook;
  const filter = { types: webhook.types, segmentIds: webhook.segment_ids, changeTypes: webhook.change_types };
  return delivering.reading(() =>
    batch === null ? findNext(database, place, filter, webhook.batch_size, clock.nowMs()) : readAgain(database, batch, place),
  );
}

interface Sent {
  readonly held: Held;
  /** what comes next, if it is already being read; null: it must be read from the row */
  readonly next: Promise<Next> | null;
}

/** Fixes, sends and records one batch. null: the endpoint is no longer ours. */
async function sendPrepared(delivering: Delivering, held: Held, prepared: Prepared, until: Until): Promise<Sent | null> {
  const { database, clock } = delivering;
  const { webhook } = held;
  const place = placeOf(webhook);
  const secrets = secretsOf(delivering, webhook);
  if (secrets === null) {
    const detail = 'Its secret was encrypted with another SECRET_KEY; rotate it, and then resume.';
    delivering.log.error({ webhook: webhook.id }, 'a webhook was disabled: its secret was encrypted with another SECRET_KEY');
    await disableEndpoint(database, clock, held, { code: 'secret_unreadable', detail });
    return null;
  }
  if (webhook.batch?.id !== prepared.batch.id && !(await fixBatch(database, held, place, prepared.batch)))
    return readEdited(delivering, held);
  const then = { ...webhook, batch: null, position: prepared.placeAfter.position, notice_id: prepared.placeAfter.noticeId };
  const reading = read(delivering, then, prepared.placeAfter); // while this one is under way
  let ready: Next | null = null;
  reading.then(
    (found) => (ready = found),
    () => {}, // handled when its turn comes
  );
  until.onRequest();
  const message = messageOf(prepared, secrets, clock.nowMs());
  const outcome = await deliver(delivering.receiverOf(webhook), message, prepared, webhook, until.broken);
  const attempt = { batch: prepared.batch, changes: prepared.changes, attempt: webhook.failures + 1, readAtMs: prepared.readAtMs, outcome };
  if (until.broken.aborted && !outcome.succeeded) {
    await releaseEndpoint(database, clock, held, place); // our fault, not the receiver's
    return null;
  }
  if (!outcome.succeeded) {
    await fail(delivering, held, attempt);
    return null;
  }
  const following = preparedOf(ready);
  switch (await recordSuccess(database, clock, held, attempt, prepared.placeAfter, following)) {
    case 'lost':
      return null;
    case 'edited':
      return readEdited(delivering, held);
    case 'recorded':
      return { held: { ...held, webhook: { ...then, batch: following?.batch ?? null, failures: 0 } }, next: reading };
  }
}

/** The address is left out: it may hold a secret. */
function deliver(receiver: Receiver, message: Message, { changes }: Prepared, webhook: WebhookRow, broken: AbortSignal): Promise<Outcome> {
  const about = { 'strata.webhook_id': webhook.id, 'strata.attempt': webhook.failures + 1, 'strata.changes': changes };
  return inOwnSpan('deliver', about, async (note) => {
    const outcome = await receiver.post(message, broken);
    const { status, succeeded } = outcome;
    note({ ...(status === null ? {} : { 'http.response.status_code': status }), ...(succeeded ? {} : { 'error.type': 'refused' }) });
    return outcome;
  });
}

function preparedOf(next: Next | null): Prepared | null {
  return next?.kind === 'send' ? next.prepared : null;
}

async function readEdited(delivering: Delivering, held: Held): Promise<Sent | null> {
  const again = await readHeld(delivering.database, held);
  return again === null ? null : { held: again, next: null };
}

/** The newest first; null: the newest cannot be read. */
function secretsOf({ key, clock }: Delivering, webhook: WebhookRow): Buffer[] | null {
  const newest = decryptSecret(key, webhook.id, webhook.secret);
  if (newest === null) return null;
  const isRotating = webhook.previous_secret !== null && (webhook.previous_until ?? 0) > clock.nowMs();
  const previous = isRotating && webhook.previous_secret !== null ? decryptSecret(key, webhook.id, webhook.previous_secret) : null;
  return previous === null ? [newest] : [newest, previous];
}

function messageOf({ batch, body }: Prepared, secrets: readonly Buffer[], nowMs: number): Message {
  return signedMessage(batch.id, body, secrets, nowMs);
}

/** As Standard Webhooks says; the timestamp is the attempt's. */
export function signedMessage(id: string, body: string, secrets: readonly Buffer[], nowMs: number): Message {
  const timestamp = Math.floor(nowMs / 1000);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Strata',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign(secrets, id, timestamp, body),
  };
  return { headers, body };
}

async function fail({ database, clock, log }: Delivering, held: Held, attempt: Attempt): Promise<void> {
  const { outcome } = attempt;
  const about = {
    webhook: held.webhook.id,
    message: attempt.batch.id,
    attempt: attempt.attempt,
    status: outcome.status,
    error: outcome.error,
  };
  const retryMs = outcome.status === GONE ? null : backOffMs(attempt.attempt, outcome.retryAfterSeconds);
  if (retryMs !== null) {
    log.info(about, 'a delivery failed; it is tried again');
    await recordFailure(database, clock, held, attempt, { retryMs });
    return;
  }
  const disabling = giveUp(held.webhook, outcome, attempt.attempt);
  log.error({ ...about, reason: disabling.code }, 'a webhook was disabled');
  await recordFailure(database, clock, held, attempt, disabling);
}

function giveUp(webhook: WebhookRow, { status, error }: Outcome, attempts: number) {
  if (status === GONE) return { code: 'gone', detail: 'The receiver answered 410: it wants nothing more.' } as const;
  const since = webhook.failing_since === null ? '' : ` since ${new Date(webhook.failing_since).toISOString()}`;
  return { code: 'failing', detail: `${attempts} attempts failed${since}; the last one: ${error}.` } as const;
}
