// In charge of pausing, resuming, evaluating again and archiving; if others depend on the segment, they are listed.
import { useState } from 'react';
import { call, type Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ProblemNote } from '../../parts/reading.tsx';
import { hrefOf } from '../../route.ts';
import { useTexts } from '../../texts/texts.tsx';
import { type Held, isUnderWay } from './segment.ts';

type Step = 'pause' | 'resume' | 'refresh' | 'archive';

export function LifeButtons({ held }: { readonly held: Held }) {
  const { segment: texts } = useTexts();
  const [asked, setAsked] = useState<'pause' | 'archive' | null>(null);
  const [problem, setProblem] = useState<Problem>();
  const { segment, again } = held;
  const isLive = segment.status === 'active' || segment.status === 'building' || segment.status === 'failed';
  const take = async (step: Step) => {
    setProblem(undefined);
    try {
      await send(held, step);
      setAsked(null);
      again();
    } catch (error) {
      setProblem(refusalOf(error));
      again();
    }
  };
  const close = () => {
    setAsked(null);
    setProblem(undefined);
  };
  return (
    <>
      {segment.kind === 'rule' && segment.status === 'active' && !isUnderWay(segment) ? (
        <button type="button" onClick={() => take('refresh')}>
          {texts.life.refresh}
        </button>
      ) : null}
      {segment.kind === 'rule' && isLive ? (
        <button type="button" onClick={() => setAsked('pause')}>
          {texts.life.pause}
        </button>
      ) : null}
      {segment.status === 'paused' ? (
        <button type="button" className="primary" onClick={() => take('resume')}>
          {texts.life.resume}
        </button>
      ) : null}
      {segment.status === 'archived' || segment.status === 'archiving' ? null : (
        <button type="button" className="danger" onClick={() => setAsked('archive')}>
          {texts.life.archive}
        </button>
      )}
      {problem !== undefined && asked === null ? <Refused problem={problem} /> : null}
      {asked === null ? null : (
        <Dialog
          title={texts.life[`${asked}Title`]}
          onClose={close}
          actions={
            <button type="button" className={asked === 'archive' ? 'danger' : 'primary'} onClick={() => take(asked)}>
              {texts.life[asked]}
            </button>
          }
        >
          <p>{texts.life[`${asked}Lead`]}</p>
          {problem === undefined ? null : <Refused problem={problem} />}
        </Dialog>
      )}
    </>
  );
}

function send({ segment, etag }: Held, step: Step): Promise<unknown> {
  const options = etag === null ? {} : { ifMatch: etag };
  if (step === 'archive') return call('DELETE', pathOf`/v1/segments/${segment.key}`, options);
  if (step === 'refresh') return call('POST', pathOf`/v1/segments/${segment.key}/refresh`);
  return call('POST', pathOf`/v1/segments/${segment.key}/${step}`, options);
}

function Refused({ problem }: { readonly problem: Problem }) {
  const { segment: texts } = useTexts();
  if (problem.code === 'version_conflict')
    return (
      <div className="note warning" role="alert">
        <p>{texts.life.conflict}</p>
      </div>
    );
  if (problem.code !== 'in_use') return <ProblemNote problem={problem} />;
  return (
    <div className="note problem" role="alert">
      <strong>{texts.life.inUse}</strong>
      <ul className="plain">
        {problem.errors.map(({ detail, hint }) => (
          <li key={detail}>
            <NamedSegment detail={detail} /> {hint === undefined ? null : <small>{hint}</small>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The service names the other segment in quotation marks: its key is made a link. */
function NamedSegment({ detail }: { readonly detail: string }) {
  const [before, key, after] = detail.split(/“([a-z0-9][a-z0-9_-]*)”/);
  if (key === undefined) return detail;
  return (
    <>
      {before}
      <a href={hrefOf(['segments', key])}>{key}</a>
      {after}
    </>
  );
}
