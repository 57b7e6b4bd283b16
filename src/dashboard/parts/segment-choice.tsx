// Choosing several segments out of perhaps many: a search, and check boxes, with those chosen from the start on top. None chosen means all.
import { useId, useState } from 'react';
import type { ListedSegment } from '../api/use-segments.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';

type Choosable = Pick<ListedSegment, 'key' | 'name'>;

interface Props {
  readonly label: string;
  readonly hint: string;
  readonly segments: readonly Choosable[];
  readonly chosen: readonly string[];
  readonly onChosen: (keys: readonly string[]) => void;
  /** at most this many can be chosen; without it all can */
  readonly most?: number;
}

export function SegmentChoice({ label, hint, segments, chosen, onChosen, most }: Props) {
  const { hand: texts } = useTexts();
  const formats = useFormats();
  const [wanted, setWanted] = useState('');
  const name = useId();
  const isFull = most !== undefined && chosen.length >= most;
  const needle = wanted.trim().toLowerCase();
  const [first] = useState(chosen);
  const found = inOrder(segments, first).filter((segment) => `${segment.key} ${segment.name}`.toLowerCase().includes(needle));
  return (
    <fieldset className="choice" aria-describedby={name}>
      <legend>{label}</legend>
      <small id={name}>{chosen.length === 0 ? hint : texts.chosen(formats.count(chosen.length))}</small>
      <input
        type="search"
        aria-label={texts.findSegment}
        placeholder={texts.findSegment}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <div className="choice-list">
        {found.map((segment) => (
          <label key={segment.key} className="check">
            <input
              type="checkbox"
              checked={chosen.includes(segment.key)}
              disabled={isFull && !chosen.includes(segment.key)}
              onChange={(event) =>
                onChosen(event.target.checked ? [...chosen, segment.key] : chosen.filter((each) => each !== segment.key))
              }
            />
            <bdi>{segment.name}</bdi>
          </label>
        ))}
      </div>
      {most === undefined ? null : (
        <small role="status" className="choice-full">
          {isFull ? texts.chosenMost(formats.count(most)) : ''}
        </small>
      )}
    </fieldset>
  );
}

/** A key that is chosen but not listed, such as of a segment that this key may not see, is shown separately: it can be removed, and is not lost. */
function inOrder(segments: readonly Choosable[], first: readonly string[]): readonly Choosable[] {
  const known = new Map(segments.map((segment) => [segment.key, segment]));
  return [...first.map((key) => known.get(key) ?? { key, name: key }), ...segments.filter(({ key }) => !first.includes(key))];
}
