// In charge of the members of a segment as they were at a position of the feed, or at an instant, the same on every page: what the log holds
// after it (segment-undo.ts), and what waits to be numbered, is undone. Whoever applies the changes after that position to these members has
// the current ones. What an erasure left belongs to nobody: the erased are not among the members, and their exits apply to nobody.
import type { Queryable } from '../db/database.ts';
import { GREATEST_KEY, LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type MembershipSource, sourceAt, sourceNow } from '../membership/membership-source.ts';
import type { Member } from '../membership/read-members.ts';
import { segmentRange } from './segment-range.ts';
import { HELD_CUSTOMERS_MAX, instantOf, laterThan, type SegmentUndo, type Undone, undoFor } from './segment-undo.ts';

interface SnapshotQuery {
  readonly afterKey?: CustomerKey;
  readonly limit: number;
  readonly asOfIso: string | null;
}

/** At least so many members are read together: those who entered since are not part of the answer. */
const LOOKED_AT_TOGETHER = 1000;

/**
 * In order of the customer's key, like `readMembers`; the position is not beyond the feed's end. The cost of all pages is that of the members
 * and of the segment's changes since the position, read once for as many customers as are held (`mostHeld`: for tests). Whether all of those
 * changes are still kept is for the caller to ask, afterwards.
 */
export function readMembersAtPosition(
  database: Queryable,
  segmentId: number,
  position: string,
  query: SnapshotQuery,
  mostHeld: number = HELD_CUSTOMERS_MAX,
): Promise<Member[]> {
  return readMembersOf(database, { segmentId, position, afterMs: null }, query, mostHeld);
}

/**
 * The same of an instant: `readPast` (kept-history.ts) says whether it can be asked. To ask Postgres for the changes and for those of the members
 * that are not in them took a second for 100 members and 100,000 changes, and nine for 1,000, on each page: no join is hashed in these sessions.
 */
export function readMembersAt(
  database: Queryable,
  segmentId: number,
  atMs: number,
  query: Omit<SnapshotQuery, 'asOfIso'>,
  mostHeld: number = HELD_CUSTOMERS_MAX,
): Promise<Member[]> {
  return readMembersOf(database, { segmentId, position: null, afterMs: atMs }, { ...query, asOfIso: null }, mostHeld);
}

async function readMembersOf(database: Queryable, of: Undone, query: SnapshotQuery, mostHeld: number): Promise<Member[]> {
  const members: Member[] = [];
  let afterKey = query.afterKey ?? LEAST_KEY;
  while (members.length < query.limit && afterKey !== GREATEST_KEY) {
    const undo = undoFor(database, of, afterKey, mostHeld);
    const rest = { ...query, afterKey, limit: query.limit - members.length };
    const piece = await undo.alone(() => readPiece(database, undo, rest));
    members.push(...piece.members);
    afterKey = piece.upToKey;
  }
  return members;
}

/** Who was in: the membership is still there, or the numbered change that ended it tells it. */
interface Found {
  readonly key: CustomerKey;
  readonly since: number | null;
  readonly version: number | null;
  readonly endedAt: number | null;
}

/** Some more of them, all up to a key; there may be none, if all entered since or were erased. */
async function readPiece(
  database: Queryable,
  undo: SegmentUndo,
  { afterKey, limit, asOfIso }: SnapshotQuery & { readonly afterKey: CustomerKey },
): Promise<{ readonly members: readonly Member[]; readonly upToKey: CustomerKey }> {
  await undo.readOn(database);
  if (!undo.covers(afterKey)) return { members: [], upToKey: afterKey }; // too many: begin again from here
  const { present, later, upToKey } = await readPresent(database, undo, afterKey, Math.max(limit, LOOKED_AT_TOGETHER));
  const found = new Map<CustomerKey, Found>();
  for (const row of present) found.set(row.key, { ...row, endedAt: null });
  const undone = (type: ChangeType, was: Found) => (type === 'exited' ? found.set(was.key, was) : found.delete(was.key));
  for (const { type, ...was } of later) undone(type, { ...was, endedAt: null });
  for (const [key, { type, position }] of undo.between(afterKey, upToKey)) // applied after those, since these changes are earlier
    undone(type, { key, since: null, version: null, endedAt: position });
  const all = [...found.values()].sort((left, right) => (BigInt(left.key) < BigInt(right.key) ? -1 : 1));
  const told = all.slice(0, limit);
  const members = told.length === 0 ? [] : await describe(database, undo.of, told, asOfIso);
  return { members, upToKey: told.length < all.length ? (told.at(-1)?.key ?? upToKey) : upToKey };
}

