// In charge of the routes of reports over several segments: how they overlap, who moved between them, how large they were.
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import { readKeptHistory } from '../../changes/kept-history.ts';
import { RESOLUTIONS } from '../../changes/read-sizes.ts';
import type { Database } from '../../db/database.ts';
import { FLOWS_MAX, readFlows } from '../../reports/read-flows.ts';
import { readManySizes, SIZE_POINTS_MAX, SIZES_MAX } from '../../reports/read-many-sizes.ts';
import { OVERLAP_MAX, readOverlap } from '../../reports/read-overlap.ts';
import { getGroup } from '../../segments/groups.ts';
import type { Strata } from '../../strata.ts';
import { choosePeriods, requireQuarters } from './history.ts';
import { sendCsv } from './report-csv.ts';
import { wrongParameter } from './report-parameters.ts';
import { frameOut, readSegments, segmentList } from './report-request.ts';
import { FlowSchema, OverlapSchema, SizesReportSchema } from './report-schemas.ts';
import { flowTable, overlapTable, sizesTable } from './report-tables.ts';
import { pointOut } from './reports-segment.ts';
import { type Route, route } from './route.ts';
import { InstantInput, instant, integerParameter, SegmentKey } from './wire.ts';

const INTERSECTIONS_MAX = 10_000;

const OverlapQuery = z.strictObject({
  segments: segmentList(OVERLAP_MAX).meta({ description: `Up to ${OVERLAP_MAX} segments, separated by commas` }),
  most: integerParameter(1, INTERSECTIONS_MAX).default(100).meta({ description: 'Intersections at most, the largest' }),
});

const FlowQuery = z.strictObject({
  segments: segmentList(FLOWS_MAX)
    .optional()
    .meta({ description: `Up to ${FLOWS_MAX} segments, separated by commas; who is in several stands in the first` }),
  group: SegmentKey.optional().meta({ description: 'Key of a group, instead of `segments`: its segments in their order' }),
  from: InstantInput.meta({ description: 'The first instant' }),
  to: InstantInput.optional().meta({ description: 'The second instant; without it now' }),
});

const SizesQuery = z.strictObject({
  segments: segmentList(SIZES_MAX).meta({ description: `Up to ${SIZES_MAX} segments, separated by commas` }),
  from: InstantInput.optional().meta({ description: 'In the first period; without it as many as of one segment' }),
  to: InstantInput.optional().meta({ description: 'Where the last period ends at the earliest; without it now' }),
  resolution: z.enum(RESOLUTIONS).default('day'),
});

const common = { method: 'GET', tag: 'reports', scope: 'members:read', fresh: 'feed', heavy: true } as const;
const AS_CSV = { media: 'text/csv', answers: { 200: z.string().meta({ description: 'CSV as of RFC 4180' }) } } as const;

