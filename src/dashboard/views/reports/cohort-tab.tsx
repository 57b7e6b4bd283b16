// In charge of cohorts: who first ordered when, and how many of them ordered in each period after it.
import { useState } from 'react';
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { heat } from './heat.ts';
import { OfChoice } from './of-choice.tsx';
import type { Cohorts } from './report.ts';

const PATH = '/v1/reports/cohorts';
const UNITS = ['week', 'month', 'quarter'] as const;
type Unit = (typeof UNITS)[number];

export function CohortTab({ segments }: { readonly segments: readonly ListedSegment[] }) {
  const { reports: texts } = useTexts();
  const [unit, setUnit] = useState<Unit>('month');
  const [segment, setSegment] = useState('');
  const query = { unit, ...(segment === '' ? {} : { segment }) };
  const read = useRead<Cohorts>(PATH, { query });
  return (
    <section className="card" aria-labelledby="cohorts">
      <div className="card-head">
        <h2 id="cohorts">{texts.tabs.cohorts}</h2>
        <div className="actions">
          <label className="inline">
            {texts.cohorts.unit}
            <select value={unit} onChange={(event) => setUnit(event.target.value as Unit)}>
              {UNITS.map((name) => (
                <option key={name} value={name}>
                  {texts.cohorts.units[name]}
                </option>
              ))}
            </select>
          </label>
          <OfChoice segments={segments} value={segment} onValue={setSegment} />
          <DownloadButton path={`${PATH}.csv`} query={query} fileName="cohorts.csv" />
        </div>
      </div>
      <p className="quiet">{texts.cohorts.lead}</p>
      <Shown read={read}>{(body) => <CohortTable body={body} unit={unit} />}</Shown>
    </section>
  );
}

function CohortTable({ body: { cohorts, timeZone }, unit }: { readonly body: Cohorts; readonly unit: Unit }) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const shown = cohorts.filter(({ customers }) => customers > 0);
  if (shown.length === 0) return <Empty title={texts.cohorts.none} />;
  const offsets = Array.from({ length: Math.max(...shown.map(({ periods }) => periods.length)) }, (_, offset) => offset).slice(1);
  const most = Math.max(...shown.flatMap(({ periods }) => periods.map(({ offset, share }) => (offset === 0 ? 0 : (share ?? 0)))));
  const resolution = unit === 'week' ? 'week' : 'month';
  return (
    <div className="scroll">
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
              <th scope="row">{formats.period(start, timeZone, resolution)}</th>
              <td>{formats.count(customers)}</td>
              {offsets.map((offset) => {
                const period = periods.find((each) => each.offset === offset);
                return period === undefined ? (
                  <td key={offset} />
                ) : (
                  <td key={offset} style={heat(period.share, most)}>
                    {period.share === null ? '–' : formats.share(period.share)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
