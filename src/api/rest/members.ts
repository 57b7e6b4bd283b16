// In charge of the routes that read memberships: who is in a segment, which segments a customer is in.
import { Readable } from 'node:stream';
import { z } from 'zod';
import { type Caller, onlyAllowed, requireSegments } from '../../access/caller.ts';
import { readPast } from '../../changes/kept-history.ts';
import { readFeedEnd } from '../../changes/read-changes.ts';
import { readCustomerSegmentsAt } from '../../changes/read-past.ts';
import { readMembersAt, readMembersAtPosition } from '../../changes/read-snapshot.ts';
import { fixedIso } from '../../db/as-of.ts';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import type { CustomerKey } from '../../ingest/facts.ts';
import { type Member, readMembers } from '../../membership/read-members.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { quoteCell } from './csv-cell.ts';
import { decodeCursor, encodeCursor, type Page as Listed, page } from './cursor.ts';
import { chooseFeed, type FeedSource, requireFeedPlace, requireWhole } from './feed-request.ts';
import { JsonText } from './json-text.ts';
import { type Route, route } from './route.ts';
import { CustomerId, CustomerPath, FlagParameter, Instant, InstantInput, instant, listOf, Page, SegmentKey, SegmentPath } from './wire.ts';

const Source = z.enum(['rule', 'pin', 'manual']).meta({ description: 'Why: the rule holds, or somebody put the customer there' });

const MemberSchema = z.strictObject({ customerId: z.string(), since: Instant, source: Source, version: z.int() }).meta({ id: 'Member' });

const CustomerSegmentsSchema = z
  .strictObject({
    customerId: z.string(),
    segments: z.array(
      z.strictObject({ key: SegmentKey, name: z.string(), group: z.string().nullable(), since: Instant.nullable(), source: Source }),
    ),
  })
  .meta({ id: 'CustomerSegments' });

const MemberPage = listOf(MemberSchema).extend({
  changesAfter: z
    .string()
    .optional()
    .meta({ description: 'With `snapshot`: pass it as `after` to the feed for what has changed since these members' }),
});

const MAX_CHECKED = 1000;
const MAX_SEGMENTS = 100;

const UnknownParameter = z
  .enum(['empty', '404'])
  .default('404')
  .meta({ description: 'Of a customer who is not known: what holds for an empty profile, or a refusal' });

const CheckedSchema = z
  .strictObject({
    customerId: z.string(),
    segments: z.array(SegmentKey).meta({ description: 'Those of the given ones that the customer is in' }),
  })
  .meta({ id: 'CheckedMemberships' });

const AtParameter = InstantInput.optional().meta({ description: 'As of a past instant instead of now' });

