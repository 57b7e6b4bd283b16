// In charge of the list of segments, from which views let users choose and take names.
import type { Status } from '../parts/segment-name.tsx';
import { type Read, useRead } from './use-read.ts';

export interface ListedSegment {
  readonly key: string;
  readonly name: string;
  readonly icon: string | null;
  readonly color: string | null;
  readonly kind: 'rule' | 'manual';
  readonly status: Status;
  readonly memberCount: number;
}

const MOST = 1000;

export function useSegments(options: { readonly live?: boolean } = {}): Read<{ readonly data: readonly ListedSegment[] }> {
  return useRead('/v1/segments', { query: { limit: MOST }, ...options });
}

/** Segments whose members can be shown and changed: published, and not archived. */
export function isLive({ status }: ListedSegment): boolean {
  return status !== 'draft' && status !== 'archiving' && status !== 'archived';
}
