// In charge of the drawing of flows: on the left who was where before, on the right where they are after. A picture for those who see it; the
// figures are in the table below as well.
import { useFormats, useTexts } from '../../texts/texts.tsx';
import type { Flow } from './report.ts';
import { type Bar, layOut, outlineOf } from './sankey.ts';
import { useWidth } from './use-width.ts';

const BAR = 8;
const NAME_SHARE = 0.26;
const NAME_MOST = 220;
const COLORS = 6;

interface Props {
  readonly flows: readonly Flow[];
  /** from top to bottom */
  readonly order: readonly string[];
  readonly nameOf: (segment: string | null) => string;
  readonly before: string;
  readonly after: string;
}

export function FlowDrawing({ flows, order, nameOf, before, after }: Props) {
  const { flows: texts } = useTexts();
  const formats = useFormats();
  const { ref, width } = useWidth();
  const { height, left, right, bands } = layOut(flows, order);
  const nameWidth = Math.min(NAME_MOST, width * NAME_SHARE);
  const inner = Math.max(40, width - 2 * nameWidth);
  const colorOf = (segment: string | null) => (segment === null ? 'none' : String(order.indexOf(segment) % COLORS));
  const names = (bars: readonly Bar[], side: 'start' | 'end') => (
    <ul className={`flow-names flow-names-${side}`} style={{ width: nameWidth, height }}>
      {bars.map(({ segment, customers, slotTop, slotHeight }) => (
        <li key={segment ?? ''} style={{ top: slotTop, height: slotHeight }}>
          <bdi className="flow-name">{nameOf(segment)}</bdi>
          <span className="figures">{formats.count(customers)}</span>
        </li>
      ))}
    </ul>
  );
  return (
    <figure className="flow-drawing" ref={ref} role="img" aria-label={texts.summary(before, after)}>
      <div className="flow-ends" aria-hidden="true">
        <span>{before}</span>
        <span>{after}</span>
      </div>
      <div className="flow-columns" aria-hidden="true">
        {names(left, 'end')}
        <svg width={inner} height={height} aria-hidden="true">
          {bands.map((band) => {
            const { from, to, customers } = band.flow;
            return (
              <path key={`${from} ${to}`} className={`flow-band flow-color-${colorOf(from)}`} d={outlineOf(band, BAR + 4, inner - BAR - 4)}>
                <title>{`${nameOf(from)} → ${nameOf(to)}: ${formats.count(customers)}`}</title>
              </path>
            );
          })}
          {left.map(({ segment, top, height: tall }) => (
            <rect key={`l${segment}`} className={`flow-color-${colorOf(segment)}`} x={4} y={top} width={BAR} height={tall} rx={2} />
          ))}
          {right.map(({ segment, top, height: tall }) => (
            <rect
              key={`r${segment}`}
              className={`flow-color-${colorOf(segment)}`}
              x={inner - BAR - 4}
              y={top}
              width={BAR}
              height={tall}
              rx={2}
            />
          ))}
        </svg>
        {names(right, 'start')}
      </div>
    </figure>
  );
}
