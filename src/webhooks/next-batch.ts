// In charge of what an endpoint is to be sent next, and of its content: a batch of changes, or a notice at its place among them. Reads only.
//
// Order: changes by position; a notice comes after every change decided before it, and no later than after those numbered when that was
// seen. Content is made from ranges, so that a retry says the same.
import { uuidv7 } from '../base/uuid.ts';
import { CUSTOMER_OR_ERASED, overPage, WORD_OF_CHANGE } from '../changes/change-names.ts';
import { placeNotices } from '../changes/place-notices.ts';
import { segmentRange } from '../changes/segment-range.ts';
import type { Queryable } from '../db/database.ts';
import type { Cause } from '../membership/record.ts';
import { NOTICE_TYPES, type NoticeType } from '../segments/notices.ts';
import { type Batch, CHANGED, type Filter } from './webhook.ts';

/** Where an endpoint stands. */
export interface Place {
  readonly position: string;
  readonly noticeId: string;
}

export interface Prepared {
  readonly batch: Batch;
  readonly body: string;
  readonly changes: number;
  /** where the endpoint stands when this has been delivered */
  readonly placeAfter: Place;
  /** epoch milliseconds of the database's clock when it was read: a later erasure is not in the body */
  readonly readAtMs: number;
}

export type Next =
  | { readonly kind: 'send'; readonly prepared: Prepared }
  /** nothing that it wants up to there */
  | { readonly kind: 'wait'; readonly place: Place }
  /** nothing is left of what was fixed before */
  | { readonly kind: 'skip'; readonly place: Place }
  /** what follows `position` has been trimmed, up to `through` */
  | { readonly kind: 'trimmed'; readonly through: string };

interface ChangeRow {
  feed_end: string;
  trimmed: string;
  read_at: number;
  /** null: there is none, nor the rest of the row */
  position: string | null;
  type: 'entered' | 'exited' | 'erased';
  segment: string | null;
  customer_id: string | null;
  version: number | null;
  cause: Cause | null;
  at: number;
  actor: string | null;
  reason: string | null;
}

interface Range {
  readonly after: string;
  readonly through: string;
  readonly limit: number;
}

const COLUMNS = 'c.position, c.type, c.segment_id, c.customer_id, c.erasure_id, c.version, c.cause, c.at, c.pin_log_id';
const OF_TYPE = '($4::text[] is null or c.type = any($4::text[]))';

const ALL = `
  select ${COLUMNS}
  from changes as c
  where c.position > $1::bigint and c.position <= $2::bigint and ${OF_TYPE}
  order by c.position
  limit $3`;

/** Positions are merged from each segment's index entries; only the rows that are wanted are read. */
const OF_SEGMENTS = `
  select ${COLUMNS}
  from (
    select p.position
    from unnest($5::integer[]) as s (id)
    cross join lateral (
      select c.position
      from changes as c
      where ${segmentRange('c', 's.id', '$1::bigint', '$2::bigint')} and ${OF_TYPE}
      order by c.segment_id, c.position
      limit $3
    ) as p
    order by p.position
    limit $3
  ) as n
  join changes as c on c.position = n.position`;

/** One statement, so that the end, what is trimmed and the changes are from one snapshot: what is not in the answer does not exist yet. */
async function readRange(database: Queryable, { after, through, limit }: Range, filter: Pick<Filter, 'segmentIds' | 'changeTypes'>) {
  const isOfAll = filter.segmentIds === null;
  const rows = await database.query<ChangeRow>({
    name: isOfAll ? 'webhook_changes' : 'webhook_changes_of_segments',
    ...overPage(
      isOfAll ? ALL : OF_SEGMENTS,
      (page) => `
      select f.position as feed_end, t.position as trimmed, clock_timestamp() as read_at,
        c.position, c.type, s.key as segment, ${CUSTOMER_OR_ERASED} as customer_id, c.version, c.cause, c.at, l.actor, l.reason
      from feed as f
      cross join trimmed as t
      left join (${page}) as c on true
      left join segments as s on s.id = c.segment_id${WORD_OF_CHANGE}
      order by c.position`,
    ),
    values: [after, through, limit, filter.changeTypes, ...(isOfAll ? [] : [filter.segmentIds])],
  });
  const [first] = rows;
  if (first === undefined) throw new Error('the row of the feed is missing');
  return {
    changes: first.position === null ? [] : rows,
    feedEnd: first.feed_end,
    trimmed: first.trimmed,
    readAtMs: Math.floor(first.read_at),
  };
}

