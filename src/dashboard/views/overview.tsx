// In charge of the first view: every segment with its size, trend, state and last change, and what changes right now.
import { useDeferredValue, useState } from 'react';
import { type LiveChange, useLive } from '../api/live.tsx';
import { useRead } from '../api/use-read.ts';
import { Empty, Shown } from '../parts/reading.tsx';
import { SegmentLink, type Status, StatusMark } from '../parts/segment-name.tsx';
import { hrefOf } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';

interface SegmentRow {
  readonly key: string;
  readonly name: string;
  readonly icon: string | null;
  readonly color: string | null;
  readonly status: Status;
  readonly failure: string | null;
  readonly memberCount: number;
  readonly evaluatedAt: string | null;
  readonly run: { readonly done: number; readonly total: number } | null;
}

export function Overview() {
  const { overview: texts } = useTexts();
  const [wanted, setWanted] = useState('');
  const segments = useRead<{ readonly data: readonly SegmentRow[] }>('/v1/segments', { query: { limit: 1000 }, live: true });
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
        <a className="button primary" href={hrefOf(['new-segment'])}>
          {texts.newSegment}
        </a>
      </header>
      <div className="columns">
        <section className="card" aria-labelledby="segments">
          <div className="card-head">
            <h2 id="segments">{texts.segments}</h2>
            <input
              type="search"
              aria-label={texts.find}
              placeholder={texts.find}
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
            />
          </div>
          <Shown read={segments}>{({ data }) => <SegmentTable rows={data} wanted={wanted} />}</Shown>
        </section>
        <Recent />
      </div>
    </>
  );
}

function SegmentTable({ rows, wanted }: { readonly rows: readonly SegmentRow[]; readonly wanted: string }) {
  const { overview: texts } = useTexts();
  const formats = useFormats();
  const needle = useDeferredValue(wanted.trim().toLowerCase());
  if (rows.length === 0)
    return (
      <Empty title={texts.none}>
        <p>{texts.noneLead}</p>
      </Empty>
    );
  const found = rows.filter(({ key, name }) => `${key} ${name}`.toLowerCase().includes(needle));
  if (found.length === 0) return <Empty title={texts.noneFound} />;
  return (
    <table className="rows">
      <thead>
        <tr>
          <th scope="col">{texts.segment}</th>
          <th scope="col" className="number">
            {texts.members}
          </th>
          <th scope="col">{texts.status}</th>
        </tr>
      </thead>
      <tbody>
        {found.map((segment) => (
          <tr key={segment.key}>
            <th scope="row">
              <SegmentLink segment={segment} />
            </th>
            <td className="number">{formats.count(segment.memberCount)}</td>
            <td>
              <StatusMark status={segment.status} />
              {segment.status === 'building' && segment.run !== null ? (
                <small> {texts.building(formats.count(segment.run.done), formats.count(segment.run.total))}</small>
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Recent() {
  const { overview: texts } = useTexts();
  const { changes } = useLive();
  return (
    <section className="card" aria-labelledby="recent">
      <h2 id="recent">{texts.recent}</h2>
      {changes.length === 0 ? <p className="quiet">{texts.noRecent}</p> : null}
      <ul className="plain">
        {changes.slice(0, 12).map((change) => (
          <RecentChange key={change.id} change={change} />
        ))}
      </ul>
    </section>
  );
}

function RecentChange({ change }: { readonly change: LiveChange }) {
  const texts = useTexts();
  const formats = useFormats();
  return (
    <li>
      <a href={hrefOf(['customers', change.customerId])}>
        <bdi>{change.customerId}</bdi>
      </a>{' '}
      {change.type === 'entered' ? texts.entered : texts.exited} <a href={hrefOf(['segments', change.segment])}>{change.segment}</a>{' '}
      <small>{formats.distance(change.at)}</small>
    </li>
  );
}
