// In charge of the route of the feed: pages of numbered changes, and waiting for the next one. Not of numbering (changes/publisher.ts).
import { z } from 'zod';
import { historyTrimmed, readKeptHistory, requireKept } from '../../changes/kept-history.ts';
import { type Change, type FeedQuery, findStart, readChanges, readFeedEnd } from '../../changes/read-changes.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { CAUSES } from '../../membership/record.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { type Route, route } from './route.ts';
import { CustomerId, Instant, InstantInput, instant, integerParameter, Page, SegmentKey } from './wire.ts';

const MAX_WAIT_SECONDS = 30;
/** How long to trust that somebody tells us: with several processes the publisher may be another's. */
const LOOK_MS = 1000;

export const ChangeType = z.enum(['entered', 'exited']);

const ChangeSchema = z
  .strictObject({
    id: z.string(),
    position: z.int().meta({ description: 'Dense: the next change has the next number' }),
    type: z.enum([...ChangeType.options, 'erased']).meta({ description: 'erased: a tombstone; what is null in it says nothing more' }),
    segment: SegmentKey.nullable(),
    customerId: z.string().nullable(),
    version: z.int().nullable(),
    cause: z.enum(CAUSES).nullable().meta({ description: 'What brought it about: a write, the clock, a definition, a hand, an erasure' }),
    at: Instant,
    actor: z.string().nullable().meta({ description: 'Who said so by hand; null: nobody did' }),
    reason: z.string().nullable(),
  })
  .meta({
    id: 'Change',
    description: 'One customer entered or left one segment; or a tombstone, where the customer has been erased since',
  });

const ChangePage = z
  .strictObject({ data: z.array(ChangeSchema), next: z.string().meta({ description: 'Where to go on, also when nothing is there yet' }) })
  .meta({ id: 'ChangePage' });

function changeOut(change: Change): z.input<typeof ChangeSchema> {
  return {
    id: change.position,
    position: Number(change.position),
    type: change.type,
    segment: change.segment,
    customerId: change.customerId,
    version: change.version,
    cause: change.cause,
    at: instant(change.atMs),
    actor: change.actor,
    reason: change.reason,
  };
}

export const changeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/changes',
    operationId: 'listChanges',
    tag: 'changes',
    scope: 'members:read',
    summary: 'The feed: each change exactly once, in order',
    description:
      'Without `after` from the oldest change that is kept, or from the instant `from` on; a place that retention has passed is refused. Where a customer has been erased, tombstones keep the places, and the exits (cause `erasure`) can be read for some days: a reader who begins later meets exits without entries, and ignores them; replayed so, the feed gives the members. With `wait` the answer comes when there is something, at the latest after that many seconds.',
    query: z.strictObject({
      ...Page,
      segment: SegmentKey.optional().meta({ description: 'Changes of this segment only' }),
      customer: CustomerId.optional().meta({ description: 'Changes of this customer only' }),
      from: InstantInput.optional().meta({ description: 'Instead of `after`: begin where no change of that instant or later is left out' }),
      wait: integerParameter(0, MAX_WAIT_SECONDS).default(0).meta({ description: 'Seconds to wait for a first change' }),
    }),
    fresh: 'feed',
    answers: { 200: ChangePage },
    refusals: ['invalid_cursor', 'not_found', 'history_trimmed'],
    handle: async ({ strata, query, signal }) => {
      const feed: FeedQuery = {
        afterPosition: await startOf(strata, query),
        limit: query.limit,
        ...(query.segment === undefined ? {} : { segmentId: (await getSegment(strata.database, query.segment)).id }),
        ...(query.customer === undefined ? {} : { customerKey: customerKey(query.customer) }),
      };
      const { changes, place } = await waitForChanges(strata, feed, query.wait * 1000, query.wait > 0 ? signal() : undefined);
      if (query.after !== undefined || query.from !== undefined) await requireWhole(strata, feed.afterPosition);
      return { data: changes.map(changeOut), next: encodeCursor('changes', [place]) };
    },
  }),
];

/** Throws `invalid_cursor`, and `history_trimmed` for an instant that is no longer kept. */
async function startOf(
  strata: Strata,
  { after, from }: { readonly after?: string | undefined; readonly from?: string | undefined },
): Promise<string> {
  if (from === undefined) return decodeCursor('changes', after, ['integer'])?.[0] ?? '0';
  if (after !== undefined) {
    const detail = 'Give one place to begin at: `after` or `from`.';
    throw new AppError('invalid_request', detail, { errors: [{ parameter: 'from', code: 'invalid_value', detail }] });
  }
  const fromMs = Date.parse(from);
  const position = await findStart(strata.database, fromMs);
  requireKept(fromMs, await readKeptHistory(strata.database, strata.clock));
  return position;
}

/** Read after the page: what was there then is what the page was read from, or more. */
async function requireWhole(strata: Strata, afterPosition: string): Promise<void> {
  const { trimmedPosition, oldestMs } = await readKeptHistory(strata.database, strata.clock);
  if (oldestMs !== null && BigInt(afterPosition) < BigInt(trimmedPosition)) throw historyTrimmed(oldestMs);
}

interface FeedPage {
  readonly changes: readonly Change[];
  /** everything that the filter lets through up to here has been read */
  readonly place: string;
}

async function waitForChanges(strata: Strata, feed: FeedQuery, waitMs: number, signal: AbortSignal | undefined): Promise<FeedPage> {
  const untilMs = strata.clock.nowMs() + waitMs;
  for (;;) {
    const leftMs = untilMs - strata.clock.nowMs();
    if (signal === undefined || signal.aborted || leftMs <= 0) return readPage(strata, feed);
    const found = new AbortController();
    // listening begins before reading, so that what is published in between wakes us
    const growth = strata.publisher.nextGrowth(Math.min(leftMs, LOOK_MS), AbortSignal.any([signal, found.signal]));
    const page = await readPage(strata, feed);
    if (page.changes.length > 0) {
      found.abort();
      await growth;
      return page;
    }
    await growth;
  }
}

/** The end is read first: what is numbered up to it is visible to the read after it, so a filtered reader need not pass it again. */
async function readPage(strata: Strata, feed: FeedQuery): Promise<FeedPage> {
  const isFiltered = feed.segmentId !== undefined || feed.customerKey !== undefined;
  const end = isFiltered ? await readFeedEnd(strata.database) : feed.afterPosition;
  const changes = await readChanges(strata.database, feed);
  const last = changes.at(-1)?.position ?? feed.afterPosition;
  return { changes, place: changes.length < feed.limit && BigInt(end) > BigInt(last) ? end : last };
}
