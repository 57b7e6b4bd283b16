// In charge of an import's row in `imports`: it says that a process is working on it, for as long as that renews it. What a dead import
// left behind (staged lines) is removed by the next one; what it owes (pending) is evaluated by the leader (membership/settle-pending.ts).
import type { Clock } from '../../base/clock.ts';
import { fixedIso } from '../../db/as-of.ts';
import type { Database } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { ImportKind } from './import-fields.ts';
import { LEASE_MS, RENEW_MS } from './limits.ts';

export interface Lease {
  readonly importId: string;
  /** Aborts when the lease has run out (the process stood still, or the database was away too long): another may have cleaned up. */
  readonly lost: AbortSignal;
  /**
   * Ends the import. → changes by the evaluations that it owed, whoever made them. Throws if the lease was lost before: then it cannot be vouched
   * for.
   */
  close(status: 'done' | 'failed'): Promise<number>;
}

/**
 * Imports that this process is working on. One that stands still for some seconds, as everything does on an overloaded machine, is slow and not
 * dead: the leader in the same process need not settle its debt.
 */
const workedOn = new WeakMap<Database, Set<string>>();

export function isWorkedOnHere(database: Database, importId: string): boolean {
  return workedOn.get(database)?.has(importId) === true;
}

/** The database's clock, or a test's: leases of many processes are compared by one clock. */
const NOW = 'coalesce($1::timestamptz, clock_timestamp())';

export async function openLease(database: Database, clock: Clock, kind: ImportKind): Promise<Lease> {
  await removeLeftovers(database, clock);
  const rows = await database.query<{ id: string }>({
    name: 'open_import',
    text: `
      insert into imports (kind, status, leased_until, started_at)
      values ($2, 'running', ${NOW} + ${LEASE_MS} * interval '1 millisecond', ${NOW})
      returning imports.id`,
    values: [fixedIso(clock), kind],
  });
  const importId = rows[0]?.id;
  if (importId === undefined) throw new Error('the import got no id');
  const lost = new AbortController();
  const closed = new AbortController();
  const ours = workedOn.get(database) ?? new Set();
  workedOn.set(database, ours.add(importId));
  lost.signal.addEventListener('abort', () => ours.delete(importId), { once: true });
  void renew(database, clock, importId, lost, closed.signal);
  return {
    importId,
    lost: lost.signal,
    close: async (status) => {
      closed.abort();
      ours.delete(importId);
      const [ended] = await database.query<{ changes: string }>({
        name: 'close_import',
        text: `
          update imports
          set status = $2, finished_at = ${NOW}, leased_until = ${NOW}
          where imports.id = $3::bigint
            and imports.status = 'running'
          returning imports.changes`,
        values: [fixedIso(clock), status, importId],
      });
      if (ended === undefined) throw leaseLost();
      return Number(ended.changes);
    },
  };
}

export function leaseLost(): AppError {
  return new AppError('unavailable', 'The import stood still for too long and was given up; send the file again to complete it.');
}

async function renew(database: Database, clock: Clock, importId: string, lost: AbortController, closed: AbortSignal): Promise<void> {
  let renewedMs = clock.nowMs();
  for (;;) {
    await clock.sleep(RENEW_MS, closed);
    if (closed.aborted) return;
    try {
      const rows = await database.query({
        name: 'renew_import',
        text: `
          update imports
          set leased_until = ${NOW} + ${LEASE_MS} * interval '1 millisecond'
          where imports.id = $2::bigint
            and imports.status = 'running'
          returning imports.id`,
        values: [fixedIso(clock), importId],
      });
      if (rows.length === 0) return lost.abort(leaseLost());
      renewedMs = clock.nowMs();
    } catch {
      // The database is away; the import's own statements notice that too. After the lease nobody may rely on it.
      if (clock.nowMs() - renewedMs > LEASE_MS) return lost.abort(leaseLost());
    }
  }
}

/** Marks imports whose lease ran out as failed, and removes staged lines that nobody will read any more: few imports have any, of all there were. */
async function removeLeftovers(database: Database, clock: Clock): Promise<void> {
  await database.query({
    name: 'fail_dead_imports',
    text: `
      update imports
      set status = 'failed', finished_at = ${NOW}
      where imports.status = 'running'
        and imports.leased_until < ${NOW}`,
    values: [fixedIso(clock)],
  });
  await database.query({
    name: 'remove_left_lines',
    text: `
      with recursive staging as (
        (
          select l.import_id
          from import_lines as l
          order by l.import_id
          limit 1
        )
        union all
        select (
          select n.import_id
          from import_lines as n
          where n.import_id > s.import_id
          order by n.import_id
          limit 1
        )
        from staging as s
        where s.import_id is not null
      )
      delete from import_lines
      where import_lines.import_id in (
          select s.import_id
          from staging as s
          join imports as i on i.id = s.import_id
          where i.status <> 'running'
        )`,
  });
}
