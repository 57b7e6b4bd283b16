// In charge of comparing kept sizes with counted members. Sizes are exact at the feed's position, so what waits in the outbox is taken off
// what is counted; one statement sees both. Also of setting them right.
import { type Client, type Database, pipeline } from '../db/database.ts';
import { inScan, inTransaction } from '../db/transaction.ts';
import { sizeOf, uncountedOf } from '../segments/segment-size.ts';

export interface SizeMismatch {
  readonly segmentId: number;
  readonly segment: string;
  readonly kept: number;
  readonly counted: number;
}

/** SQL: id, key, kept and counted of the segments that the condition over `s` leaves. */
function countedText(condition: string): string {
  return `
    select s.id, s.key, ${sizeOf('s.id')} as kept, coalesce(h.members, 0) - coalesce(w.net, 0) as counted
    from segments as s
    left join (
      select m.segment_id, count(*) as members
      from memberships as m
      where ${condition.replaceAll('s.id', 'm.segment_id')}
      group by m.segment_id
    ) as h on h.segment_id = s.id
    left join (
      select o.segment_id, sum(case o.type when 'entered' then 1 else -1 end) as net
      from outbox as o
      where ${condition.replaceAll('s.id', 'o.segment_id')}
      group by o.segment_id
    ) as w on w.segment_id = s.id
    where ${condition}`;
}

/** `segmentId` null: of every segment. */
export function findSizeMismatches(database: Database, segmentId: number | null): Promise<readonly SizeMismatch[]> {
  return inScan(database, (client) => readSizes(client, segmentId));
}

async function readSizes(client: Client, segmentId: number | null): Promise<readonly SizeMismatch[]> {
  const counted = segmentId === null ? countedText('s.id > $1::integer') : countedText('s.id = $1::integer');
  const { rows } = await client.query<{ id: number; key: string; kept: string; counted: string }>(
    `select d.id, d.key, d.kept, d.counted from (${counted}) as d where d.kept <> d.counted order by d.key`,
    [segmentId ?? 0],
  );
  return rows.map((row) => ({ segmentId: row.id, segment: row.key, kept: Number(row.kept), counted: Number(row.counted) }));
}

/** Writers and the publisher wait that long for a recount to begin, and it for them; then it is given up until next time. */
const LOCK_TIMEOUT_MS = 1000;

/** Counts anew and keeps what it counts. Nobody writes the outbox meanwhile, so that what is counted is what the publisher has to number, and what is noted waits. */
export function recountSize(database: Database, segmentId: number): Promise<void> {
  return inTransaction(database, async (client) => {
    await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query('lock table outbox, uncounted in share mode');
    for (const { counted } of await readSizes(client, segmentId)) {
      await pipeline(client, [
        {
          text: `
            insert into segment_sizes as z (segment_id, member_count)
            values ($1, $2 - ${uncountedOf('$1')})
            on conflict (segment_id) do update
            set member_count = excluded.member_count`,
          values: [segmentId, counted],
        },
      ]);
    }
  });
}

/** The next segment by id; null: there is none. */
export async function nextSegment(database: Database, afterId: number): Promise<number | null> {
  const [row] = await database.query<{ id: number | null }>({
    name: 'next_segment',
    text: 'select min(s.id) as id from segments as s where s.id > $1',
    values: [afterId],
  });
  return row?.id ?? null;
}
