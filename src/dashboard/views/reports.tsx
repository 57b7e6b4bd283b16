// In charge of reports beyond one segment: how several overlap, several side by side, cohorts, the grid of value and purchase cycle.
import { useSegments } from '../api/use-segments.ts';
import type { ViewProps } from '../page.tsx';
import { SegmentChoice } from '../parts/segment-choice.tsx';
import { currentTab, Tabs } from '../parts/tabs.tsx';
import { changeQuery, type Place } from '../route.ts';
import { useTexts } from '../texts/texts.tsx';
import { CohortTab } from './reports/cohort-tab.tsx';
import { ComparisonTab } from './reports/comparison-tab.tsx';
import { GridTab } from './reports/grid-tab.tsx';
import { OverlapTab } from './reports/overlap-tab.tsx';
import './segment.css';
import './reports/reports.css';

const CHOSEN_MAX = 10;
const KEPT = ['segments'];

export default function ReportsView({ place }: ViewProps) {
  const { reports: texts } = useTexts();
  const tabs = (['overlap', 'comparison', 'cohorts', 'grid'] as const).map((name) => [name, texts.tabs[name]] as const);
  const tab = currentTab(place, tabs);
  const { body } = useSegments();
  const segments = body?.data ?? [];
  const chosen = chosenIn(place);
  const names = new Map(segments.map(({ key, name }) => [key, name]));
  const nameOf = (key: string) => names.get(key) ?? key;
  return (
    <div className="reports">
      <header className="view-head">
        <h1>{texts.title}</h1>
      </header>
      <Tabs place={place} label={texts.tabs.label} tabs={tabs} kept={KEPT} />
      <div className="stack">
        {tab === 'overlap' || tab === 'comparison' ? (
          <SegmentChoice
            label={texts.segments}
            hint={texts.choose}
            segments={segments.filter(({ status }) => status !== 'archived')}
            chosen={chosen}
            onChosen={(keys) => changeQuery(place, { segments: keys.length === 0 ? null : keys.slice(0, CHOSEN_MAX).join(',') })}
          />
        ) : null}
        {tab === 'overlap' ? <OverlapTab chosen={chosen} nameOf={nameOf} /> : null}
        {tab === 'comparison' ? <ComparisonTab chosen={chosen} nameOf={nameOf} /> : null}
        {tab === 'cohorts' ? <CohortTab segments={segments} /> : null}
        {tab === 'grid' ? <GridTab segments={segments} /> : null}
      </div>
    </div>
  );
}

function chosenIn(place: Place): readonly string[] {
  const keys = (place.query.get('segments') ?? '').split(',').filter((key) => key !== '');
  return [...new Set(keys)].slice(0, CHOSEN_MAX);
}
