// In charge of which customers imports still owe an evaluation when somebody evaluates them, and of adding what came of it to each import:
// whoever pays adds the changes to the import's row in the same transaction, so that the import's answer counts them whoever that was. Not of
// paying (pending.ts, catch-up.ts).
import type { Statement } from '../db/database.ts';
import type { Difference } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { countChanges } from './record.ts';

/** By customer the import that owes the evaluation; if several do, the oldest, so that no change is counted twice. */
export type Debts = ReadonlyMap<CustomerKey, string>;

/** For customers who are locked: no new debts arise for them until the transaction ends. */
export function readDebts(keys: readonly CustomerKey[]): Statement {
  return {
    name: 'read_debts',
    text: `
      select p.customer_id, min(p.import_id) as import_id
      from pending as p
      where p.customer_id = any($1::bigint[])
      group by p.customer_id`,
    values: [keys],
  };
}

export function toDebts(rows: readonly Readonly<Record<string, unknown>>[]): Debts {
  return new Map(rows.map((row) => [String(row['customer_id']), String(row['import_id'])]));
}

/** No statement if nothing was owed or nothing changed. */
export function tellImports(debts: Debts, differences: readonly Difference[]): readonly Statement[] {
  const changes = new Map<string, number>();
  for (const difference of debts.size === 0 ? [] : differences) {
    const importId = debts.get(difference.customerKey);
    if (importId !== undefined) changes.set(importId, (changes.get(importId) ?? 0) + countChanges([difference]));
  }
  if (changes.size === 0) return [];
  return [
    {
      name: 'tell_imports',
      text: `
        update imports
        set changes = imports.changes + u.changes
        from unnest($1::bigint[], $2::bigint[]) as u (import_id, changes)
        where imports.id = u.import_id`,
      values: [[...changes.keys()], [...changes.values()].map(String)],
    },
  ];
}
