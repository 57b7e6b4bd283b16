// In charge of the two faces of a rule, of what the service says about it, and of the count beside it.
import { type ReactNode, Suspense, useState } from 'react';
import { lazyPart } from '../../parts/lazy-part.ts';
import { Loading, ProblemNote } from '../../parts/reading.tsx';
import { SaidWrong } from '../../parts/said-wrong.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { canShow } from './can-show.ts';
import { RuleText } from './rule-text.tsx';
import type { EditedRule } from './use-rule.ts';
import { useVocabulary } from './use-vocabulary.ts';
import '../segment.css';
import './editor.css';

const loading = import('./builder.tsx'); // begun with the editor, while what it shows is still being read
const Builder = lazyPart(() => loading);
type Face = 'builder' | 'text';

export function RuleEditor({
  edited,
  firstFace,
  children,
}: {
  readonly edited: EditedRule;
  readonly firstFace: Face;
  readonly children?: ReactNode;
}) {
  const { editor: texts } = useTexts();
  const [face, setFace] = useState<Face>(firstFace);
  return (
    <div className="columns editor">
      <section className="card" aria-label={texts.text}>
        <div className="card-head">
          <fieldset className="faces">
            <legend className="visually-hidden">{texts.faces.label}</legend>
            {(['builder', 'text'] as const).map((each) => (
              <button key={each} type="button" aria-pressed={face === each} onClick={() => setFace(each)}>
                {texts.faces[each]}
              </button>
            ))}
          </fieldset>
          <State edited={edited} />
        </div>
        {face === 'text' ? <TextFace edited={edited} /> : <BuilderFace edited={edited} toText={() => setFace('text')} />}
        <Warnings edited={edited} />
      </section>
      <div className="stack">
        <LiveCount edited={edited} />
        {children}
      </div>
    </div>
  );
}

function State({ edited: { verdict } }: { readonly edited: EditedRule }) {
  const { editor: texts } = useTexts();
  const formats = useFormats();
  const words = {
    empty: '',
    checking: texts.checking,
    valid: texts.valid,
    invalid: texts.invalid(formats.count(verdict.errors.length)),
    failed: '',
  };
  return (
    <span className={`verdict verdict-${verdict.status}`} role="status">
      {words[verdict.status]}
    </span>
  );
}

function TextFace({ edited }: { readonly edited: EditedRule }) {
  const { editor: texts } = useTexts();
  const { vocabulary } = useVocabulary();
  const { draft, verdict } = edited;
  const isBehind = draft.source === 'json' && verdict.status === 'invalid';
  return (
    <>
      {isBehind ? <p className="note warning">{texts.incomplete}</p> : null}
      <RuleText text={draft.text} errors={draft.source === 'text' ? verdict.errors : []} vocabulary={vocabulary} onEdit={edited.editText} />
    </>
  );
}

function BuilderFace({ edited, toText }: { readonly edited: EditedRule; readonly toText: () => void }) {
  const { editor: texts } = useTexts();
  const { vocabulary, read } = useVocabulary();
  const { draft, verdict } = edited;
  const isText = draft.source === 'text';
  if (isText && edited.rule !== null && verdict.status !== 'valid')
    return verdict.status === 'checking' ? <Loading /> : <Fallback title={texts.brokenText} toText={toText} />;
  if (draft.json !== null && !canShow(draft.json))
    return <Fallback title={texts.cannotShow} lead={texts.cannotShowLead} text={draft.text} toText={toText} />;
  if (vocabulary.entries.length === 0)
    return read.problem === undefined ? <Loading /> : <ProblemNote problem={read.problem} again={read.again} />;
  const isEmpty = edited.rule === null;
  return (
    <>
      {isText && /--/.test(draft.text) ? <p className="note warning">{texts.comments}</p> : null}
      <Suspense fallback={<Loading />}>
        <Builder
          first={isEmpty ? null : draft.json}
          scope="customers"
          event={null}
          vocabulary={vocabulary}
          errors={draft.source === 'json' ? verdict.errors : []}
          pointer="/rule"
          onChange={edited.editJson}
        />
      </Suspense>
      {isEmpty ? <p className="quiet">{texts.empty}</p> : <Words edited={edited} />}
    </>
  );
}

/** The other face, so that it can be seen that they go together. */
function Words({ edited: { draft, verdict } }: { readonly edited: EditedRule }) {
  const { editor: texts } = useTexts();
  return (
    <div className={verdict.status === 'invalid' ? 'in-words behind' : 'in-words'}>
      <h3>{texts.inWords}</h3>
      <pre className="rule-text" dir="ltr">
        {draft.text}
      </pre>
      {verdict.status === 'invalid' ? <small>{texts.incomplete}</small> : null}
    </div>
  );
}

interface FallbackProps {
  readonly title: string;
  readonly lead?: string;
  readonly text?: string;
  readonly toText: () => void;
}

function Fallback({ title, lead, text, toText }: FallbackProps) {
  const { editor: texts } = useTexts();
  return (
    <div className="note warning">
      <strong>{title}</strong>
      {lead === undefined ? null : <p>{lead}</p>}
      {text === undefined ? null : (
        <pre className="rule-text" dir="ltr">
          {text}
        </pre>
      )}
      <button type="button" onClick={toText}>
        {texts.toText}
      </button>
    </div>
  );
}

function Warnings({ edited: { verdict } }: { readonly edited: EditedRule }) {
  const { editor: texts } = useTexts();
  return (
    <>
      {verdict.problem === null ? null : <ProblemNote problem={verdict.problem} />}
      {verdict.warnings.length === 0 ? null : (
        <div className="note warning">
          <strong>{texts.warning}</strong>
          <ul className="plain">
            {verdict.warnings.map(({ code, detail, hint }) => (
              <li key={`${code} ${detail}`}>
                <SaidWrong code={code} detail={detail} hint={hint} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {verdict.isTimeDependent && verdict.status === 'valid' ? <small className="time-note">{texts.timeDependent}</small> : null}
    </>
  );
}

function LiveCount({ edited: { count, isCounting, countProblem } }: { readonly edited: EditedRule }) {
  const { editor: texts } = useTexts();
  const formats = useFormats();
  return (
    <section className="card live-count" aria-labelledby="live-count" aria-busy={isCounting}>
      <h2 id="live-count">{texts.live.title}</h2>
      {countProblem === null ? null : <ProblemNote problem={countProblem} />}
      {count === null ? (
        countProblem === null ? (
          <p className="quiet">{isCounting ? texts.live.counting : texts.live.none}</p>
        ) : null
      ) : (
        <div className={isCounting ? 'counted behind' : 'counted'}>
          <output className="large">{formats.count(count.count)}</output>
          <p className="quiet">
            {texts.live.of(formats.share(count.population === 0 ? 0 : count.count / count.population), formats.count(count.population))}
          </p>
          <div className="share-bar" aria-hidden="true">
            <div style={{ width: `${count.population === 0 ? 0 : (100 * count.count) / count.population}%` }} />
          </div>
          {count.sample.length === 0 ? null : (
            <p className="sample">
              <small>{texts.live.sample}:</small>{' '}
              {count.sample.slice(0, 8).map(({ id }) => (
                <a key={id} href={hrefOf(['customers', id])}>
                  <bdi>{id}</bdi>
                </a>
              ))}
            </p>
          )}
        </div>
      )}
    </section>
  );
}
