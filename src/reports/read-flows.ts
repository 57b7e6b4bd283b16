// In charge of who moved where between two instants: for each customer, the segment that the customer was in at the first and at the second.
// Memberships of the past are the log undone back from the present (changes/read-past.ts does the same for one segment).
import type { Clock } from '../base/clock.ts';
import { historyTrimmed, readKeptHistory } from '../changes/kept-history.ts';
import { positionBefore } from '../changes/marks.ts';
import type { Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { inReport } from './in-report.ts';
import { ratio } from './ratio.ts';
import type { ReportFrame } from './read-segment-report.ts';

export const FLOWS_MAX = 20;

export interface Flow {
  /** null: in none of the segments, or not a customer yet */
  readonly from: string | null;
  readonly to: string | null;
  readonly customers: number;
  /** the share of those who were in `from` */
  readonly share: number | null;
}

export interface FlowReport extends ReportFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly segments: readonly { readonly segment: string; readonly before: number; readonly after: number }[];
  /** in the order of the segments, with none last; moves that nobody made are left out */
  readonly flows: readonly Flow[];
}

/**
 * For at most 20 segments, by key; a customer in several of them counts for the first. `toMs` null: now. Throws `history_trimmed`,
 * `invalid_request`.
 */
export function readFlows(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  segments: ReadonlyMap<string, number>,
  { fromMs, toMs: asked }: { readonly fromMs: number; readonly toMs: number | null },
): Promise<FlowReport> {
  return inReport(database, clock, async (source) => {
    const kept = await readKeptHistory(source.database, clock); // from the same snapshot: what this says is kept, the log holds
    const toMs = asked ?? source.atMs;
    requirePast('to', toMs, source.atMs);
    requirePast('from', fromMs, toMs);
    if (kept.oldestMs !== null && fromMs < kept.oldestMs) throw historyTrimmed(kept.oldestMs);
    const rows = await source.database.query<FlowRow & Record<string, never>>({
      text: FLOWS,
      values: [[...segments.values()], new Date(fromMs).toISOString(), new Date(toMs).toISOString()],
    });
    const [all] = await source.database.query<{ customers: string }>({ text: 'select count(*) as customers from customers as c' });
    return {
      atMs: source.atMs,
      position: source.position,
      fromMs,
      toMs,
      ...toFlows([...segments.keys()], rows, Number(all?.customers ?? 0)),
    };
  });
}

interface FlowRow {
  /** from 1 */
  readonly before: number | null;
  readonly after: number | null;
  readonly customers: string;
}

/** SQL: the first change after the instant for each customer and segment; what an erasure left behind belongs to nobody. */
function laterThan(instant: string): string {
  return `
    select distinct on (v.customer_id, v.segment_id) v.customer_id, v.segment_id, v.type
    from (
      select c.customer_id, c.segment_id, c.type, 0 as stage, c.position as place, 0 as ordinal
      from changes as c
      where c.segment_id = any($1::integer[]) and c.position > ${positionBefore(instant, 'inclusive')} and c.at > ${instant}
        and c.type in ('entered', 'exited') and c.customer_id is not null
      union all
      select o.customer_id, o.segment_id, o.type, 1, o.decision, o.ordinal
      from outbox as o
      where o.segment_id = any($1::integer[]) and o.at > ${instant} and o.customer_id <> 0
    ) as v
    order by v.customer_id, v.segment_id, v.stage, v.place, v.ordinal`;
}

/** SQL: memberships that existed at one of the instants and have been left since. Customers erased meanwhile are in no figure. */
function leftSince(later: string, before: boolean, after: boolean): string {
  return `
    select l.customer_id, l.segment_id, ${before} as before, ${after} as after
    from ${later} as l
    where l.type = 'exited' and exists (select from customers as c where c.id = l.customer_id)`;
}

/** Each membership once, for both instants: a present membership existed at an instant if nothing happened to it since. */
const FLOWS = `
  with after_from as materialized (${laterThan('$2::timestamptz')}
  ), after_to as materialized (${laterThan('$3::timestamptz')}
  ), held as (
    select m.customer_id, m.segment_id, f.customer_id is null as before, t.customer_id is null as after
    from memberships as m
    left join after_from as f on f.customer_id = m.customer_id and f.segment_id = m.segment_id
    left join after_to as t on t.customer_id = m.customer_id and t.segment_id = m.segment_id
    where m.segment_id = any($1::integer[])
    union all
    ${leftSince('after_from', true, false)}
    union all
    ${leftSince('after_to', false, true)}
  ), stood as (
    select min(p.place) filter (where h.before) as before, min(p.place) filter (where h.after) as after
    from held as h
    join unnest($1::integer[]) with ordinality as p (segment_id, place) on p.segment_id = h.segment_id
    group by h.customer_id
  )
  select s.before::integer as before, s.after::integer as after, count(*) as customers
  from stood as s
  where s.before is not null or s.after is not null
  group by s.before, s.after
  order by s.before, s.after`;

function toFlows(keys: readonly string[], rows: readonly FlowRow[], everybody: number): Pick<FlowReport, 'segments' | 'flows'> {
  const known = rows.reduce((sum, { customers }) => sum + Number(customers), 0);
  const all = [
    ...rows.map((row) => ({ ...row, customers: Number(row.customers) })),
    { before: null, after: null, customers: everybody - known },
  ];
  const sumOf = (holds: (row: (typeof all)[number]) => boolean) => all.filter(holds).reduce((sum, { customers }) => sum + customers, 0);
  const keyAt = (place: number | null) => (place === null ? null : (keys[place - 1] ?? null));
  return {
    segments: keys.map((segment, index) => ({
      segment,
      before: sumOf(({ before }) => before === index + 1),
      after: sumOf(({ after }) => after === index + 1),
    })),
    flows: all
      .filter(({ customers }) => customers > 0)
      .map(({ before, after, customers }) => ({
        from: keyAt(before),
        to: keyAt(after),
        customers,
        share: ratio(
          customers,
          sumOf((row) => row.before === before),
        ),
      })),
  };
}

function requirePast(parameter: 'from' | 'to', instantMs: number, endMs: number): void {
  if (instantMs <= endMs) return;
  const detail = parameter === 'to' ? 'The instant lies in the future; what will be true then is not known.' : '`from` lies behind `to`.';
  throw new AppError('invalid_request', detail, { errors: [{ parameter, code: 'invalid_timestamp', detail }] });
}
