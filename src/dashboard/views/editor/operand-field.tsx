// In charge of one value, or a list of values, by its type. What is not filled in is null, which the service refuses at its place.
import { type KeyboardEvent, useId, useState } from 'react';
import { useTexts } from '../../texts/texts.tsx';
import { InstantField } from './instant-field.tsx';
import { isJson, type Json, type ValueType } from './rule-json.ts';

interface Props {
  readonly label: string;
  readonly type: ValueType;
  readonly operand: unknown;
  readonly values: readonly string[];
  readonly onChange: (operand: unknown) => void;
}

export function OperandField({ label, type, operand, values, onChange }: Props) {
  const { editor } = useTexts();
  const list = useId();
  if (type === 'date' || type === 'timestamp')
    return <InstantField label={label} instant={isJson(operand) ? operand : { ago: '30d' }} isDate={type === 'date'} onChange={onChange} />;
  if (type === 'boolean')
    return (
      <select aria-label={label} value={String(operand)} onChange={(event) => onChange(event.target.value === 'true')}>
        <option value="true">{editor.builder.yes}</option>
        <option value="false">{editor.builder.no}</option>
      </select>
    );
  if (type === 'number') return <NumberField label={label} value={typeof operand === 'number' ? operand : null} onChange={onChange} />;
  return (
    <>
      <input
        type="text"
        className="short"
        aria-label={label}
        list={values.length === 0 ? undefined : list}
        value={typeof operand === 'string' ? operand : ''}
        onChange={(event) => onChange(event.target.value === '' ? null : event.target.value)}
      />
      <Known id={list} values={values} />
    </>
  );
}

function Known({ id, values }: { readonly id: string; readonly values: readonly string[] }) {
  if (values.length === 0) return null;
  return (
    <datalist id={id}>
      {values.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
}

interface NumberProps {
  readonly label: string;
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
}

/** What is typed is kept as typed (`5.`) until it is a different number. */
function NumberField({ label, value, onChange }: NumberProps) {
  const [typed, setTyped] = useState(value === null ? '' : String(value));
  const shown = numberOf(typed) === value ? typed : value === null ? '' : String(value);
  return (
    <input
      type="text"
      inputMode="decimal"
      className="number-field"
      aria-label={label}
      value={shown}
      onChange={(event) => {
        const text = event.target.value.replace(/[^\d.-]/g, '');
        setTyped(text);
        onChange(numberOf(text));
      }}
    />
  );
}

function numberOf(text: string): number | null {
  return /^-?\d+(\.\d*)?$/.test(text) ? Number(text) : null;
}

interface ListProps {
  readonly type: ValueType;
  readonly list: readonly unknown[];
  readonly values: readonly string[];
  readonly onChange: (list: readonly unknown[]) => void;
}

export function ListField({ type, list, values, onChange }: ListProps) {
  const { editor } = useTexts();
  const [typed, setTyped] = useState('');
  const known = useId();
  const take = (text: string) => {
    const parts = text
      .split('\n')
      .map((part) => part.trim())
      .filter(Boolean);
    const added = parts.map((part) => typedValue(part, type)).filter((value) => value !== null);
    const fresh = added.filter((value) => !list.some((each) => JSON.stringify(each) === JSON.stringify(value)));
    if (fresh.length > 0) onChange([...list, ...fresh]);
    setTyped('');
  };
  const keyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
    event.preventDefault();
    take(typed);
  };
  return (
    <span className="chips">
      {list.map((value, index) => (
        <span key={JSON.stringify(value)} className="chip">
          <bdi>{wordOf(value)}</bdi>
          <button type="button" onClick={() => onChange(list.filter((_, at) => at !== index))}>
            <span aria-hidden="true">×</span>
            <span className="visually-hidden">{editor.builder.removeValue(wordOf(value))}</span>
          </button>
        </span>
      ))}
      <input
        type="text"
        className="short"
        aria-label={editor.builder.values}
        placeholder={editor.builder.addValue}
        list={values.length === 0 ? undefined : known}
        value={typed}
        onChange={(event) => {
          const text = event.target.value;
          // what is chosen from the list of known values comes whole
          if (values.includes(text) && !(event.nativeEvent instanceof InputEvent && event.nativeEvent.inputType === 'insertText'))
            take(text);
          else setTyped(text);
        }}
        onKeyDown={keyDown}
        onBlur={() => take(typed)}
        onPaste={(event) => {
          const text = event.clipboardData.getData('text');
          if (!/[\n\t]/.test(text)) return;
          event.preventDefault();
          take(text.replaceAll(/[\t\r]+/g, '\n'));
        }}
      />
      <Known id={known} values={values.filter((value) => !list.includes(value))} />
    </span>
  );
}

function typedValue(text: string, type: ValueType): unknown {
  if (type === 'number') return numberOf(text);
  if (type === 'boolean') return text === 'true';
  if (type === 'date') return { date: text };
  return type === 'timestamp' ? { timestamp: text } : text;
}

function wordOf(value: unknown): string {
  return isJson(value) ? String(Object.values(value as Json)[0]) : String(value);
}
