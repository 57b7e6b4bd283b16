// In charge of how strongly a cell is coloured: never so strongly that its figure is hard to read, and the figure is always in it.
import type { CSSProperties } from 'react';

const MOST_PERCENT = 40;

/** `most`: the largest share in the table, which is coloured most strongly. */
export function heat(share: number | null, most = 1): CSSProperties {
  const strength = most <= 0 ? 0 : Math.max(0, Math.min(1, (share ?? 0) / most));
  const percent = Math.round(strength * MOST_PERCENT);
  return { background: `color-mix(in srgb, var(--chart-1) ${percent}%, transparent)` };
}
