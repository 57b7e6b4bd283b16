// In charge of reading memberships for an evaluation: as they are, or as they were at asOf, by undoing the log back from the present.
import { type SQL, sql } from 'drizzle-orm';
import { asOf, type Parameters } from './emit-parameters.ts';
import { type Narrowing, narrow as narrowTo } from './emit-scan.ts';

export interface MembershipRequest {
  readonly narrow: Narrowing;
  readonly memberships: 'present' | 'past';
}

/**
 * One customer's memberships are few and are read by the customer's key; `+ 0` keeps the segments from influencing the choice of an index: with
 * statistics of 100 k customers the planner looked up each of 50 segments instead, which doubled the cost of the whole evaluation (0.25 to 0.13
 * CPU ms a customer). `h.have`: of the computed segments, ascending; `h.named`: of those that rules name and that are not computed.
 */
export function joinMemberships(
  request: MembershipRequest,
  computed: readonly number[],
  named: readonly number[],
  parameters: Parameters,
): SQL {
  const { narrow } = request;
  const narrowed = (table: string): SQL => {
    const column = sql.raw(`${table}.customer_id`);
    const segments = parameters.constant('integer[]', [...new Set([...computed, ...named])]);
    const segment = sql.raw(`${table}.segment_id`);
    return narrow === 'range'
      ? sql`${narrowTo(sql`${column}`, narrow, parameters)} and ${segment} = any(${segments})`
      : sql`${column} = c.id and ${segment} + 0 = any(${segments})`;
  };
  const rows = request.memberships === 'present' ? presentRows(narrowed) : pastRows(narrowed, parameters);
  const among = (ids: readonly number[]): SQL =>
    sql`array_agg(k.segment_id order by k.segment_id) filter (where k.segment_id = any(${parameters.constant('integer[]', ids)}))`;
  const have = named.length === 0 ? sql`array_agg(k.segment_id order by k.segment_id)` : among(computed);
  const columns = named.length === 0 ? sql`${have} as have` : sql`${have} as have, ${among(named)} as named`;
  return narrow === 'range'
    ? sql`left join (select k.customer_id, ${columns} from (${rows}) as k group by k.customer_id) as h on h.customer_id = c.id`
    : sql`cross join lateral (select ${columns} from (${rows}) as k) as h`;
}

function presentRows(narrowed: (table: string) => SQL): SQL {
  return sql`select m.customer_id, m.segment_id from memberships as m where ${narrowed('m')}`;
}

/** The first change after asOf tells what was there before it; if there was none, the present holds. What is in the outbox came after the log. */
function pastRows(narrowed: (table: string) => SQL, parameters: Parameters): SQL {
  const after = asOf(parameters);
  return sql`select u.customer_id, u.segment_id from (
  select distinct on (v.customer_id, v.segment_id) v.customer_id, v.segment_id, v.member
  from (
    select f.customer_id, f.segment_id, f.type = 'exited' as member, 0 as stage, f.position as place, 0 as ordinal
    from changes as f where ${narrowed('f')} and f.type in ('entered', 'exited') and f.at > ${after}
    union all
    select b.customer_id, b.segment_id, b.type = 'exited', 1, b.decision, b.ordinal
    from outbox as b where ${narrowed('b')} and b.type in ('entered', 'exited') and b.at > ${after}
    union all
    select m.customer_id, m.segment_id, true, 2, 0, 0
    from memberships as m where ${narrowed('m')}
  ) as v
  order by v.customer_id, v.segment_id, v.stage, v.place, v.ordinal
) as u where u.member`;
}
