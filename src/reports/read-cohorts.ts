// In charge of what customers did in each period by the period of their first order: the figures for cohorts, and for new and returning
// customers.
import { type BaseScope, scopeText } from './counted-orders.ts';
import type { ReportSource } from './in-report.ts';
import type { ReportPeriods } from './periods.ts';
import { reportValues } from './report-values.ts';

/** The customers of one cohort who ordered in one period. */
export interface CohortCell {
  /** 0: the first order came before the first period; otherwise the number of its period, from 1 */
  readonly cohort: number;
  /** from 1, never before the cohort's own */
  readonly period: number;
  readonly customers: number;
  readonly orders: number;
  /** ten-thousandths */
  readonly revenue: bigint;
}

/** In order of cohort and period; cells without orders are left out. */
export async function readCohorts(source: ReportSource, scope: BaseScope, { startsMs, endMs }: ReportPeriods): Promise<CohortCell[]> {
  const values = reportValues();
  const { ctes, orders } = scopeText(values, scope);
  const starts = values.bind(startsMs.map(toIso), 'timestamptz[]');
  const rows = await source.database.query<{ cohort: number; period: number; customers: string; orders: string; revenue: string }>({
    text: `
      with ${ctes} active as (
        select o.customer_id, width_bucket(o.placed_at, ${starts}) as period, count(*) as orders, sum(o.total) as revenue
        from ${orders} and o.placed_at < ${values.bind(toIso(endMs), 'timestamptz')}
        group by o.customer_id, period
      ), begun as (
        select a.period, a.orders, a.revenue, min(a.period) over (partition by a.customer_id) as cohort
        from active as a
      )
      select b.cohort, b.period, count(*) as customers, sum(b.orders) as orders, sum(b.revenue) as revenue
      from begun as b
      where b.period > 0
      group by b.cohort, b.period
      order by b.cohort, b.period`,
    values: values.values,
  });
  return rows.map(({ cohort, period, ...cell }) => ({
    cohort,
    period,
    customers: Number(cell.customers),
    orders: Number(cell.orders),
    revenue: BigInt(cell.revenue),
  }));
}

function toIso(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
