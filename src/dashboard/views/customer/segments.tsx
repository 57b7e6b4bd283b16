// In charge of a customer's segments: those it is in, with the reason and when it will leave, and those it is not in, with what is missing.
// Explanations are read for the rows that are shown, so that 500 segments do not mean 500 calls.
import { useState } from 'react';
import { call, pathOf } from '../../api/call.ts';
import { useAgain } from '../../api/use-newest-change.ts';
import { type Read, useRead } from '../../api/use-read.ts';
import { isLive, type ListedSegment } from '../../api/use-segments.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { Empty, Loading, Shown } from '../../parts/reading.tsx';
import { SaidFields, saidBody, useSaid } from '../../parts/said-by-hand.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { CustomerSegments } from './customer.tsx';
import type { Explanation } from './explanation.ts';
import { Reasons } from './reasons.tsx';

export interface Membership {
  readonly key: string;
  readonly name: string;
  readonly group: string | null;
  readonly since: string | null;
  readonly source: 'rule' | 'pin' | 'manual';
}

const STEP = 6;

interface Props {
  readonly customerId: string;
  readonly memberships: Read<CustomerSegments>;
  readonly segments: Read<{ readonly data: readonly ListedSegment[] }>;
  /** changes when explanations must be read again */
  readonly turn: string;
  readonly onChanged: () => void;
}

export function Segments({ customerId, memberships, segments, turn, onChanged }: Props) {
  const { customer: texts } = useTexts();
  const row = { customerId, turn, onChanged };
  return (
    <section className="card" aria-labelledby="segments">
      <h2 id="segments">{texts.segments}</h2>
      <Shown read={memberships}>
        {({ segments: inside }) => {
          const keys = new Set(inside.map(({ key }) => key));
          const known = new Map(segments.body?.data.map((segment) => [segment.key, segment]));
          return (
            <>
              {inside.length === 0 ? <Empty title={texts.inNone} /> : null}
              <Listed rows={inside.map((membership) => ({ ...known.get(membership.key), ...membership }))} {...row} />
              <Outside segments={(segments.body?.data ?? []).filter((segment) => isLive(segment) && !keys.has(segment.key))} {...row} />
            </>
          );
        }}
      </Shown>
    </section>
  );
}

type RowSegment = Pick<ListedSegment, 'key' | 'name'> & Partial<ListedSegment> & Partial<Membership>;
type RowProps = Pick<Props, 'customerId' | 'turn' | 'onChanged'>;

function Outside({ segments, ...row }: RowProps & { readonly segments: readonly ListedSegment[] }) {
  const { customer: texts, overview } = useTexts();
  const formats = useFormats();
  const [wanted, setWanted] = useState('');
  const needle = wanted.trim().toLowerCase();
  const found = segments.filter(({ key, name }) => `${key} ${name}`.toLowerCase().includes(needle));
  if (segments.length === 0) return null;
  return (
    <>
      <div className="card-head outside-head">
        <h3>{texts.outside(formats.count(segments.length))}</h3>
        <input
          type="search"
          aria-label={overview.find}
          placeholder={overview.find}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      </div>
      {found.length === 0 ? <p className="quiet">{overview.noneFound}</p> : null}
      <Listed key={needle} rows={found} {...row} />
    </>
  );
}

function Listed({ rows, ...row }: RowProps & { readonly rows: readonly RowSegment[] }) {
  const { action } = useTexts();
  const [shown, setShown] = useState(STEP);
  return (
    <>
      <ul className="plain memberships">
        {rows.slice(0, shown).map((segment) => (
          <Row key={segment.key} segment={segment} {...row} />
        ))}
      </ul>
      {rows.length > shown ? (
        <button type="button" onClick={() => setShown(shown + 2 * STEP)}>
          {action.more} ({rows.length - shown})
        </button>
      ) : null}
    </>
  );
}

function Row({ segment, customerId, turn, onChanged }: RowProps & { readonly segment: RowSegment }) {
  const { customer: texts } = useTexts();
  const formats = useFormats();
  const [asked, setAsked] = useState<Word | null>(null);
  const explanation = useRead<Explanation>(pathOf`/v1/customers/${customerId}/segments/${segment.key}/explanation`);
  const { body } = explanation;
  useAgain(turn, explanation.again);
  const isInside = segment.source !== undefined;
  const isPinned = (body?.pins.length ?? 0) > 0 && segment.kind !== 'manual';
  return (
    <li>
      <div className="membership-head">
        <SegmentLink segment={segment} />
        {segment.source === undefined || segment.source === 'rule' ? null : (
          <span className="status status-building">{texts.source[segment.source]}</span>
        )}
        {segment.since == null ? null : <small>{texts.sinceWhen(formats.distance(segment.since))}</small>}
        <span className="actions">
          {isPinned ? <WordButton word="release" name={segment.name} onAsked={setAsked} /> : null}
          <WordButton word={isInside ? 'out' : 'in'} name={segment.name} onAsked={setAsked} />
        </span>
      </div>
      {body === undefined && explanation.problem === undefined ? <Loading lines={1} /> : null}
      {explanation.problem === undefined ? null : <p className="quiet">{explanation.problem.message}</p>}
      {body === undefined ? null : <Reasons explanation={body} />}
      {asked === null ? null : (
        <WordDialog word={asked} segment={segment} customerId={customerId} onClose={() => setAsked(null)} onSaid={onChanged} />
      )}
    </li>
  );
}

// ---------------------------------------------------------------- said by hand

type Word = 'in' | 'out' | 'release';

function WordButton({ word, name, onAsked }: { readonly word: Word; readonly name: string; readonly onAsked: (word: Word) => void }) {
  const { hand: texts } = useTexts();
  return (
    <button type="button" className="small" aria-label={texts.of(texts[word], name)} onClick={() => onAsked(word)}>
      {texts[word]}
    </button>
  );
}

interface WordProps {
  readonly word: Word;
  readonly segment: RowSegment;
  readonly customerId: string;
  readonly onClose: () => void;
  readonly onSaid: () => void;
}

function WordDialog({ word, segment, customerId, onClose, onSaid }: WordProps) {
  const { hand: texts } = useTexts();
  const [said, setSaid] = useSaid();
  const [isReplacing, setReplacing] = useState(false);
  const send = async () => {
    const member = pathOf`/v1/segments/${segment.key}/members/${customerId}`;
    const body = saidBody(said);
    if (word === 'in') await call('PUT', member, { body: { ...body, replace: isReplacing } });
    else if (word === 'out') await call('DELETE', member, { query: body });
    else await call('DELETE', pathOf`/v1/segments/${segment.key}/pins/${customerId}`, { query: body });
    onSaid();
  };
  return (
    <FormDialog title={texts.of(texts[word], segment.name)} submit={texts[word]} onClose={onClose} send={send}>
      <p className="quiet">{texts.leads[word]}</p>
      <SaidFields said={said} onSaid={setSaid} hasUntil={word !== 'release'} />
      {word === 'in' ? (
        <label className="check">
          <input type="checkbox" checked={isReplacing} onChange={(event) => setReplacing(event.target.checked)} />
          {texts.replace}
        </label>
      ) : null}
    </FormDialog>
  );
}
