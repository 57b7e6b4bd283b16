// In charge of one form of SQL: where the bands of a grid are cut, as given or so that about the same number lies in each.
import type { ReportValues } from './report-values.ts';

/**
 * SQL: numeric[], ascending. If cuts are not given: `bands` parts of about equal size in order of the value, and of each part but the first the
 * least value (percentile_disc from above), each once, and without the least value of all, which would leave the first band empty. Whoever has
 * exactly the value of a cut is in the band above it, so that equal values are never separated.
 */
export function quantileCuts({ bind }: ReportValues, given: readonly string[] | null, bands: number, value: string, from: string): string {
  if (given !== null) return bind(given, 'numeric[]');
  const ends = Array.from({ length: bands - 1 }, (_, index) => (bands - 1 - index) / bands);
  return `(
            select coalesce(array_agg(distinct q.cut order by q.cut) filter (where q.cut > q.least), '{}')
            from (
              select unnest(percentile_disc(${bind(ends, 'double precision[]')}) within group (order by ${value} desc)) as cut, min(${value}) as least
              from ${from}
            ) as q
          )`;
}
