// In charge of the figures of an outcome: members beside those they are compared with, each with its interval drawn, and the difference in
// words.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { type Compared, type Figure, figureOf, type Outcome, ofAmounts, ofShares, verdictOf } from './outcome.ts';
import { ReportFacts } from './report-facts.tsx';

interface Line {
  readonly name: 'conversion' | 'repeat' | 'ordersPerCustomer' | 'revenuePerCustomer';
  readonly compared: Compared;
  readonly print: (value: number) => string;
  readonly printDifference: (value: number) => string;
  /** without the unit, which is written before it */
  readonly printBound: (value: number) => string;
}

export function OutcomeFigures({ outcome }: { readonly outcome: Outcome }) {
  const { outcome: texts } = useTexts();
  const formats = useFormats();
  const { currency } = outcome;
  const points = (value: number) => texts.points(formats.signed(100 * value, 1));
  const bound = (value: number) => formats.signed(100 * value, 1);
  const money = (value: number) => formats.money(value, currency);
  const signedMoney = (value: number) => formats.signedMoney(value, currency);
  const count = (value: number) => formats.decimal(value, 2);
  const signedCount = (value: number) => formats.signed(value, 2);
  const lines: readonly Line[] = [
    { name: 'conversion', compared: ofShares(outcome.conversion), print: formats.share, printDifference: points, printBound: bound },
    { name: 'repeat', compared: ofShares(outcome.repeat), print: formats.share, printDifference: points, printBound: bound },
    {
      name: 'revenuePerCustomer',
      compared: ofAmounts(outcome.revenuePerCustomer),
      print: money,
      printDifference: signedMoney,
      printBound: signedMoney,
    },
    { name: 'ordersPerCustomer', compared: outcome.ordersPerCustomer, print: count, printDifference: signedCount, printBound: signedCount },
  ];
  return (
    <>
      <div className="outcome-lines">
        {lines.map((line) => (
          <ComparedFigure key={line.name} line={line} against={outcome.against} confidence={formats.share(outcome.confidence)} />
        ))}
      </div>
      <Totals outcome={outcome} />
    </>
  );
}

interface ComparedProps {
  readonly line: Line;
  readonly against: Outcome['against'];
  readonly confidence: string;
}

function ComparedFigure({ line: { name, compared, print, printDifference, printBound }, against, confidence }: ComparedProps) {
  const { outcome: texts } = useTexts();
  const { members, compared: others, difference } = compared;
  const most = Math.max(...[members, others].flatMap(({ value, high }) => [value ?? 0, high ?? 0]));
  const least = Math.min(0, ...[members, others].map(({ low }) => low ?? 0));
  const verdict = verdictOf(difference);
  return (
    <section className="outcome-line">
      <h3>{texts.figures[name]}</h3>
      <p className="quiet">{texts.means[name]}</p>
      <ul className="plain">
        {(
          [
            ['members', against === 'bucket' ? texts.treated : texts.arms.members, members],
            ['compared', texts.arms[against], others],
          ] as const
        ).map(([arm, title, figure]) => (
          <li key={arm} className={`arm arm-${arm}`}>
            <span className="arm-name">{title}</span>
            <IntervalLine figure={figure} least={least} most={most} />
            <span className="arm-figure">
              {figure.value === null ? '–' : print(figure.value)}
              <small>{intervalIn(figure, print, texts.between)}</small>
            </span>
          </li>
        ))}
      </ul>
      <p className={`verdict verdict-${verdict}`}>
        {verdict === 'unknown' || difference.value === null ? (
          texts.verdicts.unknown
        ) : (
          <>
            <strong>{printDifference(difference.value)}</strong>{' '}
            <span className="quiet">{texts.with95(confidence, printBound(difference.low ?? 0), printBound(difference.high ?? 0))}</span>
            <span className="verdict-words">{texts.verdicts[verdict]}</span>
          </>
        )}
      </p>
    </section>
  );
}

function intervalIn({ low, high }: Figure, print: (value: number) => string, between: (low: string, high: string) => string): string {
  return low === null || high === null ? '' : between(print(low), print(high));
}

/** The figure as a dot, its interval as a line, on a scale of its own. It only illustrates: both are beside it in words. */
function IntervalLine({
  figure: { value, low, high },
  least,
  most,
}: {
  readonly figure: Figure;
  readonly least: number;
  readonly most: number;
}) {
  const place = (at: number) => `${most === least ? 0 : (100 * (at - least)) / (most - least)}%`;
  return (
    <svg className="interval" width="100%" height="18" aria-hidden="true">
      <line className="interval-ground" x1="0" x2="100%" y1="9" y2="9" />
      {low === null || high === null ? null : (
        <>
          <line className="interval-line" x1={place(low)} x2={place(high)} y1="9" y2="9" />
          {[low, high].map((end, index) => (
            <line key={index === 0 ? 'low' : 'high'} className="interval-end" x1={place(end)} x2={place(end)} y1="4" y2="14" />
          ))}
        </>
      )}
      {value === null ? null : <circle className="interval-dot" cx={place(value)} cy="9" r="4.5" />}
    </svg>
  );
}

function Totals({
  outcome: { customers, orders, revenue, averageOrder, addedRevenue, currency, against, confidence },
}: {
  readonly outcome: Outcome;
}) {
  const { outcome: texts, report, reports } = useTexts();
  const formats = useFormats();
  const money = (amount: string | null) => (amount === null ? '–' : formats.money(amount, currency));
  const beside = (figure: string) => texts.theirs[against](figure);
  const added = figureOf(addedRevenue);
  const signed = (value: number) => formats.signedMoney(value, currency);
  const facts = [
    { name: reports.rfm.customers, figure: formats.count(customers.members), more: beside(formats.count(customers.compared)) },
    { name: report.figures.orders, figure: formats.count(orders.members), more: beside(formats.count(orders.compared)) },
    { name: report.figures.revenue, figure: money(revenue.members), more: beside(money(revenue.compared)) },
    { name: report.figures.averageOrder, figure: money(averageOrder.members), more: beside(money(averageOrder.compared)) },
  ];
  return (
    <>
      <h3>{texts.totals}</h3>
      <ReportFacts facts={facts} />
      <h3>{texts.added}</h3>
      <p className="outcome-added">
        <strong>{added.value === null ? '–' : signed(added.value)}</strong>{' '}
        {added.low === null || added.high === null
          ? texts.verdicts.unknown
          : texts.with95(formats.share(confidence), signed(added.low), signed(added.high))}
      </p>
      <p className="quiet outcome-note">{texts.addedMeans}</p>
    </>
  );
}
