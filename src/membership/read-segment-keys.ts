// In charge of what an answer to a write says: keys of the segments that its customers are in.
import type { Statement } from '../db/database.ts';
import type { Difference } from '../evaluation/find-differences.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';

/** Reads no keys, since the program knows them: a look-up for each membership was half of the cost. */
export function readHeldSegments(keys: readonly CustomerKey[]): Statement {
  return {
    name: 'read_held_segments',
    text: `
      select m.customer_id, array_agg(m.segment_id) as segment_ids
      from memberships as m
      where m.customer_id = any($1::bigint[])
      group by m.customer_id`,
    values: [keys],
  };
}

/** The keys in order, as they are once those differences are stored; for a transaction that holds the program's epoch. */
export function toSegmentKeys(
  rows: readonly Readonly<Record<string, unknown>>[],
  { definitions: { names } }: Program,
  differences: readonly Difference[] = [],
): ReadonlyMap<CustomerKey, readonly string[]> {
  const ids = new Map(rows.map((row) => [String(row['customer_id']), new Set(row['segment_ids'] as number[])]));
  for (const { customerKey, entered, exited } of differences) {
    const own = ids.get(customerKey) ?? new Set();
    ids.set(customerKey, own);
    for (const id of exited) own.delete(id);
    for (const id of entered) own.add(id);
  }
  const keyOf = (id: number): string => {
    const name = names.get(id);
    if (name === undefined) throw new Error(`segment ${id} has members and is not among the definitions`);
    return name.key;
  };
  return new Map([...ids].map(([customer, own]) => [customer, [...own].map(keyOf).sort()] as const));
}
