// In charge of `#/runs`: full evaluations, newest first, their progress, and stopping one.
import { useState } from 'react';
import { call, pathOf } from '../api/call.ts';
import { usePages } from '../api/use-pages.ts';
import type { Read } from '../api/use-read.ts';
import { useSegments } from '../api/use-segments.ts';
import type { ViewProps } from '../page.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { SegmentSelect } from '../parts/segment-select.tsx';
import { Table } from '../parts/table.tsx';
import { useEvery } from '../parts/use-every.ts';
import { changeQuery, hrefOf } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import './operations.css';

interface Run {
  readonly id: string;
  readonly segment: string;
  readonly version: number;
  readonly cause: string;
  readonly status: 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'superseded';
  readonly done: number;
  readonly total: number;
  readonly changes: number;
  readonly rate: number | null;
  readonly secondsLeft: number | null;
  readonly failure: string | null;
  readonly queuedAt: string;
  readonly finishedAt: string | null;
}

const PAGE = 50;
const BUSY_MS = 1_000;
const IDLE_MS = 10_000;
const isOpen = ({ status }: Run) => status === 'queued' || status === 'running';

export default function Runs({ place }: ViewProps) {
  const { runs: texts } = useTexts();
  const segment = place.query.get('segment') ?? undefined;
  const pages = usePages<Run>('/v1/runs', { limit: PAGE, segment });
  const segments = useSegments();
  const [stopping, setStopping] = useState<Run | null>(null);
  useFollow(pages.read);
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
        <SegmentSelect
          label={texts.segment}
          segments={segments.body?.data ?? []}
          value={segment ?? ''}
          onValue={(key) => changeQuery(place, { segment: key === '' ? null : key })}
          none={texts.all}
        />
      </header>
      <section className="card" aria-label={texts.title}>
        <Shown read={pages.read}>{({ data }) => <RunTable runs={data} onStop={setStopping} />}</Shown>
        <Pager pages={pages} />
      </section>
      {stopping === null ? null : (
        <FormDialog
          title={texts.stop}
          submit={texts.stop}
          isDanger
          onClose={() => setStopping(null)}
          send={async () => {
            await call('POST', pathOf`/v1/runs/${stopping.id}/cancel`);
            pages.read.again();
          }}
        >
          <p>
            <bdi className="mono">{stopping.segment}</bdi>
          </p>
          <p>{texts.stopLead}</p>
        </FormDialog>
      )}
    </>
  );
}

/** Often while something runs, so that the bars move. */
function useFollow({ body, again }: Read<{ readonly data: readonly Run[] }>): void {
  useEvery(body?.data.some(isOpen) === true ? BUSY_MS : IDLE_MS, again);
}

function RunTable({ runs, onStop }: { readonly runs: readonly Run[]; readonly onStop: (run: Run) => void }) {
  const { runs: texts, cause: causes } = useTexts();
  const formats = useFormats();
  if (runs.length === 0) return <Empty title={texts.none} />;
  return (
    <Table
      label={texts.title}
      columns={[
        { text: texts.segment },
        { text: texts.progress },
        { text: texts.changes, isNumber: true, isWideOnly: true },
        { text: texts.begun, isWideOnly: true },
        { text: texts.stop, isUnseen: true },
      ]}
    >
      {runs.map((run) => (
        <tr key={run.id}>
          <th scope="row">
            <a href={hrefOf(['segments', run.segment])}>{run.segment}</a>{' '}
            <small>
              {texts.version(run.version)} · {Object.hasOwn(causes, run.cause) ? causes[run.cause as keyof typeof causes] : run.cause}
            </small>
          </th>
          <td>
            <Progress run={run} />
          </td>
          <td className="number wide-only">{formats.count(run.changes)}</td>
          <td className="wide-only">
            <time dateTime={run.queuedAt}>{formats.instant(run.queuedAt)}</time>
          </td>
          <td className="number">
            {isOpen(run) ? (
              <button type="button" className="small" aria-label={texts.stopOf(run.segment)} onClick={() => onStop(run)}>
                {texts.stop}
              </button>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

const LOOK = {
  queued: 'status',
  running: 'status status-building',
  done: 'status status-active',
  failed: 'status status-failed',
  cancelled: 'status status-paused',
  superseded: 'status',
} as const;

function Progress({ run }: { readonly run: Run }) {
  const { runs: texts } = useTexts();
  const formats = useFormats();
  const share = run.total === 0 ? 0 : Math.min(1, run.done / run.total);
  return (
    <div className="progress">
      <span>
        <span className={LOOK[run.status]}>{texts.status[run.status]}</span>{' '}
        <small className="figures">
          {texts.of(formats.count(run.done), formats.count(run.total))}
          {run.rate === null ? '' : ` · ${texts.rate(formats.count(run.rate))}`}
          {run.secondsLeft === null ? '' : ` · ${texts.left(formats.count(Math.ceil(run.secondsLeft)))}`}
        </small>
      </span>
      {run.status === 'running' ? (
        <span
          className="bar"
          role="progressbar"
          aria-label={run.segment}
          aria-valuenow={Math.round(share * 100)}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <span style={{ width: `${share * 100}%` }} />
        </span>
      ) : null}
      {run.failure === null ? null : <small className="field-problem">{run.failure}</small>}
    </div>
  );
}
