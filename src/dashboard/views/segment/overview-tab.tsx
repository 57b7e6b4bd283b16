// In charge of what users want to know about a segment first: how many members, how that changed, whether it is well, what it asks.
import { Suspense, useState } from 'react';
import { call, type Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { useRead } from '../../api/use-read.ts';
import { nowMs } from '../../clock.ts';
import { lazyPart } from '../../parts/lazy-part.ts';
import { Empty, Loading, ProblemNote, Shown } from '../../parts/reading.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { FlowBars } from './flow-bars.tsx';
import { RunProgress } from './run-progress.tsx';
import { type Held, isUnderWay, type Segment, type SizePoint, type Version } from './segment.ts';

const Report = lazyPart(() => import('./report.tsx'));
const SizeChart = lazyPart(() => import('./size-chart.tsx'));
const RESOLUTIONS = ['hour', 'day', 'week', 'month'] as const;
type Resolution = (typeof RESOLUTIONS)[number];

export function OverviewTab({ held }: { readonly held: Held }) {
  const { segment } = held;
  return (
    <div className="stack">
      {segment.failure === null ? null : <Failure held={held} />}
      {segment.run !== null && isUnderWay(segment) ? <RunProgress runId={segment.run.id} /> : null}
      <Facts segment={segment} />
      <Sizes segment={segment} />
      {isPublished(segment) ? (
        <Suspense fallback={<Loading lines={6} />}>
          <Report segmentKey={segment.key} />
        </Suspense>
      ) : null}
      {segment.kind === 'rule' ? <RuleInForce segment={segment} /> : null}
    </div>
  );
}

function isPublished({ kind, status }: Segment): boolean {
  return kind === 'manual' || (status !== 'draft' && status !== 'archived');
}

function Facts({ segment }: { readonly segment: Segment }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const isDue = segment.reviewAt !== null && Date.parse(segment.reviewAt) <= nowMs();
  return (
    <dl className="facts card">
      <div className="fact-large">
        <dt>{texts.memberCount}</dt>
        <dd>{formats.count(segment.memberCount)}</dd>
      </div>
      <div>
        <dt>{texts.evaluatedAt}</dt>
        <dd>{segment.evaluatedAt === null ? texts.never : formats.distance(segment.evaluatedAt)}</dd>
      </div>
      <div>
        <dt>{texts.version}</dt>
        <dd>
          {segment.version === null ? texts.noVersion : formats.count(segment.version)}
          {segment.draft === null ? null : <small>{texts.newerDraft(formats.count(segment.draft))}</small>}
        </dd>
      </div>
      <div>
        <dt>{texts.updatedAt}</dt>
        <dd>{formats.day(segment.updatedAt)}</dd>
      </div>
      <div>
        <dt>{texts.reviewAt}</dt>
        <dd>
          {segment.reviewAt === null ? <span className="quiet">{texts.noReview}</span> : formats.day(segment.reviewAt)}
          {isDue ? <small className="status status-paused">{texts.overdue}</small> : null}
        </dd>
      </div>
    </dl>
  );
}

function Failure({ held: { segment, etag, again } }: { readonly held: Held }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const [problem, setProblem] = useState<Problem>();
  const tryNow = () =>
    call('POST', pathOf`/v1/segments/${segment.key}/resume`, etag === null ? {} : { ifMatch: etag }).then(again, (error) =>
      setProblem(refusalOf(error)),
    );
  return (
    <div className="note problem" role="alert">
      <strong>{texts.failure}</strong>
      <p>{segment.failure}</p>
      {segment.retryAt === null ? null : <p>{texts.retry(formats.distance(segment.retryAt))}</p>}
      <button type="button" onClick={tryNow}>
        {texts.retryNow}
      </button>
      {problem === undefined ? null : <ProblemNote problem={problem} />}
    </div>
  );
}

function Sizes({ segment }: { readonly segment: Segment }) {
  const { segment: texts } = useTexts();
  const [resolution, setResolution] = useState<Resolution>('day');
  const sizes = useRead<{ readonly points: readonly SizePoint[]; readonly timeZone: string }>(pathOf`/v1/segments/${segment.key}/sizes`, {
    query: { resolution },
    live: true,
  });
  return (
    <section className="card" aria-labelledby="sizes">
      <div className="card-head">
        <h2 id="sizes">{texts.sizes.title}</h2>
        <label className="inline">
          {texts.sizes.resolution}
          <select value={resolution} onChange={(event) => setResolution(event.target.value as Resolution)}>
            {RESOLUTIONS.map((name) => (
              <option key={name} value={name}>
                {texts.sizes[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Shown read={sizes}>
        {({ points, timeZone }) =>
          points.length === 0 ? (
            <Empty title={texts.sizes.none} />
          ) : (
            <>
              <Suspense fallback={<Loading lines={6} />}>
                <SizeChart points={points} timeZone={timeZone} resolution={resolution} />
              </Suspense>
              <h3>{texts.sizes.flow}</h3>
              <FlowBars points={points} timeZone={timeZone} resolution={resolution} />
              <SizeTable points={points} timeZone={timeZone} resolution={resolution} />
            </>
          )
        }
      </Shown>
    </section>
  );
}

export interface SizesProps {
  readonly points: readonly SizePoint[];
  /** the service's zone, to which these days belong */
  readonly timeZone: string;
  readonly resolution: Resolution;
}

function SizeTable({ points, timeZone, resolution }: SizesProps) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  return (
    <details className="as-table">
      <summary>{texts.sizes.table}</summary>
      <div className="scroll">
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">{texts.sizes.at}</th>
              {(['size', 'entered', 'left'] as const).map((name) => (
                <th key={name} scope="col" className="number">
                  {texts.sizes[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.toReversed().map((point) => (
              <tr key={point.at}>
                <th scope="row">{formats.period(point.at, timeZone, resolution)}</th>
                <td className="number">{formats.count(point.size)}</td>
                <td className="number">{formats.count(point.entered)}</td>
                <td className="number">{formats.count(point.left)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function RuleInForce({ segment }: { readonly segment: Segment }) {
  const { segment: texts } = useTexts();
  const number = segment.version ?? segment.draft;
  const version = useRead<Version>(number === null ? null : pathOf`/v1/segments/${segment.key}/versions/${number}`);
  return (
    <section className="card" aria-labelledby="rule">
      <h2 id="rule">{segment.version === null ? texts.draftRule : texts.rule}</h2>
      <Shown read={version}>{({ text }) => <pre className="rule-text">{text}</pre>}</Shown>
    </section>
  );
}