export const memberRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/segments/:key/members',
    operationId: 'listMembers',
    tag: 'segments',
    scope: 'members:read',
    summary: 'Who is in the segment, now or as of a past instant',
    description:
      'In an order of its own that no write changes: paging through shows everybody who stays a member exactly once. With `at` exactly who was a member then, on every page. With `snapshot` exactly who is a member at one place of the feed, the same on every page, which `changesAfter` says: the changes behind it, applied to these members, give the members from then on.',
    params: SegmentPath,
    query: z.strictObject({
      ...Page,
      at: AtParameter,
      snapshot: FlagParameter.default(false).meta({ description: 'All pages as of one place of the feed' }),
    }),
    fresh: 'feed',
    heavy: (query) => query.at !== undefined || query.snapshot,
    answers: { 200: MemberPage },
    refusals: ['not_found', 'invalid_cursor', 'history_trimmed'],
    handle: async ({ strata, reads, caller, params, query }) => {
      requireSegments(caller, [params.key]);
      if (query.snapshot) return snapshotPage(strata, reads, params.key, query);
      const [afterKey] = decodeCursor('members', query.after, ['integer']) ?? [];
      const segment = await getSegment(strata.database, params.key);
      const range = { ...(afterKey === undefined ? {} : { afterKey }), limit: query.limit + 1 };
      const rows = await (query.at === undefined
        ? readMembers(reads, segment.id, { ...range, asOfIso: fixedIso(strata.clock) })
        : asOf(strata, reads, query.at, (atMs) => readMembersAt(reads, segment.id, atMs, range)));
      return page(rows, query.limit, memberOut, (last) => encodeCursor('members', [last.customerKey]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/members.csv',
    operationId: 'exportMembers',
    tag: 'segments',
    scope: 'members:read',
    summary: 'All members as one file, exactly as of one place of the feed',
    description:
      'Columns customerId, since, source, version. The header `Strata-Changes-After` is the cursor of the place: the changes behind it continue the file. An answer that ends before its end was cut because retention passed the place.',
    params: SegmentPath,
    fresh: 'feed',
    heavy: true,
    media: 'text/csv',
    answers: { 200: z.string().meta({ description: 'CSV as of RFC 4180' }) },
    refusals: ['not_found'],
    handle: async ({ strata, reads, caller, params, request, reply }) => {
      requireSegments(caller, [params.key]);
      const segment = await getSegment(strata.database, params.key);
      const position = await readFeedEnd(reads);
      reply.type('text/csv; charset=utf-8').header('strata-changes-after', encodeCursor('changes', [position]));
      reply.header('content-disposition', `attachment; filename="${params.key}.csv"`);
      return request.method === 'HEAD'
        ? ''
        : Readable.from(printMembers({ database: reads, clock: strata.clock }, segment.id, position), { objectMode: false });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/segments',
    operationId: 'getCustomerSegments',
    tag: 'customers',
    scope: 'members:read',
    tokens: ['customer'],
    summary: 'The segments that the customer is in, now or as of a past instant',
    description:
      'With `unknown=empty` a customer who is not known is in the segments that somebody would be in who was made this moment and of whom nothing is known, since nobody knows when.',
    params: CustomerPath,
    query: z.strictObject({ at: AtParameter, unknown: UnknownParameter }),
    fresh: 'write',
    etag: 'read',
    answers: { 200: CustomerSegmentsSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, params: { customerId }, query }) => {
      if (query.at === undefined) {
        const json = await strata.storefront.segmentsOf(reads, customerId, query.unknown);
        if (json === null) throw noCustomer(customerId);
        return caller.segments === null ? new JsonText(json) : onlySegments(caller, JSON.parse(json));
      }
      const found = await asOf(strata, reads, query.at, (atMs) => readCustomerSegmentsAt(reads, customerKey(customerId), atMs));
      if (found === null || found.customerId !== customerId) throw noCustomer(customerId);
      return onlySegments(caller, {
        customerId: found.customerId,
        segments: found.segments.map(({ key, name, group, sinceMs, source }) => ({ key, name, group, since: instant(sinceMs), source })),
      });
    },
  }),
  route({
    method: 'POST',
    path: '/v1/memberships/check',
    operationId: 'checkMemberships',
    tag: 'customers',
    scope: 'members:read',
    readsOnly: true,
    summary: 'Which of these customers are in which of these segments',
    description: 'Answers in the order of `customerIds`; whoever’s look is overdue is evaluated first, as for one customer.',
    body: {
      kind: 'schema',
      schema: z.strictObject({
        customerIds: z.array(CustomerId).min(1).max(MAX_CHECKED),
        segments: z.array(SegmentKey).min(1).max(MAX_SEGMENTS),
        unknown: UnknownParameter,
      }),
    },
    fresh: 'write',
    answers: { 200: z.strictObject({ data: z.array(CheckedSchema) }) },
    refusals: ['not_found'],
    handle: async ({ strata, reads, caller, body }) => {
      requireSegments(caller, body.segments);
      const ids = await readSegmentIds(strata.database, body.segments);
      const inside = await strata.storefront.check(reads, body.customerIds, [...ids.values()], body.unknown);
      requireKnown(body.customerIds, inside);
      const data = body.customerIds.map((customerId) => {
        const own = new Set(inside.get(customerId));
        return { customerId, segments: [...ids].filter(([, id]) => own.has(id)).map(([key]) => key) };
      });
      return { data };
    },
  }),
];

