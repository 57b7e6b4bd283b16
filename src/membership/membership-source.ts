// In charge of saying why a customer is in a segment (a rule, a pin, by hand), and of which group the segment is: SQL for the reads of
// memberships, now and as of a past instant. `m` carries customer_id and segment_id; `s` is its row of segments.

/** `instant`: SQL for the time of the reading. If nobody was ever pinned, no pin is searched for, which cost a tenth of a page of members. */
export function sourceNow(instant: string): string {
  return source(`(s.has_pins and exists (
            select from pins as p
            where p.customer_id = m.customer_id and p.segment_id = m.segment_id and p.include and (p.until is null or p.until > ${instant})
          ))`);
}

/** From the log of pins: the last entry before the instant. */
export function sourceAt(instant: string): string {
  return source(`exists (
            select from (
              select l.action, l.until
              from pin_log as l
              where l.customer_id = m.customer_id and l.segment_id = m.segment_id and l.at <= ${instant}
              order by l.id desc
              limit 1
            ) as p
            where p.action = 'pinned_in' and (p.until is null or p.until > ${instant})
          )`);
}

function source(isPinnedIn: string): string {
  return `case when not ${isPinnedIn} then 'rule' when s.kind = 'manual' then 'manual' else 'pin' end`;
}

export const GROUP_NOW = `(
            select g.key
            from segment_groups as g
            join segment_group_versions as v on v.group_id = g.id and v.number = g.version
            where g.deleted_at is null and s.id = any(v.segment_ids || v.otherwise_id)
          )`;

/** A group that has been deleted since counts until its deletion; its key is today's. */
export function groupAt(instant: string): string {
  return `(
            select g.key
            from segment_groups as g
            cross join lateral (
              select n.segment_ids, n.otherwise_id
              from segment_group_versions as n
              where n.group_id = g.id and n.created_at <= ${instant}
              order by n.number desc
              limit 1
            ) as v
            where (g.deleted_at is null or g.deleted_at > ${instant}) and s.id = any(v.segment_ids || v.otherwise_id)
          )`;
}

export type MembershipSource = 'rule' | 'pin' | 'manual';
