// In charge of the text face: what is typed, what could follow, and each mistake under its place. The textarea stays a plain textarea; a copy of
// its text behind it carries the marks, and tells where on the screen a place of the text is.
import { type ComponentProps, type KeyboardEvent, type SyntheticEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { SaidWrong } from '../../parts/said-wrong.tsx';
import { useTexts } from '../../texts/texts.tsx';
import { type Completion, complete, type Suggestion } from './completion.ts';
import type { Diagnostic, Vocabulary } from './rule-json.ts';

interface Props {
  readonly text: string;
  readonly errors: readonly Diagnostic[];
  readonly vocabulary: Vocabulary;
  readonly onEdit: (text: string) => void;
}

interface Offer extends Completion {
  readonly chosen: number;
}

export function RuleText({ text, errors, vocabulary, onEdit }: Props) {
  const { editor: texts } = useTexts();
  const area = useRef<HTMLTextAreaElement>(null);
  const [offer, setOffer] = useState<Offer | null>(null);
  const name = useId();
  /** how it was last looked for something to offer; null: that has ended */
  const looked = useRef<{ readonly isAsked: boolean } | null>(null);

  const look = (field: HTMLTextAreaElement, isAsked: boolean) => {
    looked.current = { isAsked };
    const caret = field.selectionStart;
    const found = caret === field.selectionEnd ? complete(field.value, caret, vocabulary) : null;
    const isBegun = found !== null && (found.from < caret || isAsked);
    setOffer(isBegun ? { ...found, chosen: 0 } : null);
  };
  const endOffer = () => {
    looked.current = null;
    setOffer(null);
  };
  // somebody may have typed before it was known what there is
  // biome-ignore lint/correctness/useExhaustiveDependencies: another vocabulary is the reason to look again
  useEffect(() => {
    if (looked.current !== null && area.current !== null) look(area.current, looked.current.isAsked);
  }, [vocabulary]);
  const take = (item: Suggestion) => {
    const field = area.current;
    if (field === null || offer === null) return;
    replace(field, offer.from, offer.to, item.insert);
    const isInside = item.insert.endsWith('""') || item.insert.endsWith('"")');
    if (isInside)
      field.setSelectionRange(
        field.selectionEnd - item.insert.length + item.insert.indexOf('""') + 1,
        field.selectionEnd - item.insert.length + item.insert.indexOf('""') + 1,
      );
    endOffer();
    if (isInside || item.insert.endsWith('(') || item.insert.endsWith('.')) look(field, true);
  };
  const keyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.ctrlKey && event.key === ' ') {
      event.preventDefault();
      look(event.currentTarget, true);
      return;
    }
    if (offer === null) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const item = offer.items[offer.chosen];
    if (step !== undefined) setOffer({ ...offer, chosen: (offer.chosen + step + offer.items.length) % offer.items.length });
    else if ((event.key === 'Enter' || event.key === 'Tab') && item !== undefined) take(item);
    else if (event.key === 'Escape') endOffer();
    else return;
    event.preventDefault();
  };
  const input = (event: SyntheticEvent<HTMLTextAreaElement>) => {
    onEdit(event.currentTarget.value);
    look(event.currentTarget, false);
  };

  return (
    <div className="rule-face">
      <label htmlFor={name} className="visually-hidden">
        {texts.text}
      </label>
      <div className="rule-area">
        <Backdrop text={text} errors={errors} />
        <textarea
          ref={area}
          id={name}
          value={text}
          placeholder={texts.placeholder}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          dir="ltr"
          aria-autocomplete="list"
          aria-controls={offer === null ? undefined : `${name}-offer`}
          aria-activedescendant={offer === null ? undefined : `${name}-${offer.chosen}`}
          aria-invalid={errors.length > 0}
          aria-describedby={`${name}-help ${name}-errors`}
          onInput={input}
          onChange={() => {}}
          onKeyDown={keyDown}
          onBlur={endOffer}
          onClick={endOffer}
        />
        {offer === null ? null : <Offered name={name} text={text} offer={offer} take={take} />}
      </div>
      <small id={`${name}-help`}>{texts.textHelp}</small>
      <ul className="plain mistakes" id={`${name}-errors`}>
        {errors.map((error) => (
          <li key={`${error.code} ${error.span?.start} ${error.detail}`}>
            <Mistake text={text} error={error} area={area} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Inserted through the browser, so that it can be undone. */
function replace(field: HTMLTextAreaElement, from: number, to: number, text: string): void {
  field.focus();
  field.setSelectionRange(from, to);
  document.execCommand('insertText', false, text);
}

function Backdrop({ text, errors }: { readonly text: string; readonly errors: readonly Diagnostic[] }) {
  const spans = errors.flatMap(({ span }) => (span === undefined ? [] : [span])).toSorted((a, b) => a.start - b.start);
  let at = 0;
  const parts = spans.flatMap(({ start, end }) => {
    if (start < at) return [];
    const [plain, marked] = [text.slice(at, start), text.slice(start, Math.max(end, start + 1))];
    at = Math.max(end, start + 1);
    return [plain, <mark key={start}>{marked || ' '}</mark>];
  });
  return (
    <div className="rule-backdrop" aria-hidden="true" dir="ltr">
      {parts}
      {text.slice(at)}
      {'\n'}
    </div>
  );
}

interface OfferedProps {
  readonly name: string;
  readonly text: string;
  readonly offer: Offer;
  readonly take: (item: Suggestion) => void;
}

function Offered({ name, text, offer, take }: OfferedProps) {
  const { editor: texts } = useTexts();
  const marker = useRef<HTMLSpanElement>(null);
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the place follows the text and what is replaced
  useLayoutEffect(() => {
    const [place, box] = [marker.current, list.current];
    if (place === null || box === null) return;
    const room = (box.parentElement?.clientWidth ?? 0) - box.offsetWidth - 4;
    box.style.left = `${Math.max(0, Math.min(place.offsetLeft, room))}px`;
    box.style.top = `${place.offsetTop + place.offsetHeight + 4}px`;
  }, [text, offer.from, offer.items]);
  return (
    <>
      <div className="rule-backdrop rule-measure" aria-hidden="true" dir="ltr">
        {text.slice(0, offer.from)}
        <span ref={marker}>{'\u200b'}</span>
      </div>
      <div ref={list} className="offer" role="listbox" id={`${name}-offer`} aria-label={texts.suggestions}>
        {offer.items.map((item, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the textarea keeps the focus and names the chosen one by aria-activedescendant
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the textarea
          <div
            key={item.insert}
            id={`${name}-${index}`}
            role="option"
            aria-selected={index === offer.chosen}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(item)}
          >
            <code>{item.insert}</code> <small>{item.detail}</small>
          </div>
        ))}
      </div>
    </>
  );
}

interface MistakeProps {
  readonly text: string;
  readonly error: Diagnostic;
  readonly area: { readonly current: HTMLTextAreaElement | null };
}

function Mistake({ text, error, area }: MistakeProps) {
  const { editor: texts } = useTexts();
  const { span, hint } = error;
  if (span === undefined) return <MistakeWords code={error.code} detail={error.detail} hint={hint} />;
  const lineStart = text.lastIndexOf('\n', span.start - 1) + 1;
  const lineEnd = text.indexOf('\n', span.start);
  const line = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  const [from, to] = [span.start - lineStart, Math.max(span.end, span.start + 1) - lineStart];
  const better = hint?.match(/^did you mean `(.+)`\?$/)?.[1];
  const show = () => {
    area.current?.focus();
    area.current?.setSelectionRange(span.start, span.end);
  };
  const correct = () => {
    if (area.current !== null && better !== undefined) replace(area.current, span.start, span.end, better);
  };
  return (
    <>
      <button type="button" className="link-button" onClick={show}>
        {texts.place(String(span.line), String(span.column))}
      </button>
      <code className="mistake-line" dir="ltr">
        {from > 40 ? '… ' : ''}
        {line.slice(Math.max(0, from - 40), from)}
        <mark>{line.slice(from, to) || ' '}</mark>
        {line.slice(to, to + 40)}
        {line.length > to + 40 ? ' …' : ''}
      </code>
      <MistakeWords code={error.code} detail={error.detail} hint={hint} />
      {better === undefined ? null : (
        <button type="button" onClick={correct}>
          {texts.takeHint(better)}
        </button>
      )}
    </>
  );
}

export function MistakeWords(wrong: ComponentProps<typeof SaidWrong>) {
  return (
    <p className="field-problem">
      <SaidWrong {...wrong} />
    </p>
  );
}
