// In charge of which segments a report is about, and of saying so when more were chosen than it takes.
import type { ListedSegment } from '../../api/use-segments.ts';
import { SegmentChoice } from '../../parts/segment-choice.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Asked } from './asked.ts';

interface Props {
  readonly segments: readonly ListedSegment[];
  readonly asked: Asked;
  readonly most: number;
  readonly hint: string;
}

export function ChosenSegments({ segments, asked, most, hint }: Props) {
  const { reports: texts } = useTexts();
  const formats = useFormats();
  const wished = asked.list('segments');
  return (
    <div>
      <SegmentChoice
        label={texts.segments}
        hint={hint}
        segments={segments.filter(({ status }) => status !== 'archived')}
        chosen={wished.slice(0, most)}
        most={most}
        onChosen={(keys) => asked.set({ segments: keys })}
      />
      {wished.length > most ? <p className="note warning">{texts.onlyFirst(formats.count(most), formats.count(wished.length))}</p> : null}
    </div>
  );
}
