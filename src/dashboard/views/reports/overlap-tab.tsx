// In charge of how segments overlap: each pair in a matrix, and who is in exactly which of them.
import type { ReactNode } from 'react';
import { useRead } from '../../api/use-read.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { heat } from './heat.ts';
import type { Overlap } from './report.ts';

const PATH = '/v1/reports/overlap';
const LINES_MAX = 40;
/** The most that one answer may contain. */
const CSV_LINES_MAX = 10_000;

const FIGURES = ['jaccard', 'share', 'lift'] as const;
type FigureName = (typeof FIGURES)[number];

export interface ChosenProps {
  readonly chosen: readonly string[];
  readonly asked: Asked;
  readonly nameOf: (key: string) => string;
}

export function OverlapTab({ chosen, asked, nameOf }: ChosenProps) {
  const { reports: texts } = useTexts();
  const query = { segments: chosen };
  const read = useRead<Overlap>(chosen.length < 2 ? null : PATH, { query: { ...query, most: LINES_MAX } });
  if (chosen.length < 2) return <Empty title={texts.chooseTwo} />;
  return (
    <Shown read={read}>
      {(overlap) => (
        <>
          <Matrix
            overlap={overlap}
            asked={asked}
            nameOf={nameOf}
            download={<DownloadButton path={`${PATH}.csv`} query={{ ...query, most: CSV_LINES_MAX }} fileName="overlap.csv" />}
          />
          <Intersections overlap={overlap} nameOf={nameOf} />
        </>
      )}
    </Shown>
  );
}

interface OverlapProps {
  readonly overlap: Overlap;
  readonly nameOf: (key: string) => string;
}

function Matrix({ overlap, asked, nameOf, download }: OverlapProps & { readonly asked: Asked; readonly download: ReactNode }) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const { sizes, at } = overlap;
  const figure = asked.oneOf('show', FIGURES);
  const cellOf = useCells(overlap, figure);
  return (
    <section className="card" aria-labelledby="matrix">
      <div className="card-head">
        <h2 id="matrix">{texts.overlap.matrix}</h2>
        <div className="actions">
          <label className="inline">
            {texts.overlap.show}
            <select value={figure} onChange={({ target }) => asked.set({ show: target.value === FIGURES[0] ? '' : target.value })}>
              {FIGURES.map((name) => (
                <option key={name} value={name}>
                  {texts.overlap.figures[name]}
                </option>
              ))}
            </select>
          </label>
          {download}
        </div>
      </div>
      <p className="quiet">
        {texts.overlap.leads[figure]} {report.asOf(formats.instant(at))}
      </p>
      <Scroll label={texts.overlap.matrix}>
        <table className="rows heat">
          <thead>
            <tr>
              <th scope="col">{texts.overlap.segment}</th>
              {sizes.map(({ segment }) => (
                <th key={segment} scope="col">
                  <bdi>{nameOf(segment)}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sizes.map((row) => (
              <tr key={row.segment}>
                <th scope="row">
                  <SegmentLink segment={{ key: row.segment, name: nameOf(row.segment) }} />
                </th>
                {sizes.map(({ segment }) => {
                  const cell = cellOf(row.segment, segment);
                  if (cell === undefined) return <td key={segment}>{segment === row.segment ? formats.count(row.members) : '–'}</td>;
                  return (
                    <td key={segment} style={heat(cell.weight)}>
                      {formats.count(cell.both)}
                      <small>{cell.text}</small>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

interface Cell {
  readonly both: number;
  /** how strongly it is coloured, from 0 to 1 */
  readonly weight: number | null;
  readonly text: string;
}

/** What is shown where a row meets a column; undefined: nothing. */
function useCells({ pairs }: Overlap, figure: FigureName): (row: string, column: string) => Cell | undefined {
  const { overlap: texts } = useTexts().reports;
  const formats = useFormats();
  const share = (value: number | null) => (value === null ? '–' : formats.share(value));
  const highest = Math.max(2, ...pairs.map(({ lift }) => lift ?? 0));
  const known = new Map<string, Cell>();
  for (const { left, right, both, jaccard, shareOfLeft, shareOfRight, lift } of pairs) {
    for (const [row, column, shareOfRow] of [[left, right, shareOfLeft] as const, [right, left, shareOfRight] as const]) {
      const cells: Readonly<Record<FigureName, Cell>> = {
        jaccard: { both, weight: jaccard, text: share(jaccard) },
        share: { both, weight: shareOfRow, text: share(shareOfRow) },
        lift: { both, weight: (lift ?? 0) / highest, text: lift === null ? '–' : texts.times(formats.decimal(lift, 2)) },
      };
      known.set(`${row} ${column}`, cells[figure]);
    }
  }
  return (row, column) => known.get(`${row} ${column}`);
}

function Intersections({ overlap: { intersections, intersectionCount, inAny }, nameOf }: OverlapProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const most = Math.max(1, ...intersections.map(({ customers }) => customers));
  const more = intersectionCount - intersections.length;
  return (
    <section className="card" aria-labelledby="intersections">
      <h2 id="intersections">{texts.overlap.only}</h2>
      {intersections.length === 0 ? (
        <Empty title={texts.overlap.none} />
      ) : (
        <>
          <p className="quiet">{texts.overlap.onlyLead(formats.count(inAny))}</p>
          <ul className="plain intersections">
            {intersections.map(({ segments, customers }) => (
              <li key={segments.join(' ')}>
                <span className="intersection-names">
                  {segments.map((key) => (
                    <SegmentLink key={key} segment={{ key, name: nameOf(key) }} />
                  ))}
                </span>
                <span className="figures">{formats.count(customers)}</span>
                <span className="bar" aria-hidden="true">
                  <span style={{ width: `${(customers / most) * 100}%` }} />
                </span>
              </li>
            ))}
          </ul>
          {more > 0 ? <p className="quiet">{texts.overlap.more(formats.count(more))}</p> : null}
        </>
      )}
    </section>
  );
}
