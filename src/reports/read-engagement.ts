// In charge of what customers do: events of the period by name, and on how many days customers were active. One pass over the period's events.
import { ACTIVE_DAY_BANDS, type Band, toBands } from './bands.ts';
import type { ReportSource } from './in-report.ts';
import { type Amounts, type OfMask, selectMasks, sumUp, sumUpBy } from './masks.ts';
import { type Part, partOf } from './part.ts';
import type { ReportPeriod } from './period.ts';
import { ratio } from './ratio.ts';

export interface EventPart extends Part {
  readonly event: string;
  /** how often members did it */
  readonly times: number;
  readonly timesOfEverybody: number;
}

export interface EngagementReport {
  /** customers who did it, most members first */
  readonly events: readonly EventPart[];
  /** customers with any event */
  readonly active: Part;
  /** days with an event, of those with any, on average */
  readonly activeDays: { readonly members: number | null; readonly everybody: number | null };
  readonly byActiveDays: readonly Band[];
}

interface EventRow extends OfMask {
  readonly kind: number;
  readonly name: string | null;
  readonly bucket: number | null;
  readonly customers: string;
  readonly amount: string;
}

/** For one segment. `most`: how many kinds of events are listed. */
export async function readEngagement(
  { database, at }: ReportSource,
  segmentId: number,
  customers: Amounts,
  { days, from }: ReportPeriod,
  most: number,
): Promise<EngagementReport> {
  const rows = await database.query<EventRow & Record<string, never>>({
    text: `
      with done as (
        select e.customer_id, e.name, width_bucket(e.occurred_at, $4::timestamptz[]) as day, count(*) as times
        from events as e
        where e.occurred_at >= $3::timestamptz and e.occurred_at <= $2::timestamptz
        group by e.customer_id, e.name, day
      ), people as (
        select d.customer_id, d.name, count(distinct d.day) as days, sum(d.times) as times
        from done as d
        group by grouping sets ((d.customer_id, d.name), (d.customer_id))
      )
      select case when p.name is null then 1 else 0 end as kind, p.name,
        case when p.name is null then width_bucket(p.days, $5::bigint[]) end as bucket,
        coalesce(m.mask, 0) as mask, count(*) as customers, sum(case when p.name is null then p.days else p.times end) as amount
      from people as p
      left join (${selectMasks(1, '$1')}) as m on m.customer_id = p.customer_id
      group by 1, 2, 3, 4
      order by 1, 2, 3, 4`,
    values: [[segmentId], at, from, days.startsMs.map((startMs) => new Date(startMs).toISOString()), ACTIVE_DAY_BANDS],
  });
  const ofPeople = rows.filter(({ kind }) => kind === 1);
  const people = sumUp(ofPeople, 1, (row) => row.customers);
  const activeDays = sumUp(ofPeople, 1, (row) => row.amount);
  const byActiveDays = sumUpBy(
    ofPeople,
    1,
    ({ bucket }) => bucket ?? 0,
    (row) => row.customers,
  );
  return {
    events: toEvents(
      rows.filter(({ kind }) => kind === 0),
      customers,
    ).slice(0, most),
    active: partOf(people, customers, 0),
    activeDays: {
      members: ratio(activeDays.inside[0] ?? 0n, people.inside[0] ?? 0n),
      everybody: ratio(activeDays.everybody, people.everybody),
    },
    byActiveDays: toBands(ACTIVE_DAY_BANDS, byActiveDays, customers, 0),
  };
}

function toEvents(rows: readonly EventRow[], customers: Amounts): readonly EventPart[] {
  const parts = [...Map.groupBy(rows, ({ name }) => name ?? '')].map(([event, group]) => {
    const people = sumUp(group, 1, (row) => row.customers);
    const times = sumUp(group, 1, (row) => row.amount);
    return { event, ...partOf(people, customers, 0), times: Number(times.inside[0] ?? 0n), timesOfEverybody: Number(times.everybody) };
  });
  return parts.sort((a, b) => b.members - a.members || b.everybody - a.everybody || (a.event < b.event ? -1 : 1));
}
