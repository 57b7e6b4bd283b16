// In charge of reading the feed by position. Readers see numbered changes only, so nobody ever skips a late commit.
import type { Database } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Cause } from '../membership/record.ts';
import { positionBefore } from './marks.ts';

export interface Change {
  readonly position: string;
  readonly type: 'entered' | 'exited';
  readonly segment: string;
  readonly customerId: string;
  readonly version: number;
  readonly cause: Cause;
  readonly atMs: number;
}

export interface FeedQuery {
  readonly afterPosition: string;
  readonly limit: number;
  readonly segmentId?: number;
  readonly customerKey?: CustomerKey;
}

interface ChangeRow {
  position: string;
  type: 'entered' | 'exited';
  segment: string;
  customer_id: string;
  version: number;
  cause: Cause;
  at: number;
}

/** In order of position. Filters are statements of their own, so that each walks the index made for it. */
export async function readChanges(database: Database, query: FeedQuery): Promise<Change[]> {
  const filters = [
    query.segmentId === undefined ? '' : 'and c.segment_id = $3::integer',
    query.customerKey === undefined ? '' : `and c.customer_id = $${query.segmentId === undefined ? 3 : 4}::bigint`,
  ].join(' ');
  const values: unknown[] = [query.afterPosition, query.limit];
  if (query.segmentId !== undefined) values.push(query.segmentId);
  if (query.customerKey !== undefined) values.push(query.customerKey);
  const rows = await database.query<ChangeRow>({
    name: `read_changes${query.segmentId === undefined ? '' : '_segment'}${query.customerKey === undefined ? '' : '_customer'}`,
    text: `
      select c.position, c.type, s.key as segment, k.external_id as customer_id, c.version, c.cause, c.at
      from (
        select c.position, c.type, c.segment_id, c.customer_id, c.version, c.cause, c.at
        from changes as c
        where c.position > $1::bigint ${filters}
        order by c.position
        limit $2
      ) as c
      join segments as s on s.id = c.segment_id
      join customers as k on k.id = c.customer_id
      order by c.position`,
    values,
  });
  return rows.map(({ customer_id, at, ...row }) => ({ ...row, customerId: customer_id, atMs: at }));
}

/** The last position before the first change of that instant or later; the feed's end where there is none yet. */
export async function findStart(database: Database, fromMs: number): Promise<string> {
  const [row] = await database.query<{ position: string }>({
    name: 'find_start',
    text: `
      select coalesce(
        (
          select c.position - 1
          from changes as c
          where c.position > ${positionBefore('$1::timestamptz', 'exclusive')} and c.at >= $1::timestamptz
          order by c.position
          limit 1
        ),
        f.position
      ) as position
      from feed as f`,
    values: [new Date(fromMs).toISOString()],
  });
  if (row === undefined) throw new Error('the feed row is missing');
  return row.position;
}

/** Where the feed ends. */
export async function readFeedEnd(database: Database): Promise<string> {
  const [row] = await database.query<{ position: string }>({ name: 'feed_end', text: 'select f.position from feed as f' });
  if (row === undefined) throw new Error('the feed row is missing');
  return row.position;
}

/** True while changes decided up to then wait to be numbered. Whoever asks holds the token of a write that had committed before. */
export async function isUnpublished(database: Database, decision: string): Promise<boolean> {
  const [row] = await database.query<{ waiting: boolean }>({
    name: 'is_unpublished',
    text: 'select exists (select from outbox as o where o.decision <= $1::bigint) as waiting',
    values: [decision],
  });
  return row?.waiting === true;
}
