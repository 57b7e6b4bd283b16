// In charge of reading the audit: entries that have their place in the chain, newest first, filtered by who, what, about whom and when.
import { type Database, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import type { AuditOutcome } from './audit-entry.ts';

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  readonly target?: string | undefined;
  readonly customerKey?: string | undefined;
  /** epoch milliseconds; from, inclusive, and until, exclusive */
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

export interface AuditPlace {
  readonly atMs: number;
  readonly position: string;
}

export interface ReadPayload {
  /** whether it is about a customer who has not been erased */
  readonly isPersonal: boolean;
  /** JSON; null: removed */
  readonly content: string | null;
}

export interface ReadEntry {
  readonly position: string;
  readonly id: string;
  readonly atMs: number;
  readonly actor: string;
  readonly keyId: string | null;
  readonly address: string | null;
  readonly requestId: string;
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly target: string | null;
  readonly hash: Buffer;
  readonly chain: Buffer;
  readonly payloads: readonly ReadPayload[];
}

interface EntryRow extends Omit<ReadEntry, 'atMs' | 'payloads'> {
  at: number;
}

/** `after`: the place of the last entry of the previous page. */
export function listAudit(
  database: Database,
  filter: AuditFilter,
  page: { readonly limit: number; readonly after: AuditPlace | null },
): Promise<ReadEntry[]> {
  const { conditions, values } = conditionsOf(filter, page.after);
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<EntryRow>(
      `select a.position, a.id, a.at, a.actor, a.key_id as "keyId", a.address, a.request_id as "requestId", a.action, a.outcome, a.target,
         a.hash, a.chain
       from audit as a
       ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
       order by a.at desc, a.position desc
       limit $${values.length + 1}`,
      [...values, page.limit],
    );
    const [payloads = []] = await pipeline(client, [
      {
        name: 'payloads_of_entries',
        text: `
          select p.entry_id, p.customer_id is not null as is_personal, p.content
          from audit_payloads as p
          where p.entry_id = any($1::uuid[])
          order by p.entry_id, p.part`,
        values: [rows.map((row) => row.id)],
      },
    ]);
    const byEntry = Map.groupBy(payloads, (payload) => String(payload['entry_id']));
    return rows.map(({ at, ...row }) => ({
      ...row,
      atMs: at,
      payloads: (byEntry.get(row.id) ?? []).map((payload) => ({
        isPersonal: payload['is_personal'] === true,
        content: payload['content'] as string | null,
      })),
    }));
  });
}

/** As constants: the index of the rare outcomes cannot be used for a parameter. */
const LITERALS: Readonly<Record<AuditOutcome, string>> = { written: `'written'`, begun: `'begun'`, read: `'read'`, refused: `'refused'` };

/** The text has only the conditions that are asked for, so that their indexes are used. */
function conditionsOf(filter: AuditFilter, after: AuditPlace | null): { readonly conditions: string[]; readonly values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (value: unknown, condition: (parameter: string) => string) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  const iso = (epochMs: number | undefined) => (epochMs === undefined ? undefined : new Date(epochMs).toISOString());
  add(filter.actor, (it) => `a.actor = ${it}`);
  add(filter.action, (it) => `a.action = ${it}`);
  if (filter.outcome !== undefined) conditions.push(`a.outcome = ${LITERALS[filter.outcome]}`);
  add(filter.target, (it) => `a.target = ${it}`);
  const entriesOf = 'select p.entry_id from audit_payloads as p where p.customer_id =';
  add(filter.customerKey, (it) => `a.id = any(array(${entriesOf} ${it}::bigint))`);
  add(iso(filter.fromMs), (it) => `a.at >= ${it}::timestamptz`);
  add(iso(filter.untilMs), (it) => `a.at < ${it}::timestamptz`);
  if (after !== null) {
    values.push(iso(after.atMs), after.position);
    conditions.push(`(a.at, a.position) < ($${values.length - 1}::timestamptz, $${values.length}::bigint)`);
  }
  return { conditions, values };
}
