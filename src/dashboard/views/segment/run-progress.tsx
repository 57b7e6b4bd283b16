// How far one run has come, live, and what came of it; with a link to all runs of its segment.
import { useEffect, useState } from 'react';
import { pathOf } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Run } from './segment.ts';

const RUNNING_MS = 1_000;

export function RunProgress({ runId }: { readonly runId: string }) {
  const { segment: texts, runs } = useTexts();
  const formats = useFormats();
  const [isOver, setOver] = useState(false);
  const run = useRead<Run>(pathOf`/v1/runs/${runId}`, { everyMs: isOver ? undefined : RUNNING_MS }).body;
  const isOpen = run === undefined || run.status === 'queued' || run.status === 'running';
  useEffect(() => setOver(!isOpen), [isOpen]);
  if (run === undefined) return null;
  const words = [
    ...(isOpen ? [] : [runs.status[run.status]]),
    texts.running.progress(formats.count(run.done), formats.count(run.total)),
    isOpen ? texts.running.changes(formats.count(run.changes)) : texts.running.changed(formats.count(run.changes)),
    ...(run.status === 'queued' ? [texts.running.queued] : []),
    ...(run.secondsLeft === null ? [] : [texts.running.left(formats.duration(run.secondsLeft))]),
  ];
  return (
    <section className="card run-progress" aria-labelledby={`run-${run.id}`}>
      <h2 id={`run-${run.id}`}>{run.cause === 'move' ? texts.running.move : texts.running.title}</h2>
      <progress value={isOpen ? run.done : 1} max={isOpen ? Math.max(run.total, 1) : 1} aria-labelledby={`run-${run.id}`} />
      <p className="quiet" role={isOpen ? undefined : 'status'}>
        {words.join(' · ')}
      </p>
      {run.failure === null ? null : <p className="field-problem">{run.failure}</p>}
      <a href={hrefOf(['runs'], { segment: run.segment })}>{texts.running.toRuns}</a>
    </section>
  );
}
