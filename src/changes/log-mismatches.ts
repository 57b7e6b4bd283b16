// In charge of comparing memberships with the log replayed from empty, including what waits in the outbox: the last change of each customer
// and segment, and since when it holds. One statement, so one snapshot. Also of the records that make the log say what is stored.
import { type Client, pipeline, type Statement } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Moment } from '../membership/moment.ts';

/** How the log and the memberships may contradict each other, in words that need no escaping in SQL. */
export const LOG_FAULTS = {
  not_logged: 'is a member and the feed has no entry of it',
  not_held: 'entered by the feed and is no member',
  other_since: 'is a member since another instant or version than the feed says',
} as const;

export type LogFault = keyof typeof LOG_FAULTS;

export interface LogMismatch {
  readonly customerKey: CustomerKey;
  readonly segmentId: number;
  readonly fault: LogFault;
  /** according to the log; null: the log says nothing */
  readonly sinceMs: number | null;
  readonly version: number | null;
}

/**
 * SQL: customer_id, segment_id, fault, at, version. If the log was trimmed, a membership about which it says nothing is older than the log.
 * `narrow` keeps a column of customers to some of them.
 */
export function logMismatchesText(narrow: (column: string) => string): string {
  return `
    select coalesce(h.customer_id, w.customer_id) as customer_id, coalesce(h.segment_id, w.segment_id) as segment_id,
      case
        when h.customer_id is null then 'not_held'
        when w.type is distinct from 'entered' then 'not_logged'
        else 'other_since'
      end as fault,
      w.at, w.version
    from (
      select m.customer_id, m.segment_id, m.since, m.version
      from memberships as m
      where ${narrow('m.customer_id')}
    ) as h
    full join (
      select distinct on (v.customer_id, v.segment_id) v.customer_id, v.segment_id, v.type, v.at, v.version
      from (
        select c.customer_id, c.segment_id, c.type, c.at, c.version, 0 as stage, c.position as place, 0 as ordinal
        from changes as c
        where ${narrow('c.customer_id')} and c.type in ('entered', 'exited') and c.customer_id is not null
        union all
        select o.customer_id, o.segment_id, o.type, o.at, o.version, 1, o.decision, o.ordinal
        from outbox as o
        where ${narrow('o.customer_id')} and o.customer_id <> 0
      ) as v
      order by v.customer_id, v.segment_id, v.stage desc, v.place desc, v.ordinal desc
    ) as w on w.customer_id = h.customer_id and w.segment_id = h.segment_id
    where case
      when h.customer_id is null then w.type = 'entered'
      when w.type is null then not exists (select from trimmed as t where t.position > 0)
      else w.type <> 'entered' or w.at <> h.since or w.version <> h.version
    end`;
}

export async function findLogMismatches(client: Client, keys: readonly CustomerKey[]): Promise<readonly LogMismatch[]> {
  if (keys.length === 0) return [];
  const [rows = []] = await pipeline(client, [
    { name: 'find_log_mismatches', text: logMismatchesText((column) => `${column} = any($1::bigint[])`), values: [keys] },
  ]);
  return rows.map((row) => ({
    customerKey: String(row['customer_id']),
    segmentId: Number(row['segment_id']),
    fault: row['fault'] as LogFault,
    sinceMs: row['at'] as number | null,
    version: row['version'] as number | null,
  }));
}

export interface Reconciling {
  readonly mismatches: readonly LogMismatch[];
  readonly moment: Moment;
  readonly ordinalFrom: number;
  /** undefined: the segment is not live, and the stored version will do */
  versionOf(segmentId: number): number | undefined;
}

/** Makes the log say what is stored now, with cause `repair`: consumers are told what they had not been. → statements, in order */
export function reconcileLog({ mismatches, moment, ordinalFrom, versionOf }: Reconciling): Statement[] {
  const at = new Date(moment.asOfMs).toISOString();
  const untold = mismatches.filter(({ fault }) => fault !== 'other_since');
  const exits = untold.filter(({ fault }) => fault === 'not_held');
  const entries = untold.filter(({ fault }) => fault === 'not_logged');
  const others = mismatches.filter(({ fault }) => fault === 'other_since');
  const told = [...exits, ...entries];
  const statements: Statement[] = [];
  if (told.length > 0) {
    statements.push({
      text: `
        insert into outbox (decision, ordinal, customer_id, segment_id, type, version, cause, at, since, since_version)
        select $1::bigint, $2::integer + u.ordinal, u.customer_id, u.segment_id, u.type, coalesce(u.version, m.version), 'repair',
          $3::timestamptz, u.since, u.since_version
        from unnest($4::bigint[], $5::integer[], $6::text[], $7::integer[], $8::timestamptz[], $9::integer[])
          with ordinality as u (customer_id, segment_id, type, version, since, since_version, ordinal)
        left join memberships as m on m.customer_id = u.customer_id and m.segment_id = u.segment_id`,
      onCitus: 'and m.customer_id = any($4::bigint[])',
      values: [
        moment.decision,
        ordinalFrom,
        at,
        told.map((each) => each.customerKey),
        told.map((each) => each.segmentId),
        told.map((each) => (each.fault === 'not_held' ? 'exited' : 'entered')),
        told.map((each) => versionOf(each.segmentId) ?? each.version),
        told.map((each) => (each.fault === 'not_held' && each.sinceMs !== null ? new Date(each.sinceMs).toISOString() : null)),
        told.map((each) => (each.fault === 'not_held' ? each.version : null)),
      ],
    });
  }
  const held = [
    ...entries.map((each) => ({ ...each, since: at, version: versionOf(each.segmentId) ?? null })),
    ...others.map((each) => ({ ...each, since: each.sinceMs === null ? at : new Date(each.sinceMs).toISOString() })),
  ];
  if (held.length > 0) {
    statements.push({
      text: `
        update memberships as m
        set since = u.since, version = coalesce(u.version, m.version)
        from unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::integer[]) as u (customer_id, segment_id, since, version)
        where m.customer_id = u.customer_id and m.segment_id = u.segment_id`,
      values: [
        held.map((each) => each.customerKey),
        held.map((each) => each.segmentId),
        held.map((each) => each.since),
        held.map((each) => each.version),
      ],
    });
  }
  return statements;
}

/** How many rows of the outbox `reconcileLog` writes. */
export function countReconciled(mismatches: readonly LogMismatch[]): number {
  return mismatches.filter(({ fault }) => fault !== 'other_since').length;
}
