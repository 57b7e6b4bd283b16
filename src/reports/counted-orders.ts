// In charge of one form of SQL: the orders that a report of the customer base counts, by instant, status and segment.
import { wasThere } from '../evaluation/was-there.ts';
import { membersThen } from './members-then.ts';
import type { ReportValues } from './report-values.ts';

/** Which customers and orders a report of the customer base is about. */
export interface BaseScope {
  /** epoch milliseconds: orders placed later do not exist for it, nor do customers who came later */
  readonly atMs: number;
  /** only orders of these statuses; null: all */
  readonly statuses: readonly string[] | null;
  /** the customers who were members at the instant; null: everybody */
  readonly segmentId: number | null;
}

export interface ScopeText {
  /** SQL, for a `with`: `whom`, the members, if a segment is given; each CTE ends with a comma */
  readonly ctes: string;
  /** SQL: what follows `from`, with `o` for the orders */
  readonly orders: string;
  /** SQL: how many customers there are */
  readonly population: string;
  /** SQL: the instant */
  readonly at: string;
}

export function scopeText(values: ReportValues, { atMs, statuses, segmentId }: BaseScope): ScopeText {
  const at = values.bind(new Date(atMs).toISOString(), 'timestamptz');
  const ofStatus = statuses === null ? '' : `and o.status = any(${values.bind(statuses, 'text[]')})`;
  if (segmentId === null) {
    return {
      ctes: '',
      orders: `orders as o where o.placed_at <= ${at} ${ofStatus}`,
      population: `(select count(*) from customers as c where ${wasThere({ customer: 'c.id', createdAt: 'c.created_at', at })})`,
      at,
    };
  }
  const segments = values.bind([segmentId], 'integer[]');
  return {
    ctes: `
      whom as materialized (
        select t.customer_id
        from (${membersThen({ segments, instant: at, earliest: at })}) as t
        join customers as c on c.id = t.customer_id
      ),`,
    orders: `orders as o join whom as t on t.customer_id = o.customer_id where o.placed_at <= ${at} ${ofStatus}`,
    population: '(select count(*) from whom as t)',
    at,
  };
}
