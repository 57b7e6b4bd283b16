// In charge of deciding by hand: in or out, why, until when; and of handing the decision back to the rule.
import { type FormEvent, useId, useState } from 'react';
import { call, type Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ProblemNote } from '../../parts/reading.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Segment } from './segment.ts';

export type PinWish = 'in' | 'out';

interface Props {
  readonly segment: Segment;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

interface PinProps extends Props {
  readonly customerId: string | undefined;
  readonly wish: PinWish;
}

export function PinDialog({ segment, customerId, wish: firstWish, onClose, onDone }: PinProps) {
  const { segment: texts } = useTexts();
  const [id, setId] = useState(customerId ?? '');
  const [wish, setWish] = useState(firstWish);
  const [reason, setReason] = useState('');
  const [until, setUntil] = useState('');
  const [replace, setReplace] = useState(false);
  const { problem, isBusy, run } = useSending(onDone);
  const form = useId();
  const isManual = segment.kind === 'manual';
  const words = {
    in: isManual ? ([texts.members.add, texts.members.addLead] as const) : ([texts.members.pinIn, texts.members.inLead] as const),
    out: isManual ? ([texts.members.remove, texts.members.removeLead] as const) : ([texts.members.pinOut, texts.members.outLead] as const),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = {
      ...(reason === '' ? {} : { reason }),
      ...(until === '' ? {} : { until: new Date(until).toISOString() }),
      ...(replace && wish === 'in' ? { replace } : {}),
    };
    run(call(wish === 'in' ? 'PUT' : 'DELETE', pathOf`/v1/segments/${segment.key}/members/${id}`, { body }));
  };
  return (
    <Dialog
      title={texts.members.pinTitle}
      onClose={onClose}
      actions={
        <button type="submit" form={form} className="primary" disabled={isBusy || id === ''}>
          {words[wish][0]}
        </button>
      }
    >
      {problem === undefined ? null : <ProblemNote problem={problem} />}
      <form id={form} className="fields" onSubmit={submit}>
        {problem?.code === 'pinned_elsewhere' || replace ? (
          <label className="inline">
            <input type="checkbox" checked={replace} onChange={(event) => setReplace(event.target.checked)} />
            {texts.members.replace}
          </label>
        ) : null}
        <label>
          {texts.members.find}
          <input type="text" required readOnly={customerId !== undefined} value={id} onChange={(event) => setId(event.target.value)} />
        </label>
        <fieldset>
          <legend>{texts.members.direction}</legend>
          {(['in', 'out'] as const).map((each) => (
            <label key={each} className="inline">
              <input type="radio" name={`${form}wish`} checked={wish === each} onChange={() => setWish(each)} />
              {words[each][1]}
            </label>
          ))}
        </fieldset>
        <label>
          {texts.members.reason} <small>{texts.members.reasonHelp}</small>
          <input type="text" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        {isManual && wish === 'out' ? null : (
          <label>
            {texts.members.until} <small>{texts.members.untilHelp}</small>
            <input type="datetime-local" value={until} onChange={(event) => setUntil(event.target.value)} />
          </label>
        )}
      </form>
    </Dialog>
  );
}

export function ReleaseDialog({ segment, customerId, onClose, onDone }: Props & { readonly customerId: string }) {
  const { segment: texts } = useTexts();
  const [reason, setReason] = useState('');
  const { problem, isBusy, run } = useSending(onDone);
  const form = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = reason === '' ? {} : { reason };
    run(call('DELETE', pathOf`/v1/segments/${segment.key}/pins/${customerId}`, { body }));
  };
  return (
    <Dialog
      title={texts.members.releaseTitle(customerId)}
      onClose={onClose}
      actions={
        <button type="submit" form={form} className="primary" disabled={isBusy}>
          {texts.members.release}
        </button>
      }
    >
      <p>{texts.members.releaseLead}</p>
      {problem === undefined ? null : <ProblemNote problem={problem} />}
      <form id={form} className="fields" onSubmit={submit}>
        <label>
          {texts.members.reason} <small>{texts.members.reasonHelp}</small>
          <input type="text" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
      </form>
    </Dialog>
  );
}

function useSending(onDone: () => void) {
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const run = (sending: Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    sending.then(onDone, (error: unknown) => setProblem(refusalOf(error))).finally(() => setBusy(false));
  };
  return { problem, isBusy, run };
}
