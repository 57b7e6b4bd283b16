// In charge of comparing segments side by side: the same figures for each and for everybody, from the same passes over all customers and orders.
import type { Clock } from '../base/clock.ts';
import type { Database } from '../db/database.ts';
import { countCustomers } from './count-customers.ts';
import { inReport } from './in-report.ts';
import { lastDays } from './period.ts';
import { readFields } from './profile-fields.ts';
import { ratio } from './ratio.ts';
import { type Distribution, readProfile, toDistribution } from './read-profile.ts';
import type { ReportFrame } from './read-segment-report.ts';
import { readTrends } from './read-trend.ts';
import { readValue, toValueReports, type ValueReport } from './read-value.ts';

export const COMPARED_MAX = 10;

export interface ComparedSegment {
  readonly segment: string;
  readonly members: number;
  readonly share: number | null;
  readonly entered: number;
  readonly left: number;
  readonly value: ValueReport;
  /** the same values in each segment */
  readonly profile: readonly Distribution[];
}

export interface ComparisonReport extends ReportFrame {
  readonly unnumbered: number;
  readonly fromMs: number;
  readonly everybody: number;
  readonly segments: readonly ComparedSegment[];
}

/** For at most ten segments, by key. Throws `invalid_request` for fields that do not exist. */
export function readComparison(
  { database, clock, timeZone }: { readonly database: Database; readonly clock: Clock; readonly timeZone: string },
  segments: ReadonlyMap<string, number>,
  query: { readonly days: number; readonly statuses: readonly string[] | null; readonly by: readonly string[]; readonly most: number },
): Promise<ComparisonReport> {
  return inReport(database, clock, async (source) => {
    const ids = [...segments.values()];
    const period = lastDays(query.days, source.atMs, timeZone);
    const fields = await readFields(source, query.by);
    const customers = await countCustomers(source, ids);
    const trends = await readTrends(source, ids, period, timeZone);
    const profile = await readProfile(source, ids, fields, { most: query.most, timeZone });
    const values = toValueReports(await readValue(source, ids, { from: period.from, statuses: query.statuses }), customers);
    const compared = [...segments].flatMap(([segment, id], index) => {
      const value = values[index];
      if (value === undefined) return [];
      const members = Number(customers.inside[index] ?? 0n);
      const trend = trends.get(id);
      return [
        {
          segment,
          members,
          share: ratio(members, customers.everybody),
          entered: trend?.entered ?? 0,
          left: trend?.left ?? 0,
          value,
          profile: profile.map((counted) => toDistribution(counted, customers, index)),
        },
      ];
    });
    const unnumbered = [...trends.values()].reduce((sum, trend) => sum + trend.unnumbered, 0);
    const { atMs, position } = source;
    return { atMs, position, unnumbered, fromMs: period.fromMs, everybody: Number(customers.everybody), segments: compared };
  });
}
