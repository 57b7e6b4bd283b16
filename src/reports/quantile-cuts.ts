// In charge of one form of SQL: where the bands of a grid are cut, as given or so that about as many lie in each.
import type { ReportValues } from './report-values.ts';

/**
 * SQL: numeric[], ascending. Not given: the values of those who stand at the ends of the first of `bands` equal parts (percentile_disc), each
 * once, and none that is the least, which would leave the first band empty. Whoever has the value of a cut is in the band above.
 */
export function quantileCuts({ bind }: ReportValues, given: readonly string[] | null, bands: number, value: string, from: string): string {
  if (given !== null) return bind(given, 'numeric[]');
  const ends = Array.from({ length: bands - 1 }, (_, index) => (index + 1) / bands);
  return `(
            select coalesce(array_agg(distinct q.cut order by q.cut) filter (where q.cut > q.least), '{}')
            from (
              select unnest(percentile_disc(${bind(ends, 'double precision[]')}) within group (order by ${value})) as cut, min(${value}) as least
              from ${from}
            ) as q
          )`;
}
