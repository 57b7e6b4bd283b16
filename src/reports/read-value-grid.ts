// In charge of the grid of value and purchase cycle: customers by what they have spent and by how long they take from order to order.
import { type BaseScope, scopeText } from './counted-orders.ts';
import type { ReportSource } from './in-report.ts';
import { quantileCuts } from './quantile-cuts.ts';
import { reportValues } from './report-values.ts';

export interface ValueGridQuery {
  /** ascending, in ten-thousandths: a customer who has spent that much is in the band above; null: `bands` bands of about as many customers each */
  readonly valueCuts: readonly string[] | null;
  /** ascending, in days: a customer whose cycle is that long is in the band above; null as above, for those with two orders or more */
  readonly cycleCuts: readonly string[] | null;
  readonly bands: number;
}

export interface ValueGridCell {
  /** from 0, least value first */
  readonly valueBand: number;
  /** from 0, shortest cycle first; null: a single order has no cycle */
  readonly cycleBand: number | null;
  readonly customers: number;
  readonly orders: number;
  readonly revenue: bigint;
}

export interface ValueGrid {
  readonly population: number;
  /** ten-thousandths */
  readonly valueCuts: readonly string[];
  /** days */
  readonly cycleCuts: readonly string[];
  readonly cells: readonly ValueGridCell[];
}

interface CellRow {
  population: string;
  value_cuts: string[];
  cycle_cuts: string[];
  value_band: number | null;
  cycle_band: number | null;
  customers: string;
  orders: string;
  revenue: string;
}

export async function readValueGrid(source: ReportSource, scope: BaseScope, query: ValueGridQuery): Promise<ValueGrid> {
  const values = reportValues();
  const { ctes, orders, population } = scopeText(values, scope);
  const rows = await source.database.query<CellRow>({
    text: `
      with ${ctes} spent as materialized (
        select s.orders, s.revenue, trunc(extract(epoch from s.last_at - s.first_at) / 86400 / nullif(s.orders - 1, 0), 4) as cycle
        from (
          select count(*) as orders, sum(o.total) as revenue, min(o.placed_at) as first_at, max(o.placed_at) as last_at
          from ${orders}
          group by o.customer_id
        ) as s
      ), cuts as materialized (
        select
          ${quantileCuts(values, query.valueCuts, query.bands, 's.revenue', 'spent as s')} as value_cuts,
          ${quantileCuts(values, query.cycleCuts, query.bands, 's.cycle', 'spent as s where s.cycle is not null')} as cycle_cuts
      ), cells as (
        select width_bucket(s.revenue, k.value_cuts) as value_band, width_bucket(s.cycle, k.cycle_cuts) as cycle_band,
          count(*) as customers, sum(s.orders) as orders, sum(s.revenue) as revenue
        from spent as s
        cross join cuts as k
        group by value_band, cycle_band
      )
      select ${population} as population, k.value_cuts::text[] as value_cuts, k.cycle_cuts::text[] as cycle_cuts,
        c.value_band, c.cycle_band, c.customers, c.orders, c.revenue
      from cuts as k
      left join cells as c on true
      order by c.value_band, c.cycle_band`,
    values: values.values,
  });
  const [first] = rows;
  if (first === undefined) throw new Error('the value grid gave no row');
  return {
    population: Number(first.population),
    valueCuts: first.value_cuts,
    cycleCuts: first.cycle_cuts,
    cells: rows.flatMap(({ value_band, cycle_band, customers, orders: count, revenue }) =>
      value_band === null
        ? []
        : [{ valueBand: value_band, cycleBand: cycle_band, customers: Number(customers), orders: Number(count), revenue: BigInt(revenue) }],
    ),
  };
}
