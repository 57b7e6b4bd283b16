// In charge of what the scores of recency, frequency and monetary value stand for.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Rfm } from './report.ts';

interface ScoreBand<Cut> {
  readonly score: number;
  readonly from: Cut | null;
  /** the bound does not belong to it */
  readonly to: Cut | null;
}

/** Scores from 1 up: each cut that is reached adds one. */
export function bandsAbove<Cut>(cuts: readonly Cut[]): readonly ScoreBand<Cut>[] {
  return [null, ...cuts].map((from, index) => ({ score: index + 1, from, to: cuts[index] ?? null }));
}

/** Best first: each cut that is reached takes one off. */
export function bandsBelow<Cut>(cuts: readonly Cut[]): readonly ScoreBand<Cut>[] {
  return bandsAbove(cuts).map((band, index) => ({ ...band, score: cuts.length + 1 - index }));
}

/** The words of each score. */
export function useScoreNames({ recencyCuts, frequencyCuts, monetaryCuts, currency }: Rfm) {
  const { reports: texts, report } = useTexts();
  const formats = useFormats();
  /** the last whole number before a cut */
  const before = (cut: number) => Math.ceil(cut) - 1;
  const wholeName = ({ from, to }: ScoreBand<number>, first: number, words: { of(count: string): string; from(count: string): string }) => {
    const least = from === null ? first : Math.ceil(from);
    if (to === null) return words.from(formats.count(least));
    return words.of(least >= before(to) ? formats.count(before(to)) : `${formats.count(least)}–${formats.count(before(to))}`);
  };
  const moneyName = ({ from, to }: ScoreBand<string>) => {
    const money = (amount: string) => formats.money(amount, currency);
    if (from === null) return to === null ? texts.rfm.all : report.bands.below(money(to));
    return to === null ? report.bands.from(money(from)) : `${money(from)}–${money(to)}`;
  };
  const find = <Cut>(bands: readonly ScoreBand<Cut>[], score: number) => bands.find((band) => band.score === score);
  return {
    recency: (score: number) => {
      const band = find(bandsBelow(recencyCuts), score);
      return band === undefined ? '' : wholeName(band, 0, texts.rfm.daysAgo);
    },
    frequency: (score: number) => {
      const band = find(bandsAbove(frequencyCuts), score);
      return band === undefined ? '' : wholeName(band, 1, texts.rfm.ordersOf);
    },
    monetary: (score: number) => {
      const band = find(bandsAbove(monetaryCuts), score);
      return band === undefined ? '' : moneyName(band);
    },
  };
}
