// In charge of what customers have spent: orders and revenue in the period and to date, average order, frequency, recency, with distributions
// over fixed bands, and where in their life as customers they are. One pass over all orders, for the segments and everybody together.
import { DAY_MS } from '../base/durations.ts';
import { type Band, MONEY_BANDS, ORDER_BANDS, RECENCY_BANDS, toBands } from './bands.ts';
import { inHalves } from './in-halves.ts';
import type { ReportSource } from './in-report.ts';
import { type Amounts, type OfMask, selectMasks, sumUp, sumUpBy } from './masks.ts';
import { type Part, partOf } from './part.ts';
import { isSale } from './period.ts';
import { printAverage, printMoney, ratio } from './ratio.ts';

export const STAGES = ['never ordered', 'new', 'active', 'slowing', 'lapsed'] as const;
export type Stage = (typeof STAGES)[number];
/** A customer whose first order is no older than this is new. */
export const NEW_DAYS = 30;
/** A customer who ordered within this many days is active; one who has not for the second number is lapsed, and slowing in between. */
export const ACTIVE_DAYS = 90;
export const LAPSED_DAYS = 180;

export interface Sales {
  readonly customers: number;
  /** customers with an order */
  readonly buyers: number;
  readonly orders: number;
  readonly revenue: string;
  readonly averageOrder: string | null;
  /** frequency: a buyer's orders on average */
  readonly ordersPerBuyer: number | null;
  readonly revenuePerCustomer: string | null;
  /** the share of buyers with a second order */
  readonly repeatShare: number | null;
}

export interface SalesReport {
  readonly members: Sales;
  readonly everybody: Sales;
  readonly shareOfOrders: number | null;
  readonly shareOfRevenue: number | null;
}

export interface ValueReport {
  readonly period: SalesReport;
  readonly lifetime: SalesReport;
  /** days since the last order, averaged over those with one */
  readonly recencyDays: { readonly members: number | null; readonly everybody: number | null };
  readonly byOrders: readonly Band[];
  readonly byRevenue: readonly Band[];
  readonly byAverageOrder: readonly Band[];
  readonly byRecency: readonly Band[];
  readonly lifecycle: readonly (Part & { readonly stage: Stage })[];
}

/** What customers are distinguished by, each of these separately. */
const BANDS = ['orders_band', 'revenue_band', 'average_band', 'recency_band', 'stage'] as const;
const SUMS = [
  'customers',
  'orders',
  'revenue',
  'repeaters',
  'recency_s',
  'period_buyers',
  'period_orders',
  'period_revenue',
  'period_repeaters',
] as const;
type ValueBand = (typeof BANDS)[number];
type ValueSum = (typeof SUMS)[number];

/** A row of one of the bands, with the others null: every customer with an order is counted in one row for each. */
export type ValueRow = OfMask & Readonly<Record<ValueBand, number | null>> & Readonly<Record<ValueSum, string>>;

const SCALE = 10_000;

/** The sums over customers with an order, by combination of the segments and by each of the bands: few rows, whatever the shop's size. */
export function readValue(
  { database, atMs, at }: ReportSource,
  segmentIds: readonly number[],
  { from, statuses }: { readonly from: string; readonly statuses: readonly string[] | null },
): Promise<ValueRow[]> {
  const before = (days: number) => new Date(atMs - days * DAY_MS).toISOString();
  return database.query<ValueRow & Record<string, never>>({
    text: `
      with together as (
        ${inHalves((isIn) => selectBands(segmentIds.length, isIn))}
      )
      select g.mask, g.orders_band, g.revenue_band, g.average_band, g.recency_band, g.stage,
        ${SUMS.map((amount) => `sum(g.${amount}) as ${amount}`).join(', ')}
      from together as g
      group by grouping sets (${BANDS.map((band) => `(g.mask, g.${band})`).join(', ')})`,
    values: [
      segmentIds,
      at,
      from,
      statuses,
      ORDER_BANDS,
      MONEY_BANDS.map((bound) => bound * SCALE),
      recencyBounds(before),
      before(NEW_DAYS),
      before(ACTIVE_DAYS),
      before(LAPSED_DAYS),
    ],
  });
}

