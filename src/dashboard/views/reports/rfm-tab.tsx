// In charge of recency, frequency and monetary value: a grid of the first two, what each score of the third brings in, and all combinations.
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { heat } from './heat.ts';
import { OfChoice } from './of-choice.tsx';
import { AtField, CutsField, PickField, StatusesField } from './option-fields.tsx';
import { Options } from './options.tsx';
import type { Rfm, RfmCell } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { AsOf, ReportFacts } from './report-facts.tsx';
import { bandsAbove, bandsBelow, useScoreNames } from './rfm-bands.ts';
import { shareOf, sumMoney } from './sum-money.ts';

const OPTIONS = ['at', 'statuses', 'scores', 'recency', 'frequency', 'monetary'];
const SHADES = ['customers', 'revenue'] as const;
const COMBINATIONS_MAX = 125;

interface TabProps {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
}

export function RfmTab({ segments, asked }: TabProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const query = asked.sent(['segment', ...OPTIONS]);
  const read = useRead<Rfm>('/v1/reports/rfm', { query });
  const scores = [5, 2, 3, 4, 6, 7, 8, 9, 10].map((count) => [String(count), formats.count(count)] as const);
  const options = (
    <Options asked={asked} names={OPTIONS}>
      <AtField asked={asked} />
      <PickField asked={asked} name="scores" label={texts.rfm.scores} choices={scores} />
      <CutsField asked={asked} name="recency" label={texts.rfm.recencyCuts} hint={texts.rfm.cutsHint} placeholder="30, 90, 365" />
      <CutsField asked={asked} name="frequency" label={texts.rfm.frequencyCuts} placeholder="2, 4, 8" />
      <CutsField asked={asked} name="monetary" label={texts.rfm.monetaryCuts} placeholder="100, 500" />
      <StatusesField asked={asked} />
    </Options>
  );
  return (
    <ReportCard
      name="rfm"
      title={texts.rfm.title}
      lead={texts.rfm.lead}
      query={query}
      options={options}
      actions={<OfChoice segments={segments} value={asked.text('segment')} onValue={(segment) => asked.set({ segment })} />}
    >
      <Shown read={read}>
        {(rfm) => (rfm.withOrders === 0 ? <Empty title={texts.grid.none} /> : <RfmFigures rfm={rfm} asked={asked} />)}
      </Shown>
    </ReportCard>
  );
}

interface RfmProps {
  readonly rfm: Rfm;
  readonly asked: Asked;
}

function RfmFigures({ rfm, asked }: RfmProps) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const { customers, withOrders, cells, currency, at, statuses } = rfm;
  const facts = [
    { name: texts.rfm.withOrders, figure: formats.count(withOrders), more: texts.rfm.ofCustomers(formats.count(customers)) },
    { name: report.figures.orders, figure: formats.count(cells.reduce((sum, { orders }) => sum + orders, 0)) },
    { name: report.figures.revenue, figure: formats.money(sumMoney(cells.map(({ revenue }) => revenue)), currency) },
  ];
  return (
    <>
      <ReportFacts facts={facts} />
      <AsOf at={at} statuses={statuses} />
      <RecencyGrid rfm={rfm} asked={asked} />
      <MonetaryTable rfm={rfm} />
      <Combinations rfm={rfm} />
    </>
  );
}

/** Cells added up: what one place of the grid shows. */
function together(cells: readonly RfmCell[]) {
  return {
    customers: cells.reduce((sum, { customers }) => sum + customers, 0),
    revenue: sumMoney(cells.map(({ revenue }) => revenue)),
  };
}

