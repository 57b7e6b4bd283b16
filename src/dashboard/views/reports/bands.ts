// In charge of what bands are called.
import { useTexts } from '../../texts/texts.tsx';
import type { PairRow } from './pair-bars.tsx';
import type { Band } from './report.ts';

interface Options {
  readonly format: (value: number) => string;
  /** whole numbers: the band from 2 to 5 is 2–4 */
  readonly isWhole?: boolean;
  readonly none: string;
}

export function useBandRows(): (bands: readonly Band[], options: Options) => readonly PairRow[] {
  const { report: texts } = useTexts();
  const nameOf = ({ from, to }: Band, { format, isWhole = false, none }: Options) => {
    if (from === null) return to === null ? none : texts.bands.below(format(to));
    if (to === null) return texts.bands.from(format(from));
    const last = isWhole ? to - 1 : to;
    return from === last ? format(from) : `${format(from)}–${format(last)}`;
  };
  return (bands, options) => bands.map((band) => ({ key: `${band.from} ${band.to}`, name: nameOf(band, options), part: band }));
}