export const manySegmentsRoutes: readonly Route[] = [
  route({
    ...common,
    path: '/v1/reports/overlap',
    operationId: 'getOverlap',
    summary: 'How far segments overlap',
    description: 'Customers in both of each two, and in exactly these and none of the others (for an UpSet plot).',
    query: OverlapQuery,
    answers: { 200: OverlapSchema },
    refusals: ['not_found'],
    handle: async ({ strata, reads, caller, query }) => {
      const { atMs, position, intersections, ...report } = await overlap(strata, reads, caller, query);
      const told = { intersections: intersections.slice(0, query.most), intersectionCount: intersections.length };
      return { ...frameOut({ atMs, position }), ...report, ...told };
    },
  }),
  route({
    ...common,
    ...AS_CSV,
    path: '/v1/reports/overlap.csv',
    operationId: 'exportOverlap',
    summary: 'How far segments overlap, as a file',
    query: OverlapQuery,
    refusals: ['not_found'],
    handle: async ({ strata, reads, caller, query, request, reply }) => {
      const report = await overlap(strata, reads, caller, query);
      const told = { ...report, intersections: report.intersections.slice(0, query.most) };
      return sendCsv({ request, reply }, { name: 'overlap', ...frameOut(report), ...overlapTable(told) });
    },
  }),
  route({
    ...common,
    path: '/v1/reports/flows',
    operationId: 'getFlows',
    summary: 'Who moved between segments from one instant to another',
    query: FlowQuery,
    answers: { 200: FlowSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, query }) => {
      const { atMs, position, fromMs, toMs, ...report } = await flows(strata, reads, caller, query);
      return { ...frameOut({ atMs, position }), from: instant(fromMs), to: instant(toMs), ...report };
    },
  }),
  route({
    ...common,
    ...AS_CSV,
    path: '/v1/reports/flows.csv',
    operationId: 'exportFlows',
    summary: 'Who moved between segments, as a file',
    query: FlowQuery,
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, query, request, reply }) => {
      const report = await flows(strata, reads, caller, query);
      return sendCsv({ request, reply }, { name: 'flows', ...frameOut(report), ...flowTable(report) });
    },
  }),
  route({
    ...common,
    path: '/v1/reports/sizes',
    operationId: 'getSizes',
    summary: 'Sizes of many segments over time in one read',
    description: `As those of one segment, exact at the position. At most ${SIZE_POINTS_MAX} points in all.`,
    query: SizesQuery,
    answers: { 200: SizesReportSchema },
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, query }) => {
      const { atMs, position, segments } = await sizes(strata, reads, caller, query);
      const points = segments.map((each) => ({ ...each, points: each.points.map(pointOut) }));
      return { ...frameOut({ atMs, position }), resolution: query.resolution, timeZone: strata.timeZone, segments: points };
    },
  }),
  route({
    ...common,
    ...AS_CSV,
    path: '/v1/reports/sizes.csv',
    operationId: 'exportSizes',
    summary: 'Sizes of many segments over time, as a file',
    query: SizesQuery,
    refusals: ['not_found', 'history_trimmed'],
    handle: async ({ strata, reads, caller, query, request, reply }) => {
      const report = await sizes(strata, reads, caller, query);
      return sendCsv({ request, reply }, { name: 'sizes', ...frameOut(report), ...sizesTable(report) });
    },
  }),
];

async function overlap(strata: Strata, reads: Database, caller: Caller, { segments }: z.output<typeof OverlapQuery>) {
  return readOverlap({ database: reads, clock: strata.clock }, await readSegments(strata, caller, segments));
}

async function flows(strata: Strata, reads: Database, caller: Caller, { segments, group, from, to }: z.output<typeof FlowQuery>) {
  if ((segments === undefined) === (group === undefined)) throw wrongParameter('segments', 'Give one of them: `segments` or `group`.');
  const keys = segments ?? (group === undefined ? [] : await segmentsOfGroup(strata, group));
  const ids = await readSegments(strata, caller, keys);
  if (ids.size > FLOWS_MAX) throw wrongParameter('group', `The group has more than ${FLOWS_MAX} segments; name some of them.`);
  return readFlows({ database: reads, clock: strata.clock }, ids, {
    fromMs: Date.parse(from),
    toMs: to === undefined ? null : Date.parse(to),
  });
}

async function segmentsOfGroup({ database }: Strata, key: string): Promise<readonly string[]> {
  const { segments, otherwise } = await getGroup(database, key);
  return otherwise === null ? segments : [...new Set([...segments, otherwise])];
}

async function sizes(strata: Strata, reads: Database, caller: Caller, query: z.output<typeof SizesQuery>) {
  const { clock, timeZone } = strata;
  const ids = await readSegments(strata, caller, query.segments);
  const periods = choosePeriods(await readKeptHistory(reads, clock), query, timeZone);
  if (periods.startsMs.length * ids.size > SIZE_POINTS_MAX)
    throw wrongParameter(
      'from',
      `That is more than ${SIZE_POINTS_MAX} points; ask for fewer segments, a shorter period or a coarser resolution.`,
    );
  const report = await readManySizes({ database: reads, clock, timeZone }, ids, periods);
  if (query.resolution === 'hour') requireQuarters(periods.startsMs[0] ?? periods.endMs, await readKeptHistory(reads, clock), timeZone);
  return report;
}
