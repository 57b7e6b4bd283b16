// In charge of the routes of the past: a customer's and a segment's history, sizes at an instant and over time. Members and segments as of
// an instant are members.ts.
import { z } from 'zod';
import { allowsSegment, type Caller, requireSegments } from '../../access/caller.ts';
import { historyTrimmed, type KeptHistory, readKeptHistory, readPast, requireKept } from '../../changes/kept-history.ts';
import { type HistoryQuery, type IdleWord, type PastChange, readHistory, readIdleWords } from '../../changes/read-history.ts';
import { countMembersAt } from '../../changes/read-past.ts';
import {
  MAX_POINTS,
  type Periods,
  periodsBetween,
  QUARTER_MS,
  RESOLUTIONS,
  type Resolution,
  readSizes,
  USUAL_POINTS,
  usualFromMs,
} from '../../changes/read-sizes.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { readCustomer } from '../../ingest/read-customers.ts';
import { CAUSES, type Cause } from '../../membership/record.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { ChangeType } from './change-schema.ts';
import { decodeCursor, encodeCursor, page } from './cursor.ts';
import type { FeedSource } from './feed-request.ts';
import { type Route, route } from './route.ts';
import { Count, CustomerId, CustomerPath, Instant, InstantInput, instant, instantOrNull, Page, SegmentKey, SegmentPath } from './wire.ts';

const PastChangeSchema = z
  .strictObject({
    id: z.string(),
    position: z
      .int()
      .nullable()
      .meta({ description: 'Place in the feed; null: what was said by hand changed no membership, and is not in it' }),
    type: z.enum([...ChangeType.options, 'pinned_in', 'pinned_out', 'released']),
    segment: SegmentKey,
    customerId: z.string().nullable().meta({ description: 'null: the customer has been erased since' }),
    version: z.int().nullable(),
    cause: z.enum(CAUSES),
    at: Instant,
    since: Instant.nullable().meta({ description: 'Of an exit: when the membership that it ended had begun' }),
    actor: z.string().nullable().meta({ description: 'Who said so by hand; null: nobody did' }),
    reason: z.string().nullable(),
  })
  .meta({ id: 'PastChange', description: 'One customer entered or left one segment; or somebody said by hand what was so already' });

const HistoryPage = z
  .strictObject({
    data: z.array(PastChangeSchema),
    next: z.string().nullable().meta({ description: 'Pass it as `after` for what follows; null at the end' }),
    oldest: Instant.nullable().meta({ description: 'What came before has been trimmed; null: everything is kept' }),
  })
  .meta({ id: 'HistoryPage' });

const HistoryFilter = {
  ...Page,
  type: ChangeType.optional().meta({ description: 'Entries only, or exits only' }),
  cause: z.enum(CAUSES).optional().meta({ description: 'Changes of this cause only' }),
  from: InstantInput.optional().meta({ description: 'Changes of this instant or later only' }),
  to: InstantInput.optional().meta({ description: 'Changes before this instant only' }),
};

const SizeCounts = { entered: Count, left: Count };

const SizePointSchema = z
  .strictObject({
    at: Instant.meta({ description: 'The beginning of the period' }),
    size: Count.meta({ description: 'Members at its end; in a period that has not ended, now' }),
    ...SizeCounts,
    causes: z.record(z.string(), z.strictObject(SizeCounts)).meta({ description: 'Entries and exits by cause' }),
  })
  .meta({ id: 'SizePoint' });

const SizesSchema = z
  .strictObject({
    segment: SegmentKey,
    resolution: z.enum(RESOLUTIONS),
    timeZone: z.string().meta({ description: 'Whose hours, days, weeks and months these are' }),
    position: z.int().meta({ description: 'Place in the feed that the sizes are exact at' }),
    points: z.array(SizePointSchema),
  })
  .meta({ id: 'SegmentSizes', description: 'Each size is the one before, plus entered, minus left' });

const SizeSchema = z.strictObject({ segment: SegmentKey, at: Instant, memberCount: Count }).meta({ id: 'SegmentSize' });

