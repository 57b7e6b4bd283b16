// In charge of the routes of pins: putting a customer in or out by hand, handing the decision back to the rule, listing what was decided.
import { z } from 'zod';
import { type Caller, onlyAllowed, requireAllSegments } from '../../access/caller.ts';
import { fixedIso } from '../../db/as-of.ts';
import { AppError } from '../../errors.ts';
import { listPins, type Pin } from '../../membership/read-pins.ts';
import type { PinWish } from '../../membership/write-pins.ts';
import { type HandOutcome, pin } from '../../pipeline.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { type Route, route } from './route.ts';
import {
  Count,
  CustomerId,
  FlagParameter,
  Instant,
  InstantInput,
  instant,
  instantOrNull,
  listOf,
  Page,
  SegmentKey,
  SegmentPath,
  storableText,
  Token,
} from './wire.ts';

export const Reason = storableText(1000).meta({ description: 'Why; shown in the history' });
export const Until = InstantInput.meta({
  description: 'Ends at this instant, with cause `time`; left out: stands until somebody says otherwise',
});
const Replace = 'Takes the place of the customer’s pin in another segment of the group';

const MemberPath = SegmentPath.extend({ customerId: CustomerId });
const PinInput = z
  .strictObject({
    reason: Reason.nullish(),
    until: Until.nullish(),
    replace: z.boolean().default(false).meta({ description: Replace }),
  })
  .meta({ id: 'PinInput' });
const WordInput = z.strictObject({ reason: Reason.nullish(), until: Until.nullish() }).meta({ id: 'PinOutInput' });
const ReleaseInput = z.strictObject({ reason: Reason.nullish() }).meta({ id: 'ReleaseInput' });

const HandOutcomeSchema = z
  .strictObject({
    customerId: z.string(),
    segments: z.array(SegmentKey).meta({ description: 'What the customer is in now' }),
    changes: Count.meta({ description: 'Memberships that it changed' }),
    token: Token,
  })
  .meta({ id: 'HandOutcome' });

const PinSchema = z
  .strictObject({
    customerId: z.string(),
    include: z.boolean().meta({ description: 'true: pinned in; false: pinned out' }),
    until: Instant.nullable(),
    reason: z.string().nullable(),
    actor: z.string().meta({ description: 'Name of the key that said so' }),
    pinnedAt: Instant,
  })
  .meta({ id: 'Pin' });

export const pinRoutes: readonly Route[] = [
  route({
    method: 'PUT',
    path: '/v1/segments/:key/members/:customerId',
    operationId: 'pinIn',
    tag: 'segments',
    scope: 'members:write',
    summary: 'Pin a customer in; add to a manual segment',
    description: 'Stands against the rule, through publishes and refreshes. Nobody is created: an unknown customer is refused.',
    params: MemberPath,
    body: { kind: 'schema', schema: PinInput, optional: true },
    answers: { 200: HandOutcomeSchema },
    refusals: ['not_found', 'conflict', 'pinned_elsewhere'],
    handle: ({ strata, caller, params, body }) => {
      if (body?.replace === true) requireAllSegments(caller, '`replace`');
      return say(strata, caller, params, 'add', body ?? {});
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/segments/:key/members/:customerId',
    operationId: 'pinOut',
    tag: 'segments',
    scope: 'members:write',
    summary: 'Pin a customer out; remove from a manual segment',
    description: 'Reason and `until` stand in the body or in the query.',
    params: MemberPath,
    query: z.strictObject({ reason: Reason.optional(), until: Until.optional() }),
    body: { kind: 'schema', schema: WordInput, optional: true },
    answers: { 200: HandOutcomeSchema },
    refusals: ['not_found', 'conflict'],
    handle: ({ strata, caller, params, query, body }) => say(strata, caller, params, 'remove', fromOnePlace(query, body)),
  }),
  route({
    method: 'DELETE',
    path: '/v1/segments/:key/pins/:customerId',
    operationId: 'releasePin',
    tag: 'segments',
    scope: 'members:write',
    summary: 'Give the word back to the rule',
    description: 'Where there is no pin, nothing changes.',
    params: MemberPath,
    query: z.strictObject({ reason: Reason.optional() }),
    body: { kind: 'schema', schema: ReleaseInput, optional: true },
    answers: { 200: HandOutcomeSchema },
    refusals: ['not_found', 'conflict'],
    handle: ({ strata, caller, params, query, body }) => say(strata, caller, params, 'release', fromOnePlace(query, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/pins',
    operationId: 'listPins',
    tag: 'segments',
    scope: 'members:read',
    summary: 'Who is pinned in or out',
    params: SegmentPath,
    query: z.strictObject({ ...Page, include: FlagParameter.optional().meta({ description: '`true`: pinned in; `false`: pinned out' }) }),
    fresh: 'write',
    answers: { 200: listOf(PinSchema) },
    refusals: ['not_found', 'invalid_cursor'],
    handle: async ({ strata, params, query }) => {
      const [afterKey] = decodeCursor('pins', query.after, ['integer']) ?? [];
      const segment = await getSegment(strata.database, params.key);
      const rows = await listPins(strata.database, segment.id, {
        ...(afterKey === undefined ? {} : { afterKey }),
        ...(query.include === undefined ? {} : { include: query.include }),
        limit: query.limit + 1,
        asOfIso: fixedIso(strata.clock),
      });
      return page(rows, query.limit, pinOut, (last) => encodeCursor('pins', [last.customerKey]));
    },
  }),
];

interface Word {
  readonly reason?: string | null | undefined;
  readonly until?: string | null | undefined;
  readonly replace?: boolean | undefined;
}

/** Reason and until of a DELETE are taken from the body or from the query; given in both, nobody could tell which is meant. */
function fromOnePlace(query: Word, body: Word | undefined): Word {
  if (body === undefined) return query;
  for (const name of ['reason', 'until'] as const) {
    if (query[name] === undefined) continue;
    const detail = 'This stands in the query while there is a body too; say it in one of them.';
    throw new AppError('invalid_request', detail, { errors: [{ parameter: name, code: 'repeated', detail }] });
  }
  return body;
}

async function say(
  strata: Strata,
  caller: Caller,
  { key, customerId }: { readonly key: string; readonly customerId: string },
  wish: PinWish,
  { reason, until, replace }: Word,
): Promise<z.input<typeof HandOutcomeSchema>> {
  const untilMs = typeof until === 'string' ? Date.parse(until) : null;
  const request = { segment: key, customerId, wish, actor: caller.actor, reason: reason ?? null, untilMs, replace: replace ?? false };
  const answerOf = ({ changes, segments, token }: HandOutcome) => ({
    customerId,
    segments: [...onlyAllowed(caller, segments, (each) => each)],
    changes,
    token,
  });
  return answerOf(await pin(strata, request, answerOf));
}

function pinOut(row: Pin): z.input<typeof PinSchema> {
  const { customerId, include, untilMs, reason, actor, pinnedAtMs } = row;
  return { customerId, include, until: instantOrNull(untilMs), reason, actor, pinnedAt: instant(pinnedAtMs) };
}
