// In charge of the grid of value and purchase cycle: how many customers are in each band of both, and what they spent.
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
import type { ValueGrid } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { AsOf } from './report-facts.tsx';

const OPTIONS = ['at', 'statuses', 'bands', 'value', 'cycle'];

interface TabProps {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
}

export function GridTab({ segments, asked }: TabProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const query = asked.sent(['segment', ...OPTIONS]);
  const read = useRead<ValueGrid>('/v1/reports/value-grid', { query });
  const bands = [3, 2, 4, 5, 6, 7, 8, 9, 10].map((count) => [String(count), formats.count(count)] as const);
  const options = (
    <Options asked={asked} names={OPTIONS}>
      <AtField asked={asked} />
      <PickField asked={asked} name="bands" label={texts.grid.bands} choices={bands} />
      <CutsField asked={asked} name="value" label={texts.grid.valueCuts} hint={texts.rfm.cutsHint} placeholder="100, 500" />
      <CutsField asked={asked} name="cycle" label={texts.grid.cycleCuts} placeholder="30, 90" />
      <StatusesField asked={asked} />
    </Options>
  );
  return (
    <ReportCard
      name="value-grid"
      title={texts.tabs.grid}
      lead={texts.grid.lead}
      query={query}
      options={options}
      actions={<OfChoice segments={segments} value={asked.text('segment')} onValue={(segment) => asked.set({ segment })} />}
    >
      <Shown read={read}>{(grid) => (grid.withOrders === 0 ? <Empty title={texts.grid.none} /> : <GridTable grid={grid} />)}</Shown>
    </ReportCard>
  );
}

function GridTable({ grid: { cells, currency, at, statuses } }: { readonly grid: ValueGrid }) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const bandName = useBandName();
  const columns = cells.filter(({ valueBand }) => valueBand === 0);
  const rows = cells.filter(({ cycleBand }) => cycleBand === null).toReversed();
  const most = Math.max(...cells.map(({ share }) => share ?? 0));
  const days = (value: number) => formats.decimal(value, 1);
  const money = (amount: string) => formats.money(amount, currency);
  return (
    <>
      <AsOf at={at} statuses={statuses} />
      <Scroll label={texts.tabs.grid}>
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
                <th scope="row">{bandName(valueFrom, valueBelow, money)}</th>
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
      </Scroll>
    </>
  );
}

function useBandName() {
  const { report: texts } = useTexts();
  return <Bound extends string | number>(from: Bound | null, below: Bound | null, print: (bound: Bound) => string) => {
    if (from === null) return below === null ? texts.bands.any : texts.bands.below(print(below));
    return below === null ? texts.bands.from(print(from)) : `${print(from)}–${print(below)}`;
  };
}
