// In charge of one form of SQL: who was in which of some segments at an instant, or each customer at an instant of their own. The log and the
// outbox are undone back from the present, as changes/read-snapshot.ts does page by page, but for whole segments at once. Callers wrap it in
// `readPast`, which makes sure that the log reaches back far enough.
import { positionBefore } from '../changes/marks.ts';

export interface MembersThen {
  /** SQL: integer[] */
  readonly segments: string;
  /** SQL: the instant; together with `whose`, a column of `w` */
  readonly instant: string;
  /** SQL: no instant is before this one */
  readonly earliest: string;
  /** a relation with `customer_id`, each once: only these customers, each at an instant of their own */
  readonly whose?: string;
}

/** SQL: customer_id and segment_id of each membership. A change at the very instant counts as having happened. */
export function membersThen({ segments, instant, earliest, whose }: MembersThen): string {
  const ofWhom = (table: string) => (whose === undefined ? '' : `join ${whose} as w on w.customer_id = ${table}.customer_id`);
  return `
    select customer_id, segment_id
    from (
      select m.customer_id, m.segment_id
      from memberships as m
      ${ofWhom('m')}
      where m.segment_id = any(${segments})
    ) as held
    full join (
      select distinct on (v.customer_id, v.segment_id) v.customer_id, v.segment_id, v.type
      from (
        select c.customer_id, c.segment_id, c.type, 0 as stage, c.position as place, 0 as ordinal
        from changes as c
        ${ofWhom('c')}
        where c.segment_id = any(${segments}) and c.position > ${positionBefore(earliest, 'inclusive')}
          and c.at > ${instant} and c.type in ('entered', 'exited') and c.customer_id is not null
        union all
        select o.customer_id, o.segment_id, o.type, 1, o.decision, o.ordinal
        from outbox as o
        ${ofWhom('o')}
        where o.segment_id = any(${segments}) and o.at > ${instant} and o.customer_id <> 0
      ) as v
      order by v.customer_id, v.segment_id, v.stage, v.place, v.ordinal
    ) as later using (customer_id, segment_id)
    where later.type is null or later.type = 'exited'`;
}

/** SQL: customer_id and `at`: for each customer the first entry into the segment, from one instant to before another. */
export function firstEntries({ segment, from, to }: { readonly segment: string; readonly from: string; readonly to: string }): string {
  return `
    select e.customer_id, min(e.at) as at
    from (
      select c.customer_id, c.at
      from changes as c
      where c.segment_id = ${segment} and c.position > ${positionBefore(from, 'exclusive')}
        and c.at >= ${from} and c.at < ${to} and c.type = 'entered' and c.customer_id is not null
      union all
      select o.customer_id, o.at
      from outbox as o
      where o.segment_id = ${segment} and o.at >= ${from} and o.at < ${to} and o.type = 'entered' and o.customer_id <> 0
    ) as e
    group by e.customer_id`;
}
