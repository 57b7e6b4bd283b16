// In charge of who moved: between the segments of a group, or those chosen, from one instant to another.
import { useRead } from '../../api/use-read.ts';
import type { ListedSegment } from '../../api/use-segments.ts';
import { type Group, segmentsOf } from '../../parts/group-bars.tsx';
import { Empty, Loading, ProblemNote, Shown } from '../../parts/reading.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';
import { ChosenSegments } from './chosen-segments.tsx';
import { daysAgo } from './days-ago.ts';
import { FlowDrawing } from './flow-drawing.tsx';
import { FlowMatrix } from './flow-matrix.tsx';
import { InstantField } from './option-fields.tsx';
import type { Flow, Flows } from './report.ts';
import { ReportCard } from './report-card.tsx';
import { ReportFacts } from './report-facts.tsx';

const USUAL_DAYS = 30;
export const FLOWS_MAX = 20;

interface Props {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
  readonly nameOf: (key: string) => string;
}

export function FlowsTab({ segments, asked, nameOf }: Props) {
  const { flows: texts } = useTexts();
  const groups = useRead<{ readonly data: readonly Group[] }>('/v1/groups', { query: { limit: 1000 } });
  if (groups.body === undefined) return groups.problem === undefined ? <Loading /> : <ProblemNote problem={groups.problem} />;
  const known = groups.body.data;
  const chosen = asked.list('segments');
  const group = asked.text('group') || (chosen.length > 0 ? '' : (known[0]?.key ?? ''));
  const take = (next: string) => asked.set({ group: next, ...(next === '' ? {} : { segments: '' }) });
  // going from the usual group to one's own choice begins with the group's segments
  const begin = () => {
    const from = known.find(({ key }) => key === group);
    asked.set({
      group: '',
      segments: from === undefined ? segments.slice(0, 2).map(({ key }) => key) : segmentsOf(from).slice(0, FLOWS_MAX),
    });
  };
  return (
    <>
      <section className="card asked" aria-label={texts.asked}>
        <div className="asked-fields">
          <div className="field">
            <label htmlFor="between">{texts.between}</label>
            <select id="between" value={group} onChange={({ target }) => (target.value === '' ? begin() : take(target.value))}>
              {known.map(({ key, name }) => (
                <option key={key} value={key}>
                  {texts.group(name)}
                </option>
              ))}
              <option value="">{texts.chosen}</option>
            </select>
          </div>
          <InstantField label={texts.from} value={fromOf(asked)} onValue={(from) => asked.set({ from })} />
          <InstantField label={texts.to} hint={texts.toHint} value={asked.text('to')} onValue={(to) => asked.set({ to })} />
        </div>
        {group === '' ? <ChosenSegments segments={segments} asked={asked} most={FLOWS_MAX} hint={texts.chooseHint} /> : null}
      </section>
      {group === '' && chosen.length === 0 ? <Empty title={texts.choose} /> : <FlowsCard asked={asked} group={group} nameOf={nameOf} />}
    </>
  );
}

function fromOf(asked: Asked): string {
  return asked.text('from') || daysAgo(USUAL_DAYS);
}

interface CardProps {
  readonly asked: Asked;
  /** '': those chosen */
  readonly group: string;
  readonly nameOf: (key: string) => string;
}

function FlowsCard({ asked, group, nameOf }: CardProps) {
  const { flows: texts } = useTexts();
  const whom = group === '' ? { segments: asked.list('segments').slice(0, FLOWS_MAX) } : { group };
  const query = { ...whom, from: fromOf(asked), ...asked.sent(['to']) };
  const read = useRead<Flows>('/v1/reports/flows', { query });
  return (
    <ReportCard name="flows" title={texts.title} lead={texts.lead} query={query}>
      <Shown read={read}>
        {(flows) => <FlowFigures flows={flows} asked={asked} nameOf={(key) => (key === null ? texts.none : nameOf(key))} />}
      </Shown>
    </ReportCard>
  );
}

interface FigureProps {
  readonly flows: Flows;
  readonly asked: Asked;
  readonly nameOf: (segment: string | null) => string;
}

function FlowFigures({ flows: { flows, segments, from, to }, asked, nameOf }: FigureProps) {
  const { flows: texts } = useTexts();
  const formats = useFormats();
  const isMovedOnly = asked.text('moved') === '1';
  const inside = flows.filter(({ from: left, to: right }) => left !== null || right !== null);
  const drawn = isMovedOnly ? inside.filter((flow) => flow.from !== flow.to) : inside;
  const [before, after] = [formats.instant(from), formats.instant(to)];
  if (inside.length === 0) return <Empty title={texts.nobody} />;
  return (
    <>
      <Sums flows={inside} />
      <label className="check flow-moved">
        <input type="checkbox" checked={isMovedOnly} onChange={({ target }) => asked.set({ moved: target.checked ? '1' : '' })} />
        {texts.movedOnly}
      </label>
      {drawn.length === 0 ? (
        <Empty title={texts.nobodyMoved} />
      ) : (
        <FlowDrawing flows={drawn} order={segments.map(({ segment }) => segment)} nameOf={nameOf} before={before} after={after} />
      )}
      <FlowMatrix flows={inside} segments={segments} nameOf={nameOf} before={before} after={after} />
    </>
  );
}

/** How many stayed, went from one to another, came in from outside and went out. */
function Sums({ flows }: { readonly flows: readonly Flow[] }) {
  const { flows: texts } = useTexts();
  const formats = useFormats();
  const sum = (holds: (flow: Flow) => boolean) => formats.count(flows.filter(holds).reduce((total, { customers }) => total + customers, 0));
  const facts = [
    { name: texts.stayed, figure: sum(({ from, to }) => from === to) },
    { name: texts.moved, figure: sum(({ from, to }) => from !== to && from !== null && to !== null) },
    { name: texts.came, figure: sum(({ from }) => from === null) },
    { name: texts.went, figure: sum(({ to }) => to === null) },
  ];
  return <ReportFacts facts={facts} />;
}
