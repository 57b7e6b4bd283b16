// In charge of one part of a distribution: how many members and how many of everybody are in it, with shares and lift.
import type { Amounts } from './masks.ts';
import { lift, ratio } from './ratio.ts';

export interface Part {
  readonly members: number;
  /** of all members */
  readonly share: number | null;
  readonly everybody: number;
  readonly shareOfEverybody: number | null;
  readonly lift: number | null;
}

/** For the segment at `index` among those that the amounts are for. */
export function partOf({ inside, everybody }: Amounts, totals: Amounts, index: number): Part {
  const members = inside[index] ?? 0n;
  const share = ratio(members, totals.inside[index] ?? 0n);
  const shareOfEverybody = ratio(everybody, totals.everybody);
  return { members: Number(members), share, everybody: Number(everybody), shareOfEverybody, lift: lift(share, shareOfEverybody) };
}
