// In charge of reading what an explanation needs of one customer and one segment besides the rule: the membership as it is stored, the
// version in force, the pin that counts, the group.
import type { SegmentStatus } from '../catalog/catalog.ts';
import { ofCustomer, withTaken } from '../db/citus.ts';
import { asQueryable, type Client } from '../db/database.ts';
import { AppError } from '../errors.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type CountingPin, ERASED_MEANWHILE, type GroupPlace } from './explanation.ts';

export interface ExplainedRow {
  readonly customerId: string;
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly kind: 'rule' | 'manual';
  readonly status: SegmentStatus;
  readonly failure: string | null;
  /** published; null: none is */
  readonly version: number | null;
  /** canonical JSON form of that version */
  readonly rule: unknown;
  readonly member: boolean;
  readonly sinceMs: number | null;
  readonly pin: CountingPin | null;
  readonly group: GroupPlace | null;
}

interface Row {
  customer_id: string;
  id: number;
  key: string;
  name: string;
  kind: 'rule' | 'manual';
  status: SegmentStatus;
  failure: string | null;
  version: number | null;
  rule: unknown;
  member_since: number | null;
  include: boolean | null;
  until: number | null;
  reason: string | null;
  actor: string | null;
  pinned_at: number | null;
  group_key: string | null;
  group_name: string | null;
  otherwise: string | null;
  group_segments: { key: string; member: boolean }[] | null;
}

const EXPLAINED = `
  select c.external_id as customer_id, s.id, s.key, s.name, s.kind, s.status, s.failure, s.version, v.rule, m.since as member_since,
    p.include, p.until, p.reason, p.actor, p.pinned_at,
    g.key as group_key, g.name as group_name, g.otherwise, g.segments as group_segments
  from customers as c
  join segments as s on s.id = $2::integer
  left join segment_versions as v on v.segment_id = s.id and v.number = s.version
  left join memberships as m on m.customer_id = c.id and m.segment_id = s.id
  left join pins as p on p.customer_id = c.id and p.segment_id = s.id and (p.until is null or p.until > $3::timestamptz)
  left join lateral (
    select q.key, q.name, o.key as otherwise,
      (
        select jsonb_agg(jsonb_build_object('key', i.key, 'member', exists (
          select from memberships as h where h.customer_id = c.id and h.segment_id = i.id
        )) order by u.place)
        from unnest(w.segment_ids || case when w.otherwise_id = any(w.segment_ids) then null else w.otherwise_id end)
          with ordinality as u (id, place)
        join segments as i on i.id = u.id
      ) as segments
    from segment_groups as q
    join segment_group_versions as w on w.group_id = q.id and w.number = q.version
    left join segments as o on o.id = w.otherwise_id
    where q.deleted_at is null and (s.id = any(w.segment_ids) or s.id = w.otherwise_id)
  ) as g on true
  where c.id = $1::bigint`;

/** The segment exists. Throws `not_found` if the customer has been erased since it was found. */
export async function readExplained(client: Client, key: CustomerKey, segmentId: number, asOfMs: number): Promise<ExplainedRow> {
  const [row] = await asQueryable(client).query<Row>({
    name: 'read_explained',
    text: EXPLAINED,
    textOnCitus: withTaken(EXPLAINED, ofCustomer('$1', ['customers', 'memberships', 'pins'])),
    values: [key, segmentId, new Date(asOfMs).toISOString()],
  });
  if (row === undefined) throw new AppError('not_found', ERASED_MEANWHILE);
  return {
    customerId: row.customer_id,
    id: row.id,
    key: row.key,
    name: row.name,
    kind: row.kind,
    status: row.status,
    failure: row.failure,
    version: row.version,
    rule: row.rule,
    member: row.member_since !== null,
    sinceMs: row.member_since,
    pin: pinOf(row),
    group:
      row.group_key === null
        ? null
        : { key: row.group_key, name: row.group_name ?? '', segments: row.group_segments ?? [], otherwise: row.otherwise },
  };
}

function pinOf({ include, until, reason, actor, pinned_at }: Row): CountingPin | null {
  if (include === null || actor === null || pinned_at === null) return null;
  return { include, untilMs: until, reason, actor, pinnedAtMs: pinned_at };
}
