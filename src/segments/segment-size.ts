// In charge of how many members a segment has, as SQL: what is counted, and what is numbered and will be counted within seconds. Not of
// counting (changes/count-noted-changes.ts).

/** `segment`: SQL of the segment's id. Exact at the feed's position. */
export function sizeOf(segment: string): string {
  return `(coalesce((select sizes.member_count from segment_sizes as sizes where sizes.segment_id = ${segment}), 0) + ${uncountedOf(segment)})`;
}

/** How much the size is more than `segment_sizes` says. */
export function uncountedOf(segment: string): string {
  return `(select coalesce(sum(notes.entered - notes.exited), 0)::bigint from uncounted as notes where notes.segment_id = ${segment})`;
}
