// In charge of how strongly a cell is coloured: never so much that its figure is hard to read, and the figure always stands in it.
import type { CSSProperties } from 'react';

const MOST_PERCENT = 40;

/** `share` from 0 to 1 */
export function heat(share: number | null): CSSProperties {
  const percent = Math.round(Math.max(0, Math.min(1, share ?? 0)) * MOST_PERCENT);
  return { background: `color-mix(in srgb, var(--chart-1) ${percent}%, transparent)` };
}
