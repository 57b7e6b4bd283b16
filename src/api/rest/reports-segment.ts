// In charge of the routes of the report of one segment, and of segments side by side.
import { z } from 'zod';
import { allowsSegment, type Caller } from '../../access/caller.ts';
import type { Size } from '../../changes/read-sizes.ts';
import type { Database } from '../../db/database.ts';
import { MOST_DAYS, USUAL_DAYS } from '../../reports/period.ts';
import { isAttribute, PROFILE_FIELDS, USUAL_FIELDS } from '../../reports/profile-fields.ts';
import { COMPARED_MAX, readComparison } from '../../reports/read-comparison.ts';
import { REPORT_PARTS, readSegmentReport, type SegmentReport } from '../../reports/read-segment-report.ts';
import { getSegment } from '../../segments/segments.ts';
import type { Strata } from '../../strata.ts';
import { requirePersonal, seesPersonal } from './personal.ts';
import { sendCsv } from './report-csv.ts';
import { listParameter, Statuses } from './report-parameters.ts';
import { frameOut, readSegments, segmentList } from './report-request.ts';
import { ComparisonSchema, SegmentReportSchema } from './report-schemas.ts';
import { comparisonTable, segmentTable } from './report-tables.ts';
import { type Route, route } from './route.ts';
import { instant, integerParameter, SegmentPath, storableText } from './wire.ts';

const FIELDS_MAX = 12;
const VALUES_MAX = 100;

const Days = integerParameter(1, MOST_DAYS)
  .default(USUAL_DAYS)
  .meta({ description: 'Length of the period: days of the service’s time zone, the last one up to now' });

const Common = {
  days: Days,
  statuses: Statuses,
  by: listParameter(storableText(300), FIELDS_MAX).meta({
    description: `Fields of the distributions: ${PROFILE_FIELDS.join(', ')}, attributes.NAME; without it ${USUAL_FIELDS.join(', ')}. Age and attributes need \`pii:read\``,
  }),
};

const ReportQuerySchema = z.strictObject({
  ...Common,
  parts: listParameter(z.enum(REPORT_PARTS), REPORT_PARTS.length).meta({
    description: `Only these parts, which saves the time of the others: ${REPORT_PARTS.join(', ')}; size and trend are always there`,
  }),
  most: integerParameter(1, VALUES_MAX).default(10).meta({ description: 'Values, goods and events of one list at most' }),
});

const ComparisonQuery = z.strictObject({
  segments: segmentList(COMPARED_MAX).meta({ description: `Up to ${COMPARED_MAX} segments, separated by commas` }),
  ...Common,
  most: integerParameter(1, VALUES_MAX).default(10).meta({ description: 'Values of one distribution at most' }),
});

const reportOf = {
  method: 'GET',
  tag: 'reports',
  scope: 'members:read',
  params: SegmentPath,
  query: ReportQuerySchema,
  fresh: 'feed',
  heavy: true,
  personal: { of: 'distributions', fields: true },
  refusals: ['not_found'],
} as const;

const comparisonOf = {
  method: 'GET',
  tag: 'reports',
  scope: 'members:read',
  query: ComparisonQuery,
  fresh: 'feed',
  heavy: true,
  personal: { of: 'distributions', fields: true },
  refusals: ['not_found'],
} as const;