/** If only one type of change is wanted, there may be none for long: so many positions are searched in one statement. */
const WINDOW = 100_000n;
const LAST = 2n ** 63n - 1n;

/** What comes after a place. `nowMs`: for a batch that is made now. */
export async function findNext(database: Queryable, from: Place, filter: Filter, batchSize: number, nowMs: number): Promise<Next> {
  const wantsChanges = filter.types.includes(CHANGED);
  const { notice, noticeId } = await findNotice(database, from.noticeId, filter);
  const place = { ...from, noticeId };
  if (notice !== null && (!wantsChanges || BigInt(place.position) >= BigInt(notice.after_position))) {
    return { kind: 'send', prepared: prepareNotice(messageOf(notice, nowMs), notice, place) };
  }
  if (!wantsChanges) return { kind: 'wait', place };
  const after = BigInt(place.position);
  const most = filter.changeTypes === null ? LAST : after + WINDOW;
  const bound = least(most, notice === null ? LAST : BigInt(notice.after_position));
  const range = { after: place.position, through: String(bound), limit: batchSize };
  const { changes, feedEnd, trimmed, readAtMs } = await readRange(database, range, filter);
  if (BigInt(trimmed) > after) return { kind: 'trimmed', through: trimmed };
  const end = least(bound, BigInt(feedEnd));
  if (changes.length === 0) {
    const reached = { ...place, position: String(end > after ? end : after) };
    const isAtEnd = notice === null && end >= BigInt(feedEnd);
    return isAtEnd ? { kind: 'wait', place: reached } : findNext(database, reached, filter, batchSize, nowMs);
  }
  const through = changes.length < batchSize ? String(end) : (changes.at(-1)?.position ?? String(end));
  const { segmentIds, changeTypes } = filter;
  const batch: Batch = { id: makeMessageId(nowMs), atMs: nowMs, kind: 'changes', after: place.position, through, segmentIds, changeTypes };
  return { kind: 'send', prepared: prepareChanges(batch, changes, place, readAtMs) };
}

