// The segments of a group as bars, in their order: how its customers are divided among them. A bar only illustrates the figures beside it.
import type { ListedSegment } from '../api/use-segments.ts';
import { hrefOf } from '../route.ts';
import { useFormats, useTexts } from '../texts/texts.tsx';
import { SegmentLink } from './segment-name.tsx';

export interface Group {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly string[];
  readonly otherwise: string | null;
  readonly version: number;
  readonly status: 'building' | 'active';
}

/** In order, with the segment that takes the rest at the end. */
export function segmentsOf(group: Pick<Group, 'segments' | 'otherwise'>): readonly string[] {
  const { segments, otherwise } = group;
  return otherwise === null || segments.includes(otherwise) ? segments : [...segments, otherwise];
}

interface Props {
  readonly group: Group;
  readonly segments: readonly ListedSegment[];
  /** how many of them are shown; without it all are */
  readonly most?: number;
}

export function GroupBars({ group, segments, most = Number.POSITIVE_INFINITY }: Props) {
  const { groups: texts } = useTexts();
  const formats = useFormats();
  const known = new Map(segments.map((segment) => [segment.key, segment]));
  const rows = segmentsOf(group).map((key) => ({ key, name: key, icon: null, color: null, memberCount: 0, ...known.get(key) }));
  const total = rows.reduce((sum, { memberCount }) => sum + memberCount, 0);
  return (
    <ul className="plain group-bars">
      {rows.slice(0, most).map((segment) => {
        const share = total === 0 ? 0 : segment.memberCount / total;
        return (
          <li key={segment.key}>
            <span>
              <SegmentLink segment={segment} />
              {segment.key === group.otherwise ? <small> {texts.rest}</small> : null}
            </span>
            <span className="figures">
              {formats.count(segment.memberCount)} <small>{formats.share(share)}</small>
            </span>
            <span className="bar" aria-hidden="true">
              <span style={{ width: `${share * 100}%`, ...(segment.color === null ? {} : { background: segment.color }) }} />
            </span>
          </li>
        );
      })}
      {rows.length <= most ? null : (
        <li>
          <a href={hrefOf(['groups', group.key])}>{texts.moreBars(formats.count(rows.length - most))}</a>
        </li>
      )}
    </ul>
  );
}
