// In charge of one piece of SQL: the changes of one segment between two positions, read by the index over segments and never by another.

export const LAST_POSITION = '9223372036854775807';

/**
 * SQL: after one position, up to and including another. Compared as rows: given two plain conditions the planner may walk the whole log by
 * position instead, which is slow for a segment that seldom changes. Use it with an order by segment_id and position.
 */
export function segmentRange(table: string, segment: string, after: string, through: string = LAST_POSITION): string {
  const place = `(${table}.segment_id, ${table}.position)`;
  return `${place} > (${segment}, ${after}) and ${place} <= (${segment}, ${through})`;
}
