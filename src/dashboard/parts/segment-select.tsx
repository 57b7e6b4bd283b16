// Choosing one segment out of perhaps many. If there are too many to look through, there is a search above, and what it finds is listed openly.
import { useState } from 'react';
import type { ListedSegment } from '../api/use-segments.ts';
import { useTexts } from '../texts/texts.tsx';
import { Field } from './field.tsx';

const SKIMMED_MOST = 20;
const OPEN_ROWS = 6;

interface Choice {
  readonly label: string;
  readonly segments: readonly Pick<ListedSegment, 'key' | 'name'>[];
  readonly value: string;
  readonly onValue: (key: string) => void;
  /** the text for none, if none may be chosen */
  readonly none?: string;
}

export function SegmentSelect({ hint, ...choice }: Choice & { readonly hint?: string }) {
  return (
    <Field label={choice.label} hint={hint}>
      {(ids) => <SegmentOptions {...choice} ids={ids} />}
    </Field>
  );
}

interface OptionsProps extends Choice {
  /** the ids of the label and hint beside it; without them the label is only for screen readers */
  readonly ids?: { readonly id: string; readonly 'aria-describedby': string | undefined };
}

export function SegmentOptions({ label, segments, value, onValue, none, ids }: OptionsProps) {
  const { hand: texts } = useTexts();
  const [wanted, setWanted] = useState('');
  const needle = wanted.trim().toLowerCase();
  const found = segments.filter(({ key, name }) => key === value || `${key} ${name}`.toLowerCase().includes(needle));
  const choose = (key: string) => {
    onValue(key);
    setWanted('');
  };
  return (
    <div className="segment-select">
      {segments.length <= SKIMMED_MOST ? null : (
        <input
          type="search"
          aria-label={`${label}: ${texts.findSegment}`}
          placeholder={texts.findSegment}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') event.preventDefault(); // Enter is for finding, not for sending the form
          }}
        />
      )}
      <select
        {...(ids ?? { 'aria-label': label })}
        required={none === undefined}
        size={needle === '' ? undefined : Math.min(OPEN_ROWS, Math.max(2, found.length + 1))}
        value={value}
        onChange={(event) => choose(event.target.value)}
      >
        <option value="">{none ?? texts.choose}</option>
        {value === '' || segments.some(({ key }) => key === value) ? null : <option value={value}>{value}</option>}
        {found.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
