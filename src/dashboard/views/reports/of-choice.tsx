// In charge of whom a report is about: everybody, or the members of a segment.
import { isLive, type ListedSegment } from '../../api/use-segments.ts';
import { SegmentSelect } from '../../parts/segment-select.tsx';
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
    <div className="of-choice">
      <SegmentSelect label={texts.cohorts.of} segments={segments.filter(isLive)} value={value} onValue={onValue} none={texts.cohorts.all} />
    </div>
  );
}
