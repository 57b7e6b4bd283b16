// In charge of the report of one segment: which of its parts are read, in one snapshot. The parts themselves are files of their own.
import type { Clock } from '../base/clock.ts';
import type { Database } from '../db/database.ts';
import { countCustomers } from './count-customers.ts';
import { inReport } from './in-report.ts';
import { partOf } from './part.ts';
import { lastDays } from './period.ts';
import { readFields } from './profile-fields.ts';
import { type EngagementReport, readEngagement } from './read-engagement.ts';
import { type GoodsReport, readGoods } from './read-goods.ts';
import { type GroupMix, readMix } from './read-mix.ts';
import { type Distribution, readProfile, toDistribution } from './read-profile.ts';
import { readTrends, type Trend } from './read-trend.ts';
import { readValue, toValueReports, type ValueReport } from './read-value.ts';

/** What can be left out, since it costs a separate pass. */
export const REPORT_PARTS = ['profile', 'value', 'goods', 'engagement', 'mix'] as const;
export type ReportPart = (typeof REPORT_PARTS)[number];

export interface ReportQuery {
  readonly parts: ReadonlySet<ReportPart>;
  /** how many days the period has, including the one that has not ended */
  readonly days: number;
  /** statuses of orders that count; null: all */
  readonly statuses: readonly string[] | null;
  /** the fields that have distributions */
  readonly by: readonly string[];
  /** how many values, goods and events one list has */
  readonly most: number;
  /** whether the caller may know of the segment with this key */
  readonly isShown: (segment: string) => boolean;
}

/** What every report says about itself. */
export interface ReportFrame {
  readonly atMs: number;
  readonly position: string;
}

export interface SegmentReport extends ReportFrame {
  readonly unnumbered: number;
  readonly fromMs: number;
  readonly members: number;
  readonly everybody: number;
  readonly share: number | null;
  readonly trend: Omit<Trend, 'unnumbered'>;
  readonly profile: readonly Distribution[] | null;
  readonly value: ValueReport | null;
  readonly goods: GoodsReport | null;
  readonly engagement: EngagementReport | null;
  readonly mix: readonly GroupMix[] | null;
}

/** Throws `invalid_request` for fields that do not exist. */
export function readSegmentReport(
  { database, clock, timeZone }: { readonly database: Database; readonly clock: Clock; readonly timeZone: string },
  segmentId: number,
  query: ReportQuery,
): Promise<SegmentReport> {
  return inReport(database, clock, async (source) => {
    const { parts, most } = query;
    const ids = [segmentId];
    const period = lastDays(query.days, source.atMs, timeZone);
    const sales = { from: period.from, statuses: query.statuses };
    const fields = parts.has('profile') ? await readFields(source, query.by) : [];
    const customers = await countCustomers(source, ids);
    const trend = (await readTrends(source, ids, period, timeZone)).get(segmentId);
    if (trend === undefined) throw new Error(`the sizes of segment ${segmentId} were not read`);
    const { unnumbered, ...growth } = trend;
    const { members, everybody, share } = partOf(customers, { inside: [customers.everybody], everybody: customers.everybody }, 0);
    const profile = await readProfile(source, ids, fields, { most, timeZone });
    return {
      atMs: source.atMs,
      position: source.position,
      unnumbered,
      fromMs: period.fromMs,
      members,
      everybody,
      share,
      trend: growth,
      profile: parts.has('profile') ? profile.map((counted) => toDistribution(counted, customers, 0)) : null,
      value: parts.has('value') ? (toValueReports(await readValue(source, ids, sales), customers)[0] ?? null) : null,
      goods: parts.has('goods') ? await readGoods(source, segmentId, sales, most) : null,
      engagement: parts.has('engagement') ? await readEngagement(source, segmentId, customers, period, most) : null,
      mix: parts.has('mix') ? await readMix(source, segmentId, customers, query.isShown) : null,
    };
  });
}