export const historyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/customers/:customerId/history',
    operationId: 'getCustomerHistory',
    tag: 'customers',
    scope: 'members:read',
    summary: 'What the customer entered and left, newest first',
    description: 'With what was said by hand about the customer and changed nothing, which the feed does not have.',
    params: CustomerPath,
    query: z.strictObject({ ...HistoryFilter, segment: SegmentKey.optional().meta({ description: 'Changes of this segment only' }) }),
    fresh: 'feed',
    answers: { 200: HistoryPage },
    refusals: ['not_found', 'invalid_cursor', 'history_trimmed'],
    handle: async ({ strata, reads, caller, params, query }) => {
      if (query.segment !== undefined) requireSegments(caller, [query.segment]);
      const customer = await readCustomer(reads, params.customerId);
      if (customer === null) throw new AppError('not_found', `There is no customer “${params.customerId}”.`);
      return readPage(
        { database: reads, clock: strata.clock },
        query,
        { customerKey: customerKey(params.customerId), ...(await segmentsOf(strata, caller, query.segment)) },
        caller,
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/history',
    operationId: 'getSegmentHistory',
    tag: 'segments',
    scope: 'members:read',
    summary: 'Who entered and left the segment, newest first',
    description: 'With `customer` also what was said by hand about them and changed nothing.',
    params: SegmentPath,
    query: z.strictObject({ ...HistoryFilter, customer: CustomerId.optional().meta({ description: 'Changes of this customer only' }) }),
    fresh: 'feed',
    answers: { 200: HistoryPage },
    refusals: ['not_found', 'invalid_cursor', 'history_trimmed'],
    handle: async ({ strata, reads, caller, params, query }) => {
      const segmentId = (await getSegment(strata.database, params.key)).id;
      return readPage(
        { database: reads, clock: strata.clock },
        query,
        { segmentId, ...(query.customer === undefined ? {} : { customerKey: customerKey(query.customer) }) },
        caller,
      );
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/size',
    operationId: 'getSegmentSize',
    heavy: true,
    tag: 'segments',
    scope: 'segments:read',
    summary: 'How many members the segment had at an instant',
    params: SegmentPath,
    query: z.strictObject({ at: InstantInput.meta({ description: 'Any past instant' }) }),
    fresh: 'write',
    answers: { 200: SizeSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, params, query }) => {
      const segment = await getSegment(strata.database, params.key);
      const atMs = Date.parse(query.at);
      const memberCount = await readPast(reads, strata.clock, atMs, () => countMembersAt(reads, segment.id, atMs));
      return { segment: segment.key, at: instant(atMs), memberCount };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/segments/:key/sizes',
    operationId: 'listSegmentSizes',
    heavy: true,
    tag: 'segments',
    scope: 'segments:read',
    summary: 'Sizes over time, with who entered and left',
    description: `At most ${MAX_POINTS} points, for whole periods. Sizes by day, week and month are kept for ever, by the hour as long as the log.`,
    params: SegmentPath,
    query: z.strictObject({
      from: InstantInput.optional().meta({
        description: `In the first period; without it ${RESOLUTIONS.map((name) => `${USUAL_POINTS[name]} ${name}s`).join(', ')} are answered`,
      }),
      to: InstantInput.optional().meta({ description: 'Where the last period ends at the earliest; without it, and in the future, now' }),
      resolution: z.enum(RESOLUTIONS).default('day'),
    }),
    fresh: 'feed',
    answers: { 200: SizesSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, params, query }) => {
      const { clock, timeZone } = strata;
      const segment = await getSegment(strata.database, params.key);
      const { resolution } = query;
      const periods = choosePeriods(await readKeptHistory(reads, clock), query, timeZone);
      const { position, points } = await readSizes(reads, segment.id, periods, timeZone);
      if (resolution === 'hour') requireQuarters(periods.startsMs[0] ?? periods.endMs, await readKeptHistory(reads, clock), timeZone);
      const toPoint = ({ atMs, ...point }: (typeof points)[number]) => ({ at: instant(atMs), ...point });
      return { segment: segment.key, resolution, timeZone, position: Number(position), points: points.map(toPoint) };
    },
  }),
];

/** The segment asked for, or those that the caller may see. */
async function segmentsOf(
  strata: Strata,
  caller: Caller,
  key: string | undefined,
): Promise<Pick<HistoryQuery, 'segmentId' | 'segmentIds'>> {
  if (key !== undefined) return { segmentId: (await getSegment(strata.database, key)).id };
  if (caller.segments === null) return {};
  return { segmentIds: [...(await readSegmentIds(strata.database, [...caller.segments])).values()] };
}

