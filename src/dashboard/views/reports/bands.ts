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
  return (bands, options) => foldTails(bands).map((band) => ({ key: `${band.from} ${band.to}`, name: nameOf(band, options), part: band }));
}

/** Bands at either end that are rarer than this are shown as one: a few customers far out would stretch the list. */
const RARE = 0.005;

function foldTails(bands: readonly Band[]): readonly Band[] {
  const unmeasured = bands.filter(({ from, to }) => from === null && to === null);
  const measured = bands.filter((band) => !unmeasured.includes(band));
  const isRare = ({ share, shareOfEverybody }: Band) => (share ?? 0) < RARE && (shareOfEverybody ?? 0) < RARE;
  const first = measured.findIndex((band) => !isRare(band));
  if (first === -1) return bands;
  const end = measured.findLastIndex((band) => !isRare(band)) + 1;
  return [...unmeasured, ...folded(measured.slice(0, first)), ...measured.slice(first, end), ...folded(measured.slice(end))];
}

/** Neighbouring bands as one. */
function folded(bands: readonly Band[]): readonly Band[] {
  const [first] = bands;
  const last = bands.at(-1);
  if (first === undefined || last === undefined) return [];
  const sum = (of: (band: Band) => number | null) => bands.reduce((total, band) => total + (of(band) ?? 0), 0);
  const [share, shareOfEverybody] = [sum((band) => band.share), sum((band) => band.shareOfEverybody)];
  const lift = shareOfEverybody === 0 ? null : share / shareOfEverybody;
  return [
    {
      from: first.from,
      to: last.to,
      members: sum((band) => band.members),
      everybody: sum((band) => band.everybody),
      share,
      shareOfEverybody,
      lift,
    },
  ];
}
