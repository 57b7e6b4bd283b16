// Choosing one segment out of perhaps many. Where there are more than one looks through, a search stands above, and what it finds is laid open.
import { useState } from 'react';
import type { ListedSegment } from '../api/use-segments.ts';
import { useTexts } from '../texts/texts.tsx';
import { Field } from './field.tsx';

const SKIMMED_MOST = 20;
const OPEN_ROWS = 6;

interface Props {
  readonly label: string;
  readonly hint?: string;
  readonly segments: readonly Pick<ListedSegment, 'key' | 'name'>[];
  readonly value: string;
  readonly onValue: (key: string) => void;
  /** what stands for none, where none may be chosen */
  readonly none?: string;
}

export function SegmentSelect({ label, hint, segments, value, onValue, none }: Props) {
  const { hand: texts } = useTexts();
  const [wanted, setWanted] = useState('');
  const needle = wanted.trim().toLowerCase();
  const found = segments.filter(({ key, name }) => key === value || `${key} ${name}`.toLowerCase().includes(needle));
  const choose = (key: string) => {
    onValue(key);
    setWanted('');
  };
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <div className="segment-select">
          {segments.length <= SKIMMED_MOST ? null : (
            <input
              type="search"
              aria-label={`${label}: ${texts.findSegment}`}
              placeholder={texts.findSegment}
              value={wanted}
              onChange={(event) => setWanted(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter') event.preventDefault(); // it is to find, not to send the form
              }}
            />
          )}
          <select
            {...ids}
            required={none === undefined}
            size={needle === '' ? undefined : Math.min(OPEN_ROWS, Math.max(2, found.length + 1))}
            value={value}
            onChange={(event) => choose(event.target.value)}
          >
            <option value="">{none ?? texts.choose}</option>
            {found.map(({ key, name }) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}
