// In charge of where the members went: which segments they were in at their beginning and at their end, compared with the others.

import { Scroll } from '../../parts/scroll.tsx';
import { SegmentLink } from '../../parts/segment-name.tsx';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Outcome, Share } from './outcome.ts';

interface Props {
  readonly outcome: Outcome;
  readonly nameOf: (key: string) => string;
}

export function OutcomeSegments({ outcome: { segments, against, confidence }, nameOf }: Props) {
  const { outcome: texts } = useTexts();
  const formats = useFormats();
  if (segments.length === 0) return null;
  const share = ({ share: value }: Share) => (value === null ? '–' : formats.share(value));
  const bound = (value: number) => formats.signed(100 * value, 1);
  const points = (value: number) => texts.points(bound(value));
  return (
    <section className="card" aria-labelledby="afterwards">
      <h2 id="afterwards">{texts.segmentsTitle}</h2>
      <p className="quiet">{texts.segmentsLead}</p>
      <Scroll label={texts.segmentsTitle}>
        <table className="rows two-heads outcome-segments">
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>
                {texts.segment}
              </th>
              <th scope="colgroup" colSpan={2} className="number">
                {against === 'bucket' ? texts.treated : texts.arms.members}
              </th>
              <th scope="colgroup" colSpan={2} className="number">
                {texts.arms[against]}
              </th>
              <th scope="col" rowSpan={2} className="number">
                {texts.differenceAtEnd}
              </th>
            </tr>
            <tr>
              {(['members', 'compared'] as const).flatMap((arm) => [
                <th key={`${arm} start`} scope="col" className="number">
                  {texts.atStart}
                </th>,
                <th key={`${arm} end`} scope="col" className="number">
                  {texts.atEnd}
                </th>,
              ])}
            </tr>
          </thead>
          <tbody>
            {segments.map(({ segment, atStart, atEnd }) => (
              <tr key={segment}>
                <th scope="row">
                  <SegmentLink segment={{ key: segment, name: nameOf(segment) }} />
                </th>
                {(['members', 'compared'] as const).flatMap((arm) => [
                  <td key={`${arm} start`} className="number">
                    {share(atStart[arm])}
                  </td>,
                  <td key={`${arm} end`} className="number">
                    {share(atEnd[arm])}
                  </td>,
                ])}
                <td className="number">
                  {atEnd.difference.value === null ? '–' : points(atEnd.difference.value)}
                  {atEnd.difference.low === null || atEnd.difference.high === null ? null : (
                    <small>{texts.with95(formats.share(confidence), bound(atEnd.difference.low), bound(atEnd.difference.high))}</small>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
