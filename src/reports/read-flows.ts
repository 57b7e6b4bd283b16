// In charge of who moved where between two instants: of each customer the segment they stood in at the first and at the second. Memberships of
// the past are the log undone back from the present (changes/read-past.ts does the same for one segment).
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
  /** of those who stood in `from` */
  readonly share: number | null;
}

export interface FlowReport extends ReportFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly segments: readonly { readonly segment: string; readonly before: number; readonly after: number }[];
  /** in the order of the segments, none last; those that nobody took are left out */
  readonly flows: readonly Flow[];
}

/** Of at most 20 segments, by key; who is in several stands in the first. `toMs` null: now. Throws `history_trimmed`, `invalid_request`. */
export function readFlows(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  segments: ReadonlyMap<string, number>,
  { fromMs, toMs: asked }: { readonly fromMs: number; readonly toMs: number | null },
): Promise<FlowReport> {
  return inReport(database, clock, async (source) => {
    const kept = await readKeptHistory(source.database, clock); // of the same snapshot: what it holds, the log holds
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

/** SQL: the first change after the instant of each customer and segment; what an erasure left belongs to nobody. */
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

/** SQL: customer_id and place, from 1, of everybody who was in one of the segments, undone by the changes `later`. */
function standingBefore(later: string): string {
  return `
    select w.customer_id, min(array_position($1::integer[], w.segment_id)) as place
    from (
      select m.customer_id, m.segment_id
      from memberships as m
      where m.segment_id = any($1::integer[])
        and not exists (select from ${later} as l where l.customer_id = m.customer_id and l.segment_id = m.segment_id)
      union all
      select l.customer_id, l.segment_id
      from ${later} as l
      where l.type = 'exited'
    ) as w
    group by w.customer_id`;
}

const FLOWS = `
  with after_from as materialized (${laterThan('$2::timestamptz')}
  ), after_to as materialized (${laterThan('$3::timestamptz')}
  ), stood as (${standingBefore('after_from')}
  ), stands as (${standingBefore('after_to')}
  )
  select b.place as before, a.place as after, count(*) as customers
  from stood as b
  full join stands as a on a.customer_id = b.customer_id
  join customers as c on c.id = coalesce(a.customer_id, b.customer_id)
  group by b.place, a.place
  order by b.place, a.place`;

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
