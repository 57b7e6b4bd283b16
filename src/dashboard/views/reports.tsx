// In charge of reports beyond one segment: how several overlap, several side by side, who moved between them, what became of members, and the
// structure of the customer base. What each report is asked for is part of the place.
import type { ReactNode } from 'react';
import { useSegments } from '../api/use-segments.ts';
import type { ViewProps } from '../page.tsx';
import { currentTab, Tabs } from '../parts/tabs.tsx';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { askedIn } from './reports/asked.ts';
import { ChosenSegments } from './reports/chosen-segments.tsx';
import { CohortTab } from './reports/cohort-tab.tsx';
import { ComparisonTab } from './reports/comparison-tab.tsx';
import { FlowsTab } from './reports/flows-tab.tsx';
import { GridTab } from './reports/grid-tab.tsx';
import { OutcomeTab } from './reports/outcome-tab.tsx';
import { OverlapTab } from './reports/overlap-tab.tsx';
import { RevenueTab } from './reports/revenue-tab.tsx';
import { RfmTab } from './reports/rfm-tab.tsx';
import './segment.css';
import './reports/asked.css';
import './reports/drawings.css';
import './reports/reports.css';

const TABS = ['overlap', 'comparison', 'flows', 'outcome', 'cohorts', 'revenue', 'rfm', 'grid'] as const;
type TabName = (typeof TABS)[number];
const OVERLAP_MAX = 20;
const COMPARED_MAX = 10;
/** What reports are about and which orders count: kept when another report is chosen. */
const KEPT = ['segments', 'segment', 'statuses'];

export default function ReportsView({ place }: ViewProps) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const tabs = TABS.map((name) => [name, texts.tabs[name]] as const);
  const tab = currentTab(place, tabs) as TabName;
  const segments = useSegments().body?.data ?? [];
  const asked = askedIn(place);
  const names = new Map(segments.map(({ key, name }) => [key, name]));
  const nameOf = (key: string) => names.get(key) ?? key;
  const withChoice = (most: number, tabOf: (chosen: readonly string[]) => ReactNode) => (
    <>
      <ChosenSegments segments={segments} asked={asked} most={most} hint={texts.choose(formats.count(most))} />
      {tabOf(asked.list('segments').slice(0, most))}
    </>
  );
  const views: Readonly<Record<TabName, () => ReactNode>> = {
    overlap: () => withChoice(OVERLAP_MAX, (chosen) => <OverlapTab chosen={chosen} asked={asked} nameOf={nameOf} />),
    comparison: () => withChoice(COMPARED_MAX, (chosen) => <ComparisonTab chosen={chosen} asked={asked} nameOf={nameOf} />),
    flows: () => <FlowsTab segments={segments} asked={asked} nameOf={nameOf} />,
    outcome: () => <OutcomeTab segments={segments} asked={asked} nameOf={nameOf} />,
    cohorts: () => <CohortTab segments={segments} asked={asked} />,
    revenue: () => <RevenueTab segments={segments} asked={asked} />,
    rfm: () => <RfmTab segments={segments} asked={asked} />,
    grid: () => <GridTab segments={segments} asked={asked} />,
  };
  return (
    <div className="reports">
      <header className="view-head">
        <h1>{texts.title}</h1>
      </header>
      <Tabs place={place} label={texts.tabs.label} tabs={tabs} kept={KEPT} />
      <div className="stack">{views[tab]()}</div>
    </div>
  );
}
