// In charge of notices about segments and runs, beside changes of memberships: each is written in the transaction that causes it.
// Not of sending (webhooks/).
import type { Statement } from '../db/database.ts';

export const NOTICE_TYPES = ['segment.published', 'segment.failed', 'run.finished'] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

/**
 * One row, locked until the commit, counts notices, so that ids are in order of commit and no reader skips one. The decision is drawn after
 * that lock: every change that the notice may be about has a smaller one. `source` gives number (from 1), segment_id, at and data.
 */
function writeNotices(type: NoticeType, source: string, values: readonly unknown[]): Statement[] {
  const lock = { name: 'lock_notices', text: 'update notice_count as k set last_id = k.last_id where k.only_row' };
  const text = `
    with told as (
       ${source}
     ), counted as (
       update notice_count as k
       set last_id = k.last_id + (select count(*) from told)
       returning k.last_id - (select count(*) from told) as before
     )
     insert into notices (id, type, segment_id, data, at, decision)
     select c.before + t.number, '${type}', t.segment_id, t.data, t.at, nextval('decisions')
     from told as t
     cross join counted as c`;
  return [lock, { name: `tell_${type}`, text, values }];
}

const iso = (instant: string) => `to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** A version was put in force; its run has that id. */
export function tellPublished(segmentId: number, runId: string, nowMs: number): Statement[] {
  return writeNotices(
    'segment.published',
    `select 1 as number, s.id as segment_id, $3::timestamptz as at,
       jsonb_build_object('segment', s.key, 'version', s.version, 'runId', $2::text) as data
     from segments as s
     where s.id = $1`,
    [segmentId, runId, new Date(nowMs).toISOString()],
  );
}

/** The segments could not be computed, and have just become `failed`. */
export function tellFailed(segmentIds: readonly number[], nowMs: number): Statement[] {
  if (segmentIds.length === 0) return [];
  return writeNotices(
    'segment.failed',
    `select row_number() over (order by s.id) as number, s.id as segment_id, $2::timestamptz as at,
       jsonb_build_object('segment', s.key, 'version', s.version, 'failure', s.failure, 'failures', s.failures, 'retryAt', ${iso('s.retry_at')}) as data
     from segments as s
     where s.id = any($1::integer[])`,
    [segmentIds, new Date(nowMs).toISOString()],
  );
}

/** How and when the statement before this one has ended runs. */
export interface RunsEnd {
  readonly status: string;
  readonly nowMs: number;
}

/** The runs have just ended, whichever way. `end`: only those that ended so; a move may have ended by itself meanwhile, with its own notice. */
export function tellFinished(runIds: readonly string[], end: RunsEnd | null): Statement[] {
  if (runIds.length === 0) return [];
  return writeNotices(
    'run.finished',
    `select row_number() over (order by r.id) as number, r.segment_id, r.finished_at as at,
       jsonb_build_object('runId', r.id::text, 'segment', s.key, 'version', r.version, 'cause', r.cause, 'status', r.status, 'done', r.done,
         'total', r.total, 'changes', r.changes, 'failure', r.failure, 'queuedAt', ${iso('r.queued_at')}, 'startedAt', ${iso('r.started_at')},
         'finishedAt', ${iso('r.finished_at')}) as data
     from runs as r
     join segments as s on s.id = r.segment_id
     where r.id = any($1::bigint[]) and r.finished_at is not null
       and ($2::text is null or (r.status = $2 and r.finished_at = $3::timestamptz))`,
    [runIds, end?.status ?? null, end === null ? null : new Date(end.nowMs).toISOString()],
  );
}