export const segmentReportRoutes: readonly Route[] = [
  route({
    ...reportOf,
    path: '/v1/segments/:key/report',
    operationId: 'getSegmentReport',
    summary: 'The segment in figures, against everybody',
    description:
      'Size, trend, profile, value, goods, engagement and mix of groups, all of one snapshot. docs/reports.md says what each figure is.',
    answers: { 200: SegmentReportSchema },
    handle: async ({ strata, reads, caller, params, query }) => {
      const report = await segmentReport(strata, reads, caller, params.key, query);
      return toSegmentReport(strata, params.key, report);
    },
  }),
  route({
    ...reportOf,
    path: '/v1/segments/:key/report.csv',
    operationId: 'exportSegmentReport',
    summary: 'The report of the segment as a file, a figure in each line',
    media: 'text/csv',
    answers: { 200: z.string().meta({ description: 'CSV as of RFC 4180' }) },
    handle: async ({ strata, reads, caller, params, query, request, reply }) => {
      const report = await segmentReport(strata, reads, caller, params.key, query);
      return sendCsv({ request, reply }, { name: `${params.key}-report`, ...frameOut(report), ...segmentTable(report) });
    },
  }),
  route({
    ...comparisonOf,
    path: '/v1/reports/comparison',
    operationId: 'getComparison',
    summary: 'Segments side by side',
    description: 'The same figures of each and of everybody, of one snapshot, with the same values in each distribution.',
    answers: { 200: ComparisonSchema },
    handle: async ({ strata, reads, caller, query }) => {
      const { fromMs, atMs, position, ...report } = await comparison(strata, reads, caller, query);
      return { ...frameOut({ atMs, position }), from: instant(fromMs), currency: strata.currency, ...report };
    },
  }),
  route({
    ...comparisonOf,
    path: '/v1/reports/comparison.csv',
    operationId: 'exportComparison',
    summary: 'Segments side by side as a file, a figure in each line',
    media: 'text/csv',
    answers: { 200: z.string().meta({ description: 'CSV as of RFC 4180' }) },
    handle: async ({ strata, reads, caller, query, request, reply }) => {
      const report = await comparison(strata, reads, caller, query);
      return sendCsv({ request, reply }, { name: 'comparison', ...frameOut(report), ...comparisonTable(report) });
    },
  }),
];

async function segmentReport(
  strata: Strata,
  reads: Database,
  caller: Caller,
  key: string,
  { days, statuses, by, parts, most }: z.output<typeof ReportQuerySchema>,
): Promise<SegmentReport> {
  const query = {
    parts: new Set(parts ?? REPORT_PARTS),
    days,
    statuses: statuses ?? null,
    by: fieldsFor(caller, by),
    most,
    isShown: (segment: string) => allowsSegment(caller, segment),
  };
  const segment = await getSegment(strata.database, key);
  return readSegmentReport({ database: reads, clock: strata.clock, timeZone: strata.timeZone }, segment.id, query);
}

async function comparison(strata: Strata, reads: Database, caller: Caller, query: z.output<typeof ComparisonQuery>) {
  const { segments, days, statuses, by, most } = query;
  const fields = fieldsFor(caller, by);
  const ids = await readSegments(strata, caller, segments);
  const source = { database: reads, clock: strata.clock, timeZone: strata.timeZone };
  return readComparison(source, ids, { days, statuses: statuses ?? null, by: fields, most });
}

/** Without `pii:read` no field is reported that says something about a single person. */
function fieldsFor(caller: Caller, by: readonly string[] | undefined): readonly string[] {
  const isPersonal = (name: string) => name === 'age' || isAttribute(name);
  if (by === undefined) return USUAL_FIELDS.filter((name) => seesPersonal(caller) || !isPersonal(name));
  for (const name of by) if (isPersonal(name)) requirePersonal(caller, `a distribution of \`${name.slice(0, 100)}\``);
  return [...new Set(by)];
}

function toSegmentReport({ timeZone, currency }: Strata, segment: string, report: SegmentReport): z.input<typeof SegmentReportSchema> {
  const { fromMs, atMs, position, trend, ...rest } = report;
  return {
    segment,
    ...frameOut({ atMs, position }),
    from: instant(fromMs),
    timeZone,
    currency,
    ...rest,
    trend: { ...trend, points: trend.points.map(pointOut) },
  } as z.input<typeof SegmentReportSchema>;
}

export function pointOut({ atMs, ...point }: Size) {
  return { at: instant(atMs), ...point };
}
