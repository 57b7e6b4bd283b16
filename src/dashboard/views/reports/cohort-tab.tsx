// In charge of cohorts: who first ordered when, and how many of them ordered in each period after it, or what they have brought by then.
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { heat } from './heat.ts';
import { OfChoice } from './of-choice.tsx';
import { AtField, StatusesField } from './option-fields.tsx';
import { Options } from './options.tsx';
import { BetweenFields, UNITS, type Unit, UnitChoice, usePeriodName } from './period-fields.tsx';
import type { CohortPeriod, Cohorts } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { AsOf } from './report-facts.tsx';

const OPTIONS = ['from', 'to', 'at', 'statuses'];
const FIGURES = ['share', 'customers', 'revenuePerCustomer'] as const;
type FigureName = (typeof FIGURES)[number];

interface TabProps {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
}

export function CohortTab({ segments, asked }: TabProps) {
  const { reports: texts } = useTexts();
  const query = asked.sent(['unit', 'segment', ...OPTIONS]);
  const read = useRead<Cohorts>('/v1/reports/cohorts', { query });
  const figure = asked.oneOf('show', FIGURES);
  const actions = (
    <>
      <label className="inline">
        {texts.cohorts.show}
        <select value={figure} onChange={(event) => asked.set({ show: event.target.value === FIGURES[0] ? '' : event.target.value })}>
          {FIGURES.map((name) => (
            <option key={name} value={name}>
              {texts.cohorts.figures[name]}
            </option>
          ))}
        </select>
      </label>
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
    <ReportCard name="cohorts" title={texts.tabs.cohorts} lead={texts.cohorts.lead} query={query} actions={actions} options={options}>
      <Shown read={read}>{(body) => <CohortTable body={body} unit={asked.oneOf('unit', UNITS)} figure={figure} />}</Shown>
    </ReportCard>
  );
}

interface TableProps {
  readonly body: Cohorts;
  readonly unit: Unit;
  readonly figure: FigureName;
}

function CohortTable({ body: { cohorts, timeZone, currency, at, statuses }, unit, figure }: TableProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const periodName = usePeriodName(unit, timeZone);
  const shown = cohorts.filter(({ customers }) => customers > 0);
  if (shown.length === 0) return <Empty title={texts.cohorts.none} />;
  // what a cohort spent begins in its own period; how many came back begins in the next
  const first = figure === 'revenuePerCustomer' ? 0 : 1;
  const offsets = Array.from({ length: Math.max(...shown.map(({ periods }) => periods.length)) }, (_, offset) => offset).slice(first);
  const print: Readonly<Record<FigureName, (period: CohortPeriod) => string>> = {
    share: ({ share }) => (share === null ? '–' : formats.share(share)),
    customers: ({ customers }) => formats.count(customers),
    revenuePerCustomer: ({ revenuePerCustomer }) => (revenuePerCustomer === null ? '–' : formats.money(revenuePerCustomer, currency)),
  };
  const weigh = (period: CohortPeriod) => Number(figure === 'customers' ? period.share : period[figure]);
  const most = Math.max(0, ...shown.flatMap(({ periods }) => periods.filter(({ offset }) => offset >= first).map(weigh)));
  return (
    <>
      <AsOf at={at} statuses={statuses} />
      <Scroll label={texts.tabs.cohorts}>
        <table className="rows heat cohorts">
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                {texts.cohorts.first}
              </th>
              <th scope="col" rowSpan={2}>
                {texts.cohorts.customers}
              </th>
              {offsets.length === 0 ? null : (
                <th scope="colgroup" colSpan={offsets.length}>
                  {texts.cohorts.after[unit]}
                </th>
              )}
            </tr>
            <tr>
              {offsets.map((offset) => (
                <th key={offset} scope="col">
                  {formats.count(offset)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(({ start, customers, periods }) => (
              <tr key={start}>
                <th scope="row">{periodName(start)}</th>
                <td>{formats.count(customers)}</td>
                {offsets.map((offset) => {
                  const period = periods[offset];
                  return period === undefined ? (
                    <td key={offset} />
                  ) : (
                    <td key={offset} style={heat(weigh(period), most)}>
                      {print[figure](period)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}