/** SQL: for half of the customers, by combination of the segments and by all bands at once. */
function selectBands(segments: number, isIn: (column: string) => string): string {
  return `
      select v.mask, v.orders_band, v.revenue_band, v.average_band, v.recency_band, v.stage,
        count(*) as customers, sum(v.orders) as orders, sum(v.revenue) as revenue, count(*) filter (where v.orders > 1) as repeaters,
        sum(floor(extract(epoch from $2::timestamptz - v.last_at)))::bigint as recency_s,
        count(*) filter (where v.period_orders > 0) as period_buyers, sum(v.period_orders) as period_orders,
        sum(v.period_revenue) as period_revenue, count(*) filter (where v.period_orders > 1) as period_repeaters
      from (
        select coalesce(m.mask, 0) as mask, t.orders, t.revenue, t.last_at, t.period_orders, t.period_revenue,
          width_bucket(t.orders, $5::bigint[]) as orders_band,
          width_bucket(t.revenue, $6::numeric[]) as revenue_band,
          width_bucket(t.revenue / t.orders, $6::numeric[]) as average_band,
          width_bucket(t.last_at, $7::timestamptz[]) as recency_band,
          case
            when t.first_at > $8::timestamptz then 1
            when t.last_at > $9::timestamptz then 2
            when t.last_at > $10::timestamptz then 3
            else 4
          end as stage
        from (
          select o.customer_id, count(*) as orders, sum(o.total) as revenue, min(o.placed_at) as first_at, max(o.placed_at) as last_at,
            count(*) filter (where o.placed_at >= $3::timestamptz) as period_orders,
            coalesce(sum(o.total) filter (where o.placed_at >= $3::timestamptz), 0) as period_revenue
          from orders as o
          where ${isSale('o', '$2', '$4')} and ${isIn('o.customer_id')}
          group by o.customer_id
        ) as t
        left join (${selectMasks(segments, '$1', isIn)}) as m on m.customer_id = t.customer_id
      ) as v
      group by v.mask, v.orders_band, v.revenue_band, v.average_band, v.recency_band, v.stage`;
}

/** Ascending instants: the longest ago first. A last order of exactly n days ago counts as n days old. */
function recencyBounds(before: (days: number) => string): readonly string[] {
  const [, ...days] = RECENCY_BANDS;
  return days.reverse().map((each) => new Date(Date.parse(before(each)) + 1).toISOString());
}

/** What the rows say about each of the segments for which the customers are counted. */
export function toValueReports(rows: readonly ValueRow[], customers: Amounts): readonly ValueReport[] {
  const segments = customers.inside.length;
  const by = (band: ValueBand) => rows.filter((row) => row[band] !== null);
  const once = by('stage');
  const sums = Object.fromEntries(SUMS.map((of) => [of, sumUp(once, segments, (row) => row[of])])) as Record<ValueSum, Amounts>;
  const sumBy = (band: ValueBand) =>
    sumUpBy(
      by(band),
      segments,
      (row) => Number(row[band]),
      (row) => row.customers,
    );
  const bands = Object.fromEntries(BANDS.map((band) => [band, sumBy(band)])) as Record<ValueBand, ReadonlyMap<number, Amounts>>;
  return customers.inside.map((_, index) => toValueReport(sums, bands, customers, index));
}

function toValueReport(
  sums: Readonly<Record<ValueSum, Amounts>>,
  bands: Readonly<Record<ValueBand, ReadonlyMap<number, Amounts>>>,
  customers: Amounts,
  index: number,
): ValueReport {
  const never = minus(customers, sums.customers);
  const last = RECENCY_BANDS.length;
  const recency = new Map([...bands.recency_band].map(([bucket, amounts]) => [last - bucket, amounts]));
  const stages = new Map([...bands.stage, [0, never]]);
  const days = (seconds: bigint, of: bigint) => ratio(Number(seconds) / 86_400, of);
  return {
    period: toSales(index, customers, sums.period_buyers, sums.period_orders, sums.period_revenue, sums.period_repeaters),
    lifetime: toSales(index, customers, sums.customers, sums.orders, sums.revenue, sums.repeaters),
    recencyDays: {
      members: days(sums.recency_s.inside[index] ?? 0n, sums.customers.inside[index] ?? 0n),
      everybody: days(sums.recency_s.everybody, sums.customers.everybody),
    },
    byOrders: toBands(ORDER_BANDS, bands.orders_band, customers, index, never),
    byRevenue: toBands(MONEY_BANDS, bands.revenue_band, customers, index, never),
    byAverageOrder: toBands(MONEY_BANDS, bands.average_band, customers, index, never),
    byRecency: toBands(RECENCY_BANDS, recency, customers, index, never),
    lifecycle: STAGES.map((stage, place) => ({ stage, ...partOf(stages.get(place) ?? NOBODY, customers, index) })),
  };
}

const NOBODY: Amounts = { inside: [], everybody: 0n };

function minus(all: Amounts, some: Amounts): Amounts {
  return { inside: all.inside.map((amount, index) => amount - (some.inside[index] ?? 0n)), everybody: all.everybody - some.everybody };
}

function toSales(index: number, customers: Amounts, buyers: Amounts, orders: Amounts, revenue: Amounts, repeaters: Amounts): SalesReport {
  const sales = (of: (amounts: Amounts) => bigint): Sales => ({
    customers: Number(of(customers)),
    buyers: Number(of(buyers)),
    orders: Number(of(orders)),
    revenue: printMoney(of(revenue)),
    averageOrder: printAverage(of(revenue), Number(of(orders))),
    ordersPerBuyer: ratio(of(orders), of(buyers)),
    revenuePerCustomer: printAverage(of(revenue), Number(of(customers))),
    repeatShare: ratio(of(repeaters), of(buyers)),
  });
  const inside = (amounts: Amounts) => amounts.inside[index] ?? 0n;
  return {
    members: sales(inside),
    everybody: sales(({ everybody }) => everybody),
    shareOfOrders: ratio(inside(orders), orders.everybody),
    shareOfRevenue: ratio(inside(revenue), revenue.everybody),
  };
}
