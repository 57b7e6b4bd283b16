// In charge of what reports over segments take and answer in the same way: lists of segments, the instant and the place of the feed, shares and
// lifts.
import { z } from 'zod';
import { type Caller, requireSegments } from '../../access/caller.ts';
import { readSegmentIds } from '../../segments/read-segment-ids.ts';
import type { Strata } from '../../strata.ts';
import { splitList } from './report-parameters.ts';
import { Instant, instant, SegmentKey } from './wire.ts';

export function segmentList(most: number) {
  return z.preprocess(splitList, z.array(SegmentKey, `names segments, at most ${most}`).min(1).max(most));
}

/** What every report answers besides its figures. */
export const ReportFrameFields = {
  at: Instant.meta({ description: 'What was written later is in no figure' }),
  position: z.int().meta({ description: 'Place in the feed that the figures hold for' }),
};

export function frameOut({ atMs, position }: { readonly atMs: number; readonly position: string }) {
  return { at: instant(atMs), position: Number(position) };
}

/** Ids by key, each once. Throws `forbidden` and `not_found`. */
export async function readSegments(strata: Strata, caller: Caller, keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
  requireSegments(caller, keys);
  return readSegmentIds(strata.database, [...new Set(keys)]);
}

export const Share = z.number().nullable().meta({ description: '0 to 1; null: there is nothing to divide by' });
export const Lift = z.number().nullable().meta({ description: 'The share in the segment by the share among everybody: 1 is as everybody' });
