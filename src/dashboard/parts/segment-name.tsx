// A segment or a status as it is named everywhere on the page. Names are text, whatever they contain; `bdi` isolates right-to-left ones.
import { hrefOf } from '../route.ts';
import { useTexts } from '../texts/texts.tsx';

/** From this many letters on, a text may need more lines than are shown. */
const LONG = 60;

export type Status = 'draft' | 'building' | 'active' | 'paused' | 'failed' | 'archiving' | 'archived';

export function StatusMark({ status }: { readonly status: Status }) {
  const texts = useTexts();
  return <span className={`status status-${status}`}>{texts.status[status]}</span>;
}

interface Named {
  readonly key: string;
  readonly name: string;
  readonly icon?: string | null;
  readonly color?: string | null;
}

export function SegmentLink({ segment }: { readonly segment: Named }) {
  return (
    <a className="segment-link" href={hrefOf(['segments', segment.key])}>
      <span className="dot" style={segment.color == null ? undefined : { background: segment.color }} aria-hidden="true" />
      {segment.icon == null ? null : <span aria-hidden="true">{segment.icon}</span>}
      <bdi title={segment.name.length > LONG ? segment.name : undefined}>{segment.name}</bdi>
    </a>
  );
}
