// In charge of reading the audit: entries that have their place in the chain, newest first, filtered by who, what, about whom and when. A page
// ends before it holds more than so many bytes, and an entry shows only so many of its payloads.
import type { Client, Database } from '../db/database.ts';
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
  /** false: removed */
  readonly isKept: boolean;
  /** JSON; null: removed, or not to be seen */
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
  /** in their order; the first of them, and those of the customer who was asked for */
  readonly payloads: readonly ReadPayload[];
  /** how many there are */
  readonly payloadCount: number;
}

interface EntryRow extends Omit<ReadEntry, 'atMs' | 'payloads' | 'payloadCount'> {
  at: number;
}

/** A page of batches would be gigabytes: a thousand requests of a thousand rows each. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Of one entry; its first payload is shown however long it is. */
export const ENTRY_BYTES_MAX = 2 * 1024 * 1024;
export const ENTRY_PAYLOADS_MAX = 1_000;
/** What a payload counts beside its content: what stands around it in an answer. */
const AROUND_BYTES = 64;
/** Entries whose payloads are measured at a time, so that a page which ends early has not measured all that were asked for. */
const MEASURED_AT_ONCE = 100;

export interface AuditPage {
  /** at least one, if there is any */
  readonly entries: readonly ReadEntry[];
  readonly hasMore: boolean;
}

/** `after`: the place of the last entry of the previous page. `seesPersonal`: contents about customers are read too. */
export function listAudit(
  database: Database,
  filter: AuditFilter,
  page: { readonly limit: number; readonly after: AuditPlace | null; readonly seesPersonal: boolean },
): Promise<AuditPage> {
  const { conditions, values } = conditionsOf(filter, page.after);
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<EntryRow>(
      `select a.position, a.id, a.at, a.actor, a.key_id as "keyId", a.address, a.request_id as "requestId", a.action, a.outcome, a.target,
         a.hash, a.chain
       from audit as a
       ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
       order by a.at desc, a.position desc
       limit $${values.length + 1}`,
      [...values, page.limit + 1],
    );
    const entries: ReadEntry[] = [];
    const asked = rows.slice(0, page.limit);
    let room = PAGE_BYTES_MAX;
    for (let from = 0; from < asked.length && entries.length === from; from += MEASURED_AT_ONCE) {
      const measured = asked.slice(from, from + MEASURED_AT_ONCE);
      const found = await readPayloads(client, measured, { ...page, customerKey: filter.customerKey ?? null, room, isFirst: from === 0 });
      for (const { at, ...row } of measured) {
        const payloads = found.get(row.id);
        if (payloads === undefined) break;
        entries.push({ ...row, atMs: at, payloads: payloads.flatMap(toPayload), payloadCount: payloads[0]?.payload_count ?? 0 });
        room = Math.max(0, room - (payloads[0]?.bytes ?? 0));
      }
    }
    return { entries, hasMore: rows.length > entries.length };
  });
}

interface PayloadRow {
  entry_id: string;
  /** null: the entry has none */
  part: number | null;
  is_kept: boolean;
  content: string | null;
  payload_count: number;
  /** of all that is shown of the entry */
  bytes: number;
}

// The sizes are found without the contents, whose length Postgres knows without reading them, and only what is shown is read. The outer
// select takes whole entries, in their order, as long as there is room.
const PAYLOADS = `
  select m.entry_id, m.part, m.payload_count, m.bytes, p.content is not null as is_kept,
    case when $2::boolean or p.customer_id is null then p.content end as content
  from (
    select s.*, sum(s.cost) over (partition by s.place)::float8 as bytes, sum(s.cost) over (order by s.place) as bytes_so_far
    from (
      select e.place, e.id as entry_id, q.part, q.cost,
        row_number() over (partition by e.place order by q.is_asked desc, q.part) as nth,
        sum(q.cost) over (partition by e.place order by q.is_asked desc, q.part) as bytes_of_entry,
        (count(q.part) over (partition by e.place))::integer as payload_count
      from unnest($1::uuid[]) with ordinality as e (id, place)
        left join lateral (
          select a.part, coalesce(a.customer_id = $3::bigint, false) as is_asked,
            ${AROUND_BYTES} + case when $2::boolean or a.customer_id is null then coalesce(octet_length(a.content), 0) else 0 end as cost
          from audit_payloads as a
          where a.entry_id = e.id
        ) as q on true
    ) as s
    where s.nth = 1 or (s.nth <= ${ENTRY_PAYLOADS_MAX} and s.bytes_of_entry <= ${ENTRY_BYTES_MAX})
  ) as m
    left join audit_payloads as p on p.entry_id = m.entry_id and p.part = m.part
  where m.bytes_so_far <= $4::float8 or (m.place = 1 and $5::boolean) or m.part is null
  order by m.place, m.part`;

interface Measured {
  readonly seesPersonal: boolean;
  readonly customerKey: string | null;
  /** bytes that the page has left */
  readonly room: number;
  /** the page has no entry yet, so the first of these is shown however long it is */
  readonly isFirst: boolean;
}

/** By entry; entries that do not fit are absent. */
async function readPayloads(client: Client, entries: readonly EntryRow[], of: Measured): Promise<ReadonlyMap<string, PayloadRow[]>> {
  const ids = entries.map(({ id }) => id);
  const { rows } = await client.query<PayloadRow>({
    name: 'payloads_of_entries',
    text: PAYLOADS,
    values: [ids, of.seesPersonal, of.customerKey, of.room, of.isFirst],
  });
  return Map.groupBy(rows, (row) => row.entry_id);
}

function toPayload({ part, is_kept, content }: PayloadRow): ReadPayload[] {
  return part === null ? [] : [{ isKept: is_kept, content }];
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
