// In charge of where flows are drawn: segments as bars on either side, as tall as the number of customers in them, and bands from one side to
// the other. Pure: in pixels from the top; the width of the drawing is not known here.
import type { Flow } from './report.ts';

export interface Bar {
  /** a segment; null: none of them */
  readonly segment: string | null;
  readonly customers: number;
  /** where its name may be written, whatever is beside it */
  readonly slotTop: number;
  readonly slotHeight: number;
  readonly top: number;
  readonly height: number;
}

export interface Band {
  readonly flow: Flow;
  readonly leftTop: number;
  readonly rightTop: number;
  readonly height: number;
}

export interface Sankey {
  readonly height: number;
  readonly left: readonly Bar[];
  readonly right: readonly Bar[];
  readonly bands: readonly Band[];
}

/** The height of all bands together. */
const FULL = 340;
/** So that a name and a figure fit beside each bar. */
const SLOT_MIN = 54;
const GAP = 8;
const BAND_MIN = 1;

/** `order`: the segments from top to bottom; none comes last. */
export function layOut(flows: readonly Flow[], order: readonly string[]): Sankey {
  const total = flows.reduce((sum, { customers }) => sum + customers, 0);
  const heightOf = ({ customers }: Flow) => Math.max(BAND_MIN, (FULL * customers) / Math.max(1, total));
  const places = [...order, null];
  const left = stack(flows, places, heightOf, 'from');
  const right = stack(flows, places, heightOf, 'to');
  const bands = flows.map((flow) => ({ flow, height: heightOf(flow), leftTop: startOf(left, flow), rightTop: startOf(right, flow) }));
  const ends = [left.bars.at(-1), right.bars.at(-1)].map((bar) => (bar === undefined ? 0 : bar.slotTop + bar.slotHeight));
  return { height: Math.max(...ends), left: left.bars, right: right.bars, bands };
}

interface Side {
  readonly bars: readonly Bar[];
  readonly starts: ReadonlyMap<Flow, number>;
}

function stack(flows: readonly Flow[], places: readonly (string | null)[], heightOf: (flow: Flow) => number, end: 'from' | 'to'): Side {
  const other = end === 'from' ? 'to' : 'from';
  const starts = new Map<Flow, number>();
  const bars: Bar[] = [];
  let slotTop = 0;
  for (const segment of places) {
    const own = flows.filter((flow) => flow[end] === segment).toSorted((a, b) => places.indexOf(a[other]) - places.indexOf(b[other]));
    if (own.length === 0) continue;
    const height = own.reduce((sum, flow) => sum + heightOf(flow), 0);
    const slotHeight = Math.max(SLOT_MIN, height);
    const top = slotTop + (slotHeight - height) / 2;
    let next = top;
    for (const flow of own) {
      starts.set(flow, next);
      next += heightOf(flow);
    }
    bars.push({ segment, customers: own.reduce((sum, { customers }) => sum + customers, 0), slotTop, slotHeight, top, height });
    slotTop += slotHeight + GAP;
  }
  return { bars, starts };
}

function startOf({ starts }: Side, flow: Flow): number {
  return starts.get(flow) ?? 0;
}

/** The outline of a band between two bars, as an SVG path. */
export function outlineOf({ leftTop, rightTop, height }: Band, from: number, to: number): string {
  const middle = (from + to) / 2;
  const curve = (y1: number, x2: number, y2: number) => `C ${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  return [
    `M ${from} ${leftTop}`,
    curve(leftTop, to, rightTop),
    `L ${to} ${rightTop + height}`,
    curve(rightTop + height, from, leftTop + height),
    'Z',
  ].join(' ');
}
