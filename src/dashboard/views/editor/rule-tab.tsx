// In charge of a new version of a segment's rule: started from an existing one, kept as a draft or published after its impact was seen.
import { useState } from 'react';
import { call, type Problem, pathOf } from '../../api/call.ts';
import { refusalOf } from '../../api/refusal.ts';
import { useRead } from '../../api/use-read.ts';
import { ProblemNote, Shown } from '../../parts/reading.tsx';
import { goToSaved, type Place, useUnsaved } from '../../route.ts';
import { useTexts } from '../../texts/texts.tsx';
import { PublishDialog } from '../segment/publish-dialog.tsx';
import type { Held, Impact, Version } from '../segment/segment.ts';
import { RuleEditor } from './rule-editor.tsx';
import { useRule } from './use-rule.ts';

export default function RuleTab({ place, held }: { readonly place: Place; readonly held: Held }) {
  const { segment } = held;
  const asked = Number(place.query.get('from'));
  // what it began with stays, whatever somebody else adds meanwhile
  const [from] = useState(Number.isInteger(asked) && asked > 0 ? asked : (segment.draft ?? segment.version ?? 1));
  const version = useRead<Version>(pathOf`/v1/segments/${segment.key}/versions/${from}`);
  return <Shown read={version}>{(body) => <NewVersion held={held} from={body} />}</Shown>;
}

function NewVersion({ held, from }: { readonly held: Held; readonly from: Version }) {
  const { editor: texts, segment: segmentTexts } = useTexts();
  const { segment } = held;
  // the tag with which it was opened: a version that somebody else has added since is not overtaken unseen
  const [opened, setOpened] = useState(held);
  const edited = useRule(from.text);
  const [note, setNote] = useState('');
  useUnsaved(edited.isChanged || note !== '');
  const [isPublishing, setPublishing] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const path = pathOf`/v1/segments/${segment.key}/versions`;
  const isReady = edited.rule !== null && edited.verdict.status === 'valid';
  const send = (publish: boolean, ifMatch: string | null) =>
    call<Version>('POST', path, {
      body: { rule: edited.rule, publish, ...(note === '' ? {} : { note }) },
      ...(ifMatch === null ? {} : { ifMatch }),
    });
  const toVersions = () => {
    held.again();
    goToSaved(['segments', segment.key], { tab: 'versions' });
  };
  const save = () => {
    setProblem(undefined);
    send(false, opened.etag).then(toVersions, (error: unknown) => {
      setProblem(refusalOf(error));
      setOpened(held); // the user has been told, and may decide
      held.again();
    });
  };
  return (
    <>
      <RuleEditor edited={edited} firstFace="builder">
        <section className="card fields">
          <label>
            {texts.note} <small>{texts.noteHelp}</small>
            <input type="text" maxLength={4000} value={note} onChange={(event) => setNote(event.target.value)} />
          </label>
          {problem === undefined ? null : problem.code === 'version_conflict' ? (
            <div className="note warning" role="alert">
              <p>{segmentTexts.edit.conflict}</p>
            </div>
          ) : (
            <ProblemNote problem={problem} />
          )}
          <div className="button-row">
            <button type="button" disabled={!isReady} onClick={save}>
              {texts.save}
            </button>
            <button type="button" className="primary" disabled={!isReady} onClick={() => setPublishing(true)}>
              {texts.publish}
            </button>
          </div>
        </section>
      </RuleEditor>
      {isPublishing ? (
        <PublishDialog
          title={segmentTexts.impact.newTitle}
          held={opened}
          impact={() => call<Impact>('POST', pathOf`/v1/segments/${segment.key}/impact`, { body: { rule: edited.rule } })}
          send={(ifMatch) => send(true, ifMatch)}
          onClose={() => setPublishing(false)}
          onDone={toVersions}
        />
      ) : null}
    </>
  );
}
