// In charge of what became of the members of a segment afterwards, and of those they are compared with: who is on which side, when each
// customer's time begins and ends, what they ordered in it and which segments they were in. Of counts and sums; intervals are
// measure-outcome.ts.
import { unreachable } from '../base/assert.ts';
import { wasThere } from '../evaluation/was-there.ts';
import type { ReportSource } from './in-report.ts';
import { firstEntries, membersThen } from './members-then.ts';
import { type ReportValues, reportValues } from './report-values.ts';

/** Whose outcome it is: the members at an instant, or those who entered from one instant to before another, each from their first entry on. */
export type Beginning =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'entered'; readonly fromMs: number; readonly toMs: number };

/**
 * Whom they are compared with: everybody else; those of them whom a bucket holds out, being at `below` or higher (hundredths); or those who were
 * members of another segment, or entered it, and not this one.
 */
export type Against =
  | { readonly kind: 'others' }
  | { readonly kind: 'bucket'; readonly salt: string; readonly belowHundredths: number }
  | { readonly kind: 'segment'; readonly segmentId: number };

export interface OutcomeQuery {
  readonly segmentId: number;
  readonly beginning: Beginning;
  readonly against: Against;
  /** days of 24 hours, counted for everybody from their own beginning */
  readonly days: number;
  /** the length of a period of retention; only whole periods are counted */
  readonly periodDays: number;
  /** only orders of these statuses; null: all */
  readonly statuses: readonly string[] | null;
  /** the segments whose members are counted at the beginning and at the end */
  readonly afterwardsIds: readonly number[];
}

/** The members, or those they are compared with. */
export interface Arm {
  readonly customers: number;
  /** those with an order */
  readonly buyers: number;
  /** those with two orders or more */
  readonly repeaters: number;
  readonly orders: number;
  /** ten-thousandths */
  readonly revenue: bigint;
  /** the variance of a customer's number of orders, and of their revenue in ten-thousandths; with n − 1 below; null: fewer than two customers */
  readonly ordersVariance: number | null;
  readonly revenueVariance: number | null;
  /** by period: those with an order in it */
  readonly active: readonly number[];
  /** by segment, in the order asked for: members at the beginning and at the end */
  readonly segments: readonly { readonly atStart: number; readonly atEnd: number }[];
}

export interface OutcomeArms {
  readonly members: Arm;
  readonly compared: Arm;
}

const MEMBERS = 0;
const COMPARED = 1;
/** The bits of a bigint. */
export const MOST_PERIODS = 60;

export function countPeriods({ days, periodDays }: Pick<OutcomeQuery, 'days' | 'periodDays'>): number {
  return Math.floor(days / periodDays);
}

interface ArmRow {
  arm: number;
  customers: number;
  buyers: number;
  repeaters: number;
  orders: string;
  revenue: string;
  orders_variance: string | null;
  revenue_variance: string | null;
  active: number[];
}

interface MoveRow {
  arm: number;
  segment_id: number;
  at_start: number;
  at_end: number;
}

export async function readOutcome(source: ReportSource, query: OutcomeQuery): Promise<OutcomeArms> {
  const values = reportValues();
  const { bind } = values;
  const people = peopleText(values, query);
  const days = bind(query.days, 'integer');
  const ofStatus = query.statuses === null ? '' : `and o.status = any(${bind(query.statuses, 'text[]')})`;
  const places = Array.from(
    { length: countPeriods(query) },
    (_, place) => `count(*) filter (where b.active & ${2n ** BigInt(place)} <> 0)`,
  );
  const segments = bind(query.afterwardsIds, 'integer[]');
  const then = (instant: string) => membersThen({ segments, instant: `w.${instant}`, earliest: people.earliest, whose: 'people' });
  const [row] = await source.database.query<{ arms: ArmRow[] | null; moves: MoveRow[] | null }>({
    text: `
      with ${people.ctes}, people as materialized (
        select b.customer_id, b.arm, b.starts_at, b.starts_at + make_interval(hours => 24 * ${days}) as ends_at
        from (${people.begun}) as b
        join customers as c on c.id = b.customer_id
      ), bought as (
        select o.customer_id, count(*) as orders, sum(o.total) as revenue,
          bit_or(1::bigint << least(ceil(extract(epoch from o.placed_at - p.starts_at) / ${bind(query.periodDays * 86_400, 'integer')})::integer - 1,
            ${MOST_PERIODS})) as active
        from orders as o
        join people as p on p.customer_id = o.customer_id and o.placed_at > p.starts_at and o.placed_at <= p.ends_at
        where o.placed_at > ${people.earliest} ${ofStatus}
        group by o.customer_id
      ), arms as (
        select p.arm, count(*) as customers, count(b.customer_id) as buyers, count(*) filter (where b.orders > 1) as repeaters,
          coalesce(sum(b.orders), 0)::text as orders, coalesce(sum(b.revenue), 0)::text as revenue,
          var_samp(coalesce(b.orders, 0))::text as orders_variance, var_samp(coalesce(b.revenue, 0))::text as revenue_variance,
          array[${places.join(', ')}]::bigint[] as active
        from people as p
        left join bought as b on b.customer_id = p.customer_id
        group by p.arm
      ), moves as (
        select p.arm, t.segment_id, count(*) filter (where t.is_start) as at_start, count(*) filter (where not t.is_start) as at_end
        from (
          select s.customer_id, s.segment_id, true as is_start
          from (${then('starts_at')}) as s
          union all
          select e.customer_id, e.segment_id, false
          from (${then('ends_at')}) as e
        ) as t
        join people as p on p.customer_id = t.customer_id
        group by p.arm, t.segment_id
      )
      select (select jsonb_agg(a) from arms as a) as arms, (select jsonb_agg(m) from moves as m) as moves`,
    values: values.values,
  });
  const arm = (number: number) => toArm(row?.arms ?? [], row?.moves ?? [], number, query);
  return { members: arm(MEMBERS), compared: arm(COMPARED) };
}

