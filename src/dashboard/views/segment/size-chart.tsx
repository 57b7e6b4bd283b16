// The size over time, drawn by uPlot; loaded when first shown. A picture for those who see it: the figures are in the table below as well.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTheme } from '../../parts/theme.ts';
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { SizesProps } from './overview-tab.tsx';

const HEIGHT = 220;
const DARK = window.matchMedia('(prefers-color-scheme: dark)');

function useSystemDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      DARK.addEventListener('change', listener);
      return () => DARK.removeEventListener('change', listener);
    },
    () => DARK.matches,
  );
}

export default function SizeChart({ points, timeZone, resolution }: SizesProps) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const theme = useTheme();
  const isDark = useSystemDark();
  const box = useRef<HTMLDivElement>(null);
  const words = useRef<HTMLParagraphElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the page, which the theme has changed by then
  useEffect(() => {
    const place = box.current;
    if (place === null) return undefined;
    // a custom property contains the colours of light and dark; as an element's colour it is the one that is shown
    const color = (name: string) => {
      place.style.color = `var(${name})`;
      return getComputedStyle(place).color;
    };
    const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui' };
    const say = (index: number | null | undefined) => {
      const point = points[index ?? points.length - 1];
      if (words.current === null || point === undefined) return;
      words.current.textContent = `${formats.period(point.at, timeZone, resolution)} · ${formats.count(point.size)}`;
    };
    const plot = new UPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), timeZone),
        scales: { y: { range: (_plot, least, most) => rangeOf(least, most) } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 30,
            values: (_plot, splits) => splits.map((seconds) => formats.tick(new Date(seconds * 1000).toISOString(), timeZone, resolution)),
            space: 90,
          },
          {
            ...axis,
            size: axisWidth,
            values: (_plot, splits) => splits.map((size) => (Number.isInteger(size) ? formats.count(size) : '')),
          },
        ],
        series: [{}, { stroke: color('--chart-1'), width: 2, fill: color('--accent-soft'), points: { show: points.length < 3 } }],
        hooks: { setCursor: [({ cursor }) => say(cursor.idx)] },
      },
      [points.map(({ at }) => Date.parse(at) / 1000), points.map(({ size }) => size)],
      place,
    );
    say(null);
    const watcher = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
    watcher.observe(place);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [points, timeZone, resolution, formats, theme, isDark]);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const ends = [first, last].map(({ at }) => formats.period(at, timeZone, resolution));
  const summary = texts.sizes.summary(ends[0] ?? '', ends[1] ?? '', formats.count(first.size), formats.count(last.size));
  return (
    <div className="size-chart">
      <p ref={words} className="quiet" aria-hidden="true" />
      <div ref={box} role="img" aria-label={summary} />
    </div>
  );
}

const LETTER = 7;
const AXIS_GAP = 14;

/** As wide as the longest of its figures, so that millions are not cut off. */
function axisWidth(_plot: UPlot, values: readonly string[] | null): number {
  return AXIS_GAP + LETTER * Math.max(4, ...(values ?? []).map(({ length }) => length));
}

/** From zero, so that a small change does not look like a large one. */
function rangeOf(_least: number | null, most: number | null): [number, number] {
  return [0, Math.max(4, (most ?? 0) * 1.08)];
}
