// In charge of recording which of a report's segments each customer is in, as one number per customer: bit i is segment i. One statement then
// covers all segments and everybody, however they overlap.
import { assert } from '../base/assert.ts';

/** What a statement returns for the customers of one combination of segments; 0: those in none of them. */
export interface OfMask {
  readonly mask: number;
}

/** The bits of an integer, without its sign. */
const MOST_SEGMENTS = 30;

/** SQL: customer_id and mask of everybody in one of the segments, whose ids are the parameter `ids`; `isIn`: only one half of the customers. */
export function selectMasks(segments: number, ids: string, isIn?: (column: string) => string): string {
  assert(segments >= 1 && segments <= MOST_SEGMENTS, 'a mask has a bit for each segment');
  const half = isIn === undefined ? '' : `and ${isIn('m.customer_id')}`;
  if (segments === 1)
    return `
      select m.customer_id, 1 as mask
      from memberships as m
      where m.segment_id = (${ids}::integer[])[1] ${half}`;
  return `
      select m.customer_id, bit_or(1 << (array_position(${ids}::integer[], m.segment_id) - 1)) as mask
      from memberships as m
      where m.segment_id = any(${ids}::integer[]) ${half}
      group by m.customer_id`;
}

/** One amount for each segment, and one for everybody. */
export interface Amounts {
  readonly inside: readonly bigint[];
  readonly everybody: bigint;
}

/** `amountOf`: the amount of a row; int8 and numeric come as text. */
export function sumUp<Row extends OfMask>(rows: Iterable<Row>, segments: number, amountOf: (row: Row) => string): Amounts {
  const inside = new Array<bigint>(segments).fill(0n);
  let everybody = 0n;
  for (const row of rows) {
    const amount = BigInt(amountOf(row));
    everybody += amount;
    for (let index = 0; index < segments; index += 1) if ((row.mask >> index) & 1) inside[index] = (inside[index] ?? 0n) + amount;
  }
  return { inside, everybody };
}

/** The same for each value of what distinguishes the rows. */
export function sumUpBy<Row extends OfMask, Key>(
  rows: Iterable<Row>,
  segments: number,
  keyOf: (row: Row) => Key,
  amountOf: (row: Row) => string,
): ReadonlyMap<Key, Amounts> {
  return new Map([...Map.groupBy(rows, keyOf)].map(([key, group]) => [key, sumUp(group, segments, amountOf)]));
}
