// In charge of evaluating whom imports have left pending: an importer settles what it owes itself before it answers, the leader what imports owe
// that have gone silent. The rows are pending.ts.
import type { Database } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { LEASE_MS, SILENT_MS } from '../ingest/imports/limits.ts';
import type { Deciding } from './in-decision.ts';
import { lookAgain } from './look-again.ts';

/** Customers of one look: larger ones were no faster per customer and hold their locks longer. */
const LOOK_CUSTOMERS = 2000;

/** Looks at the same time, at different customers: one connection does not keep two cores busy. */
const LOOKS_AT_ONCE = 2;

/** Evaluates everybody whom the import owes, in order of key. → number of changes */
export async function settlePending(deciding: Deciding, importId: string, signal?: AbortSignal): Promise<number> {
  let changes = 0;
  while (signal?.aborted !== true) {
    const rows = await deciding.database.query<{ customer_id: CustomerKey }>({
      name: 'find_pending',
      text: `
        select p.customer_id
        from pending as p
        where p.import_id = $1::bigint
        order by p.customer_id
        limit ${LOOK_CUSTOMERS * LOOKS_AT_ONCE}`,
      values: [importId],
    });
    if (rows.length === 0) break;
    const keys = rows.map((row) => row.customer_id);
    const looked = await Promise.allSettled(
      [keys.slice(0, LOOK_CUSTOMERS), keys.slice(LOOK_CUSTOMERS)]
        .filter((part) => part.length > 0)
        .map((part) => lookAgain(deciding, { keys: part, cause: 'data' })),
    );
    for (const outcome of looked) {
      if (outcome.status === 'rejected') throw outcome.reason;
      changes += outcome.value;
    }
  }
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