/** The content of a batch that was fixed before. If erasures since have left nothing of it, it is skipped. */
export async function readAgain(database: Queryable, batch: Batch, place: Place): Promise<Next> {
  switch (batch.kind) {
    case 'changes': {
      const range = { after: batch.after, through: batch.through, limit: 1_000_000 };
      const filter = { segmentIds: batch.segmentIds, changeTypes: batch.changeTypes as Filter['changeTypes'] };
      const { changes, trimmed, readAtMs } = await readRange(database, range, filter);
      if (BigInt(trimmed) > BigInt(batch.after)) return { kind: 'trimmed', through: trimmed };
      if (changes.length === 0) return { kind: 'skip', place: { ...place, position: batch.through } };
      return { kind: 'send', prepared: prepareChanges(batch, changes, place, readAtMs) };
    }
    case 'notice': {
      const notice = await readNotice(database, batch.noticeId);
      if (notice === null) return { kind: 'skip', place: { ...place, noticeId: batch.noticeId } };
      return { kind: 'send', prepared: prepareNotice(batch, notice, place) };
    }
  }
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

// ---------------------------------------------------------------- content

export function makeMessageId(nowMs: number): string {
  return `msg_${uuidv7(nowMs).replaceAll('-', '')}`;
}

function prepareChanges(
  batch: Batch & { readonly kind: 'changes' },
  changes: readonly ChangeRow[],
  place: Place,
  readAtMs: number,
): Prepared {
  const body = `{"type":"${CHANGED}","timestamp":"${iso(batch.atMs)}","data":{"changes":[${changes.map(changeJson).join(',')}]}}`;
  return { batch, body, changes: changes.length, placeAfter: { ...place, position: batch.through }, readAtMs };
}

/** The feed's record as JSON, printed by hand: what cannot hold a quote is not searched for one (a third of the time of JSON.stringify). */
function changeJson(row: ChangeRow): string {
  const { position, type, segment, version, cause } = row;
  const names = `"segment":${quoted(segment)},"customerId":${text(row.customer_id)},"version":${version},"cause":${quoted(cause)}`;
  return `{"id":"${position}","position":${position},"type":"${type}",${names},"at":"${iso(row.at)}","actor":${text(row.actor)},"reason":${text(row.reason)}}`;
}

/** Keys and causes hold letters, digits, `_` and `-` only. */
function quoted(name: string | null): string {
  return name === null ? 'null' : `"${name}"`;
}

function text(value: string | null): string {
  return value === null ? 'null' : JSON.stringify(value);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

// ---------------------------------------------------------------- notices

interface NoticeRow {
  id: string;
  type: NoticeType;
  data: unknown;
  at: number;
  after_position: string;
}

interface Found {
  /** the next one that is wanted and has its place; null: there is none yet */
  readonly notice: NoticeRow | null;
  /** no notice up to here is wanted */
  readonly noticeId: string;
}

async function findNotice(database: Queryable, afterId: string, { types, segmentIds }: Filter): Promise<Found> {
  const wanted = NOTICE_TYPES.filter((type) => types.includes(type));
  if (wanted.length === 0) return { notice: null, noticeId: afterId };
  const find = async (): Promise<Found & { readonly isPlaced: boolean }> => {
    const [row] = await database.query<{ last_id: string; id: string | null; after_position: string | null } & Omit<NoticeRow, 'id'>>({
      name: 'next_notice',
      text: `
        select k.last_id, n.id, n.type, n.data, n.at, n.after_position
        from notice_count as k
        left join lateral (
          select a.*
          from notices as a
          where a.id > $1::bigint and a.type = any($2::text[]) and ($3::integer[] is null or a.segment_id = any($3::integer[]))
          order by a.id
          limit 1
        ) as n on true`,
      values: [afterId, wanted, segmentIds],
    });
    if (row === undefined) throw new Error('the row that counts notices is missing');
    const { id } = row;
    if (id === null) return { notice: null, noticeId: row.last_id, isPlaced: true };
    if (row.after_position === null) return { notice: null, noticeId: afterId, isPlaced: false };
    return { notice: { ...row, id }, noticeId: afterId, isPlaced: true };
  };
  const found = await find();
  if (found.isPlaced) return found;
  await placeNotices(database);
  return find();
}

async function readNotice(database: Queryable, id: string): Promise<NoticeRow | null> {
  const [row] = await database.query<NoticeRow>({
    name: 'read_notice',
    text: 'select n.id, n.type, n.data, n.at, n.after_position from notices as n where n.id = $1::bigint',
    values: [id],
  });
  return row ?? null;
}

function messageOf({ id, type }: NoticeRow, nowMs: number): Batch {
  return { id: makeMessageId(nowMs), atMs: nowMs, kind: 'notice', noticeId: id, type };
}

function prepareNotice(batch: Batch, notice: NoticeRow, place: Place): Prepared {
  const body = JSON.stringify({ type: notice.type, timestamp: iso(notice.at), data: notice.data });
  return { batch, body, changes: 0, placeAfter: { ...place, noticeId: notice.id }, readAtMs: batch.atMs };
}
