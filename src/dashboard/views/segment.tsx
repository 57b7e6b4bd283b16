// In charge of the page of one segment: its head, what can be done with it, and which of its parts is shown.
import { Suspense, useEffect, useState } from 'react';
import { pathOf } from '../api/call.ts';
import { useRead } from '../api/use-read.ts';
import type { ViewProps } from '../page.tsx';
import { lazyPart } from '../parts/lazy-part.ts';
import { Empty, Loading, Shown } from '../parts/reading.tsx';
import { StatusMark } from '../parts/segment-name.tsx';
import { currentTab, Tabs } from '../parts/tabs.tsx';
import { hrefOf, type Place } from '../route.ts';
import { useTexts } from '../texts/texts.tsx';
import { EditButton } from './segment/edit-button.tsx';
import { HistoryTab } from './segment/history-tab.tsx';
import { LifeButtons } from './segment/life-buttons.tsx';
import { MembersTab } from './segment/members-tab.tsx';
import { OverviewTab } from './segment/overview-tab.tsx';
import { type Held, isUnderWay, type Segment } from './segment/segment.ts';
import { VersionsTab } from './segment/versions-tab.tsx';
import './segment.css';

const RuleTab = lazyPart(() => import('./editor/rule-tab.tsx'));
const RUNNING_MS = 1_000;

export default function SegmentView({ place }: ViewProps) {
  const { segment: texts, state } = useTexts();
  const [everyMs, setEveryMs] = useState<number>();
  const read = useRead<Segment>(pathOf`/v1/segments/${place.path[1] ?? ''}`, { live: true, everyMs });
  const isRunning = read.body !== undefined && isUnderWay(read.body);
  useEffect(() => setEveryMs(isRunning ? RUNNING_MS : undefined), [isRunning]);
  if (read.body === undefined && read.problem?.code === 'not_found')
    return (
      <Empty title={texts.notFound}>
        <a href={hrefOf([])}>{state.home}</a>
      </Empty>
    );
  return <Shown read={read}>{(segment) => <Whole place={place} held={{ segment, etag: read.etag, again: read.again }} />}</Shown>;
}

function Whole({ place, held }: { readonly place: Place; readonly held: Held }) {
  const { segment: texts } = useTexts();
  const { segment } = held;
  const names =
    segment.kind === 'rule'
      ? (['overview', 'members', 'history', 'versions', 'rule'] as const)
      : (['overview', 'members', 'history'] as const);
  const tabs = names.map((name) => [name, texts.tabs[name]] as const);
  const current = currentTab(place, tabs);
  return (
    <div className="segment">
      <header className="view-head">
        <div className="segment-title">
          <h1>
            <span className="dot" style={segment.color === null ? undefined : { background: segment.color }} aria-hidden="true" />
            {segment.icon === null ? null : <span aria-hidden="true">{segment.icon}</span>}
            <bdi>{segment.name}</bdi> <StatusMark status={segment.status} />
          </h1>
          <p className="quiet">
            <code>{segment.key}</code> · {texts.kind[segment.kind]}
          </p>
        </div>
        <div className="segment-actions">
          <EditButton held={held} />
          <LifeButtons held={held} />
        </div>
      </header>
      {segment.description === null ? null : (
        <p className="segment-description" dir="auto">
          {segment.description}
        </p>
      )}
      <Tabs place={place} label={texts.tabs.label} tabs={tabs} />
      {current === 'overview' ? <OverviewTab held={held} /> : null}
      {current === 'members' ? <MembersTab place={place} segment={segment} /> : null}
      {current === 'history' ? <HistoryTab place={place} segment={segment} /> : null}
      {current === 'versions' ? <VersionsTab held={held} /> : null}
      {current === 'rule' ? (
        <Suspense fallback={<Loading />}>
          <RuleTab key={place.query.get('from')} place={place} held={held} />
        </Suspense>
      ) : null}
    </div>
  );
}
