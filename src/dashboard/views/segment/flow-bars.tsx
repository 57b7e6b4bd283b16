// Who entered (up) and left (down) in each period, as bars on one scale. The figures are in the table below as well.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { SizesProps } from './overview-tab.tsx';

const STEP = 10;
const HALF = 46;

export function FlowBars({ points, timeZone, resolution }: SizesProps) {
  const { segment: texts } = useTexts();
  const formats = useFormats();
  const most = Math.max(1, ...points.map(({ entered, left }) => Math.max(entered, left)));
  const total = (name: 'entered' | 'left') => formats.count(points.reduce((sum, point) => sum + point[name], 0));
  const height = (count: number) => (count === 0 ? 0 : Math.max(1.5, (HALF * count) / most));
  return (
    <figure className="flow">
      <svg
        viewBox={`0 0 ${points.length * STEP} ${2 * HALF + 1}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={texts.sizes.flowSummary(total('entered'), total('left'))}
      >
        {points.map(({ at, entered, left }, index) => (
          <g key={at}>
            <title>
              {`${formats.period(at, timeZone, resolution)}: ${texts.sizes.entered} ${formats.count(entered)}, ${texts.sizes.left} ${formats.count(left)}`}
            </title>
            <rect className="flow-ground" x={index * STEP} y="0" width={STEP} height={2 * HALF + 1} />
            <rect className="flow-in" x={index * STEP + 1.5} y={HALF - height(entered)} width={STEP - 3} height={height(entered)} />
            <rect className="flow-out" x={index * STEP + 1.5} y={HALF + 1} width={STEP - 3} height={height(left)} />
          </g>
        ))}
        <rect className="flow-axis" x="0" y={HALF} width={points.length * STEP} height="1" />
      </svg>
      <figcaption>
        <span className="flow-key-in">
          {texts.sizes.entered} {total('entered')}
        </span>
        <span className="flow-key-out">
          {texts.sizes.left} {total('left')}
        </span>
      </figcaption>
    </figure>
  );
}