interface HistoryParameters {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly type?: 'entered' | 'exited' | undefined;
  readonly cause?: Cause | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

async function readPage(
  source: FeedSource,
  parameters: HistoryParameters,
  of: Pick<HistoryQuery, 'customerKey' | 'segmentId' | 'segmentIds'>,
  caller: Caller,
): Promise<z.input<typeof HistoryPage>> {
  const { limit, after, type, cause, from, to } = parameters;
  const [beforePosition, beforeMs] = decodeCursor('history', after, ['integer', 'instant']) ?? [];
  const rows = await readHistory(source.database, {
    ...of,
    limit: limit + 1,
    ...(beforePosition === undefined ? {} : { beforePosition }),
    ...(type === undefined ? {} : { type }),
    ...(cause === undefined ? {} : { cause }),
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
  });
  const { data, next } = page(rows, limit, pastChangeOut, (last) => encodeCursor('history', [last.position, String(last.atMs)]));
  const words = await idleWords(source, parameters, of, caller, {
    beforeMs: beforeMs === undefined ? undefined : Number(beforeMs),
    downToMs: next === null ? undefined : rows[limit - 1]?.atMs,
  });
  const kept = await readKeptHistory(source.database, source.clock); // last of all: the log may have been trimmed meanwhile
  if (from !== undefined) requireKept(Date.parse(from), kept);
  // of an older word nobody can tell any more whether it changed something: the change would be gone
  const keptWords = words.filter(({ atMs }) => atMs >= (kept.oldestMs ?? Number.NEGATIVE_INFINITY)).map(idleWordOut);
  const newestFirst = [...data, ...keptWords].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)); // stable: changes keep the feed's order
  return { data: newestFirst, next, oldest: instantOrNull(kept.oldestMs) };
}

/** For a customer, those between this page's changes: down to the last of them, and not later than the previous page's end. */
async function idleWords(
  source: FeedSource,
  { type, cause, from, to }: HistoryParameters,
  { customerKey: key, segmentId }: Pick<HistoryQuery, 'customerKey' | 'segmentId' | 'segmentIds'>,
  caller: Caller,
  { beforeMs, downToMs }: { readonly beforeMs: number | undefined; readonly downToMs: number | undefined },
): Promise<readonly IdleWord[]> {
  if (key === undefined || type !== undefined) return [];
  const found = await readIdleWords(source.database, {
    customerKey: key,
    ...(segmentId === undefined ? {} : { segmentId }),
    ...(cause === undefined ? {} : { cause }),
    fromMs: Math.max(from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from), downToMs ?? Number.NEGATIVE_INFINITY),
    toMs: Math.min(to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to), beforeMs ?? Number.POSITIVE_INFINITY),
  });
  return found.filter(({ segment }) => allowsSegment(caller, segment));
}

function idleWordOut({ id, atMs, ...word }: IdleWord): z.input<typeof PastChangeSchema> {
  return { id: `pin-${id}`, position: null, ...word, version: null, at: instant(atMs), since: null };
}

function pastChangeOut(change: PastChange): z.input<typeof PastChangeSchema> {
  const { position, atMs, sinceMs, ...rest } = change;
  return { id: position, position: Number(position), ...rest, at: instant(atMs), since: instantOrNull(sinceMs) };
}

/** Throws `invalid_request` for a period that ends before it begins, lies in the future or has too many points. */
export function choosePeriods(
  kept: KeptHistory,
  query: { readonly from?: string | undefined; readonly to?: string | undefined; readonly resolution: Resolution },
  timeZone: string,
): Periods {
  const toMs = Math.min(query.to === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.to), kept.nowMs + 1);
  const fromMs = query.from === undefined ? usualFromMs(query.resolution, toMs - 1, timeZone) : Date.parse(query.from);
  if (fromMs >= toMs) throw invalidPeriod('The period must begin before it ends, and before now.');
  const periods = periodsBetween(query.resolution, fromMs, toMs, timeZone);
  if (periods === null) throw invalidPeriod(`That is more than ${MAX_POINTS} points; ask for a shorter period or a coarser resolution.`);
  return periods;
}

function invalidPeriod(detail: string): AppError {
  return new AppError('invalid_request', detail, { errors: [{ parameter: 'from', code: 'invalid_value', detail }] });
}

/** Quarters of an hour are trimmed with the log; the one with the cut in it is kept whole. Throws `history_trimmed` with the first whole hour. */
export function requireQuarters(fromMs: number, { oldestMs }: KeptHistory, timeZone: string): void {
  if (oldestMs === null) return;
  const firstMs = Math.floor((oldestMs - 1) / QUARTER_MS) * QUARTER_MS;
  if (fromMs >= firstMs) return;
  throw historyTrimmed(periodsBetween('hour', firstMs - 1, firstMs, timeZone)?.endMs ?? firstMs);
}
