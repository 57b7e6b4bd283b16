// In charge of the routes of webhooks: making and changing them, their secrets, their deliveries. Not of sending (webhooks/).
import { z } from 'zod';
import { allowsSegment, type Caller, requireAllSegments, requireSegments } from '../../access/caller.ts';
import { HOUR_MS } from '../../base/durations.ts';
import { isUuid } from '../../base/uuid.ts';
import { AppError } from '../../errors.ts';
import type { Strata } from '../../strata.ts';
import { type Delivery, listDeliveries, testWebhook } from '../../webhooks/deliveries.ts';
import { MESSAGE_TYPES, MOST_CHANGES } from '../../webhooks/webhook.ts';
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  type From,
  getWebhook,
  listWebhooks,
  replayWebhook,
  rotateSecret,
  type Webhook,
  type WebhookEdit,
} from '../../webhooks/webhooks.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { type Route, route } from './route.ts';
import { Count, FlagParameter, Instant, InstantInput, instant, instantOrNull, listOf, Page, SegmentKey, storableText } from './wire.ts';

const MOST_SEGMENTS = 100;
const WebhookPath = z.strictObject({ webhookId: z.string().meta({ description: 'As in the answer to its making' }) });

const Url = storableText(2000).meta({
  description:
    'https; http only to addresses that WEBHOOK_ALLOW names. Only public addresses, unless named there; checked at every connection.',
});
const Types = z
  .array(z.enum(MESSAGE_TYPES))
  .min(1)
  .max(MESSAGE_TYPES.length)
  .refine((types) => new Set(types).size === types.length, 'names each type once')
  .meta({ description: 'What it is sent' });
const Segments = z
  .array(SegmentKey)
  .min(1)
  .max(MOST_SEGMENTS)
  .refine((keys) => new Set(keys).size === keys.length, 'names each segment once')
  .nullable()
  .meta({ description: 'Only what is about these segments; null: all' });
const ChangeTypes = z
  .array(z.enum(['entered', 'exited']))
  .min(1)
  .max(2)
  .nullable()
  .meta({ description: 'Only these changes. null: all, and without `segments` the tombstones of the erased, too: positions without gaps' });
const BatchSize = z.int().min(1).max(MOST_CHANGES).meta({ description: 'Changes in one message, at most' });
const Description = storableText(500).nullable();
const Secret = z.string().max(200).meta({ description: '`whsec_` and 24 to 64 bytes in base64; without it one is made' });
const FromInput = z
  .union([z.int().min(0), InstantInput], { error: 'is a position of the feed, such as 0, or an instant, such as 2026-01-31T12:00:00Z' })
  .meta({
    description: 'Begin behind this position of the feed (0: with the oldest that is kept), or with the first change of this instant',
  });

const WebhookInput = z
  .strictObject({
    url: Url,
    description: Description.optional(),
    types: Types,
    segments: Segments.optional(),
    changeTypes: ChangeTypes.optional(),
    batchSize: BatchSize.optional(),
    from: FromInput.optional(),
    secret: Secret.optional(),
  })
  .meta({ id: 'WebhookInput' });

const WebhookEditInput = z
  .strictObject({
    url: Url,
    description: Description,
    types: Types,
    segments: Segments,
    changeTypes: ChangeTypes,
    batchSize: BatchSize,
    status: z.enum(['active', 'paused']).meta({ description: '`active` also takes up one that was disabled' }),
  })
  .partial()
  .meta({ id: 'WebhookEdit' });

const webhookFields = {
  id: z.string(),
  url: z.string(),
  description: z.string().nullable(),
  types: z.array(z.enum(MESSAGE_TYPES)),
  segments: z.array(SegmentKey).nullable(),
  changeTypes: z.array(z.enum(['entered', 'exited'])).nullable(),
  batchSize: z.int(),
  status: z.enum(['active', 'paused', 'disabled']),
  disabled: z
    .strictObject({
      reason: z.enum(['gone', 'failing', 'secret_unreadable']),
      detail: z.string(),
      at: Instant,
    })
    .nullable()
    .meta({ description: 'gone: it answered 410; failing: for about three days; secret_unreadable: SECRET_KEY is another one' }),
  position: Count.meta({ description: 'Everything of the feed up to here has been delivered, or was not wanted' }),
  behind: Count.meta({ description: 'Positions of the feed behind that' }),
  failures: Count.meta({ description: 'Attempts of the message under way that failed' }),
  failingSince: Instant.nullable(),
  nextAttemptAt: Instant.nullable(),
  deliveredAt: Instant.nullable().meta({ description: 'The last success' }),
  gap: z.strictObject({ after: Count, through: Count, at: Instant }).nullable().meta({
    description:
      'The last part of the feed that retention took before it could be sent: behind the one position, up to the other; of notices alone, from the first place at which one stood to the last',
  }),
  previousSecretUntil: Instant.nullable().meta({ description: 'Until then messages are signed with the secret before, too' }),
  author: z.string(),
  createdAt: Instant,
  updatedAt: Instant,
};

