// In charge of segments as their owners see them: listing, finding, naming. Their rules are versions.ts, making one create-segment.ts; which
// customers are in them is decided elsewhere.
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import type { SegmentStatus } from '../catalog/catalog.ts';
import type { Client, Database } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import type { RunCause, RunStatus } from './runs.ts';
import { sizeOf } from './segment-size.ts';

export interface Segment {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly color: string | null;
  readonly reviewAtMs: number | null;
  readonly kind: 'rule' | 'manual';
  readonly status: SegmentStatus;
  readonly failure: string | null;
  /** when a failed one is tried again by itself */
  readonly retryAtMs: number | null;
  readonly memberCount: number;
  /** the published version */
  readonly version: number | null;
  /** the newest version that was never published, if newer than the published one */
  readonly draft: number | null;
  readonly evaluatedAtMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** the newest run */
  readonly run: {
    readonly id: string;
    readonly cause: RunCause;
    readonly status: RunStatus;
    readonly done: number;
    readonly total: number;
  } | null;
}

export interface SegmentEdit {
  readonly name?: string;
  readonly description?: string | null;
  readonly icon?: string | null;
  readonly color?: string | null;
  readonly reviewAtMs?: number | null;
}

interface SegmentRow {
  id: number;
  key: string;
  name: string;
  description: string | null;
  icon: string | null;
  color: string | null;
  review_at: number | null;
  kind: 'rule' | 'manual';
  status: SegmentStatus;
  failure: string | null;
  retry_at: number | null;
  member_count: string;
  version: number | null;
  newest_draft: number | null;
  evaluated_at: number | null;
  created_at: number;
  updated_at: number;
  run_id: string | null;
  run_cause: RunCause | null;
  run_status: RunStatus | null;
  run_done: string | null;
  run_total: string | null;
}

const SELECT_SEGMENTS = `
  select s.id, s.key, s.name, s.description, s.icon, s.color, s.review_at, s.kind, s.status, s.failure, s.retry_at,
    ${sizeOf('s.id')} as member_count, s.version, v.newest_draft, s.evaluated_at, s.created_at, s.updated_at,
    r.id as run_id, r.cause as run_cause, r.status as run_status, r.done as run_done, r.total as run_total
  from segments as s
  left join lateral (
    select max(n.number) as newest_draft
    from segment_versions as n
    where n.segment_id = s.id and n.published_at is null and n.number > coalesce(s.version, 0)
  ) as v on true
  left join lateral (
    select q.id, q.cause, q.status, q.done, q.total
    from runs as q
    where q.segment_id = s.id and q.cause <> 'move'
    order by q.id desc
    limit 1
  ) as r on true`;

function toSegment(row: SegmentRow): Segment {
  return {
    id: row.id,
    key: row.key,
    name: row.name,
    description: row.description,
    icon: row.icon,
    color: row.color,
    reviewAtMs: row.review_at,
    kind: row.kind,
    status: row.status,
    failure: row.failure,
    retryAtMs: row.retry_at,
    memberCount: Number(row.member_count),
    version: row.version,
    draft: row.newest_draft,
    evaluatedAtMs: row.evaluated_at,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    run:
      row.run_id === null || row.run_cause === null || row.run_status === null
        ? null
        : { id: row.run_id, cause: row.run_cause, status: row.run_status, done: Number(row.run_done), total: Number(row.run_total) },
  };
}

/** In order of key; with `keys` only those. */
export async function listSegments(
  database: Database,
  query: { readonly afterKey?: string; readonly keys?: readonly string[]; readonly limit: number },
): Promise<Segment[]> {
  const rows = await database.query<SegmentRow>({
    name: 'list_segments',
    text: `${SELECT_SEGMENTS} where ($1::text is null or s.key > $1) and ($3::text[] is null or s.key = any($3)) order by s.key limit $2`,
    values: [query.afterKey ?? null, query.limit, query.keys ?? null],
  });
  return rows.map(toSegment);
}

/** Throws `not_found`. */
export async function getSegment(database: Database, key: string): Promise<Segment> {
  const [row] = await database.query<SegmentRow>({ name: 'get_segment', text: `${SELECT_SEGMENTS} where s.key = $1`, values: [key] });
  if (row === undefined) throw segmentNotFound(key);
  return toSegment(row);
}

/** In order of key; segments that do not exist are left out. */
export async function getSegments(database: Database, keys: readonly string[]): Promise<Segment[]> {
  if (keys.length === 0) return [];
  const rows = await database.query<SegmentRow>({
    name: 'get_segments',
    text: `${SELECT_SEGMENTS} where s.key = any($1::text[]) order by s.key`,
    values: [keys],
  });
  return rows.map(toSegment);
}

function segmentNotFound(key: string): AppError {
  return new AppError('not_found', `There is no segment “${key}”.`);
}

/** Throws if the segment is not what the caller of an edit has read (If-Match). Called while its row is locked. */
export type Precondition = (segment: Segment) => void;

/** Locks the segment's row until the transaction ends. Throws `not_found` and what `precondition` throws. */
export async function lockSegment(client: Client, key: string, precondition: Precondition = () => {}): Promise<Segment> {
  await client.query('select s.id from segments as s where s.key = $1 for update', [key]);
  const { rows } = await client.query<SegmentRow>(`${SELECT_SEGMENTS} where s.key = $1`, [key]);
  const [row] = rows;
  if (row === undefined) throw segmentNotFound(key);
  const segment = toSegment(row);
  precondition(segment);
  return segment;
}

/** Changes what does not belong to a version. Throws `not_found` and what `precondition` throws. */
export async function updateSegment(
  database: Database,
  clock: Clock,
  key: string,
  edit: SegmentEdit,
  precondition: Precondition,
): Promise<Segment> {
  await inTransaction(database, async (client) => {
    const before = await lockSegment(client, key, precondition);
    const after = { ...before, ...edit };
    await client.query(
      `update segments as s
       set name = $2, description = $3, icon = $4, color = $5, review_at = $6::timestamptz, updated_at = $7::timestamptz
       where s.id = $1`,
      [
        before.id,
        after.name,
        after.description,
        after.icon,
        after.color,
        after.reviewAtMs === null ? null : new Date(after.reviewAtMs).toISOString(),
        new Date(clock.nowMs()).toISOString(),
      ],
    );
    await noteSegment(client, key, pick(before, edit), edit);
  });
  return getSegment(database, key);
}

/** What an edit touches, as it was. */
function pick(before: Segment, edit: SegmentEdit): object {
  return Object.fromEntries((Object.keys(edit) as (keyof SegmentEdit)[]).map((name) => [name, before[name]]));
}

/** For the audit. */
export function noteSegment(client: Client, key: string, before: object | null, after: object): Promise<void> {
  return noteWrite(client, { target: `segments/${key}`, changes: [{ customerKey: null, content: { before, after } }] });
}

/** For the audit. */
export function statusOf({ version, status }: Segment): object {
  return { version, status };
}
