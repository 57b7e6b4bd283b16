// In charge of showing what publishing would do before it is done, and of doing it; somebody else's edit meanwhile is not overwritten unseen.
import { useCallback, useEffect, useState } from 'react';
import { type Answer, call, Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ProblemNote } from '../../parts/reading.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { RulesDiffList } from './rules-diff-list.tsx';
import type { Held, Impact, Segment } from './segment.ts';

interface Props {
  readonly title: string;
  readonly held: Held;
  readonly impact: () => Promise<Answer<Impact>>;
  /** with the tag of the segment for which the figures were shown */
  readonly send: (ifMatch: string | null) => Promise<unknown>;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function PublishDialog({ title, held, impact: readImpact, send, onClose, onDone }: Props) {
  const { segment: texts } = useTexts();
  const [impact, setImpact] = useState<Impact>();
  const [etag, setEtag] = useState(held.etag);
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is what is published, and does not change while the dialog is open
  const look = useCallback(() => {
    setImpact(undefined);
    return readImpact().then(
      ({ body }) => setImpact(body),
      (error: unknown) => setProblem(refusalOf(error)),
    );
  }, []);
  useEffect(() => void look(), [look]);

  const publish = async () => {
    setBusy(true);
    try {
      await send(etag);
      onDone();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      if (error.code === 'version_conflict') {
        const fresh = await call<Segment>('GET', pathOf`/v1/segments/${held.segment.key}`);
        setEtag(fresh.etag);
        held.again();
        await look();
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <button type="button" className="primary" disabled={isBusy || impact === undefined} onClick={publish}>
          {texts.impact.publish}
        </button>
      }
    >
      {problem === undefined ? null : problem.code === 'version_conflict' ? (
        <div className="note warning" role="alert">
          <p>{texts.impact.conflict}</p>
        </div>
      ) : (
        <ProblemNote problem={problem} />
      )}
      {impact === undefined ? (
        problem === undefined || problem.code === 'version_conflict' ? (
          <p role="status">{texts.impact.computing}</p>
        ) : null
      ) : (
        <ImpactFigures impact={impact} />
      )}
    </Dialog>
  );
}

export function ImpactFigures({ impact }: { readonly impact: Impact }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  return (
    <div className="impact" role="status">
      <dl className="impact-figures">
        {(['entering', 'leaving', 'staying'] as const).map((name) => (
          <div key={name} className={`impact-${name}`}>
            <dd>{formats.count(impact[name])}</dd>
            <dt>{texts.impact[name]}</dt>
          </div>
        ))}
      </dl>
      <p className="quiet">
        {texts.impact.changes(formats.count(impact.changes))} · {texts.impact.deliveries(formats.count(impact.deliveries))} ·{' '}
        {texts.impact.at(formats.distance(impact.at))}
      </p>
      <Sample title={texts.impact.sampleEntering} ids={impact.sampleEntering} />
      <Sample title={texts.impact.sampleLeaving} ids={impact.sampleLeaving} />
      <Dependents impact={impact} />
      <h3>{texts.impact.conditions}</h3>
      <RulesDiffList diff={impact.rulesDiff} />
    </div>
  );
}

function Dependents({ impact: { dependents } }: { readonly impact: Impact }) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const isStill = ({ entering, leaving }: Impact['dependents'][number]) => entering + leaving === 0;
  const still = dependents.filter(isStill);
  if (dependents.length === 0) return null;
  return (
    <>
      <h3>{texts.impact.dependents}</h3>
      <ul className="plain">
        {dependents
          .filter((each) => !isStill(each))
          .map((each) => (
            <li key={each.key}>
              <SegmentLink segment={each} />{' '}
              <small>{texts.impact.follows(formats.count(each.entering), formats.count(each.leaving))}</small>
            </li>
          ))}
      </ul>
      {still.length === 0 ? null : (
        <p className="quiet">
          {texts.impact.still} <bdi>{still.map(({ name }) => name).join(', ')}</bdi>
        </p>
      )}
    </>
  );
}

function Sample({ title, ids }: { readonly title: string; readonly ids: readonly string[] }) {
  if (ids.length === 0) return null;
  return (
    <p className="sample">
      <small>{title}:</small>{' '}
      {ids.slice(0, 6).map((id) => (
        <a key={id} href={hrefOf(['customers', id])}>
          <bdi>{id}</bdi>
        </a>
      ))}
    </p>
  );
}
