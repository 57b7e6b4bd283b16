// In charge of making all segments of a template, and its group: what will be made is shown before, each with how many customers its rule holds
// for now; if something is refused on the way, what was made stays, and it is possible to go on from there.
import { useDeferredValue, useEffect, useState } from 'react';
import { call, Problem } from '../../api/call.ts';
import { useRead } from '../../api/use-read.ts';
import { useSegments } from '../../api/use-segments.ts';
import { useWrite } from '../../api/use-write.ts';
import { TextField } from '../../parts/field.tsx';
import { Refusal } from '../../parts/refusal.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { hrefOf } from '../../route.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import { type Template, type TemplateSegment, withPrefix } from './template.ts';

const COUNT_MS = 500;
const PREFIX = /^([a-z0-9][a-z0-9_-]{0,30})?$/;

interface Props {
  readonly template: Template;
  /** only one of them, to be changed before it is made */
  readonly onUse: (segment: TemplateSegment) => void;
}

export function MakeAll({ template, onUse }: Props) {
  const { editor: texts } = useTexts();
  const formats = useFormats();
  const [prefix, setPrefix] = useState('');
  const [isPublished, setPublished] = useState(true);
  const [made, setMade] = useState<readonly string[]>([]);
  const { isWriting, problem, write } = useWrite();
  const own = withPrefix(template, prefix);
  const taken = useTaken(own, made);
  const counts = useCounts(template.segments);
  const isAllMade = own.segments.every(({ key }) => made.includes(key)) && own.groups.every(({ key }) => made.includes(groupMark(key)));
  const isReady = PREFIX.test(prefix) && taken.length === 0 && !isWriting;
  const make = async () => {
    const note = (mark: string) => setMade((before) => [...before, mark]);
    for (const segment of own.segments) {
      if (made.includes(segment.key)) continue;
      await call('POST', '/v1/segments', { body: { ...segment, publish: isPublished } });
      note(segment.key);
    }
    for (const group of own.groups) {
      if (made.includes(groupMark(group.key))) continue;
      await call('POST', '/v1/groups', { body: group });
      note(groupMark(group.key));
    }
  };
  return (
    <section className="make-all" aria-label={texts.templates.all}>
      <h3>{texts.templates.all}</h3>
      <ol className="plain template-rules">
        {own.segments.map((segment, index) => (
          <Preview key={segment.key} segment={segment} isMade={made.includes(segment.key)} count={counts[index]} onUse={onUse} />
        ))}
      </ol>
      {own.groups.map((group) => (
        <p key={group.key}>
          {made.includes(groupMark(group.key)) ? (
            <a href={hrefOf(['groups', group.key])}>{texts.templates.madeGroup(group.name)}</a>
          ) : (
            texts.templates.group(group.name)
          )}
        </p>
      ))}
      {isAllMade ? (
        <p className="note" role="status">
          {texts.templates.madeAll(formats.count(own.segments.length))}
        </p>
      ) : (
        <>
          <TextField label={texts.templates.prefix} hint={texts.templates.prefixHint} value={prefix} onValue={setPrefix} />
          <label className="check">
            <input type="checkbox" checked={isPublished} onChange={(event) => setPublished(event.target.checked)} />
            {texts.templates.publish}
          </label>
          {taken.length === 0 ? null : (
            <p className="note warning" role="status">
              {texts.templates.taken(taken.join(', '))}
            </p>
          )}
          <Refusal problem={problem} />
          <div className="actions">
            <button type="button" className="primary" disabled={!isReady} onClick={() => void write(make)}>
              {made.length === 0 ? texts.templates.makeAll(formats.count(own.segments.length)) : texts.templates.goOn}
            </button>
          </div>
        </>
      )}
    </section>
  );
}

const groupMark = (key: string) => `group ${key}`;

interface PreviewProps extends Pick<Props, 'onUse'> {
  readonly segment: TemplateSegment;
  readonly isMade: boolean;
  readonly count: number | null | undefined;
}

function Preview({ segment, isMade, count, onUse }: PreviewProps) {
  const { editor: texts } = useTexts();
  const formats = useFormats();
  return (
    <li>
      <div className="card-head">
        {isMade ? (
          <SegmentLink segment={segment} />
        ) : (
          <strong>
            <span aria-hidden="true">{segment.icon}</span> {segment.name} <code className="quiet">{segment.key}</code>
          </strong>
        )}
        {isMade ? (
          <span className="status status-active">{texts.templates.made}</span>
        ) : (
          <small className="figures">
            {count === undefined ? texts.live.counting : count === null ? '' : texts.templates.holds(formats.count(count))}
          </small>
        )}
      </div>
      <pre className="rule-text" dir="ltr">
        {segment.rule}
      </pre>
      {isMade ? null : (
        <button type="button" className="link-button" onClick={() => onUse(segment)}>
          {texts.templates.useOnly}
          <span className="visually-hidden"> {segment.name}</span>
        </button>
      )}
    </li>
  );
}

/** → keys that are taken by something that was not made here */
function useTaken(own: Template, made: readonly string[]): readonly string[] {
  const segments = useSegments();
  const groups = useRead<{ readonly data: readonly { readonly key: string }[] }>('/v1/groups', { query: { limit: 1000 } });
  const known = new Set([
    ...(segments.body?.data ?? []).map(({ key }) => key),
    ...(groups.body?.data ?? []).map(({ key }) => groupMark(key)),
  ]);
  const wished = [...own.segments.map(({ key }) => key), ...own.groups.map(({ key }) => groupMark(key))];
  return wished.filter((mark) => known.has(mark) && !made.includes(mark)).map((mark) => mark.replace(/^group /, ''));
}

type Counts = readonly (number | null)[];

/** For each rule separately, one after the other; null: it cannot be known before the others are there. */
function useCounts(segments: readonly TemplateSegment[]): Counts {
  const [counts, setCounts] = useState<Counts>([]);
  const rules = useDeferredValue(JSON.stringify(segments.map(({ rule }) => rule)));
  useEffect(() => {
    const controller = new AbortController();
    setCounts([]);
    const timer = setTimeout(async () => {
      for (const rule of JSON.parse(rules) as string[]) {
        const count = await countOf(rule, controller.signal);
        if (controller.signal.aborted) return;
        setCounts((before) => [...before, count]);
      }
    }, COUNT_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [rules]);
  return counts;
}

async function countOf(rule: string, signal: AbortSignal): Promise<number | null> {
  try {
    const { body } = await call<{ readonly count: number }>('POST', '/v1/rules/preview', { body: { rule, sample: 0 }, signal });
    return body.count;
  } catch (error) {
    if (signal.aborted || error instanceof Problem) return null;
    throw error;
  }
}
