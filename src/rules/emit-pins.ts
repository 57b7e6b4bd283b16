// In charge of what somebody decided by hand: a customer's pins are joined once, for the computed segments that have any, and decide before the
// rule. Not of the choice within a group (emit-choice.ts).
import { type SQL, sql } from 'drizzle-orm';
import { asOf, type Parameters, segmentNumber } from './emit-parameters.ts';
import { type Narrowing, narrow } from './emit-scan.ts';

export interface Pins {
  /** joins the customers `c` as `p` */
  readonly joins: readonly SQL[];
  /** the first instant after asOf at which one of the pins ends; null: there are none */
  readonly until: SQL | null;
  /** null: the segment has no pins */
  pinnedIn(segmentId: number): SQL | null;
  pinnedOut(segmentId: number): SQL | null;
  /** the answer of a segment that belongs to no group */
  decide(segmentId: number, condition: SQL): SQL;
}

/** `segmentIds`: the computed segments that have any pins; if there are none, nothing is joined and nothing is asked. */
export function createPins(segmentIds: readonly number[], narrowing: Narrowing, parameters: Parameters): Pins {
  const pinned = new Set(segmentIds);
  const among = (column: string, id: number): SQL | null =>
    pinned.has(id) ? sql`(coalesce(${segmentNumber(id)} = any(p.${sql.raw(column)}), false))` : null;
  const pinnedIn = (id: number) => among('inside', id);
  const pinnedOut = (id: number) => among('outside', id);
  return {
    joins: pinned.size === 0 ? [] : [joinPins([...pinned], narrowing, parameters)],
    until: pinned.size === 0 ? null : sql`p.until`,
    pinnedIn,
    pinnedOut,
    decide: (id, condition) => {
      const [inside, outside] = [pinnedIn(id), pinnedOut(id)];
      return inside === null || outside === null
        ? condition
        : sql`case when ${inside} then true when ${outside} then false else ${condition} end`;
    },
  };
}

function joinPins(segmentIds: readonly number[], narrowing: Narrowing, parameters: Parameters): SQL {
  const columns = sql`array_agg(q.segment_id) filter (where q.include) as inside,
  array_agg(q.segment_id) filter (where not q.include) as outside, min(q.until) as until`;
  const segment = narrowing === 'range' ? sql`q.segment_id` : sql`q.segment_id + 0`; // as in emit-membership.ts: read by the customer
  const counting = sql`${segment} = any(${parameters.constant('integer[]', segmentIds)}) and (q.until is null or q.until > ${asOf(parameters)})`;
  return narrowing === 'range'
    ? sql`left join (select q.customer_id, ${columns} from pins as q where ${narrow(sql`q.customer_id`, narrowing, parameters)} and ${counting} group by q.customer_id) as p on p.customer_id = c.id`
    : sql`cross join lateral (select ${columns} from pins as q where q.customer_id = c.id and ${counting}) as p`;
}
