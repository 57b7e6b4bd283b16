// In charge of who came back: customers with an order in each of their own weeks or months, with intervals drawn, and as a table.
import { Empty } from '../../parts/reading.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { marksUpTo, spreadOut } from './axis.ts';
import type { Outcome, Share } from './outcome.ts';
import { useWidth } from './use-width.ts';

const HEIGHT = 220;
const LEFT = 46;
const FOOT = 24;
const TOP = 8;
const TICK_ROOM = 34;
const ARMS = ['compared', 'members'] as const;

export function RetentionCard({ outcome }: { readonly outcome: Outcome }) {
  const { outcome: texts } = useTexts();
  const { retention, unit } = outcome;
  return (
    <section className="card" aria-labelledby="retention">
      <h2 id="retention">{texts.retention}</h2>
      <p className="quiet">{texts.retentionLead[unit]}</p>
      {retention.length === 0 ? (
        <Empty title={texts.noPeriods[unit]} />
      ) : (
        <>
          <RetentionDrawing outcome={outcome} />
          <RetentionTable outcome={outcome} />
        </>
      )}
    </section>
  );
}

function RetentionDrawing({ outcome: { retention, unit, against } }: { readonly outcome: Outcome }) {
  const { outcome: texts } = useTexts();
  const formats = useFormats();
  const { ref, width } = useWidth();
  const marks = marksUpTo(Math.max(...retention.flatMap(({ active }) => ARMS.map((arm) => active[arm].high ?? active[arm].share ?? 0))));
  const end = marks.at(-1) ?? 1;
  const step = (width - LEFT) / retention.length;
  const xOf = (index: number, arm: (typeof ARMS)[number]) =>
    LEFT + step * (index + 0.5) + (arm === 'members' ? -1 : 1) * Math.min(5, step / 5);
  const yOf = (share: number) => TOP + (HEIGHT - TOP - FOOT) * (1 - share / end);
  const isTold = spreadOut(retention.length, Math.floor((width - LEFT) / TICK_ROOM));
  const name = { members: against === 'bucket' ? texts.treated : texts.arms.members, compared: texts.arms[against] };
  return (
    <figure className="drawing" ref={ref}>
      <svg width={width} height={HEIGHT} role="img" aria-label={texts.retentionSummary[unit](formats.count(retention.length))}>
        {marks.map((mark) => (
          <g key={mark}>
            <line className="grid-line" x1={LEFT} x2={width} y1={yOf(mark)} y2={yOf(mark)} />
            <text x={LEFT - 8} y={yOf(mark) + 4} textAnchor="end">
              {formats.share(mark)}
            </text>
          </g>
        ))}
        {ARMS.map((arm) => (
          <g key={arm} className={`line-${arm}`}>
            <polyline points={retention.map(({ active }, index) => `${xOf(index, arm)},${yOf(active[arm].share ?? 0)}`).join(' ')} />
            {retention.map(({ period, active }, index) => (
              <Whisker key={period} share={active[arm]} x={xOf(index, arm)} yOf={yOf} />
            ))}
          </g>
        ))}
        {retention.map(({ period }, index) =>
          isTold(index) ? (
            <text key={period} x={LEFT + step * (index + 0.5)} y={HEIGHT - 6} textAnchor="middle">
              {formats.count(period)}
            </text>
          ) : null,
        )}
      </svg>
      <figcaption className="key">
        <span className="key-members">{name.members}</span>
        <span className="key-compared">{name.compared}</span>
      </figcaption>
    </figure>
  );
}

function Whisker({
  share: { share, low, high },
  x,
  yOf,
}: {
  readonly share: Share;
  readonly x: number;
  readonly yOf: (share: number) => number;
}) {
  if (share === null) return null;
  return (
    <>
      {low === null || high === null ? null : <line className="whisker" x1={x} x2={x} y1={yOf(low)} y2={yOf(high)} />}
      <circle cx={x} cy={yOf(share)} r="3.2" />
    </>
  );
}

function RetentionTable({ outcome: { retention, unit, against } }: { readonly outcome: Outcome }) {
  const { outcome: texts, reports } = useTexts();
  const formats = useFormats();
  const share = (value: number | null) => (value === null ? '–' : formats.share(value));
  const bound = (value: number) => formats.signed(100 * value, 1);
  const points = (value: number) => texts.points(bound(value));
  const bounds = (low: number | null, high: number | null, print: (value: number) => string) =>
    low === null || high === null ? null : <small>{texts.between(print(low), print(high))}</small>;
  const columns = [against === 'bucket' ? texts.treated : texts.arms.members, texts.arms[against], texts.difference];
  return (
    <details className="as-table">
      <summary>{reports.asTable}</summary>
      <Scroll label={texts.retention}>
        <table className="rows retention">
          <thead>
            <tr>
              <th scope="col">{texts.units[unit]}</th>
              {columns.map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {retention.map(({ period, active: { members, compared, difference } }) => (
              <tr key={period}>
                <th scope="row">{formats.count(period)}</th>
                {[members, compared].map((arm, index) => (
                  <td key={index === 0 ? 'members' : 'compared'} className="number">
                    {share(arm.share)} {bounds(arm.low, arm.high, formats.share)}
                  </td>
                ))}
                <td className="number">
                  {difference.value === null ? '–' : points(difference.value)} {bounds(difference.low, difference.high, bound)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
