// In charge of how far segments overlap: customers in both of each two, and those in exactly these segments and none of the others. Not of who
// they are.
import type { Clock } from '../base/clock.ts';
import type { Database } from '../db/database.ts';
import { type CustomerCount, readCombinations } from './count-customers.ts';
import { inReport } from './in-report.ts';
import { ratio } from './ratio.ts';
import type { ReportFrame } from './read-segment-report.ts';

export const OVERLAP_MAX = 20;

export interface Pair {
  readonly left: string;
  readonly right: string;
  /** customers in both */
  readonly both: number;
  /** customers in at least one */
  readonly either: number;
  /** both, divided by either */
  readonly jaccard: number | null;
  readonly shareOfLeft: number | null;
  readonly shareOfRight: number | null;
  /** both, divided by what would be expected if the segments had nothing to do with each other */
  readonly lift: number | null;
}

export interface Intersection {
  /** in these, and in none of the others */
  readonly segments: readonly string[];
  readonly customers: number;
}

export interface OverlapReport extends ReportFrame {
  readonly everybody: number;
  readonly sizes: readonly { readonly segment: string; readonly members: number }[];
  /** customers in at least one */
  readonly inAny: number;
  /** each pair once, in the order of the keys */
  readonly pairs: readonly Pair[];
  /** largest first, all combinations that somebody is in */
  readonly intersections: readonly Intersection[];
}

/** For at most 20 segments, by key. */
export function readOverlap(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  segments: ReadonlyMap<string, number>,
): Promise<OverlapReport> {
  return inReport(database, clock, async (source) => {
    const combinations = await readCombinations(source, [...segments.values()]);
    const [all] = await source.database.query<{ customers: string }>({ text: 'select count(*) as customers from customers as c' });
    return { atMs: source.atMs, position: source.position, ...toOverlap([...segments.keys()], combinations, Number(all?.customers ?? 0)) };
  });
}

function toOverlap(keys: readonly string[], combinations: readonly CustomerCount[], everybody: number) {
  const together = keys.map(() => keys.map(() => 0));
  for (const { mask, customers } of combinations) {
    const inside = keys.flatMap((_, index) => ((mask >> index) & 1 ? [index] : []));
    for (const left of inside)
      for (const right of inside) {
        const row = together[left];
        if (row !== undefined) row[right] = (row[right] ?? 0) + Number(customers);
      }
  }
  const both = (left: number, right: number) => together[left]?.[right] ?? 0;
  const intersections = combinations.map(({ mask, customers }) => ({
    segments: keys.filter((_, index) => (mask >> index) & 1),
    customers: Number(customers),
  }));
  return {
    everybody,
    sizes: keys.map((segment, index) => ({ segment, members: both(index, index) })),
    inAny: intersections.reduce((sum, { customers }) => sum + customers, 0),
    pairs: keys.flatMap((left, index) =>
      keys
        .slice(index + 1)
        .map((right, after) =>
          toPair(
            { left, right },
            both(index, index + 1 + after),
            both(index, index),
            both(index + 1 + after, index + 1 + after),
            everybody,
          ),
        ),
    ),
    intersections: intersections.sort((a, b) => b.customers - a.customers), // stable: in order of the mask
  };
}

function toPair(names: Pick<Pair, 'left' | 'right'>, both: number, left: number, right: number, everybody: number): Pair {
  const either = left + right - both;
  return {
    ...names,
    both,
    either,
    jaccard: ratio(both, either),
    shareOfLeft: ratio(both, left),
    shareOfRight: ratio(both, right),
    lift: ratio(both * everybody, left * right),
  };
}
