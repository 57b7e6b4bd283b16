// In charge of changing name, description, look and date of review. What somebody else has changed meanwhile is not overwritten unseen.
import { type FormEvent, useId, useState } from 'react';
import { call, type Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { ProblemNote } from '../../parts/reading.tsx';
import { useTexts } from '../../texts/texts.tsx';
import type { Held, Segment } from './segment.ts';

export function EditButton({ held }: { readonly held: Held }) {
  const { segment: texts } = useTexts();
  // what was shown when it was opened, with its tag: the edit is made against that
  const [opened, setOpened] = useState<Held | null>(null);
  return (
    <>
      <button type="button" onClick={() => setOpened(held)}>
        {texts.edit.open}
      </button>
      {opened === null ? null : <EditDialog opened={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

function EditDialog({ opened, onClose }: { readonly opened: Held; readonly onClose: () => void }) {
  const { segment: texts, action } = useTexts();
  const [edit, setEdit] = useState(() => editOf(opened.segment));
  const [etag, setEtag] = useState(opened.etag);
  const [problem, setProblem] = useState<Problem>();
  const [isSaving, setSaving] = useState(false);
  const form = useId();
  const path = pathOf`/v1/segments/${opened.segment.key}`;
  const change = (part: Partial<Edit>) => setEdit((before) => ({ ...before, ...part }));

  const save = async (tag: string | null) => {
    setSaving(true);
    try {
      await call('PATCH', path, { body: bodyOf(edit), ...(tag === null ? {} : { ifMatch: tag }) });
      opened.again();
      onClose();
    } catch (error) {
      setProblem(refusalOf(error));
    } finally {
      setSaving(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save(etag);
  };
  const takeOver = async () => {
    try {
      const { etag: fresh } = await call<Segment>('GET', path);
      setEtag(fresh);
      await save(fresh);
    } catch (error) {
      setProblem(refusalOf(error));
    }
  };

  return (
    <Dialog
      title={texts.edit.title}
      onClose={onClose}
      actions={
        <button type="submit" form={form} className="primary" disabled={isSaving || edit.name.trim() === ''}>
          {action.save}
        </button>
      }
    >
      {problem === undefined ? null : problem.code === 'version_conflict' ? (
        <div className="note warning" role="alert">
          <p>{texts.edit.conflict}</p>
          <button type="button" onClick={takeOver}>
            {texts.edit.takeOver}
          </button>
        </div>
      ) : (
        <ProblemNote problem={problem} />
      )}
      <form id={form} className="fields" onSubmit={submit}>
        <label>
          {texts.edit.name}
          <input type="text" required maxLength={200} value={edit.name} onChange={(event) => change({ name: event.target.value })} />
        </label>
        <label>
          {texts.edit.description}
          <textarea className="prose" rows={3} value={edit.description} onChange={(event) => change({ description: event.target.value })} />
        </label>
        <LookFields edit={edit} change={change} />
        <label>
          {texts.edit.reviewAt}
          <input type="date" value={edit.reviewAt} onChange={(event) => change({ reviewAt: event.target.value })} />
        </label>
      </form>
    </Dialog>
  );
}

export interface Look {
  readonly icon: string;
  /** empty: none */
  readonly color: string;
}

/** Icon and colour, for an existing segment or a new one. */
export function LookFields({ edit, change }: { readonly edit: Look; readonly change: (part: Partial<Look>) => void }) {
  const { segment: texts } = useTexts();
  return (
    <div className="field-row">
      <label>
        {texts.edit.icon}
        <input
          type="text"
          maxLength={64}
          placeholder={texts.edit.iconHelp}
          value={edit.icon}
          onChange={(event) => change({ icon: event.target.value })}
        />
      </label>
      <label>
        {texts.edit.color}
        <span className="color-choice">
          <input
            type="color"
            value={/^#[\da-f]{6}$/i.test(edit.color) ? edit.color : '#c3cac6'}
            onChange={(event) => change({ color: event.target.value })}
          />
          <button type="button" disabled={edit.color === ''} onClick={() => change({ color: '' })}>
            {texts.edit.noColor}
          </button>
        </span>
      </label>
    </div>
  );
}

interface Edit extends Look {
  readonly name: string;
  readonly description: string;
  /** `2026-01-31`, in the time zone of the browser */
  readonly reviewAt: string;
  /** as it is stored: sent again if the day was not touched */
  readonly reviewInstant: string | null;
}

function editOf({ name, description, icon, color, reviewAt }: Segment): Edit {
  return {
    name,
    description: description ?? '',
    icon: icon ?? '',
    color: color ?? '',
    reviewAt: reviewAt === null ? '' : localDay(reviewAt),
    reviewInstant: reviewAt,
  };
}

function bodyOf({ name, description, icon, color, reviewAt, reviewInstant }: Edit): object {
  const isUntouched = reviewInstant !== null && localDay(reviewInstant) === reviewAt;
  const day = reviewAt === '' ? null : new Date(`${reviewAt}T00:00:00`).toISOString();
  return {
    name: name.trim(),
    description: description === '' ? null : description,
    icon: icon === '' ? null : icon,
    color: color === '' ? null : color,
    reviewAt: isUntouched ? reviewInstant : day,
  };
}

function localDay(instant: string): string {
  const day = new Date(instant);
  return [day.getFullYear(), String(day.getMonth() + 1).padStart(2, '0'), String(day.getDate()).padStart(2, '0')].join('-');
}
