// In charge of the log as a history: a customer's or a segment's changes, newest first. The feed, oldest first, is read-changes.ts.
import { ofCustomer, withTaken } from '../db/citus.ts';
import type { Database } from '../db/database.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import type { Cause } from '../membership/record.ts';
import { CUSTOMER_OF_CHANGE, overPage, WORD_OF_CHANGE } from './change-names.ts';
import { positionBefore } from './marks.ts';
import { LAST_POSITION, segmentRange } from './segment-range.ts';

export interface PastChange {
  readonly position: string;
  readonly type: 'entered' | 'exited';
  readonly segment: string;
  /** null: the customer has since been erased */
  readonly customerId: string | null;
  readonly version: number;
  readonly cause: Cause;
  readonly atMs: number;
  /** for an exit: since when the customer had been in */
  readonly sinceMs: number | null;
  /** who said so by hand, and why; null: nobody did */
  readonly actor: string | null;
  readonly reason: string | null;
}

/** At least one of segment and customer is given. */
export interface HistoryQuery {
  readonly beforePosition?: string;
  readonly limit: number;
  readonly segmentId?: number;
  /** for a customer: only changes of these segments */
  readonly segmentIds?: readonly number[];
  readonly customerKey?: CustomerKey;
  readonly type?: 'entered' | 'exited';
  readonly cause?: string;
  /** from that instant on, in epoch milliseconds */
  readonly fromMs?: number;
  /** before that instant */
  readonly toMs?: number;
}

interface HistoryRow {
  position: string;
  type: 'entered' | 'exited';
  segment: string;
  customer_id: string | null;
  version: number;
  cause: Cause;
  at: number;
  since: number | null;
  actor: string | null;
  reason: string | null;
}

/** Positions, both ends included. */
interface Range {
  readonly first: string;
  readonly last: string;
}

/** Newest first by position. The cost is that of the page and, with filters, of the changes of the customer or segment that they pass over. */
export async function readHistory(database: Database, query: HistoryQuery): Promise<PastChange[]> {
  const found: PastChange[] = [];
  for (const range of await rangesOf(database, query)) {
    if (found.length < query.limit) found.push(...(await readRange(database, query, range, query.limit - found.length)));
  }
  return found;
}

/** Which parts of the log may hold the period, newest first: what has no mark yet may hold any instant, for the rest the marks say. */
async function rangesOf(database: Database, { fromMs, toMs, beforePosition }: HistoryQuery): Promise<readonly Range[]> {
  const end = beforePosition === undefined ? LAST_POSITION : String(BigInt(beforePosition) - 1n);
  if (fromMs === undefined && toMs === undefined) return [{ first: '1', last: end }];
  const [row] = await database.query<{ before: string; within: string; marked: string }>({
    name: 'find_period',
    text: `
      select ${positionBefore('$1::timestamptz', 'exclusive')} as before,
        coalesce((select k.position from change_marks as k where k.earliest_at < $2::timestamptz order by k.position desc limit 1), 0) as within,
        coalesce((select k.position from change_marks as k order by k.position desc limit 1), 0) as marked`,
    values: [isoOr('-infinity', fromMs), isoOr('infinity', toMs)],
  });
  if (row === undefined) throw new Error('the period was not found');
  const lowest = (a: string, b: string) => (BigInt(a) < BigInt(b) ? a : b);
  const first = String(BigInt(row.before) + 1n);
  const ranges =
    row.within === row.marked
      ? [{ first, last: end }]
      : [
          { first: String(BigInt(row.marked) + 1n), last: end },
          { first, last: lowest(row.within, end) },
        ];
  return ranges.filter((range) => BigInt(range.first) <= BigInt(range.last));
}

function isoOr(none: string, instantMs: number | undefined): string {
  return instantMs === undefined || !Number.isFinite(instantMs) ? none : new Date(instantMs).toISOString();
}

