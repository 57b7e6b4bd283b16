// In charge of what is bought: products, categories and brands in the period by their share of revenue, and those that members buy more than
// everybody does. One pass over the items of the period.

import { printQuantity } from '../ingest/amount.ts';
import { inHalves } from './in-halves.ts';
import type { ReportSource } from './in-report.ts';
import { selectMasks } from './masks.ts';
import { isSale } from './period.ts';
import { lift, printMoney, ratio } from './ratio.ts';

/** For the list by lift: only what members bought at least this often, or chance would lead the list. */
export const LEAST_LINES = 10;

export interface Good {
  /** product id, or if there is none SKU or name; a category or brand as it is written */
  readonly value: string;
  /** only for a product */
  readonly name: string | null;
  /** lines of orders, of members */
  readonly lines: number;
  readonly quantity: string;
  readonly revenue: string;
  /** of what members spent on items */
  readonly share: number | null;
  readonly revenueOfEverybody: string;
  readonly shareOfEverybody: number | null;
  readonly lift: number | null;
}

export interface GoodsOf {
  readonly byShare: readonly Good[];
  readonly byLift: readonly Good[];
}

export interface GoodsReport {
  readonly revenue: string;
  readonly revenueOfEverybody: string;
  readonly products: GoodsOf;
  readonly categories: GoodsOf;
  readonly brands: GoodsOf;
}

interface GoodRow {
  readonly kind: number | null;
  readonly value: string | null;
  readonly name: string | null;
  readonly lines: string;
  readonly quantity: string;
  readonly revenue: string;
  readonly revenue_of_everybody: string;
  readonly share_place: string;
  readonly lift_place: string | null;
}

/** For the first of the segments. `most`: how many goods one list has. */
export async function readGoods(
  { database, at }: ReportSource,
  segmentId: number,
  { from, statuses }: { readonly from: string; readonly statuses: readonly string[] | null },
  most: number,
): Promise<GoodsReport> {
  const rows = await database.query<GoodRow & Record<string, never>>({
    text: `
      with sold as (
        ${inHalves(selectSold)}
      ), goods as (
        select g.kind, g.value, case when g.kind = 0 then min(s.name) end as name,
          coalesce(sum(s.lines) filter (where s.mask = 1), 0) as lines,
          coalesce(sum(s.quantity) filter (where s.mask = 1), 0) as quantity,
          coalesce(sum(s.revenue) filter (where s.mask = 1), 0) as revenue,
          sum(s.revenue) as revenue_of_everybody
        from sold as s
        cross join lateral (values (0, s.product), (1, s.category), (2, s.brand), (null, null)) as g (kind, value)
        where g.value is not null or g.kind is null
        group by g.kind, g.value
      ), placed as (
        select g.*,
          row_number() over (
            partition by g.kind
            order by g.revenue desc, g.revenue_of_everybody desc, g.value collate "C"
          ) as share_place,
          case when g.lines >= ${LEAST_LINES} and g.revenue_of_everybody > 0 then row_number() over (
            partition by g.kind, g.lines >= ${LEAST_LINES} and g.revenue_of_everybody > 0
            order by g.revenue / nullif(g.revenue_of_everybody, 0) desc, g.revenue desc, g.value collate "C"
          ) end as lift_place
        from goods as g
      )
      select p.kind, p.value, p.name, p.lines, p.quantity, round(p.revenue / 10000) as revenue,
        round(p.revenue_of_everybody / 10000) as revenue_of_everybody, p.share_place, p.lift_place
      from placed as p
      where p.kind is null or p.share_place <= $5 and p.lines > 0 or p.lift_place <= $5
      order by p.kind, p.share_place`,
    values: [[segmentId], at, from, statuses, most],
  });
  const all = rows.find(({ kind }) => kind === null);
  const total = BigInt(all?.revenue ?? 0);
  const totalOfEverybody = BigInt(all?.revenue_of_everybody ?? 0);
  const listsOf = (kind: number): GoodsOf => {
    const own = rows.filter((row) => row.kind === kind);
    const liked = own
      .filter(({ lift_place }) => lift_place !== null && Number(lift_place) <= most)
      .sort((a, b) => Number(a.lift_place) - Number(b.lift_place));
    const bought = own.filter(({ share_place, lines }) => Number(share_place) <= most && Number(lines) > 0);
    const out = (row: GoodRow) => toGood(row, total, totalOfEverybody);
    return { byShare: bought.map(out), byLift: liked.map(out) };
  };
  return {
    revenue: printMoney(total),
    revenueOfEverybody: printMoney(totalOfEverybody),
    products: listsOf(0),
    categories: listsOf(1),
    brands: listsOf(2),
  };
}

/** SQL: what half of the customers bought, with members and others apart. */
function selectSold(isIn: (column: string) => string): string {
  return `
      select coalesce(i.product_id, i.sku, i.name) as product, i.category, i.brand, coalesce(m.mask, 0) as mask,
        min(i.name) as name, count(*) as lines, sum(i.quantity) as quantity,
        sum(i.quantity::numeric * coalesce(i.unit_price, 0)) as revenue
      from order_items as i
      left join (${selectMasks(1, '$1', isIn)}) as m on m.customer_id = i.customer_id
      where i.placed_at >= $3::timestamptz and ${isSale('i', '$2', '$4')} and ${isIn('i.customer_id')}
      group by 1, 2, 3, 4`;
}

function toGood(row: GoodRow, total: bigint, totalOfEverybody: bigint): Good {
  const revenue = BigInt(row.revenue);
  const revenueOfEverybody = BigInt(row.revenue_of_everybody);
  const share = ratio(revenue, total);
  const shareOfEverybody = ratio(revenueOfEverybody, totalOfEverybody);
  return {
    value: row.value ?? '',
    name: row.name,
    lines: Number(row.lines),
    quantity: printQuantity(row.quantity),
    revenue: printMoney(revenue),
    share,
    revenueOfEverybody: printMoney(revenueOfEverybody),
    shareOfEverybody,
    lift: lift(share, shareOfEverybody),
  };
}
