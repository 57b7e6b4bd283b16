// In charge of one form of SQL: where the bands of a grid are cut, as given or so that about as many lie in each.
import type { ReportValues } from './report-values.ts';

/**
 * SQL: numeric[], ascending. Not given: of `bands` parts of about as many each, in order of the value, the least value of each but the first
 * (percentile_disc from above), each once, and none that is the least of all, which would leave the first band empty. Whoever has the value
 * of a cut is in the band above, so that equal values are never parted.
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
