// In charge of the first view: every segment with its size, trend, state and last change, and what is changing right now.
import { useDeferredValue, useState } from 'react';
import { type LiveChange, useLive } from '../api/live.tsx';
import { useRead } from '../api/use-read.ts';
import { isLive, type ListedSegment } from '../api/use-segments.ts';
import { type Group, GroupBars } from '../parts/group-bars.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { SegmentLink, StatusMark } from '../parts/segment-name.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { hrefOf } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';

interface SegmentRow extends ListedSegment {
  readonly run: { readonly done: number; readonly total: number } | null;
}

/** a day */
interface SizePoint {
  readonly at: string;
  readonly size: number;
  readonly entered: number;
  readonly left: number;
}

interface Sizes {
  readonly segments: readonly { readonly segment: string; readonly points: readonly SizePoint[] }[];
}

type Trends = ReadonlyMap<string, readonly SizePoint[]>;

/** This many keys fit into a URL; lists longer than that are searched, not skimmed. */
const TRENDS_MAX = 100;
const TRENDS_AGAIN_MS = 300_000;

export function Overview() {
  const { overview: texts } = useTexts();
  const [wanted, setWanted] = useState('');
  const segments = useRead<{ readonly data: readonly SegmentRow[] }>('/v1/segments', { query: { limit: 1000 }, live: true });
  const trends = useTrends(segments.body?.data);
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
          <Shown read={segments}>{({ data }) => <SegmentTable rows={data} trends={trends} wanted={wanted} />}</Shown>
        </section>
        <div className="stack">
          <Groups segments={segments.body?.data ?? []} />
          <Recent />
        </div>
      </div>
    </>
  );
}

/** An illustration: if sizes cannot be read, such as with a key that may not, nothing is said about it. */
function useTrends(rows: readonly SegmentRow[] | undefined): Trends {
  const keys = (rows ?? []).filter(isLive).slice(0, TRENDS_MAX);
  const query = { segments: keys.map(({ key }) => key) };
  const { body } = useRead<Sizes>(keys.length === 0 ? null : '/v1/reports/sizes', { query, everyMs: TRENDS_AGAIN_MS });
  return new Map(body?.segments.map(({ segment, points }) => [segment, points]));
}

interface TableProps {
  readonly rows: readonly SegmentRow[];
  readonly trends: Trends;
  readonly wanted: string;
}

function SegmentTable({ rows, trends, wanted }: TableProps) {
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
          {trends.size === 0 ? null : (
            <>
              <th scope="col" className="wide-only">
                {texts.trend}
              </th>
              <th scope="col" className="wide-only">
                {texts.lastChange}
              </th>
            </>
          )}
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
            {trends.size === 0 ? null : <Trend points={trends.get(segment.key) ?? []} />}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Trend({ points }: { readonly points: readonly SizePoint[] }) {
  const formats = useFormats();
  const last = points.findLast(({ entered, left }) => entered + left > 0);
  return (
    <>
      <td className="wide-only">
        <Sparkline values={points.map(({ size }) => size)} />
      </td>
      <td className="wide-only figures last-change">
        {last === undefined ? null : (
          <>
            +{formats.count(last.entered)} −{formats.count(last.left)} <small className="under">{formats.day(last.at)}</small>
          </>
        )}
      </td>
    </>
  );
}

/** The first few; if there are more, they have a view of their own. */
const GROUPS_SHOWN = 3;
const BARS_SHOWN = 6;

function Groups({ segments }: { readonly segments: readonly ListedSegment[] }) {
  const { overview: texts } = useTexts();
  const { body } = useRead<{ readonly data: readonly Group[]; readonly next: string | null }>('/v1/groups', {
    query: { limit: GROUPS_SHOWN },
    live: true,
  });
  if (body === undefined || body.data.length === 0) return null;
  return (
    <section className="card stack" aria-labelledby="groups">
      <h2 id="groups">
        <a className="group-link" href={hrefOf(['groups'])}>
          {texts.groups}
        </a>
      </h2>
      {body.data.map((group) => (
        <div key={group.key}>
          <h3 className="group-title">
            <a className="group-link" href={hrefOf(['groups', group.key])}>
              <bdi>{group.name}</bdi>
            </a>
          </h3>
          <GroupBars group={group} segments={segments} most={BARS_SHOWN} />
        </div>
      ))}
    </section>
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
