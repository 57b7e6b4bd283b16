// In charge of evaluating whom imports have left pending: an importer settles what it owes itself before it answers, the leader what imports owe
// that have gone silent. The rows are pending.ts.
import type { Database } from '../db/database.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { LEASE_MS, SILENT_MS } from '../ingest/imports/limits.ts';
import type { Deciding } from './in-decision.ts';
import { type HalvesOptions, lookInHalves } from './look-in-halves.ts';

/** Customers of one look: larger ones were no faster per customer and hold their locks longer. */
const LOOK_CUSTOMERS = 2000;

/** Looks at the same time, at different customers: one connection does not keep two cores busy. */
const LOOKS_AT_ONCE = 2;

/** Where not even this many can be evaluated together, the reason is some of them and not their number. */
const LEAST_LOOK_CUSTOMERS = 125;

/**
 * Evaluates everybody whom the import owes, in order of key. If so many cannot be evaluated together, the looks are smaller from then on. Whoever
 * cannot be evaluated even alone is passed and stays owed; the error of the first of them is thrown when all others have been settled. → number
 * of changes
 */
export async function settlePending(deciding: Deciding, importId: string, signal?: AbortSignal): Promise<number> {
  let changes = 0;
  let most = LOOK_CUSTOMERS;
  let afterKey: CustomerKey = LEAST_KEY;
  const failures: unknown[] = [];
  const options: HalvesOptions = {
    onFailure: (error) => void failures.push(error),
    onTooMany: (customers) => {
      most = Math.max(Math.min(most, Math.ceil(customers / 2)), LEAST_LOOK_CUSTOMERS);
    },
  };
  while (signal?.aborted !== true) {
    const rows = await deciding.database.query<{ customer_id: CustomerKey }>({
      name: 'find_pending',
      text: `
        select p.customer_id
        from pending as p
        where p.import_id = $1::bigint and p.customer_id > $2::bigint
        order by p.customer_id
        limit $3`,
      values: [importId, afterKey, most * LOOKS_AT_ONCE],
    });
    const last = rows.at(-1);
    if (last === undefined) break;
    const keys = rows.map((row) => row.customer_id);
    const part = most;
    const looked = await Promise.allSettled(
      [keys.slice(0, part), keys.slice(part)]
        .filter((some) => some.length > 0)
        .map((some) => lookInHalves(deciding, { keys: some, cause: 'data' }, options)),
    );
    for (const outcome of looked) {
      if (outcome.status === 'rejected') throw outcome.reason;
      changes += outcome.value;
    }
    afterKey = last.customer_id;
  }
  if (failures.length > 0) throw failures[0];
  return changes;
}

/** SQL over imports that owe, which the recursive part gives: those whose lease says nothing of somebody who works. */
function abandonedAmong(owing: string): string {
  return `
    with ${owing.includes('from owing') ? 'recursive ' : ''}owing as (${owing}
    )
    select o.import_id
    from owing as o
    left join imports as i on i.id = o.import_id
    where o.import_id is not null
      and (
        i.id is null
        or i.leased_until not between coalesce($1::timestamptz, clock_timestamp()) + $2::integer * interval '1 millisecond'
          and coalesce($1::timestamptz, clock_timestamp()) + $3::integer * interval '1 millisecond' -- longer: the clock was set back since
      )`;
}

/**
 * Imports that owe evaluations and that apparently nobody works on: their process died, or gave up before it could settle. The index is
 * stepped through import by import: reading all that a large one owes took 0.1 s per 100,000 customers, at every look.
 */
export async function findAbandonedImports(database: Database, asOfIso: string | null): Promise<string[]> {
  const rows = await database.query<{ import_id: string }>({
    name: 'find_abandoned_imports',
    text: abandonedAmong(`
      (
        select p.import_id
        from pending as p
        order by p.import_id
        limit 1
      )
      union all
      select (
        select n.import_id
        from pending as n
        where n.import_id > o.import_id
        order by n.import_id
        limit 1
      )
      from owing as o
      where o.import_id is not null`),
    textOnCitus: abandonedAmong('select distinct p.import_id from pending as p'), // where no index can be stepped through
    values: [asOfIso, LEASE_MS - SILENT_MS, 2 * LEASE_MS],
  });
  return rows.map((row) => row.import_id);
}
