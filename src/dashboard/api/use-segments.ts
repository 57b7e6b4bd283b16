// In charge of the list of segments, which views choose from and name segments by.
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

/** Whose members can be told and changed: published, and not put away. */
export function isLive({ status }: ListedSegment): boolean {
  return status !== 'draft' && status !== 'archiving' && status !== 'archived';
}
