// In charge of shares, lifts and averages: null if there is nothing to divide by. Money comes and goes as bigint ten-thousandths.
import { divideRounded, printAmount } from '../ingest/amount.ts';

/** null: the whole is nothing. */
export function ratio(part: number | bigint, whole: number | bigint): number | null {
  return Number(whole) === 0 ? null : Number(part) / Number(whole);
}

/** The share in the segment divided by the share among everybody: 1 means as common as among everybody, 2 twice as common. */
export function lift(share: number | null, shareOfEverybody: number | null): number | null {
  return share === null || shareOfEverybody === null || shareOfEverybody === 0 ? null : share / shareOfEverybody;
}

export function printMoney(scaled: bigint): string {
  return printAmount(scaled.toString());
}

/** A decimal string, rounded to four decimals. */
export function printAverage(scaled: bigint, count: number): string | null {
  return count === 0 ? null : printMoney(divideRounded(scaled, BigInt(count)));
}
