// In charge of the sizes of many segments over time in one read. How a size is found: changes/read-sizes.ts.
import type { Clock } from '../base/clock.ts';
import { type Periods, readSizesOf, type Size } from '../changes/read-sizes.ts';
import type { Database } from '../db/database.ts';
import { inReport } from './in-report.ts';
import type { ReportFrame } from './read-segment-report.ts';

export const SIZES_MAX = 500;
/** Points of all segments together. */
export const SIZE_POINTS_MAX = 50_000;

export interface SizesReport extends ReportFrame {
  readonly segments: readonly { readonly segment: string; readonly points: readonly Size[] }[];
}

/** Exact at the position; what has no place in the feed yet is not included. */
export function readManySizes(
  { database, clock, timeZone }: { readonly database: Database; readonly clock: Clock; readonly timeZone: string },
  segments: ReadonlyMap<string, number>,
  periods: Periods,
): Promise<SizesReport> {
  return inReport(database, clock, async (source) => {
    const sizes = await readSizesOf(source.database, [...segments.values()], periods, timeZone);
    const { atMs, position } = source;
    return { atMs, position, segments: [...segments].map(([segment, id]) => ({ segment, points: sizes.get(id)?.points ?? [] })) };
  });
}
