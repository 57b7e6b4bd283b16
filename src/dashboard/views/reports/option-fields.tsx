// The fields of what reports are asked for. Each shows what the place's query says and changes it there.
import { type FormEvent, useId, useState } from 'react';
import { useRead } from '../../api/use-read.ts';
import { Field } from '../../parts/field.tsx';
import { localOf } from '../../parts/local-instant.ts';
import { useTexts } from '../../texts/texts.tsx';
import { useFieldName } from '../segment/report-profile.tsx';
import type { Asked } from './asked.ts';

const FIELDS = ['gender', 'age', 'country', 'region', 'city', 'language', 'source', 'tags'] as const;
/** While it is typed digit by digit, the year 2026 is 0002, 0020 and 0202 first. */
const FIRST_YEAR = 1000;

interface AskedProps {
  readonly asked: Asked;
}

interface CatalogEntry {
  readonly scope: string;
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly values: readonly string[];
}

/** Empty until it has been read, and for a key that may not see it. */
function useCatalog(): readonly CatalogEntry[] {
  return useRead<{ readonly data: readonly CatalogEntry[] }>('/v1/catalog').body?.data ?? [];
}

export function StatusesField({ asked }: AskedProps) {
  const { options: texts } = useTexts().reports;
  const status = useCatalog().find(({ scope, path }) => scope === 'orders' && path === 'status');
  return (
    <Checks
      label={texts.statuses}
      hint={texts.statusesHint}
      name="statuses"
      asked={asked}
      known={(status?.values ?? []).map((value) => ({ value, name: value }))}
      more={texts.anotherStatus}
    />
  );
}

export function FieldsField({ asked }: AskedProps) {
  const { options: texts } = useTexts().reports;
  const fieldName = useFieldName();
  const attributes = useCatalog().filter(({ scope, kind }) => scope === 'customers' && kind === 'attribute');
  const known = [...FIELDS, ...attributes.map(({ path }) => path)].map((value) => ({ value, name: fieldName(value) }));
  return <Checks label={texts.by} hint={texts.byHint} name="by" asked={asked} known={known} />;
}

interface ChecksProps extends AskedProps {
  readonly label: string;
  readonly hint: string;
  readonly name: string;
  readonly known: readonly { readonly value: string; readonly name: string }[];
  /** the label for adding one that is not listed */
  readonly more?: string;
}

function Checks({ label, hint, name, asked, known, more }: ChecksProps) {
  const hintId = useId();
  const chosen = asked.list(name);
  const unknown = chosen.filter((value) => !known.some((each) => each.value === value));
  return (
    <fieldset className="checks" aria-describedby={hintId}>
      <legend>{label}</legend>
      <div className="checks-list">
        {[...known, ...unknown.map((value) => ({ value, name: value }))].map(({ value, name: text }) => (
          <label key={value} className="check">
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              onChange={(event) =>
                asked.set({ [name]: event.target.checked ? [...chosen, value] : chosen.filter((each) => each !== value) })
              }
            />
            <bdi>{text}</bdi>
          </label>
        ))}
      </div>
      {more === undefined ? null : <AddText label={more} onText={(text) => asked.set({ [name]: [...chosen, text] })} />}
      <small id={hintId}>{hint}</small>
    </fieldset>
  );
}

function AddText({ label, onText }: { readonly label: string; readonly onText: (text: string) => void }) {
  const { options: texts } = useTexts().reports;
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== '') onText(text.trim());
    setText('');
  };
  return (
    <form className="add-text" onSubmit={submit}>
      <input type="text" aria-label={label} placeholder={label} value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit">{texts.add}</button>
    </form>
  );
}

interface InstantProps {
  readonly label: string;
  readonly hint?: string;
  /** RFC 3339; '' if none is chosen */
  readonly value: string;
  readonly onValue: (instant: string) => void;
}

/** An instant in the zone of this browser. What is half typed stays here. */
export function InstantField({ label, hint, value, onValue }: InstantProps) {
  const [typed, setTyped] = useState({ of: value, text: localOf(value, 'minutes') });
  const text = typed.of === value ? typed.text : localOf(value, 'minutes'); // a different one came from outside
  const take = (next: string) => {
    const instant = next === '' ? '' : isWhole(next) ? new Date(next).toISOString() : value;
    setTyped({ of: instant, text: next });
    if (instant !== value) onValue(instant);
  };
  return (
    <Field label={label} hint={hint}>
      {(ids) => <input {...ids} type="datetime-local" value={text} onChange={(event) => take(event.target.value)} />}
    </Field>
  );
}

function isWhole(local: string): boolean {
  const instant = new Date(local);
  return !Number.isNaN(instant.getTime()) && instant.getFullYear() >= FIRST_YEAR;
}

export function AtField({ asked }: AskedProps) {
  const { options: texts } = useTexts().reports;
  return <InstantField label={texts.at} hint={texts.atHint} value={asked.text('at')} onValue={(at) => asked.set({ at })} />;
}

interface WordProps extends AskedProps {
  readonly label: string;
  readonly hint?: string;
  readonly name: string;
  readonly placeholder?: string;
}

/** Numbers in their order, as the API takes them: without spaces, whichever comma was typed. */
export function CutsField(props: WordProps) {
  return <WordField {...props} clean={(text) => text.replaceAll(/\s/g, '').replaceAll('，', ',')} />;
}

/** A word or a list: taken when the user leaves the field or presses Enter, since half of it would be refused. */
export function WordField({
  label,
  hint,
  name,
  placeholder,
  asked,
  clean = (text) => text.trim(),
}: WordProps & { readonly clean?: (text: string) => string }) {
  const said = asked.text(name);
  const [typed, setTyped] = useState({ of: said, text: said });
  const text = typed.of === said ? typed.text : said;
  const take = () => {
    const next = clean(text);
    setTyped({ of: next, text: next });
    if (next !== said) asked.set({ [name]: next });
  };
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <input
          {...ids}
          type="text"
          value={text}
          placeholder={placeholder}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setTyped({ of: said, text: event.target.value })}
          onBlur={take}
          onKeyDown={(event) => {
            if (event.key === 'Enter') take();
          }}
        />
      )}
    </Field>
  );
}

interface PickProps extends AskedProps {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  /** the possible values and their words; the first is the usual one, which need not be said */
  readonly choices: readonly (readonly [value: string, text: string])[];
}

export function PickField({ label, name, hint, choices, asked }: PickProps) {
  const [usual = ''] = choices[0] ?? [];
  const said = asked.text(name) || usual;
  const all = choices.some(([value]) => value === said) ? choices : [...choices, [said, said] as const];
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select {...ids} value={said} onChange={({ target }) => asked.set({ [name]: target.value === usual ? '' : target.value })}>
          {all.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
