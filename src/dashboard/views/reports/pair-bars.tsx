// In charge of comparing members with everybody: two bars in each line, the shares as figures, and the difference in words.
import type { ReactNode } from 'react';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Part } from './report.ts';

/** Members closer to everybody than this are called the same. */
const SAME = 0.1;

export interface PairRow {
  readonly key: string;
  readonly name: ReactNode;
  readonly part: Part;
}

interface Props {
  readonly title: string;
  readonly rows: readonly PairRow[];
}

export function PairBars({ title, rows }: Props) {
  const formats = useFormats();
  const liftWords = useLiftWords('customers');
  const width = (share: number | null) => ({ width: `${Math.min(1, share ?? 0) * 100}%` });
  return (
    <section className="pair-bars">
      <h3>{title}</h3>
      <ul className="plain">
        {rows.map(({ key, name, part }) => (
          <li key={key}>
            <span className="pair-name">{name}</span>
            <small className="pair-lift">{liftWords(part.lift)}</small>
            <span className="figures">{part.share === null ? '–' : formats.share(part.share)}</span>
            <span className="pair" aria-hidden="true">
              <span className="pair-members" style={width(part.share)} />
              <span className="pair-everybody" style={width(part.shareOfEverybody)} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function PairLegend() {
  const { report: texts } = useTexts();
  return (
    <p className="pair-legend quiet" aria-hidden="true">
      <span>{texts.members}</span>
      <span>{texts.everybody}</span>
    </p>
  );
}

/** 1.8 → “1.8 times as many” */
export function useLiftWords(of: 'customers' | 'spending'): (lift: number | null) => string {
  const { lift: texts } = useTexts().report;
  const formats = useFormats();
  return (lift) => {
    if (lift === null) return texts.unknown;
    if (lift === 0) return texts[of].none;
    if (Math.abs(lift - 1) < SAME) return texts.same;
    const times = formats.decimal(lift, lift < 1 ? 2 : 1);
    return lift > 1 ? texts[of].more(times) : texts[of].less(times);
  };
}
