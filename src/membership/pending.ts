// In charge of the rows of customers whose evaluation an import has put off: written with the facts, so that they outlive a crash, read and dropped
// by whoever evaluates the customer, who adds the changes to the import's own count in the same transaction. Not of evaluating (settle-pending.ts).
import type { Statement } from '../db/database.ts';
import type { Difference } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { countChanges } from './record.ts';

/** By customer the import that owes the evaluation; if several do, the oldest, so that no change is counted twice. */
export type Pending = ReadonlyMap<CustomerKey, string>;

export function owe(importId: string, keys: readonly CustomerKey[]): Statement {
  return {
    name: 'owe_evaluation',
    text: `
      insert into pending (customer_id, import_id)
      select u.customer_id, $1::bigint
      from unnest($2::bigint[]) as u (customer_id)
      order by u.customer_id
      on conflict do nothing`,
    values: [importId, keys],
  };
}

/** For customers who are locked: nothing more is owed to them until the transaction ends. */
export function readPending(keys: readonly CustomerKey[]): Statement {
  return {
    name: 'read_pending',
    text: `
      select p.customer_id, min(p.import_id) as import_id
      from pending as p
      where p.customer_id = any($1::bigint[])
      group by p.customer_id`,
    values: [keys],
  };
}

export function toPending(rows: readonly Readonly<Record<string, unknown>>[]): Pending {
  return new Map(rows.map((row) => [String(row['customer_id']), String(row['import_id'])]));
}

export function dropPending(keys: readonly CustomerKey[]): Statement {
  return { name: 'settle_pending', text: 'delete from pending as p where p.customer_id = any($1::bigint[])', values: [keys] };
}

/** No statement if nothing was owed or nothing changed. */
export function tellImports(pending: Pending, differences: readonly Difference[]): readonly Statement[] {
  const changes = new Map<string, number>();
  for (const difference of pending.size === 0 ? [] : differences) {
    const importId = pending.get(difference.customerKey);
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
