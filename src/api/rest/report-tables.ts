// In charge of reports as tables for CSV: which columns there are, and a line for each figure or thing.

import type { Band } from '../../reports/bands.ts';
import type { Part } from '../../reports/part.ts';
import type { ComparisonReport } from '../../reports/read-comparison.ts';
import type { FlowReport } from '../../reports/read-flows.ts';
import type { GoodsReport } from '../../reports/read-goods.ts';
import type { SizesReport } from '../../reports/read-many-sizes.ts';
import type { OverlapReport } from '../../reports/read-overlap.ts';
import type { Distribution } from '../../reports/read-profile.ts';
import type { SegmentReport } from '../../reports/read-segment-report.ts';
import type { SalesReport, ValueReport } from '../../reports/read-value.ts';
import type { CsvCell, CsvRow } from './report-csv.ts';
import { instant } from './wire.ts';

export interface ReportTable {
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

/** A figure for the members and for everybody; with share and lift if they are parts of a whole. */
const FIGURE_COLUMNS = ['part', 'figure', 'value', 'members', 'everybody', 'share', 'shareOfEverybody', 'lift'];

export function segmentTable(report: SegmentReport): ReportTable {
  const { members, everybody, share, trend, profile, value, goods, engagement, mix } = report;
  const rows: CsvRow[] = [
    ['size', 'customers', '', members, everybody, share, everybody === 0 ? null : 1, null],
    ...trend.points.flatMap(({ atMs, size, entered, left, causes }): CsvRow[] => [
      plain('trend', 'size', instant(atMs), size),
      plain('trend', 'entered', instant(atMs), entered),
      plain('trend', 'left', instant(atMs), left),
      ...Object.entries(causes).flatMap(([cause, counts]) => [
        plain('trend', `entered:${cause}`, instant(atMs), counts.entered),
        plain('trend', `left:${cause}`, instant(atMs), counts.left),
      ]),
    ]),
    ...(profile ?? []).flatMap(distributionRows),
    ...(value === null ? [] : valueRows(value)),
    ...(goods === null ? [] : goodsRows(goods)),
  ];
  if (engagement !== null) {
    const { events, active, activeDays, byActiveDays } = engagement;
    rows.push(
      partRow('engagement', 'active', '', active),
      plain('engagement', 'activeDays', '', activeDays.members, activeDays.everybody),
      ...byActiveDays.map((band) => partRow('engagement', 'byActiveDays', bandName(band), band)),
      ...events.flatMap((event) => [
        partRow('engagement', 'event', event.event, event),
        plain('engagement', 'times', event.event, event.times, event.timesOfEverybody),
      ]),
    );
  }
  for (const { group, segments } of mix ?? []) rows.push(...segments.map((each) => partRow('mix', group, each.segment, each)));
  return { columns: FIGURE_COLUMNS, rows };
}

function plain(part: string, figure: string, value: string, members: CsvCell, everybody: CsvCell = null): CsvRow {
  return [part, figure, value, members, everybody, null, null, null];
}

function partRow(part: string, figure: string, value: string, { members, everybody, share, shareOfEverybody, lift }: Part): CsvRow {
  return [part, figure, value, members, everybody, share, shareOfEverybody, lift];
}

/** `10..20`; `..` for those for whom there is nothing to measure */
function bandName({ from, to }: Band): string {
  return `${from ?? ''}..${to ?? ''}`;
}

function distributionRows({ field, values, missing, others }: Distribution): CsvRow[] {
  return [
    ...values.map((each) => partRow('profile', field, each.value, each)),
    partRow('profile', `${field}:missing`, '', missing),
    ...(others === null ? [] : [partRow('profile', `${field}:others`, '', others)]),
  ];
}

function valueRows({ period, lifetime, recencyDays, lifecycle, ...bands }: ValueReport): CsvRow[] {
  return [
    ...salesRows('period', period),
    ...salesRows('lifetime', lifetime),
    plain('value', 'recencyDays', '', recencyDays.members, recencyDays.everybody),
    ...Object.entries(bands).flatMap(([figure, each]) => each.map((band: Band) => partRow('value', figure, bandName(band), band))),
    ...lifecycle.map((each) => partRow('value', 'lifecycle', each.stage, each)),
  ];
}

function salesRows(part: string, { members, everybody, shareOfOrders, shareOfRevenue }: SalesReport): CsvRow[] {
  const both = (figure: keyof SalesReport['members']) => plain(part, figure, '', members[figure], everybody[figure]);
  return [
    both('buyers'),
    [part, 'orders', '', members.orders, everybody.orders, shareOfOrders, null, null],
    [part, 'revenue', '', members.revenue, everybody.revenue, shareOfRevenue, null, null],
    both('averageOrder'),
    both('ordersPerBuyer'),
    both('revenuePerCustomer'),
    both('repeatShare'),
  ];
}

function goodsRows({ products, categories, brands }: GoodsReport): CsvRow[] {
  const lists = { products, categories, brands };
  return Object.entries(lists).flatMap(([kind, { byShare, byLift }]) =>
    Object.entries({ byShare, byLift }).flatMap(([order, goods]) =>
      goods.map((good): CsvRow => {
        const { value, revenue, revenueOfEverybody, share, shareOfEverybody, lift } = good;
        return ['goods', `${kind}:${order}`, value, revenue, revenueOfEverybody, share, shareOfEverybody, lift];
      }),
    ),
  );
}

export function overlapTable({ sizes, pairs, intersections, everybody }: OverlapReport): ReportTable {
  const share = (customers: number) => (everybody === 0 ? null : customers / everybody);
  return {
    columns: ['kind', 'segments', 'customers', 'share', 'jaccard', 'lift'],
    rows: [
      ...sizes.map(({ segment, members }): CsvRow => ['segment', segment, members, share(members), null, null]),
      ...pairs.map(({ left, right, both, jaccard, lift }): CsvRow => ['pair', `${left} ${right}`, both, share(both), jaccard, lift]),
      ...intersections.map(({ segments, customers }): CsvRow => ['exactly', segments.join(' '), customers, share(customers), null, null]),
    ],
  };
}

export function flowTable({ flows }: FlowReport): ReportTable {
  return {
    columns: ['from', 'to', 'customers', 'share'],
    rows: flows.map(({ from, to, customers, share }) => [from, to, customers, share]),
  };
}

/** A column for each segment, and one for everybody. */
export function comparisonTable({ segments, everybody }: ComparisonReport): ReportTable {
  const columns = segments.map((each) => figuresOf(each));
  const [first] = segments;
  const ofEverybody = first === undefined ? new Map() : everybodyOf(first, everybody);
  const names = new Set([...columns.flatMap((each) => [...each.keys()]), ...ofEverybody.keys()]);
  return {
    columns: ['figure', ...segments.map(({ segment }) => segment), 'everybody'],
    rows: [...names].map((name) => [name, ...columns.map((each) => each.get(name) ?? null), ofEverybody.get(name) ?? null]),
  };
}

type Compared = ComparisonReport['segments'][number];

function figuresOf({ members, share, entered, left, value, profile }: Compared): Map<string, CsvCell> {
  return new Map<string, CsvCell>([
    ['members', members],
    ['share', share],
    ['entered', entered],
    ['left', left],
    ...salesFigures(value, 'members'),
    ...profile.flatMap(({ field, values, missing }) => [
      ...values.map((each): [string, CsvCell] => [`${field}=${each.value}`, each.share]),
      [`${field} missing`, missing.share] as [string, CsvCell],
    ]),
  ]);
}

function everybodyOf({ value, profile }: Compared, everybody: number): Map<string, CsvCell> {
  return new Map<string, CsvCell>([
    ['members', everybody],
    ...salesFigures(value, 'everybody'),
    ...profile.flatMap(({ field, values, missing }) => [
      ...values.map((each): [string, CsvCell] => [`${field}=${each.value}`, each.shareOfEverybody]),
      [`${field} missing`, missing.shareOfEverybody] as [string, CsvCell],
    ]),
  ]);
}

function salesFigures({ period, lifetime, recencyDays, lifecycle }: ValueReport, of: 'members' | 'everybody'): [string, CsvCell][] {
  const sales = Object.entries({ period, lifetime }).flatMap(([name, report]) => [
    ...Object.entries(report[of])
      .filter(([figure]) => figure !== 'customers')
      .map(([figure, amount]): [string, CsvCell] => [`${name} ${figure}`, amount as CsvCell]),
    [`${name} shareOfRevenue`, of === 'members' ? report.shareOfRevenue : null] as [string, CsvCell],
  ]);
  const stages = lifecycle.map((each): [string, CsvCell] => [`stage=${each.stage}`, of === 'members' ? each.share : each.shareOfEverybody]);
  return [...sales, ['recencyDays', recencyDays[of]], ...stages];
}

export function sizesTable({ segments }: SizesReport): ReportTable {
  return {
    columns: ['segment', 'at', 'size', 'entered', 'left'],
    rows: segments.flatMap(({ segment, points }) =>
      points.map(({ atMs, size, entered, left }): CsvRow => [segment, instant(atMs), size, entered, left]),
    ),
  };
}
