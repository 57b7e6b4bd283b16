// In charge of the grid of value and purchase cycle: how many customers are in each band of both, and what they spent.
import { useState } from 'react';
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { heat } from './heat.ts';
import { OfChoice } from './of-choice.tsx';
import type { ValueGrid } from './report.ts';

const PATH = '/v1/reports/value-grid';

export function GridTab({ segments }: { readonly segments: readonly ListedSegment[] }) {
  const { reports: texts } = useTexts();
  const [segment, setSegment] = useState('');
  const query = segment === '' ? {} : { segment };
  const read = useRead<ValueGrid>(PATH, { query });
  return (
    <section className="card" aria-labelledby="grid">
      <div className="card-head">
        <h2 id="grid">{texts.tabs.grid}</h2>
        <div className="actions">
          <OfChoice segments={segments} value={segment} onValue={setSegment} />
          <DownloadButton path={`${PATH}.csv`} query={query} fileName="value-grid.csv" />
        </div>
      </div>
      <p className="quiet">{texts.grid.lead}</p>
      <Shown read={read}>{(grid) => (grid.withOrders === 0 ? <Empty title={texts.grid.none} /> : <GridTable cells={grid.cells} />)}</Shown>
    </section>
  );
}

function GridTable({ cells }: { readonly cells: ValueGrid['cells'] }) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const bandName = useBandName();
  const columns = cells.filter(({ valueBand }) => valueBand === 0);
  const rows = cells.filter(({ cycleBand }) => cycleBand === null).toReversed();
  const most = Math.max(...cells.map(({ share }) => share ?? 0));
  const days = (value: number) => formats.decimal(value, 1);
  return (
    <div className="scroll">
      <table className="rows heat value-grid">
        <thead>
          <tr>
            <th scope="col">{texts.grid.value}</th>
            {columns.map(({ cycleBand, cycleFrom, cycleBelow }) => (
              <th key={cycleBand} scope="col">
                {cycleBand === null ? texts.grid.once : texts.grid.cycle(bandName(cycleFrom, cycleBelow, days))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ valueBand, valueFrom, valueBelow }) => (
            <tr key={valueBand}>
              <th scope="row">{bandName(valueFrom, valueBelow, formats.money)}</th>
              {cells
                .filter((cell) => cell.valueBand === valueBand)
                .map((cell) => (
                  <td key={cell.cycleBand} style={heat(cell.share, most)}>
                    {texts.grid.customers(formats.count(cell.customers))}
                    <small>{cell.shareOfRevenue === null ? '–' : texts.grid.ofRevenue(formats.share(cell.shareOfRevenue))}</small>
                  </td>
                ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function useBandName() {
  const { report: texts } = useTexts();
  return <Bound extends string | number>(from: Bound | null, below: Bound | null, print: (bound: Bound) => string) => {
    if (from === null) return below === null ? '' : texts.bands.below(print(below));
    return below === null ? texts.bands.from(print(from)) : `${print(from)}–${print(below)}`;
  };
}
