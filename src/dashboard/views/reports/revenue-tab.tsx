// In charge of revenue by period: from customers who were new in it, and from those who came back.
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { marksUpTo, spreadOut } from './axis.ts';
import { OfChoice } from './of-choice.tsx';
import { AtField, StatusesField } from './option-fields.tsx';
import { Options } from './options.tsx';
import { BetweenFields, UNITS, type Unit, UnitChoice, usePeriodName } from './period-fields.tsx';
import type { NewAndReturning } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { AsOf, ReportFacts } from './report-facts.tsx';
import { shareOf, sumMoney } from './sum-money.ts';
import { useWidth } from './use-width.ts';

const OPTIONS = ['from', 'to', 'at', 'statuses'];
const KINDS = ['returning', 'new'] as const;
const HEIGHT = 220;
const LEFT = 64;
const FOOT = 24;
const TOP = 8;
const TICK_ROOM = 66;

interface TabProps {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
}

export function RevenueTab({ segments, asked }: TabProps) {
  const { reports: texts } = useTexts();
  const query = asked.sent(['unit', 'segment', ...OPTIONS]);
  const read = useRead<NewAndReturning>('/v1/reports/new-and-returning', { query });
  const unit = asked.oneOf('unit', UNITS);
  const actions = (
    <>
      <UnitChoice asked={asked} />
      <OfChoice segments={segments} value={asked.text('segment')} onValue={(segment) => asked.set({ segment })} />
    </>
  );
  const options = (
    <Options asked={asked} names={OPTIONS}>
      <BetweenFields asked={asked} />
      <AtField asked={asked} />
      <StatusesField asked={asked} />
    </Options>
  );
  return (
    <ReportCard
      name="new-and-returning"
      title={texts.revenue.title}
      lead={texts.revenue.lead}
      query={query}
      actions={actions}
      options={options}
    >
      <Shown read={read}>
        {(body) =>
          body.periods.every((period) => period.new.orders + period.returning.orders === 0) ? (
            <Empty title={texts.revenue.none} />
          ) : (
            <RevenueFigures body={body} unit={unit} />
          )
        }
      </Shown>
    </ReportCard>
  );
}

interface BodyProps {
  readonly body: NewAndReturning;
  readonly unit: Unit;
}

function RevenueFigures({ body, unit }: BodyProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const { periods, currency, at, statuses } = body;
  const total = (kind: (typeof KINDS)[number]) => sumMoney(periods.map((period) => period[kind].revenue));
  const whole = sumMoney([total('new'), total('returning')]);
  const facts = (['new', 'returning'] as const).map((kind) => {
    const share = shareOf(total(kind), whole);
    return {
      name: texts.revenue[kind],
      figure: formats.money(total(kind), currency),
      ...(share === null ? {} : { more: texts.revenue.shareOf(formats.share(share)) }),
    };
  });
  return (
    <>
      <ReportFacts facts={facts} />
      <AsOf at={at} statuses={statuses} />
      <StackedBars body={body} unit={unit} />
      <RevenueTable body={body} unit={unit} />
    </>
  );
}

/** A picture for those who see it: the figures are in the table below as well. Less than nothing (returns) is drawn as nothing. */
function StackedBars({ body: { periods, timeZone, currency }, unit }: BodyProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const periodName = usePeriodName(unit, timeZone);
  const { ref, width } = useWidth();
  const amounts = periods.map((period) => KINDS.map((kind) => Math.max(0, Number(period[kind].revenue))));
  const marks = marksUpTo(Math.max(...amounts.map(([returning = 0, fresh = 0]) => returning + fresh)));
  const end = marks.at(-1) ?? 1;
  const yOf = (amount: number) => TOP + (HEIGHT - TOP - FOOT) * (1 - amount / end);
  const step = (width - LEFT) / periods.length;
  const bar = Math.max(1, Math.min(44, step * 0.7));
  const isTold = spreadOut(periods.length, Math.floor((width - LEFT) / TICK_ROOM));
  const tick = (start: string) => (unit === 'quarter' || unit === 'year' ? periodName(start) : formats.tick(start, timeZone, unit));
  const [first, last] = [periods[0], periods.at(-1)];
  const summary = texts.revenue.summary(periodName(first?.start ?? ''), periodName(last?.start ?? ''));
  return (
    <figure className="drawing" ref={ref}>
      <svg width={width} height={HEIGHT} role="img" aria-label={summary}>
        {marks.map((mark) => (
          <g key={mark}>
            <line className="grid-line" x1={LEFT} x2={width} y1={yOf(mark)} y2={yOf(mark)} />
            <text x={LEFT - 8} y={yOf(mark) + 4} textAnchor="end">
              {formats.shortMoney(mark, currency)}
            </text>
          </g>
        ))}
        {periods.map((period, index) => {
          const [returning = 0, fresh = 0] = amounts[index] ?? [];
          const x = LEFT + step * index + (step - bar) / 2;
          const of = (kind: 'new' | 'returning') => `${texts.revenue[kind]} ${formats.money(period[kind].revenue, currency)}`;
          return (
            <g key={period.start}>
              <title>{`${periodName(period.start)}: ${of('returning')}, ${of('new')}`}</title>
              <rect className="bar-ground" x={LEFT + step * index} y={TOP} width={step} height={HEIGHT - TOP - FOOT} />
              <rect className="bar-returning" x={x} width={bar} y={yOf(returning)} height={yOf(0) - yOf(returning)} />
              <rect className="bar-new" x={x} width={bar} y={yOf(returning + fresh)} height={yOf(returning) - yOf(returning + fresh)} />
              {isTold(index) ? (
                <text x={Math.min(LEFT + step * (index + 0.5), width - TICK_ROOM / 2 + 10)} y={HEIGHT - 6} textAnchor="middle">
                  {tick(period.start)}
                </text>
              ) : null}
            </g>
          );
        })}
      </svg>
      <figcaption className="key">
        <span className="key-new">{texts.revenue.new}</span>
        <span className="key-returning">{texts.revenue.returning}</span>
      </figcaption>
    </figure>
  );
}

function RevenueTable({ body: { periods, timeZone, currency }, unit }: BodyProps) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const periodName = usePeriodName(unit, timeZone);
  const counted = [texts.rfm.customers, report.figures.orders, report.figures.revenue];
  return (
    <details className="as-table">
      <summary>{texts.asTable}</summary>
      <Scroll label={texts.revenue.title}>
        <table className="rows two-heads periods">
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                {texts.revenue.period}
              </th>
              {(['new', 'returning'] as const).map((kind) => (
                <th key={kind} scope="colgroup" colSpan={3} className="number">
                  {texts.revenue[kind]}
                </th>
              ))}
              <th scope="col" rowSpan={2} className="number">
                {texts.revenue.shareOfNew}
              </th>
            </tr>
            <tr>
              {(['new', 'returning'] as const).flatMap((kind) =>
                counted.map((name) => (
                  <th key={`${kind} ${name}`} scope="col" className="number">
                    {name}
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {periods.toReversed().map((period) => (
              <tr key={period.start}>
                <th scope="row">{periodName(period.start)}</th>
                {(['new', 'returning'] as const).flatMap((kind) => [
                  <td key={`${kind} customers`} className="number">
                    {formats.count(period[kind].customers)}
                  </td>,
                  <td key={`${kind} orders`} className="number">
                    {formats.count(period[kind].orders)}
                  </td>,
                  <td key={`${kind} revenue`} className="number">
                    {formats.money(period[kind].revenue, currency)}
                  </td>,
                ])}
                <td className="number">{period.shareOfNew === null ? '–' : formats.share(period.shareOfNew)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
