// In charge of reading the feed by position. Readers see numbered changes only, so nobody ever skips a late commit.
import type { Queryable } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Cause } from '../membership/record.ts';
import { CUSTOMER_OR_ERASED, overPage, WORD_OF_CHANGE } from './change-names.ts';
import { positionBefore } from './marks.ts';
import { segmentRange } from './segment-range.ts';

export interface MembershipChange {
  readonly position: string;
  readonly type: 'entered' | 'exited';
  readonly segment: string;
  readonly customerId: string;
  readonly version: number;
  readonly cause: Cause;
  readonly atMs: number;
  /** who said so by hand, and why; null: nobody did */
  readonly actor: string | null;
  readonly reason: string | null;
}

/** A tombstone: what is left of a change of somebody who has since been erased. With a segment if it is an exit made by the erasure itself. */
export interface ErasedChange {
  readonly position: string;
  readonly type: 'erased';
  readonly segment: string | null;
  readonly customerId: null;
  readonly version: null;
  readonly cause: null;
  readonly atMs: number;
  readonly actor: null;
  readonly reason: null;
}

export type Change = MembershipChange | ErasedChange;

export interface FeedQuery {
  readonly afterPosition: string;
  readonly limit: number;
  /** changes of these segments only; none of them: nothing */
  readonly segmentIds?: readonly number[];
  readonly customerKey?: CustomerKey;
}

type ChangeRow = (Omit<MembershipChange, 'customerId' | 'atMs'> | Omit<ErasedChange, 'customerId' | 'atMs'>) & {
  readonly customer_id: string | null;
  readonly at: number;
};

const COLUMNS = 'c.position, c.type, c.segment_id, c.customer_id, c.erasure_id, c.version, c.cause, c.at, c.pin_log_id';

/** SQL: so many changes after $1 that satisfy the condition, read by the index made for it. */
function changesWhere(condition: string, order: string): string {
  return `
    select ${COLUMNS}
    from changes as c
    where ${condition}
    order by ${order}
    limit $2`;
}

/** SQL: the same for several segments: their positions are merged from each segment's index entries, and only the rows wanted are read. */
function changesOfSegments(segments: string): string {
  return `
    select ${COLUMNS}
    from (
      select p.position
      from unnest(${segments}) as s (id)
      cross join lateral (
        select n.position
        from changes as n
        where ${segmentRange('n', 's.id', '$1::bigint')}
        order by n.segment_id, n.position
        limit $2
      ) as p
      order by p.position
      limit $2
    ) as f
    join changes as c on c.position = f.position`;
}

/** SQL: the rows of one customer, also of an erased one as long as the exits still say whose they are. */
function changesOfCustomer(customer: string, ofSegments: string): string {
  return `
    (${changesWhere(`c.position > $1::bigint and c.customer_id = ${customer}::bigint ${ofSegments}`, 'c.position')})
    union all
    (
      select ${COLUMNS}
      from erasures as e
      join changes as c on c.erasure_id = e.id
      where e.customer_id = ${customer}::bigint and c.position > $1::bigint ${ofSegments}
    )
    order by position
    limit $2`;
}

/** Rows of the log, and what distinguishes the statement from that of another kind of query. */
interface Found {
  readonly name: string;
  readonly found: string;
  readonly values: readonly unknown[];
}

/** SQL: the page's rows of the log, in no order, with their parameters. */
export function findChanges({ afterPosition, limit, segmentIds, customerKey }: FeedQuery): Found {
  const page = [afterPosition, limit];
  if (customerKey !== undefined) {
    if (segmentIds === undefined) return { name: '_customer', found: changesOfCustomer('$3', ''), values: [...page, customerKey] };
    const found = changesOfCustomer('$3', 'and c.segment_id = any($4::integer[])');
    return { name: '_customer_segments', found, values: [...page, customerKey, segmentIds] };
  }
  if (segmentIds === undefined) return { name: '', found: changesWhere('c.position > $1::bigint', 'c.position'), values: page };
  const [only] = segmentIds;
  if (only !== undefined && segmentIds.length === 1) {
    const found = changesWhere(segmentRange('c', '$3::integer', '$1::bigint'), 'c.segment_id, c.position');
    return { name: '_segment', found, values: [...page, only] };
  }
  return { name: '_segments', found: changesOfSegments('$3::integer[]'), values: [...page, segmentIds] };
}

/** In order of position. An erased customer's exits still say whose they are, until they too become tombstones. */
export async function readChanges(database: Queryable, query: FeedQuery): Promise<Change[]> {
  const { name, found, values } = findChanges(query);
  const rows = await database.query<ChangeRow>({
    name: `read_changes${name}`,
    ...overPage(
      found,
      (page) => `
      select c.position, c.type, s.key as segment, ${CUSTOMER_OR_ERASED} as customer_id, c.version, c.cause, c.at, l.actor, l.reason
      from (${page}) as c
      left join segments as s on s.id = c.segment_id${WORD_OF_CHANGE}
      order by c.position`,
    ),
    values,
  });
  return rows.map(({ customer_id, at, ...row }) => ({ ...row, customerId: customer_id, atMs: at }) as Change);
}

export interface FeedPage {
  readonly changes: readonly Change[];
  /** everything that the filter lets through up to here has been read */
  readonly place: string;
}

export async function readFeedPage(database: Queryable, query: FeedQuery): Promise<FeedPage> {
  const end = await readEndFor(database, query);
  const changes = await readChanges(database, query);
  return { changes, place: behindPage(query, { end, count: changes.length, last: changes.at(-1)?.position ?? null }) };
}

/** Read before the page: everything numbered up to it is visible to the read that follows, so a filtered reader need not go over it again. */
export async function readEndFor(database: Queryable, query: FeedQuery): Promise<string> {
  const isFiltered = query.segmentIds !== undefined || query.customerKey !== undefined;
  return isFiltered ? readFeedEnd(database) : query.afterPosition;
}

/** The position up to which everything that the filter lets through has been read. */
export function behindPage(
  query: FeedQuery,
  { end, count, last }: { readonly end: string; readonly count: number; readonly last: string | null },
): string {
  const read = last ?? query.afterPosition;
  return count < query.limit && BigInt(end) > BigInt(read) ? end : read;
}

/** The last position before the first change at or after that instant; the feed's end if there is none yet. */
export async function findStart(database: Queryable, fromMs: number): Promise<string> {
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
export async function readFeedEnd(database: Queryable): Promise<string> {
  const [row] = await database.query<{ position: string }>({ name: 'feed_end', text: 'select f.position from feed as f' });
  if (row === undefined) throw new Error('the feed row is missing');
  return row.position;
}

/** True while changes decided up to then wait to be numbered. The caller holds the token of a write that has committed. */
export async function isUnpublished(database: Queryable, decision: string): Promise<boolean> {
  const [row] = await database.query<{ waiting: boolean }>({
    name: 'is_unpublished',
    text: 'select exists (select from outbox as o where o.decision <= $1::bigint) as waiting',
    values: [decision],
  });
  return row?.waiting === true;
}
