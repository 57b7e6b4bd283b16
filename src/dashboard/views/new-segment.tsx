// In charge of defining a segment: its rule with both faces and a live count, its name, and whether it is published at once.
import { useState } from 'react';
import { call, type Problem } from '../api/call.ts';
import { refusalOf } from '../api/refusal.ts';
import { Dialog } from '../parts/dialog.tsx';
import { ProblemNote } from '../parts/reading.tsx';
import { goToSaved, useUnsaved } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { RuleEditor } from './editor/rule-editor.tsx';
import type { TemplateSegment } from './editor/template.ts';
import { TemplatesDialog } from './editor/templates.tsx';
import { type EditedRule, useRule } from './editor/use-rule.ts';
import { LookFields } from './segment/edit-button.tsx';

interface About {
  readonly name: string;
  readonly key: string;
  /** the key follows the name until the user writes one */
  readonly isKeyOwn: boolean;
  readonly description: string;
  readonly icon: string;
  readonly color: string;
  readonly kind: 'rule' | 'manual';
}

const NOTHING: About = { name: '', key: '', isKeyOwn: false, description: '', icon: '', color: '', kind: 'rule' };

export default function NewSegmentView() {
  const { editor: texts } = useTexts();
  const [about, setAbout] = useState(NOTHING);
  const [isChoosing, setChoosing] = useState(false);
  const edited = useRule('');
  useUnsaved(edited.isChanged || about !== NOTHING);
  const use = ({ key, name, description, icon, color, rule }: TemplateSegment) => {
    setChoosing(false);
    setAbout({ key, name, description, icon, color, isKeyOwn: false, kind: 'rule' });
    edited.editText(rule);
  };
  const change = (part: Partial<About>) => setAbout((before) => ({ ...before, ...part }));
  return (
    <>
      <header className="view-head">
        <h1>{texts.newTitle}</h1>
        <button type="button" onClick={() => setChoosing(true)}>
          {texts.templates.open}
        </button>
      </header>
      <AboutFields about={about} change={change} />
      {about.kind === 'rule' ? (
        <RuleEditor edited={edited} firstFace="builder">
          <Create about={about} edited={edited} />
        </RuleEditor>
      ) : (
        <Create about={about} edited={null} />
      )}
      {isChoosing ? <TemplatesDialog onUse={use} onClose={() => setChoosing(false)} /> : null}
    </>
  );
}

function AboutFields({ about, change }: { readonly about: About; readonly change: (part: Partial<About>) => void }) {
  const { editor: texts } = useTexts();
  const rename = (name: string) => change(about.isKeyOwn ? { name } : { name, key: keyFor(name) });
  return (
    <section className="card fields about">
      <div className="field-row">
        <label>
          {texts.name}
          <input type="text" maxLength={200} value={about.name} onChange={(event) => rename(event.target.value)} />
        </label>
        <label>
          {texts.key} <small>{texts.keyHelp}</small>
          <input
            type="text"
            maxLength={64}
            pattern="[a-z0-9][a-z0-9_\-]{0,63}"
            spellCheck={false}
            value={about.key}
            onChange={(event) => change({ key: event.target.value, isKeyOwn: event.target.value !== '' })}
          />
        </label>
      </div>
      <label>
        {texts.description}
        <input type="text" maxLength={4000} value={about.description} onChange={(event) => change({ description: event.target.value })} />
      </label>
      <LookFields edit={about} change={change} />
      <fieldset>
        <legend>{texts.kind}</legend>
        <div className="button-row">
          {(['rule', 'manual'] as const).map((kind) => (
            <label key={kind} className="inline">
              <input type="radio" name="kind" checked={about.kind === kind} onChange={() => change({ kind })} />
              {kind === 'rule' ? texts.kindRule : texts.kindManual}
            </label>
          ))}
        </div>
      </fieldset>
    </section>
  );
}

function Create({ about, edited }: { readonly about: About; readonly edited: EditedRule | null }) {
  const { editor: texts } = useTexts();
  const formats = useFormats();
  const [problem, setProblem] = useState<Problem>();
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const isNamed = about.name.trim() !== '' && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(about.key);
  const isReady = isNamed && !isBusy && (edited === null || (edited.rule !== null && edited.verdict.status === 'valid'));
  const create = async (publish: boolean) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await call('POST', '/v1/segments', { body: bodyOf(about, edited, publish) });
      goToSaved(['segments', about.key]);
    } catch (error) {
      setAsking(false);
      setProblem(refusalOf(error));
    } finally {
      setBusy(false);
    }
  };
  const count = edited?.count ?? null;
  return (
    <section className="card fields">
      {problem === undefined ? null : <ProblemNote problem={problem} />}
      <div className="button-row">
        {edited === null ? (
          <button type="button" className="primary" disabled={!isReady} onClick={() => create(false)}>
            {texts.create}
          </button>
        ) : (
          <>
            <button type="button" disabled={!isReady} onClick={() => create(false)}>
              {texts.save}
            </button>
            <button type="button" className="primary" disabled={!isReady} onClick={() => setAsking(true)}>
              {texts.publish}
            </button>
          </>
        )}
      </div>
      {isAsking ? (
        <Dialog
          title={texts.publishNewTitle}
          onClose={() => setAsking(false)}
          actions={
            <button type="button" className="primary" disabled={!isReady} onClick={() => create(true)}>
              {texts.publish.replace(/[ .…]+$/, '')}
            </button>
          }
        >
          <pre className="rule-text" dir="ltr">
            {edited?.draft.text}
          </pre>
          <p>{count === null ? texts.live.counting : texts.publishNew(formats.count(count.count), formats.count(count.population))}</p>
        </Dialog>
      ) : null}
    </section>
  );
}

function bodyOf({ name, key, description, icon, color, kind }: About, edited: EditedRule | null, publish: boolean): object {
  const given = Object.fromEntries(Object.entries({ description, icon, color }).filter(([, value]) => value !== ''));
  return { key, name: name.trim(), ...given, kind, ...(edited === null ? {} : { rule: edited.rule, publish }) };
}

/** “Big spenders” → `big-spenders`; letters that keys do not allow are dropped. */
function keyFor(name: string): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^[-_]+|-+$/g, '')
    .slice(0, 64);
}