function RecencyGrid({ rfm, asked }: RfmProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const names = useScoreNames(rfm);
  const shade = asked.oneOf('shade', SHADES);
  const rows = bandsBelow(rfm.recencyCuts);
  const columns = bandsAbove(rfm.frequencyCuts);
  const at = (recency: number | null, frequency: number | null) =>
    together(
      rfm.cells.filter((cell) => (recency === null || cell.recency === recency) && (frequency === null || cell.frequency === frequency)),
    );
  const inside = rows.flatMap(({ score: recency }) => columns.map(({ score: frequency }) => at(recency, frequency)));
  const most = Math.max(...inside.map((cell) => Number(cell[shade])));
  const cellOf = (key: string | number, { customers, revenue }: ReturnType<typeof together>, isSum: boolean) => (
    <td key={key} style={isSum ? undefined : heat(Number(shade === 'revenue' ? revenue : customers), most)} className={isSum ? 'sum' : ''}>
      {customers === 0 ? (
        '–'
      ) : (
        <>
          {formats.count(customers)}
          <small>{formats.money(revenue, rfm.currency)}</small>
        </>
      )}
    </td>
  );
  return (
    <>
      <div className="grid-head">
        <h3>{texts.rfm.grid}</h3>
        <label className="inline">
          {texts.rfm.shade}
          <select value={shade} onChange={(event) => asked.set({ shade: event.target.value === SHADES[0] ? '' : event.target.value })}>
            {SHADES.map((name) => (
              <option key={name} value={name}>
                {texts.rfm.shades[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Scroll label={texts.rfm.grid}>
        <table className="rows heat rfm">
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                {texts.rfm.recency}
              </th>
              <th scope="colgroup" colSpan={columns.length}>
                {texts.rfm.frequency}
              </th>
              <th scope="col" rowSpan={2}>
                {texts.rfm.all}
              </th>
            </tr>
            <tr>
              {columns.map(({ score }) => (
                <th key={score} scope="col">
                  {names.frequency(score)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ score }) => (
              <tr key={score}>
                <th scope="row">{names.recency(score)}</th>
                {columns.map((column) => cellOf(column.score, at(score, column.score), false))}
                {cellOf('all', at(score, null), true)}
              </tr>
            ))}
            <tr>
              <th scope="row">{texts.rfm.all}</th>
              {columns.map((column) => cellOf(column.score, at(null, column.score), true))}
              {cellOf('all', at(null, null), true)}
            </tr>
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function MonetaryTable({ rfm }: { readonly rfm: Rfm }) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const names = useScoreNames(rfm);
  const whole = together(rfm.cells);
  const share = (value: number | null) => (value === null ? '–' : formats.share(value));
  return (
    <>
      <h3>{texts.rfm.monetary}</h3>
      <Scroll label={texts.rfm.monetary}>
        <table className="rows scores">
          <thead>
            <tr>
              <th scope="col">{texts.rfm.spent}</th>
              {[texts.rfm.customers, texts.rfm.shareOfCustomers, report.figures.revenue, texts.rfm.shareOfRevenue].map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {bandsAbove(rfm.monetaryCuts)
              .toReversed()
              .map(({ score }) => {
                const own = together(rfm.cells.filter(({ monetary }) => monetary === score));
                return (
                  <tr key={score}>
                    <th scope="row">{names.monetary(score)}</th>
                    <td className="number">{formats.count(own.customers)}</td>
                    <td className="number">{share(whole.customers === 0 ? null : own.customers / whole.customers)}</td>
                    <td className="number">{formats.money(own.revenue, rfm.currency)}</td>
                    <td className="number">{share(shareOf(own.revenue, whole.revenue))}</td>
                  </tr>
                );
              })}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Combinations({ rfm: { cells, currency } }: { readonly rfm: Rfm }) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const shown = cells.slice(0, COMBINATIONS_MAX);
  const counted = [texts.rfm.customers, report.figures.orders, report.figures.revenue, report.figures.revenuePerCustomer];
  return (
    <details className="as-table">
      <summary>{texts.rfm.combinations}</summary>
      <p className="quiet">{texts.rfm.combinationsLead}</p>
      <Scroll label={texts.rfm.combinations}>
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">{texts.rfm.combination}</th>
              {counted.map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(({ recency, frequency, monetary, customers, orders, revenue }) => (
              <tr key={`${recency} ${frequency} ${monetary}`}>
                <th scope="row">{[recency, frequency, monetary].map(formats.count).join(' · ')}</th>
                <td className="number">{formats.count(customers)}</td>
                <td className="number">{formats.count(orders)}</td>
                <td className="number">{formats.money(revenue, currency)}</td>
                <td className="number">{formats.money(Number(revenue) / customers, currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {cells.length > shown.length ? <p className="quiet">{texts.rfm.more(formats.count(cells.length - shown.length))}</p> : null}
    </details>
  );
}