const WebhookSchema = z.strictObject(webhookFields).meta({ id: 'Webhook' });
const WithSecretSchema = z
  .strictObject({ ...webhookFields, secret: z.string().meta({ description: 'Shown this once' }) })
  .meta({ id: 'WebhookWithSecret' });

const DeliverySchema = z
  .strictObject({
    number: Count.meta({ description: 'Of all attempts of the webhook' }),
    messageId: z.string().meta({ description: 'As in `webhook-id`; the same in every attempt of a message' }),
    type: z.string(),
    succeeded: z.boolean(),
    after: Count.nullable().meta({ description: 'The changes behind this position of the feed …' }),
    through: Count.nullable().meta({ description: '… up to this one; null: it held none' }),
    changes: Count,
    attempt: Count.meta({ description: 'Of this message, from 1' }),
    at: Instant,
    latencyMs: Count,
    status: z.int().nullable().meta({ description: 'null: there was no answer' }),
    error: z.string().nullable(),
    answer: z.string().nullable().meta({ description: 'The beginning of it, 1 KB; forgotten with every erasure of a customer' }),
  })
  .meta({ id: 'WebhookDelivery' });

function webhookOut(webhook: Webhook): z.input<typeof WebhookSchema> {
  const { disabled, gap } = webhook;
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    types: [...webhook.types],
    segments: webhook.segments === null ? null : [...webhook.segments],
    changeTypes: webhook.changeTypes === null ? null : [...webhook.changeTypes],
    batchSize: webhook.batchSize,
    status: webhook.status,
    disabled: disabled === null ? null : { reason: disabled.code, detail: disabled.detail, at: instant(disabled.atMs) },
    position: Number(webhook.position),
    behind: Number(webhook.behind),
    failures: webhook.failures,
    failingSince: instantOrNull(webhook.failingSinceMs),
    nextAttemptAt: instantOrNull(webhook.nextAttemptAtMs),
    deliveredAt: instantOrNull(webhook.deliveredAtMs),
    gap: gap === null ? null : { after: Number(gap.after), through: Number(gap.through), at: instant(gap.atMs) },
    previousSecretUntil: instantOrNull(webhook.previousSecretUntilMs),
    author: webhook.author,
    createdAt: instant(webhook.createdAtMs),
    updatedAt: instant(webhook.updatedAtMs),
  };
}

function deliveryOut({ atMs, number, after, through, ...delivery }: Delivery): z.input<typeof DeliverySchema> {
  const position = (text: string | null) => (text === null ? null : Number(text));
  return { ...delivery, number: Number(number), after: position(after), through: position(through), at: instant(atMs) };
}

function readFrom(from: number | string): From {
  return typeof from === 'number' ? { position: String(from) } : { atMs: Date.parse(from) };
}

/** A key for named segments makes only webhooks for these. Throws `forbidden`. */
function requireFilter(caller: Caller, segments: readonly string[] | null): void {
  if (segments === null) requireAllSegments(caller, 'a webhook of all segments');
  else requireSegments(caller, segments);
}

function isShown(caller: Caller, { segments }: Webhook): boolean {
  return caller.segments === null || (segments?.every((key) => allowsSegment(caller, key)) ?? false);
}

/** Throws `not_found`, also for a webhook that the caller may not see. */
async function find(strata: Strata, caller: Caller, id: string): Promise<Webhook> {
  const webhook = await getWebhook(strata.database, id);
  if (!isShown(caller, webhook)) throw new AppError('not_found', `There is no webhook “${id}”.`);
  return webhook;
}

