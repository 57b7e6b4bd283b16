// In charge of how segments overlap: each two as a matrix, and who is in exactly which of them.
import type { ReactNode } from 'react';
import { useRead } from '../../api/use-read.ts';
import { DownloadButton } from '../../parts/download-button.tsx';
import { Empty, Shown } from '../../parts/reading.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { heat } from './heat.ts';
import type { Overlap } from './report.ts';

const PATH = '/v1/reports/overlap';
const LINES_MAX = 40;
/** Ten segments intersect in 1,023 ways at the most. */
const CSV_LINES_MAX = 1_023;

export interface ChosenProps {
  readonly chosen: readonly string[];
  readonly nameOf: (key: string) => string;
}

export function OverlapTab({ chosen, nameOf }: ChosenProps) {
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

function Matrix({ overlap, nameOf, download }: OverlapProps & { readonly download: ReactNode }) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  const { sizes, pairs, at } = overlap;
  const known = new Map(
    pairs.flatMap((pair) => [[`${pair.left} ${pair.right}`, pair] as const, [`${pair.right} ${pair.left}`, pair] as const]),
  );
  return (
    <section className="card" aria-labelledby="matrix">
      <div className="card-head">
        <h2 id="matrix">{texts.overlap.matrix}</h2>
        {download}
      </div>
      <p className="quiet">
        {texts.overlap.lead} {report.asOf(formats.instant(at))}
      </p>
      <div className="scroll">
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
                  const pair = known.get(`${row.segment} ${segment}`);
                  if (pair === undefined) return <td key={segment}>{segment === row.segment ? formats.count(row.members) : '–'}</td>;
                  return (
                    <td key={segment} style={heat(pair.jaccard)}>
                      {formats.count(pair.both)}
                      <small>{pair.jaccard === null ? '–' : formats.share(pair.jaccard)}</small>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
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
