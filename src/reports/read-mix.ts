// In charge of how a segment's members are spread over the segments of each group, compared with everybody.
import type { ReportSource } from './in-report.ts';
import { type Amounts, type OfMask, selectMasks, sumUp } from './masks.ts';
import { type Part, partOf } from './part.ts';

export interface GroupMix {
  readonly group: string;
  readonly name: string;
  /** in the group's order */
  readonly segments: readonly (Part & { readonly segment: string; readonly name: string })[];
}

interface GroupRow {
  readonly key: string;
  readonly name: string;
  readonly segments: readonly { readonly id: number; readonly key: string; readonly name: string }[];
}

/** `isShown`: whether the caller may know of the segment with this key. */
export async function readMix(
  { database }: ReportSource,
  segmentId: number,
  customers: Amounts,
  isShown: (segment: string) => boolean,
): Promise<readonly GroupMix[]> {
  const groups = await database.query<GroupRow & Record<string, never>>({
    text: `
      select g.key, g.name, jsonb_agg(jsonb_build_object('id', s.id, 'key', s.key, 'name', s.name) order by i.place) as segments
      from segment_groups as g
      join segment_group_versions as v on v.group_id = g.id and v.number = g.version
      cross join lateral (
        select u.id, min(u.place) as place
        from unnest(v.segment_ids || v.otherwise_id) with ordinality as u (id, place)
        group by u.id
      ) as i
      join segments as s on s.id = i.id
      where g.deleted_at is null
      group by g.id, g.key, g.name
      order by g.key`,
  });
  const shown = groups.map((group) => ({ ...group, segments: group.segments.filter(({ key }) => isShown(key)) }));
  const ids = shown.flatMap(({ segments }) => segments.map(({ id }) => id));
  const rows = await database.query<OfMask & { segment_id: number; mask: number; customers: string }>({
    text: `
      select n.segment_id, coalesce(m.mask, 0) as mask, count(*) as customers
      from memberships as n
      left join (${selectMasks(1, '$1')}) as m on m.customer_id = n.customer_id
      where n.segment_id = any($2::integer[])
      group by n.segment_id, mask`,
    values: [[segmentId], ids],
  });
  const bySegment = Map.groupBy(rows, ({ segment_id }) => segment_id);
  const partIn = (id: number) =>
    partOf(
      sumUp(bySegment.get(id) ?? [], 1, (row) => row.customers),
      customers,
      0,
    );
  return shown
    .filter(({ segments }) => segments.length > 0)
    .map(({ key, name, segments }) => ({
      group: key,
      name,
      segments: segments.map((segment) => ({ segment: segment.key, name: segment.name, ...partIn(segment.id) })),
    }));
}