type ChangeType = 'entered' | 'exited';

interface PresentRow {
  type: ChangeType | null;
  key: CustomerKey;
  since: number | null;
  version: number | null;
}

/** From one snapshot of the database: so many members, and for each customer up to the last of them the first change after what is known. */
async function readPresent(database: Queryable, undo: SegmentUndo, afterKey: CustomerKey, limit: number) {
  const rows = await database.query<PresentRow>({
    name: 'read_present_members',
    text: `
      with present as materialized (
        select m.customer_id, m.since, m.version
        from memberships as m
        where m.segment_id = $1::integer and m.customer_id > $3::bigint and m.customer_id <= $4::bigint
        order by m.customer_id
        limit $5
      ), bound as materialized (
        select case when count(*) = $5 then max(p.customer_id) else $4::bigint end as customer_id
        from present as p
      ), later as (
        select distinct on (v.customer_id) v.customer_id, v.type, v.since, v.since_version
        from (
          select c.customer_id, c.type, c.since, c.since_version, 0 as stage, c.position as place, 0 as ordinal
          from changes as c
          where ${segmentRange('c', '$1::integer', '$2::bigint')} and c.customer_id > $3::bigint
            and c.customer_id <= (select b.customer_id from bound as b) and ${laterThan('c.at', '$6')}
          union all
          select o.customer_id, o.type, o.since, o.since_version, 1, o.decision, o.ordinal
          from outbox as o
          where o.customer_id > $3::bigint and o.customer_id <= (select b.customer_id from bound as b)
            and o.segment_id = $1::integer and o.customer_id <> 0 and ${laterThan('o.at', '$6')}
        ) as v
        order by v.customer_id, v.stage, v.place, v.ordinal
      )
      select null as type, p.customer_id as key, p.since, p.version
      from present as p
      union all
      select l.type, l.customer_id, l.since, l.since_version
      from later as l`,
    values: [undo.of.segmentId, undo.readTo, afterKey, undo.upToKey, limit, instantOf(undo.of)],
  });
  const present = rows.filter(({ type }) => type === null);
  const later = rows.flatMap(({ type, ...row }) => (type === null ? [] : [{ type, ...row }]));
  const lastKey = present.reduce((last, { key }) => (BigInt(key) > BigInt(last) ? key : last), afterKey);
  return { present, later, upToKey: present.length === limit ? lastKey : undo.upToKey };
}

interface MemberRow {
  key: CustomerKey;
  customer_id: string;
  since: number | null;
  version: number | null;
  source: MembershipSource;
}

/** Whoever was erased meanwhile is left out, even if the same id has come again, since the change is then a tombstone. */
async function describe(database: Queryable, of: Undone, found: readonly Found[], asOfIso: string | null): Promise<Member[]> {
  const { segmentId, afterMs } = of;
  const rows = await database.query<MemberRow>({
    name: afterMs === null ? 'describe_members' : 'describe_members_at',
    text: `
      select m.customer_id as key, c.external_id as customer_id, m.since, m.version,
        ${afterMs === null ? sourceNow('coalesce($6::timestamptz, clock_timestamp())') : sourceAt('$6::timestamptz')} as source
      from (
        select f.customer_id, $1::integer as segment_id, f.place, coalesce(v.since, f.since) as since,
          coalesce(v.since_version, f.version) as version
        from unnest($2::bigint[], $3::timestamptz[], $4::integer[], $5::bigint[]) with ordinality
          as f (customer_id, since, version, ended_at, place)
        left join changes as v on v.position = f.ended_at and v.customer_id = f.customer_id
        where f.ended_at is null or v.position is not null
      ) as m
      join customers as c on c.id = m.customer_id
      join segments as s on s.id = m.segment_id
      order by m.place`,
    values: [
      segmentId,
      found.map(({ key }) => key),
      found.map(({ since }) => (since === null ? null : new Date(since).toISOString())),
      found.map(({ version }) => version),
      found.map(({ endedAt }) => endedAt),
      afterMs === null ? asOfIso : instantOf(of),
    ],
  });
  return rows.map(({ key, customer_id, since, version, source }) => {
    if (since === null || version === null)
      throw new Error(`the exit of customer ${key} from segment ${segmentId} does not say what it ended`);
    return { customerKey: key, customerId: customer_id, sinceMs: since, version, source };
  });
}
