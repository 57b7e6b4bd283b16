// In charge of one form: the changes of one segment between two positions, walked by the segment's own index and never by another.

export const LAST_POSITION = '9223372036854775807';

/**
 * SQL: after a position up to and with another. Compared as rows: given two plain conditions the planner may walk the whole log by
 * position instead, which a segment that seldom changes would pay for. Order by segment_id and position with it.
 */
export function segmentRange(table: string, segment: string, after: string, through: string = LAST_POSITION): string {
  const place = `(${table}.segment_id, ${table}.position)`;
  return `${place} > (${segment}, ${after}) and ${place} <= (${segment}, ${through})`;
}