function toArm(arms: readonly ArmRow[], moves: readonly MoveRow[], number: number, query: OutcomeQuery): Arm {
  const row = arms.find(({ arm }) => arm === number);
  const own = moves.filter(({ arm }) => arm === number);
  return {
    customers: row?.customers ?? 0,
    buyers: row?.buyers ?? 0,
    repeaters: row?.repeaters ?? 0,
    orders: Number(row?.orders ?? 0),
    revenue: BigInt(row?.revenue ?? 0),
    ordersVariance: toNumber(row?.orders_variance),
    revenueVariance: toNumber(row?.revenue_variance),
    active: row?.active ?? Array.from({ length: countPeriods(query) }, () => 0),
    segments: query.afterwardsIds.map((id) => {
      const move = own.find(({ segment_id }) => segment_id === id);
      return { atStart: move?.at_start ?? 0, atEnd: move?.at_end ?? 0 };
    }),
  };
}

function toNumber(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

// ---------------------------------------------------------------- who is who

interface PeopleText {
  readonly ctes: string;
  /** SQL: customer_id, arm and starts_at, each customer once */
  readonly begun: string;
  /** SQL: nobody's time begins before this */
  readonly earliest: string;
}

function peopleText(values: ReportValues, { segmentId, beginning, against }: OutcomeQuery): PeopleText {
  const entrants = entrantsText(values, beginning);
  const own = `entrants as materialized (${entrants.of(segmentId)})`;
  const everyone = 'select e.customer_id, 0 as arm, e.starts_at from entrants as e';
  const { earliest } = entrants;
  switch (against.kind) {
    case 'others':
      return {
        ctes: `${own}, ${entrants.others(segmentId)}`,
        begun: `${everyone} union all select n.customer_id, 1, n.starts_at from others as n`,
        earliest,
      };
    case 'bucket': {
      const hundredths = `strata_bucket_hundredths(${values.bind(against.salt, 'text')}, c.external_id)`;
      const isOut = `(${hundredths} >= ${values.bind(against.belowHundredths, 'integer')})::integer`;
      return {
        ctes: own,
        begun: `select e.customer_id, ${isOut} as arm, e.starts_at from entrants as e join customers as c on c.id = e.customer_id`,
        earliest,
      };
    }
    case 'segment':
      return {
        ctes: `${own}, others as materialized (${entrants.of(against.segmentId)})`,
        begun: `${everyone} union all
          select n.customer_id, 1, n.starts_at
          from others as n
          where not exists (select from entrants as e where e.customer_id = n.customer_id)
            and not ${entrants.wasMember(segmentId, 'n.customer_id')}`,
        earliest,
      };
    default:
      return unreachable(against);
  }
}

interface EntrantsText {
  /** SQL: customer_id and starts_at of those in the segment */
  of(segmentId: number): string;
  /** SQL: the CTE \`others\` with customer_id and starts_at: everybody who is not in \`entrants\` */
  others(segmentId: number): string;
  /** SQL: whether the customer was in the segment at the beginning already, without being among those who are looked at for it */
  wasMember(segmentId: number, customer: string): string;
  readonly earliest: string;
}

function entrantsText({ bind }: ReportValues, beginning: Beginning): EntrantsText {
  if (beginning.kind === 'at') {
    const at = bind(new Date(beginning.atMs).toISOString(), 'timestamptz');
    return {
      earliest: at,
      of: (id) => `
        select t.customer_id, ${at} as starts_at
        from (${membersThen({ segments: bind([id], 'integer[]'), instant: at, earliest: at })}) as t`,
      others: () => `others as (
        select c.id as customer_id, ${at} as starts_at
        from customers as c
        where ${wasThere({ customer: 'c.id', createdAt: 'c.created_at', at })}
          and not exists (select from entrants as e where e.customer_id = c.id)
      )`,
      wasMember: () => 'false', // all members are looked at
    };
  }
  const from = bind(new Date(beginning.fromMs).toISOString(), 'timestamptz');
  const to = bind(new Date(beginning.toMs).toISOString(), 'timestamptz');
  const entered = (id: number) => firstEntries({ segment: bind(id, 'integer'), from, to });
  const wasMember = (id: number, customer: string) => `exists (
              select from (${membersThen({ segments: bind([id], 'integer[]'), instant: from, earliest: from })}) as t
              where t.customer_id = ${customer}
            )`;
  return {
    earliest: from,
    of: (id) => `select t.customer_id, t.at as starts_at from (${entered(id)}) as t join customers as c on c.id = t.customer_id`,
    // Each of the others begins when one of those who entered does, chosen by the customer's key, which is a hash: both sides are looked at over
    // the same season, and the choice is the same every time.
    others: (id) => `begun as materialized (
        select array_agg(e.starts_at order by e.starts_at, e.customer_id) as instants, count(*) as entered
        from entrants as e
      ), others as (
        select n.customer_id, n.starts_at
        from (
          select c.id as customer_id, c.created_at, b.instants[1 + (c.id & 9223372036854775807) % nullif(b.entered, 0)] as starts_at
          from customers as c
          cross join begun as b
          where not exists (select from entrants as e where e.customer_id = c.id)
            and not ${wasMember(id, 'c.id')}
        ) as n
        where ${wasThere({ customer: 'n.customer_id', createdAt: 'n.created_at', at: 'n.starts_at' })}
      )`,
    wasMember,
  };
}
