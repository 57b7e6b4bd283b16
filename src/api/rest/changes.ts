// In charge of the routes of the feed: pages of numbered changes, waiting for the next one, and the stream of them. Not of numbering
// (changes/publisher.ts) or of sending a stream (sse/).
import { z } from 'zod';
import { queryOf } from '../../changes/feed-filter.ts';
import { type FeedPage, readFeedPage } from '../../changes/read-changes.ts';
import type { Strata } from '../../strata.ts';
import { ChangeSchema, changeOut } from './change-schema.ts';
import { encodeCursor } from './cursor.ts';
import { FeedParameters, type FeedRequest, readFilter, readStart, requireWhole } from './feed-request.ts';
import { type Route, route } from './route.ts';
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
    forCustomer: true,
    summary: 'The feed: each change exactly once, in order',
    description:
      'Without `after` from the oldest change that is kept, or from the instant `from` on; a place that retention has passed is refused. Where a customer has been erased, tombstones keep the places, and the exits (cause `erasure`) can be read for some days: a reader who begins later meets exits without entries, and ignores them; replayed so, the feed gives the members. With `wait` the answer comes when there is something, at the latest after that many seconds.',
    query: z.strictObject({
      ...Page,
      ...FeedParameters,
      wait: integerParameter(0, MAX_WAIT_SECONDS).default(0).meta({ description: 'Seconds to wait for a first change' }),
    }),
    fresh: 'feed',
    answers: { 200: ChangePage },
    refusals: ['invalid_cursor', 'not_found', 'history_trimmed'],
    handle: async ({ strata, caller, query, signal }) => {
      const filter = await readFilter(strata, caller, query);
      const start = await readStart(strata, query);
      const page = await readFeedPage(strata.database, queryOf(filter, start.position, query.limit));
      if (start.isGiven) await requireWhole(strata, start.position);
      const { changes, place } =
        page.changes.length > 0 || query.wait === 0 ? page : await waitFor(strata, filter, page.place, query, signal());
      return { data: changes.map((change) => changeOut(change, caller)), next: encodeCursor('changes', [place]) };
    },
  }),
];

/** Woken by the one that reads the feed for all who wait: nobody asks the database again and again. */
async function waitFor(
  strata: Strata,
  filter: Awaited<ReturnType<typeof readFilter>>,
  place: string,
  { limit, wait }: FeedRequest & { readonly limit: number; readonly wait: number },
  signal: AbortSignal,
): Promise<FeedPage> {
  const follower = strata.feedTail.follow(filter, place);
  try {
    return await follower.next(limit, { timeoutMs: wait * 1000, signal });
  } finally {
    follower.close();
  }
}