export function memberOut({ customerId, sinceMs, source, version }: Member): z.input<typeof MemberSchema> {
  return { customerId, since: instant(sinceMs), source, version };
}

/** Throws `history_trimmed`, and `invalid_request` for an instant in the future. */
function asOf<Value>(strata: Strata, reads: Database, at: string, read: (atMs: number) => Promise<Value>): Promise<Value> {
  const atMs = Date.parse(at);
  return readPast(reads, strata.clock, atMs, () => read(atMs));
}

// ---------------------------------------------------------------- snapshots

/** The place of the first page goes along in the cursor. */
async function snapshotPage(
  strata: Strata,
  reads: Database,
  key: string,
  query: { readonly after?: string | undefined; readonly at?: string | undefined; readonly limit: number },
): Promise<Listed<z.input<typeof MemberSchema>> & { readonly changesAfter: string }> {
  if (query.at !== undefined) {
    const detail = 'Give one of them: `at` or `snapshot`.';
    throw new AppError('invalid_request', detail, { errors: [{ parameter: 'snapshot', code: 'invalid_value', detail }] });
  }
  const segment = await getSegment(strata.database, key);
  const [given, afterKey] = decodeCursor('snapshot', query.after, ['integer', 'integer']) ?? [];
  const source = await chooseFeed(strata, reads, given);
  const position = given ?? (await readFeedEnd(source.database));
  if (given !== undefined) await requireFeedPlace(source, given);
  const range = { ...(afterKey === undefined ? {} : { afterKey }), limit: query.limit + 1, asOfIso: fixedIso(strata.clock) };
  const rows = await readMembersAtPosition(source.database, segment.id, position, range);
  await requireWhole(source, position);
  const shown = page(rows, query.limit, memberOut, (last) => encodeCursor('snapshot', [position, last.customerKey]));
  return { ...shown, changesAfter: encodeCursor('changes', [position]) };
}

const EXPORTED_TOGETHER = 1000;

/** A page at a time: nothing is read before the reader wants it. */
async function* printMembers(source: FeedSource, segmentId: number, position: string): AsyncGenerator<string> {
  yield 'customerId,since,source,version\r\n';
  let afterKey: CustomerKey | undefined;
  for (;;) {
    const range = { ...(afterKey === undefined ? {} : { afterKey }), limit: EXPORTED_TOGETHER, asOfIso: fixedIso(source.clock) };
    const members = await readMembersAtPosition(source.database, segmentId, position, range);
    await requireWhole(source, position);
    if (members.length === 0) return;
    yield members.map(printMember).join('');
    afterKey = members.at(-1)?.customerKey;
  }
}

function printMember({ customerId, sinceMs, source, version }: Member): string {
  return `${quoteCell(customerId)},${instant(sinceMs)},${source},${version}\r\n`;
}

// ---------------------------------------------------------------- refusals

function noCustomer(customerId: string): AppError {
  return new AppError('not_found', `There is no customer “${customerId}”.`);
}

function onlySegments(caller: Caller, answer: z.input<typeof CustomerSegmentsSchema>): z.input<typeof CustomerSegmentsSchema> {
  return { ...answer, segments: [...onlyAllowed(caller, answer.segments, ({ key }) => key)] };
}

/** Throws `not_found`, naming all who do not exist. */
function requireKnown(customerIds: readonly string[], inside: ReadonlyMap<string, readonly number[] | null>): void {
  const errors = customerIds.flatMap((id, index) => {
    const detail = `There is no customer “${id}”.`;
    return inside.get(id) === null ? [{ pointer: `/customerIds/${index}`, code: 'not_found', detail }] : [];
  });
  if (errors.length === 0) return;
  const detail = `${errors.length} of these customers ${errors.length === 1 ? 'is' : 'are'} not known; with \`"unknown": "empty"\` they count as somebody new.`;
  throw new AppError('not_found', detail, { errors });
}
