// In charge of the grid of recency, frequency and monetary value: each customer with orders has three scores; how many customers have each
// three.
import { type BaseScope, scopeText } from './counted-orders.ts';
import type { ReportSource } from './in-report.ts';
import { quantileCuts } from './quantile-cuts.ts';
import { reportValues } from './report-values.ts';

export interface RfmQuery {
  /**
   * ascending, in whole days: a customer whose last order is at least that long ago has a score less; null: cut by `scores` into parts of about
   * as many customers each
   */
  readonly recencyCuts: readonly string[] | null;
  /** ascending, in orders: a customer with at least that many has a score more; null as above */
  readonly frequencyCuts: readonly string[] | null;
  /** ascending, in ten-thousandths: a customer who has spent at least that much has a score more; null as above */
  readonly monetaryCuts: readonly string[] | null;
  readonly scores: number;
}

export interface RfmCell {
  /** from 1, the worst, up */
  readonly recency: number;
  readonly frequency: number;
  readonly monetary: number;
  readonly customers: number;
  readonly orders: number;
  readonly revenue: bigint;
}

export interface Rfm {
  readonly population: number;
  readonly recencyCuts: readonly string[];
  readonly frequencyCuts: readonly string[];
  /** ten-thousandths */
  readonly monetaryCuts: readonly string[];
  readonly cells: readonly RfmCell[];
}

interface CellRow {
  population: string;
  recency_cuts: string[];
  frequency_cuts: string[];
  monetary_cuts: string[];
  recency: number | null;
  frequency: number;
  monetary: number;
  customers: string;
  orders: string;
  revenue: string;
}

export async function readRfm(source: ReportSource, scope: BaseScope, query: RfmQuery): Promise<Rfm> {
  const values = reportValues();
  const { ctes, orders, population, at } = scopeText(values, scope);
  const rows = await source.database.query<CellRow>({
    text: `
      with ${ctes} spent as materialized (
        select count(*) as orders, sum(o.total) as revenue, floor(extract(epoch from ${at} - max(o.placed_at)) / 86400) as days
        from ${orders}
        group by o.customer_id
      ), cuts as materialized (
        select
          ${quantileCuts(values, query.recencyCuts, query.scores, 's.days', 'spent as s')} as recency_cuts,
          ${quantileCuts(values, query.frequencyCuts, query.scores, 's.orders::numeric', 'spent as s')} as frequency_cuts,
          ${quantileCuts(values, query.monetaryCuts, query.scores, 's.revenue', 'spent as s')} as monetary_cuts
      ), cells as (
        select cardinality(k.recency_cuts) + 1 - width_bucket(s.days, k.recency_cuts) as recency,
          1 + width_bucket(s.orders::numeric, k.frequency_cuts) as frequency, 1 + width_bucket(s.revenue, k.monetary_cuts) as monetary,
          count(*) as customers, sum(s.orders) as orders, sum(s.revenue) as revenue
        from spent as s
        cross join cuts as k
        group by recency, frequency, monetary
      )
      select ${population} as population, k.recency_cuts::text[] as recency_cuts, k.frequency_cuts::text[] as frequency_cuts,
        k.monetary_cuts::text[] as monetary_cuts, c.recency, c.frequency, c.monetary, c.customers, c.orders, c.revenue
      from cuts as k
      left join cells as c on true
      order by c.recency desc, c.frequency desc, c.monetary desc`,
    values: values.values,
  });
  const [first] = rows;
  if (first === undefined) throw new Error('the grid of scores gave no row');
  return {
    population: Number(first.population),
    recencyCuts: first.recency_cuts,
    frequencyCuts: first.frequency_cuts,
    monetaryCuts: first.monetary_cuts,
    cells: rows.flatMap(({ recency, frequency, monetary, ...cell }) =>
      recency === null ? [] : [{ recency, frequency, monetary, ...countsOf(cell) }],
    ),
  };
}

function countsOf({ customers, orders, revenue }: Pick<CellRow, 'customers' | 'orders' | 'revenue'>) {
  return { customers: Number(customers), orders: Number(orders), revenue: BigInt(revenue) };
}
