// In charge of what a reader of the feed wants of it: some segments, one customer, or everything; as a question to the database, and as a
// test of a change that has been read. Both let the same changes through.
import type { CustomerKey } from '../ingest/facts.ts';
import type { Change, FeedQuery } from './read-changes.ts';

export interface FeedFilter {
  /** ids by key; null: of all. A key never changes and is never given again. */
  readonly segments: ReadonlyMap<string, number> | null;
  /** null: of everybody */
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

/** Tombstones tell no customer, and those of exits alone their segment, so that only readers of everything get all of them. */
export function letsThrough({ segments, customer }: FeedFilter, change: Change): boolean {
  if (segments !== null && (change.segment === null || !segments.has(change.segment))) return false;
  return customer === null || change.customerId === customer.id;
}

/** Equal for filters that let the same changes through. */
export function nameOf({ segments, customer }: FeedFilter): string {
  return JSON.stringify([segments === null ? null : [...segments.keys()].sort(), customer?.id ?? null]);
}
