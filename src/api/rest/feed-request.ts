// In charge of what a reader of the feed may ask for, in pages and in streams: where to begin, which segments, which customer.
import { z } from 'zod';
import { type Caller, requireCustomer, requireSegments } from '../../access/caller.ts';
import type { FeedFilter } from '../../changes/feed-filter.ts';
import { historyTrimmed, readKeptHistory, requireKept } from '../../changes/kept-history.ts';
import type { FeedBounds } from '../../changes/print-feed-page.ts';
import { findStart, readFeedEnd } from '../../changes/read-changes.ts';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { customerKey } from '../../ingest/customer-key.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import type { Strata } from '../../strata.ts';
import { decodeCursor } from './cursor.ts';
import { CustomerId, InstantInput, SegmentKey } from './wire.ts';

const MAX_SEGMENTS = 100;

/** `segment=a&segment=b` or `segment=a,b` */
export const SegmentList = z.preprocess(
  (given) => (given === undefined ? undefined : [given].flat().flatMap((text) => (typeof text === 'string' ? text.split(',') : [text]))),
  z.array(SegmentKey).min(1).max(MAX_SEGMENTS).optional(),
);

export const FeedParameters = {
  segment: SegmentList.meta({ description: 'Changes of these segments only' }),
  customer: CustomerId.optional().meta({ description: 'Changes of this customer only' }),
  from: InstantInput.optional().meta({ description: 'Instead of `after`: begin where no change of that instant or later is left out' }),
};

export interface FeedRequest {
  readonly after?: string | undefined;
  readonly from?: string | undefined;
  readonly segment?: readonly string[] | undefined;
  readonly customer?: string | undefined;
}

/** The part of the feed that the caller asks for and may see. Throws `forbidden` and `not_found`. */
export async function readFilter(strata: Strata, caller: Caller, { segment, customer }: FeedRequest): Promise<FeedFilter> {
  if (segment !== undefined) requireSegments(caller, segment);
  if (customer !== undefined) requireCustomer(caller, customer);
  const keys = segment === undefined ? caller.segments : new Set(segment);
  const id = customer ?? caller.customerId;
  return {
    segments: keys === null ? null : await readSegmentIds(strata.database, [...keys]),
    customer: id === null ? null : { id, key: customerKey(id) },
  };
}

export interface FeedStart {
  readonly position: string;
  /** whether the reader asked for this place, and would miss what has been trimmed after it */
  readonly isGiven: boolean;
}

/** Where the feed is read. */
export type FeedSource = Pick<Strata, 'database' | 'clock'>;

/** A replica whose feed has not reached the cursor's place, which another process or the stream gave, is not used. */
export async function chooseFeed(strata: Strata, reads: Database, position: string | undefined): Promise<FeedSource> {
  if (reads === strata.database || position === undefined) return { database: reads, clock: strata.clock };
  const hasCome = BigInt(position) <= BigInt(await readFeedEnd(reads));
  return { database: hasCome ? reads : strata.database, clock: strata.clock };
}

/** The place that a cursor of the feed names. Throws `invalid_cursor`. */
export function placeOf({ after }: Pick<FeedRequest, 'after'>): string | undefined {
  return decodeCursor('changes', after, ['integer'])?.[0];
}

/** Throws `invalid_cursor`, also for a place that the feed has not reached, and `history_trimmed`. */
export async function readStart(source: FeedSource, request: FeedRequest): Promise<FeedStart> {
  const start = await findPlace(source, request);
  if (start.isGiven) await requireFeedPlace(source, start.position);
  return start;
}

/** The same for callers that check the page's bounds (`requireWithin`): whether the feed has come that far is not asked here. */
export async function findPlace(source: FeedSource, { after, from }: FeedRequest): Promise<FeedStart> {
  if (from !== undefined) return { position: await startAt(source, after, Date.parse(from)), isGiven: true };
  const position = placeOf({ after });
  if (position !== undefined) return { position, isGiven: true };
  return { position: (await readKeptHistory(source.database, source.clock)).trimmedPosition, isGiven: false };
}

/** Throws `invalid_cursor` for a place that the feed has not reached. */
export async function requireFeedPlace(source: FeedSource, position: string): Promise<void> {
  requireReached(position, await readFeedEnd(source.database));
}

function requireReached(position: string, end: string): void {
  if (BigInt(position) < 0n || BigInt(position) > BigInt(end)) throw notOfThisFeed();
}

/** Throws `invalid_cursor` and `history_trimmed` if a page after this place does not belong to this feed or is not whole. */
export function requireWithin({ end, trimmedPosition, oldestMs }: FeedBounds, position: string): void {
  requireReached(position, end);
  if (oldestMs !== null && BigInt(position) < BigInt(trimmedPosition)) throw historyTrimmed(oldestMs);
}

/** To be read after the page: whatever is still kept then was there when the page was read. */
export async function readBounds({ database, clock }: FeedSource): Promise<FeedBounds> {
  return { end: await readFeedEnd(database), ...(await readKeptHistory(database, clock)) };
}

async function startAt(source: FeedSource, after: string | undefined, fromMs: number): Promise<string> {
  if (after !== undefined) {
    const detail = 'Give one place to begin at: `after` or `from`.';
    throw new AppError('invalid_request', detail, { errors: [{ parameter: 'from', code: 'invalid_value', detail }] });
  }
  const position = await findStart(source.database, fromMs);
  requireKept(fromMs, await readKeptHistory(source.database, source.clock));
  return position;
}

/** If the cursor were accepted silently, a reader of a feed that was restored from a backup would miss what comes until the feed gets there. */
function notOfThisFeed(): AppError {
  return new AppError(
    'invalid_cursor',
    'The feed has not come that far: this cursor is of another one, or of this one before it was restored.',
    {
      errors: [{ parameter: 'after', code: 'invalid_cursor', detail: 'This place is behind the end of the feed.' }],
    },
  );
}

/** To be called after reading the page: whatever is still kept then was there when the page was read. Throws `history_trimmed`. */
export async function requireWhole(source: FeedSource, afterPosition: string): Promise<void> {
  const { trimmedPosition, oldestMs } = await readKeptHistory(source.database, source.clock);
  if (oldestMs !== null && BigInt(afterPosition) < BigInt(trimmedPosition)) throw historyTrimmed(oldestMs);
}
