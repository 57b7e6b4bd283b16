// In charge of the routes of the audit: who did what, when, from where, with the state before and after; and the head of its chain, to be noted
// elsewhere.
import { z } from 'zod';
import { allows, requireAllSegments } from '../../access/caller.ts';
import { readAuditHead } from '../../access/chain-audit.ts';
import { listAudit, type ReadEntry, type ReadPayload } from '../../access/read-audit.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { decodeCursor, encodeCursor, pageOf } from './cursor.ts';
import { type Route, route } from './route.ts';
import { Count, CustomerId, Instant, InstantInput, instant, listOf, Page, storableText } from './wire.ts';

const OUTCOMES = ['written', 'begun', 'read', 'refused'] as const;
const Outcome = z.enum(OUTCOMES).meta({
  description:
    '`written`: in the transaction of the write; `begun`: an import, whose end is another entry; `read`: personal data was answered; `refused`: 401 or 403',
});
const Hex = z.string().regex(/^[0-9a-f]+$/);
const Position = z.string().meta({ description: 'Dense, from 1' });

const AuditPayloadSchema = z.strictObject({
  kept: z.boolean().meta({ description: 'false: removed by an erasure' }),
  content: z.looseObject({}).nullable().meta({
    description: 'What was before and after, or what was asked for; null: removed, or about a person and the key lacks `pii:read`',
  }),
});

const AuditEntrySchema = z
  .strictObject({
    position: Position,
    id: z.uuid(),
    at: Instant,
    actor: z.string().meta({ description: 'Name of the key' }),
    keyId: z.string().nullable(),
    address: z.string().nullable().meta({ description: 'Of the connection, or of what a trusted proxy says' }),
    requestId: z.string().meta({ description: '`X-Request-Id` of the answer' }),
    action: z.string().meta({ description: 'The operation’s id' }),
    outcome: Outcome,
    target: z.string().nullable().meta({ description: 'Like `segments/vip`; null: customers, who stand in the payloads' }),
    payloads: z
      .array(AuditPayloadSchema)
      .meta({ description: 'The first 1,000 at most, up to 2 MiB, and at least one; with `customer` that customer’s are among them' }),
    payloadCount: Count.meta({ description: 'How many there are' }),
    hash: Hex,
    chain: Hex.meta({ description: 'SHA-256 of the chain before and the hash' }),
  })
  .meta({ id: 'AuditEntry' });

const AuditHeadSchema = z
  .strictObject({
    position: Position.meta({ description: 'Of the last entry; 0: there is none' }),
    chain: Hex,
    waiting: Count.meta({ description: 'Entries that get their places within a second' }),
  })
  .meta({ id: 'AuditHead' });

export const auditRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/audit',
    operationId: 'listAudit',
    tag: 'audit',
    scope: 'audit',
    personal: { of: 'payloads' },
    summary: 'Who did what, when, from where; newest first',
    description:
      'Every write, every read of personal data, and refused attempts. What was written stands here within a second of its answer. What is about a person is shown to keys with `pii:read`. A page ends early where its payloads come to 4 MiB; `next` goes on from there.',
    query: z.strictObject({
      ...Page,
      actor: storableText(256).optional(),
      action: storableText(256).optional().meta({ description: 'The id of an operation, such as `publishVersion`' }),
      outcome: Outcome.optional(),
      target: storableText(1024).optional().meta({ description: 'Such as `segments/vip`' }),
      customer: CustomerId.optional(),
      from: InstantInput.optional(),
      until: InstantInput.optional().meta({ description: 'Before this instant' }),
    }),
    answers: { 200: listOf(AuditEntrySchema) },
    refusals: ['invalid_cursor'],
    handle: async ({ strata, caller, query }) => {
      requireAllSegments(caller, 'the audit');
      const place = decodeCursor('audit', query.after, ['instant', 'integer']);
      const { actor, action, outcome, target, customer, from, until } = query;
      const filter = {
        actor,
        action,
        outcome,
        target,
        customerKey: customer === undefined ? undefined : customerKey(customer),
        fromMs: from === undefined ? undefined : Date.parse(from),
        untilMs: until === undefined ? undefined : Date.parse(until),
      };
      const after = place === null ? null : { atMs: Number(place[0]), position: String(place[1]) };
      const { entries, hasMore } = await listAudit(strata.database, filter, {
        limit: query.limit,
        after,
        seesPersonal: allows(caller, 'pii:read'),
      });
      return pageOf(entries, hasMore, entryOut, (last) => encodeCursor('audit', [last.atMs, last.position]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/audit/head',
    operationId: 'getAuditHead',
    tag: 'audit',
    scope: 'audit',
    summary: 'The end of the chain',
    description:
      'Note it where nobody with the database can reach it: `strata audit verify --head POSITION:CHAIN` then also finds what was cut off at the end, or written anew.',
    answers: { 200: AuditHeadSchema },
    handle: async ({ strata, caller }) => {
      requireAllSegments(caller, 'the audit');
      return readAuditHead(strata.database);
    },
  }),
];

function entryOut({ atMs, payloads, hash, chain, ...entry }: ReadEntry): z.input<typeof AuditEntrySchema> {
  return {
    ...entry,
    at: instant(atMs),
    payloads: payloads.map(payloadOut),
    hash: hash.toString('hex'),
    chain: chain.toString('hex'),
  };
}

function payloadOut({ isKept, content }: ReadPayload): z.input<typeof AuditPayloadSchema> {
  return { kept: isKept, content: content === null ? null : JSON.parse(content) };
}