async function readRange(database: Database, query: HistoryQuery, range: Range, limit: number): Promise<PastChange[]> {
  const { segmentId, customerKey } = query;
  const values: unknown[] = [String(BigInt(range.first) - 1n), range.last, limit];
  const conditions: string[] = [];
  const only = (condition: string, value: unknown) => {
    if (value === undefined) return;
    conditions.push(`and c.${condition.replace('$', `$${values.push(value)}`)}`);
  };
  const ofSegment = customerKey === undefined; // a customer has few changes: those of one segment are filtered
  const place = ofSegment
    ? segmentRange('c', `$${values.push(segmentId)}::integer`, '$1::bigint', '$2::bigint')
    : 'c.position > $1::bigint and c.position <= $2::bigint';
  if (ofSegment) conditions.push(`and c.type in ('entered', 'exited')`); // tombstones are for followers of the feed
  only('customer_id = $::bigint', customerKey);
  only('segment_id = $::integer', ofSegment ? undefined : segmentId);
  only('segment_id = any($::integer[])', query.segmentIds);
  only('type = $', query.type);
  only('cause = $', query.cause);
  only('at >= $::timestamptz', query.fromMs === undefined ? undefined : isoOr('', query.fromMs));
  only('at < $::timestamptz', query.toMs === undefined ? undefined : isoOr('', query.toMs));
  const rows = await database.query<HistoryRow>({
    ...overPage(
      `
        select c.position, c.type, c.segment_id, c.customer_id, c.version, c.cause, c.at, c.since, c.pin_log_id
        from changes as c
        where ${place} ${conditions.join(' ')}
        order by ${ofSegment ? 'c.segment_id desc, ' : ''}c.position desc
        limit $3`,
      (page) => `
      select c.position, c.type, s.key as segment, ${CUSTOMER_OF_CHANGE} as customer_id, c.version, c.cause, c.at, c.since, l.actor, l.reason
      from (${page}) as c
      join segments as s on s.id = c.segment_id${WORD_OF_CHANGE}
      order by c.position desc`,
    ),
    values,
  });
  return rows.map(({ customer_id, at, since, ...row }) => ({ ...row, customerId: customer_id, atMs: at, sinceMs: since }));
}

/**
 * A decision by hand about a customer that did not change the membership in its segment: it is part of the history, not of the feed. What
 * follows in other segments may name it all the same: of a move, the last of its decisions.
 */
export interface IdleWord {
  /** of its entry in pin_log */
  readonly id: string;
  readonly type: 'pinned_in' | 'pinned_out' | 'released';
  readonly segment: string;
  readonly customerId: string;
  readonly cause: Cause;
  readonly atMs: number;
  readonly actor: string;
  readonly reason: string | null;
}

export interface IdleWordQuery {
  readonly customerKey: CustomerKey;
  readonly segmentId?: number;
  readonly cause?: Cause;
  /** from that instant on, in epoch milliseconds */
  readonly fromMs?: number;
  /** before that instant */
  readonly toMs?: number;
}

const IDLE_WORDS = `
  select l.id, l.action as type, s.key as segment, k.external_id as customer_id, l.cause, l.at, l.actor, l.reason
  from pin_log as l
  join segments as s on s.id = l.segment_id
  join customers as k on k.id = l.customer_id
  where l.customer_id = $1::bigint
    and ($2::integer is null or l.segment_id = $2)
    and ($3::text is null or l.cause = $3)
    and l.at >= $4::timestamptz
    and l.at < $5::timestamptz
    and not exists (
      select from changes as c
      where c.customer_id = l.customer_id and c.pin_log_id = l.id and c.segment_id = l.segment_id
    )
    and not exists (
      select from outbox as o
      where o.customer_id = l.customer_id and o.pin_log_id = l.id and o.segment_id = l.segment_id
    )
  order by l.at desc, l.id desc`;

/** Newest first. Of words older than the kept log, those that did change something are among them: their change is gone, and only the caller knows. */
export async function readIdleWords(database: Database, query: IdleWordQuery): Promise<IdleWord[]> {
  const rows = await database.query<Omit<IdleWord, 'customerId' | 'atMs'> & { customer_id: string; at: number }>({
    name: 'read_idle_words',
    text: IDLE_WORDS,
    textOnCitus: withTaken(IDLE_WORDS, ofCustomer('$1', ['customers', 'pin_log', 'outbox'])),
    values: [
      query.customerKey,
      query.segmentId ?? null,
      query.cause ?? null,
      isoOr('-infinity', query.fromMs),
      isoOr('infinity', query.toMs),
    ],
  });
  return rows.map(({ customer_id, at, ...row }) => ({ ...row, customerId: customer_id, atMs: at }));
}
