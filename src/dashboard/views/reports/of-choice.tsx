// In charge of whom a report is of: everybody, or the members of a segment.
import { isLive, type ListedSegment } from '../../api/use-segments.ts';
import { useTexts } from '../../texts/texts.tsx';

interface Props {
  readonly segments: readonly ListedSegment[];
  /** empty: everybody */
  readonly value: string;
  readonly onValue: (key: string) => void;
}

export function OfChoice({ segments, value, onValue }: Props) {
  const { reports: texts } = useTexts();
  return (
    <label className="inline of-choice">
      {texts.cohorts.of}
      <select value={value} onChange={(event) => onValue(event.target.value)}>
        <option value="">{texts.cohorts.all}</option>
        {segments.filter(isLive).map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
