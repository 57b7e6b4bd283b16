// In charge of the routes of the feed: pages of numbered changes, waiting for the next one, and the stream of them. Not of numbering
// (changes/publisher.ts) nor of sending a stream (stream-changes.ts).
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import { queryOf } from '../../changes/feed-filter.ts';
import { type FeedBounds, type PrintedPage, printFeedPage } from '../../changes/print-feed-page.ts';
import { type Change, type FeedPage, type FeedQuery, readFeedPage } from '../../changes/read-changes.ts';
import type { Strata } from '../../strata.ts';
import { recheck } from './authenticate.ts';
import { ChangeSchema, changeOut } from './change-schema.ts';
import { encodeCursor } from './cursor.ts';
import {
  chooseFeed,
  FeedParameters,
  type FeedRequest,
  type FeedSource,
  findPlace,
  placeOf,
  readBounds,
  readFilter,
  readStart,
  requireWhole,
  requireWithin,
} from './feed-request.ts';
import { JsonText } from './json-text.ts';
import { type Route, route } from './route.ts';
import { streamChanges } from './stream-changes.ts';
import { integerParameter, Page } from './wire.ts';

const MAX_WAIT_SECONDS = 30;

const ChangePage = z
  .strictObject({ data: z.array(ChangeSchema), next: z.string().meta({ description: 'Where to go on, also when nothing is there yet' }) })
  .meta({ id: 'ChangePage' });

export const changeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/changes',
    operationId: 'listChanges',
    tag: 'changes',
    scope: 'members:read',
    tokens: ['customer', 'stream'],
    summary: 'The feed: each change exactly once, in order',
    description:
      'Without `after` from the oldest change that is kept, or from the instant `from` on; a place that retention has passed is refused. Where a customer has been erased, tombstones keep the places, and the exits (cause `erasure`) can be read for some days: a reader who begins later meets exits without entries, and ignores them; replayed so, the feed gives the members. Those exits then become tombstones that keep their `segment`: who finds one from after the beginning of a copy takes the members of that segment anew. With `wait` the answer comes when there is something, at the latest after that many seconds.',
    query: z.strictObject({
      ...Page,
      ...FeedParameters,
      wait: integerParameter(0, MAX_WAIT_SECONDS).default(0).meta({ description: 'Seconds to wait for a first change' }),
    }),
    fresh: 'feed',
    answers: { 200: ChangePage },
    refusals: ['invalid_cursor', 'not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, query, signal }) => {
      const filter = await readFilter(strata, caller, query);
      const source = await chooseFeed(strata, reads, placeOf(query));
      const start = await findPlace(source, query);
      const asked = queryOf(filter, start.position, query.limit);
      const page = await (caller.customerId === null ? printFeedPage(source.database, asked) : printForCustomer(source, asked, caller));
      if (start.isGiven) requireWithin(page.bounds, start.position);
      if (page.count > 0 || query.wait === 0) return pageOut(page);
      const { changes, place } = await waitFor(strata, caller, filter, page.place, query, signal());
      return pageOut(printChanges(changes, place, caller));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/changes/stream',
    operationId: 'streamChanges',
    tag: 'changes',
    scope: 'members:read',
    tokens: ['customer', 'stream'],
    summary: 'The feed as server-sent events, as it grows',
    description:
      'Begins where `GET /v1/changes` would, or behind `Last-Event-ID`, which counts before `after` and `from`. Each change is an event `change` whose data is the feed’s record and whose id is the cursor behind it; every 15 seconds a heartbeat says how far the stream has come. An event `error` with a problem as its data comes before an end from this side; go on from the last id, as browsers do by themselves. A reader who is slow is waited for, and cut after 30 seconds without reading.',
    query: z.strictObject({ after: Page.after, ...FeedParameters }),
    fresh: 'feed',
    media: 'text/event-stream',
    answers: { 200: z.string().meta({ description: 'Server-sent events' }) },
    refusals: ['invalid_cursor', 'not_found', 'history_trimmed'],
    handle: async ({ strata, caller, query, request, reply, signal }) => {
      const lastId = request.headers['last-event-id'];
      const filter = await readFilter(strata, caller, query);
      const start = await readStart(strata, lastId === undefined ? query : { after: String(lastId) });
      if (start.isGiven) await requireWhole(strata, start.position);
      if (request.method === 'HEAD') return reply.type('text/event-stream').send('');
      const leave = strata.heldPlaces.enterStream(caller);
      const follower = strata.feedTail.follow(filter, start.position);
      return streamChanges({ strata, request, reply, caller, follower, signal: signal(), recheck: () => recheck(request) }).finally(leave);
    },
  }),
];

function pageOut({ json, place }: PrintedPage): JsonText {
  return new JsonText(`{"data":[${json}],"next":${JSON.stringify(encodeCursor('changes', [place]))}}`);
}

/** Customers must not learn who decided by hand. */
async function printForCustomer(
  source: FeedSource,
  query: FeedQuery,
  caller: Caller,
): Promise<PrintedPage & { readonly bounds: FeedBounds }> {
  const { changes, place } = await readFeedPage(source.database, query);
  return { ...printChanges(changes, place, caller), bounds: await readBounds(source) };
}

function printChanges(changes: readonly Change[], place: string, caller: Caller): PrintedPage {
  return { json: changes.map((change) => JSON.stringify(changeOut(change, caller))).join(), count: changes.length, place };
}

/** Woken by the one reader of the feed that serves everybody who waits: nobody polls the database. */
async function waitFor(
  strata: Strata,
  caller: Caller,
  filter: Awaited<ReturnType<typeof readFilter>>,
  place: string,
  { limit, wait }: FeedRequest & { readonly limit: number; readonly wait: number },
  signal: AbortSignal,
): Promise<FeedPage> {
  const leave = strata.heldPlaces.enterWait(caller);
  const follower = strata.feedTail.follow(filter, place);
  try {
    return await follower.next(limit, { timeoutMs: wait * 1000, signal });
  } finally {
    follower.close();
    leave();
  }
}
