// In charge of what the members are worth: sales in the period and to date, and their stage of life, compared with everybody.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { useBandRows } from '../reports/bands.ts';
import { PairBars, PairLegend } from '../reports/pair-bars.tsx';
import type { Averages, Sales, SalesOfBoth, Value } from '../reports/report.ts';

interface Props {
  readonly value: Value;
  readonly currency: string;
}

export function ValuePart({ value, currency }: Props) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const bandRows = useBandRows();
  const none = texts.bands.none;
  const money = (amount: number) => formats.money(amount, currency);
  const lifecycle = value.lifecycle.map((each) => ({ key: each.stage, name: texts.stages[each.stage], part: each }));
  return (
    <>
      <SalesGrid title={texts.inPeriod} sales={value.period} currency={currency} />
      <SalesGrid title={texts.toDate} sales={value.lifetime} currency={currency} recencyDays={value.recencyDays} />
      <PairLegend />
      <div className="pair-columns">
        <PairBars title={texts.lifecycle} rows={lifecycle} />
        <PairBars title={texts.bands.byRecency} rows={bandRows(value.byRecency, { format: formats.count, isWhole: true, none })} />
        <PairBars title={texts.bands.byOrders} rows={bandRows(value.byOrders, { format: formats.count, isWhole: true, none })} />
        <PairBars title={texts.bands.byRevenue} rows={bandRows(value.byRevenue, { format: money, none })} />
        <PairBars title={texts.bands.byAverageOrder} rows={bandRows(value.byAverageOrder, { format: money, none })} />
      </div>
    </>
  );
}

interface SalesProps {
  readonly title: string;
  readonly sales: SalesOfBoth;
  readonly currency: string;
  readonly recencyDays?: Averages;
}

function SalesGrid({ title, sales, currency, recencyDays }: SalesProps) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const figures = useSalesFigures(currency);
  return (
    <section>
      <h3>{title}</h3>
      <dl className="facts report-facts">
        {figures.map(([name, print]) => (
          <div key={name}>
            <dt>{texts.figures[name]}</dt>
            <dd>
              {print(sales.members)}
              <small className="quiet">{texts.everybodyHas(print(sales.everybody))}</small>
            </dd>
          </div>
        ))}
        <div>
          <dt>{texts.figures.shareOfRevenue}</dt>
          <dd>{sales.shareOfRevenue === null ? '–' : formats.share(sales.shareOfRevenue)}</dd>
        </div>
        {recencyDays === undefined ? null : <AverageFact name={texts.figures.recencyDays} average={recencyDays} />}
      </dl>
    </section>
  );
}

export function AverageFact({ name, average }: { readonly name: string; readonly average: Averages }) {
  const { report: texts } = useTexts();
  const formats = useFormats();
  const print = (value: number | null) => (value === null ? '–' : formats.decimal(value, 1));
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {print(average.members)}
        <small className="quiet">{texts.everybodyHas(print(average.everybody))}</small>
      </dd>
    </div>
  );
}

type SalesFigure = 'revenue' | 'orders' | 'buyers' | 'averageOrder' | 'ordersPerBuyer' | 'revenuePerCustomer' | 'repeatShare';

/** Each figure of sales, and how it is printed. */
export function useSalesFigures(currency: string | undefined): readonly (readonly [SalesFigure, (sales: Sales) => string])[] {
  const formats = useFormats();
  const money = (amount: string | null) => (amount === null ? '–' : formats.money(amount, currency));
  return [
    ['revenue', ({ revenue }) => money(revenue)],
    ['orders', ({ orders }) => formats.count(orders)],
    ['buyers', ({ buyers }) => formats.count(buyers)],
    ['averageOrder', ({ averageOrder }) => money(averageOrder)],
    ['ordersPerBuyer', ({ ordersPerBuyer }) => (ordersPerBuyer === null ? '–' : formats.decimal(ordersPerBuyer, 2))],
    ['revenuePerCustomer', ({ revenuePerCustomer }) => money(revenuePerCustomer)],
    ['repeatShare', ({ repeatShare }) => (repeatShare === null ? '–' : formats.share(repeatShare))],
  ];
}