export const webhookRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/webhooks',
    operationId: 'createWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Have changes and notices sent to a URL',
    description:
      'As Standard Webhooks says, signed, at least once, in order of the feed; it begins at the feed’s end unless `from` says where. The secret is shown in this answer only.',
    body: { kind: 'schema', schema: WebhookInput },
    answers: { 201: WithSecretSchema },
    refusals: ['history_trimmed', 'conflict'],
    secretAnswer: true,
    handle: async ({ strata, caller, body }) => {
      const { description = null, segments = null, changeTypes = null, batchSize = MOST_CHANGES, from, url, types } = body;
      requireFilter(caller, segments);
      const content = { url, description, types, segments, changeTypes, batchSize, secret: body.secret, author: caller.actor };
      const { webhook, secret } = await createWebhook(strata.webhooks.record, {
        ...content,
        ...(from === undefined ? {} : { from: readFrom(from) }),
      });
      strata.webhooks.ring();
      return { ...webhookOut(webhook), secret };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/webhooks',
    operationId: 'listWebhooks',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'All webhooks, in order of their making',
    query: z.strictObject(Page),
    answers: { 200: listOf(WebhookSchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      const [afterId] = decodeCursor('webhooks', query.after, ['text']) ?? [];
      if (afterId !== undefined && !isUuid(afterId)) throw new AppError('invalid_cursor', 'The cursor is not one of this list.');
      const rows = await listWebhooks(strata.database, { afterId, limit: query.limit + 1 });
      return page(
        rows,
        query.limit,
        webhookOut,
        (last) => encodeCursor('webhooks', [last.id]),
        (webhook) => isShown(caller, webhook),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/webhooks/:webhookId',
    operationId: 'getWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'One webhook: how far it is, and what keeps it',
    params: WebhookPath,
    answers: { 200: WebhookSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => webhookOut(await find(strata, caller, params.webhookId)),
  }),
  route({
    method: 'PATCH',
    path: '/v1/webhooks/:webhookId',
    operationId: 'changeWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Change, pause or resume it',
    description:
      'What has failed is tried again at once. A message that is under way stays what it is. Types that it begins to want, it gets from now on.',
    params: WebhookPath,
    body: { kind: 'schema', schema: WebhookEditInput },
    answers: { 200: WebhookSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params, body }) => {
      await find(strata, caller, params.webhookId);
      if (body.segments !== undefined) requireFilter(caller, body.segments);
      const edit = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as WebhookEdit;
      const webhook = await changeWebhook(strata.webhooks.record, params.webhookId, edit);
      strata.webhooks.ring();
      return webhookOut(webhook);
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/webhooks/:webhookId',
    operationId: 'deleteWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Remove it with its deliveries',
    description: 'A message that is under way may still arrive.',
    params: WebhookPath,
    answers: { 200: WebhookSchema },
    refusals: ['not_found'],
    handle: async ({ strata, caller, params }) => {
      await find(strata, caller, params.webhookId);
      return webhookOut(await deleteWebhook(strata.database, params.webhookId));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/webhooks/:webhookId/test',
    operationId: 'testWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Send a message of type `webhook.test` now, and tell what came of it',
    description: 'Beside the order of the others, and also to one that is paused or disabled; it changes nothing of them.',
    params: WebhookPath,
    answers: { 200: DeliverySchema },
    refusals: ['not_found', 'conflict'],
    handle: async ({ strata, caller, params, signal }) => {
      await find(strata, caller, params.webhookId);
      return deliveryOut(await testWebhook(strata.webhooks.record, strata.webhooks.send, params.webhookId, signal()));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/webhooks/:webhookId/deliveries',
    operationId: 'listDeliveries',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Its last attempts, newest first',
    description: 'Up to 100 that succeeded and 100 that failed.',
    params: WebhookPath,
    query: z.strictObject({ ...Page, succeeded: FlagParameter.optional() }),
    answers: { 200: listOf(DeliverySchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ strata, caller, params, query }) => {
      const [beforeNumber] = decodeCursor('deliveries', query.after, ['integer']) ?? [];
      const { id } = await find(strata, caller, params.webhookId);
      const { succeeded, limit } = query;
      const rows = await listDeliveries(strata.database, { webhookId: id, succeeded, beforeNumber, limit: limit + 1 });
      return page(rows, limit, deliveryOut, (last) => encodeCursor('deliveries', [last.number]));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/webhooks/:webhookId/replay',
    operationId: 'replayWebhook',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Send again from a position or an instant on',
    description:
      'With new message ids. Forwards, too: what lies between is then never sent. A message under way is dropped, or still arrives.',
    params: WebhookPath,
    body: { kind: 'schema', schema: z.strictObject({ from: FromInput }).meta({ id: 'WebhookReplay' }) },
    answers: { 200: WebhookSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, caller, params, body }) => {
      await find(strata, caller, params.webhookId);
      const webhook = await replayWebhook(strata.webhooks.record, params.webhookId, readFrom(body.from));
      strata.webhooks.ring();
      return webhookOut(webhook);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/webhooks/:webhookId/rotate',
    operationId: 'rotateWebhookSecret',
    tag: 'webhooks',
    scope: 'webhooks',
    summary: 'Give it a new secret; for a while both sign',
    description: 'Two secrets at the most: the one before the last stops at once. The new one is shown in this answer only.',
    params: WebhookPath,
    body: {
      kind: 'schema',
      optional: true,
      schema: z
        .strictObject({
          overlapHours: z
            .number()
            .min(0)
            .max(720)
            .optional()
            .meta({ description: 'How long the one before signs, too: 24 unless it is said' }),
          secret: Secret.optional(),
        })
        .meta({ id: 'WebhookRotation' }),
    },
    answers: { 200: WithSecretSchema },
    refusals: ['not_found'],
    secretAnswer: true,
    handle: async ({ strata, caller, params, body }) => {
      await find(strata, caller, params.webhookId);
      const { overlapHours = 24, secret } = body ?? {};
      const rotated = await rotateSecret(strata.webhooks.record, params.webhookId, { overlapMs: overlapHours * HOUR_MS, secret });
      strata.webhooks.ring();
      return { ...webhookOut(rotated.webhook), secret: rotated.secret };
    },
  }),
];
