// In charge of the routes that read memberships: who is in a segment, which segments a customer is in.
import { z } from 'zod';
import { readPast } from '../../changes/kept-history.ts';
import { readCustomerSegmentsAt, readMembersAt } from '../../changes/read-past.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { fixedIso } from '../../membership/due.ts';
import { type Member, readMembers } from '../../membership/read-members.ts';
import { readSegments } from '../../pipeline.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import { type Route, route } from './route.ts';
import { CustomerPath, Instant, InstantInput, instant, listOf, Page, SegmentKey, SegmentPath } from './wire.ts';

const Source = z.enum(['rule', 'pin', 'manual']).meta({ description: 'Why: the rule holds, or somebody put the customer there' });

const MemberSchema = z.strictObject({ customerId: z.string(), since: Instant, source: Source, version: z.int() }).meta({ id: 'Member' });

const CustomerSegmentsSchema = z
  .strictObject({
    customerId: z.string(),
    segments: z.array(z.strictObject({ key: SegmentKey, name: z.string(), group: z.string().nullable(), since: Instant, source: Source })),
  })
  .meta({ id: 'CustomerSegments' });

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
      'In an order of its own that no write changes: paging through shows everybody who stays a member exactly once. With `at` exactly who was a member then, on every page.',
    params: SegmentPath,
    query: z.strictObject({ ...Page, at: AtParameter }),
    fresh: 'write',
    answers: { 200: listOf(MemberSchema) },
    refusals: ['not_found', 'invalid_cursor', 'history_trimmed'],
    handle: async ({ strata, params, query }) => {
      const [afterKey] = decodeCursor('members', query.after, ['integer']) ?? [];
      const segment = await getSegment(strata.database, params.key);
      const range = { ...(afterKey === undefined ? {} : { afterKey }), limit: query.limit + 1 };
      const rows = await (query.at === undefined
        ? readMembers(strata.database, segment.id, { ...range, asOfIso: fixedIso(strata) })
        : asOf(strata, query.at, (atMs) => readMembersAt(strata.database, segment.id, atMs, range)));
      return page(rows, query.limit, memberOut, (last) => encodeCursor('members', [last.customerKey]));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/segments',
    operationId: 'getCustomerSegments',
    tag: 'customers',
    scope: 'members:read',
    summary: 'The segments that the customer is in, now or as of a past instant',
    params: CustomerPath,
    query: z.strictObject({ at: AtParameter }),
    fresh: 'write',
    etag: 'read',
    answers: { 200: CustomerSegmentsSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, params, query }) => {
      const key = customerKey(params.customerId);
      const found = await (query.at === undefined
        ? readSegments(strata, key)
        : asOf(strata, query.at, (atMs) => readCustomerSegmentsAt(strata.database, key, atMs)));
      if (found === null || found.customerId !== params.customerId)
        throw new AppError('not_found', `There is no customer “${params.customerId}”.`);
      return {
        customerId: found.customerId,
        segments: found.segments.map((segment) => ({
          key: segment.key,
          name: segment.name,
          group: segment.group,
          since: instant(segment.sinceMs),
          source: segment.source,
        })),
      };
    },
  }),
];

export function memberOut({ customerId, sinceMs, source, version }: Member): z.input<typeof MemberSchema> {
  return { customerId, since: instant(sinceMs), source, version };
}

/** Throws `history_trimmed`, and `invalid_request` for an instant that has not come. */
function asOf<Value>(strata: Strata, at: string, read: (atMs: number) => Promise<Value>): Promise<Value> {
  const atMs = Date.parse(at);
  return readPast(strata.database, strata.clock, atMs, () => read(atMs));
}
