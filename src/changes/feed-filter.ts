// In charge of what a reader wants of the feed: some segments, one customer, or everything; as a condition for the database, and as a
// test of a change that has been read. Both let the same changes through.
import type { CustomerKey } from '../ingest/facts.ts';
import type { Change, FeedQuery } from './read-changes.ts';

export interface FeedFilter {
  /** ids by key; null: all segments. A key never changes and is never used again. */
  readonly segments: ReadonlyMap<string, number> | null;
  /** null: all customers */
  readonly customer: { readonly id: string; readonly key: CustomerKey } | null;
}

export const EVERYTHING: FeedFilter = { segments: null, customer: null };

export function queryOf({ segments, customer }: FeedFilter, afterPosition: string, limit: number): FeedQuery {
  return {
    afterPosition,
    limit,
    ...(segments === null ? {} : { segmentIds: [...segments.values()] }),
    ...(customer === null ? {} : { customerKey: customer.key }),
  };
}

/** Tombstones name no customer, and only those of exits a segment, so only readers of everything get all of them. */
export function letsThrough({ segments, customer }: FeedFilter, change: Change): boolean {
  if (segments !== null && (change.segment === null || !segments.has(change.segment))) return false;
  return customer === null || change.customerId === customer.id;
}

/** The same text for filters that let the same changes through. */
export function nameOf({ segments, customer }: FeedFilter): string {
  return JSON.stringify([segments === null ? null : [...segments.keys()].sort(), customer?.id ?? null]);
}
