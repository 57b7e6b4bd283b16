// In charge of the table of runs: what is to be evaluated for everybody, how far that is, how it ended. Not of evaluating (membership/full-run.ts).
import { type Client, type Database, pipeline, type Queryable, type Statement } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { tellFinished } from './notices.ts';
import { sizeOf } from './segment-size.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'superseded';
export type RunCause = 'definition' | 'refresh' | 'time' | 'repair' | 'archive' | 'group' | 'move';

export interface Run {
  readonly id: string;
  readonly segmentId: number;
  readonly segment: string;
  readonly version: number;
  readonly cause: RunCause;
  readonly status: RunStatus;
  readonly done: number;
  readonly total: number;
  readonly changes: number;
  /** customers up to this key are done; null: none yet, or the run has ended */
  readonly cursor: string | null;
  readonly failure: string | null;
  readonly queuedAtMs: number;
  readonly startedAtMs: number | null;
  /** when the current work began, at the start or after an interruption; and how much was done before */
  readonly resumedAtMs: number | null;
  readonly resumedDone: number;
  readonly finishedAtMs: number | null;
}

interface RunRow {
  id: string;
  segment_id: number;
  segment: string;
  version: number;
  cause: RunCause;
  status: RunStatus;
  done: string;
  total: string;
  changes: string;
  cursor: string | null;
  failure: string | null;
  queued_at: number;
  started_at: number | null;
  resumed_at: number | null;
  resumed_done: string;
  finished_at: number | null;
}

const SELECT_RUNS = `
  select r.id, r.segment_id, s.key as segment, r.version, r.cause, r.status, r.done, r.total, r.changes, r.cursor, r.failure,
    r.queued_at, r.started_at, r.resumed_at, r.resumed_done, r.finished_at
  from runs as r
  join segments as s on s.id = r.segment_id`;

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    segmentId: row.segment_id,
    segment: row.segment,
    version: row.version,
    cause: row.cause,
    status: row.status,
    done: Number(row.done),
    total: Number(row.total),
    changes: Number(row.changes),
    cursor: row.cursor,
    failure: row.failure,
    queuedAtMs: row.queued_at,
    startedAtMs: row.started_at,
    resumedAtMs: row.resumed_at,
    resumedDone: Number(row.resumed_done),
    finishedAtMs: row.finished_at,
  };
}

export async function listRuns(
  database: Database,
  query: { readonly segments?: readonly string[]; readonly beforeId?: string; readonly limit: number },
): Promise<Run[]> {
  const rows = await database.query<RunRow>({
    text: `${SELECT_RUNS}
      where ($1::text[] is null or s.key = any($1)) and ($2::bigint is null or r.id < $2)
      order by r.id desc
      limit $3`,
    values: [query.segments ?? null, query.beforeId ?? null, query.limit],
  });
  return rows.map(toRun);
}

/** Throws `not_found`. */
export async function getRun(database: Queryable, id: string): Promise<Run> {
  const rows = /^\d{1,18}$/.test(id) ? await database.query<RunRow>({ text: `${SELECT_RUNS} where r.id = $1::bigint`, values: [id] }) : [];
  const [row] = rows;
  if (row === undefined) throw new AppError('not_found', `There is no run ${id}, or it is no longer kept.`);
  return toRun(row);
}

function idsOf(rows: readonly { readonly id: string }[]): string[] {
  return rows.map((row) => row.id);
}

export async function listOpenRuns(database: Database): Promise<Run[]> {
  const rows = await database.query<RunRow>({
    name: 'open_runs',
    text: `${SELECT_RUNS} where r.status in ('queued', 'running') order by r.id`,
  });
  return rows.map(toRun);
}

export interface QueuedRun {
  readonly id: string;
  /** these end the runs that it replaces: to be sent in the same transaction */
  readonly last: readonly Statement[];
}

/**
 * Queues a run inside the caller's transaction, which has the segment's row locked; it supersedes open runs of the segment, except moves
 * into it.
 */
export async function queueRun(client: Client, segmentId: number, version: number, cause: RunCause, nowMs: number): Promise<QueuedRun> {
  const now = new Date(nowMs).toISOString();
  const [open = [], queued = []] = await pipeline(client, [
    {
      name: 'runs_to_supersede',
      text: `select r.id from runs as r where r.segment_id = $1 and r.status in ('queued', 'running') and r.cause <> 'move' order by r.id`,
      values: [segmentId],
    },
    {
      name: 'queue_run',
      text: `
        insert into runs (segment_id, version, cause, status, total, queued_at)
        values ($1, $2, $3, 'queued', 0, $4::timestamptz)
        returning id`,
      values: [segmentId, version, cause, now],
    },
  ]);
  const [row] = queued as { id: string }[];
  if (row === undefined) throw new Error('the run was not stored');
  return { id: row.id, last: endRuns('superseded', idsOf(open as { id: string }[]), nowMs) };
}

/** Ids of the open runs of a segment, including moves into it; while a transaction has its row locked, only moves can end in another. */
export async function readOpenRuns(client: Client, segmentIds: readonly number[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'open_runs_of',
    text: `select r.id from runs as r where r.segment_id = any($1::integer[]) and r.status in ('queued', 'running') order by r.id`,
    values: [segmentIds],
  });
  return idsOf(rows);
}

/** Before several are changed in one statement, which has no order of its own: runs are always locked in order of id. */
export function lockRuns(ids: readonly string[]): Statement {
  const text = `
    select r.id
    from runs as r
    where r.id = any($1::bigint[]) and r.status in ('queued', 'running')
    order by r.id
    for update`;
  return { name: 'lock_runs', text, values: [ids] };
}

/**
 * SQL for every end of a run: its place is a customer's key, and that customer may have been erased between the scan and the commit that stored
 * the place.
 */
export const ENDED = 'cursor = null';

/** Those of them that are still open. */
export function endRuns(status: 'superseded' | 'cancelled', ids: readonly string[], nowMs: number): Statement[] {
  if (ids.length === 0) return [];
  const text = `
    update runs as r
    set status = $2, ${ENDED}, finished_at = $3::timestamptz
    where r.id = any($1::bigint[]) and r.status in ('queued', 'running')`;
  const end = { name: 'end_runs', text, values: [ids, status, new Date(nowMs).toISOString()] };
  return [lockRuns(ids), end, ...tellFinished(ids, { status, nowMs })];
}

/** From so many on, customers are counted by the planner's estimate: an exact count of a million takes as long as evaluating some of them. */
const COUNTED_EXACTLY = 50_000;

/**
 * Rows per page at the last vacuum or analyze times the current number of pages: what Postgres itself plans with. If that is few, or nothing
 * is known (never analyzed; Citus keeps the rows elsewhere), they are counted.
 */
async function countCustomers(database: Database): Promise<number> {
  const [estimated] = await database.query<{ customers: string | null }>({
    text: `
      select case when t.reltuples > 0 and t.relpages > 0
        then (t.reltuples / t.relpages * (pg_relation_size(t.oid) / current_setting('block_size')::integer))::bigint
      end as customers
      from pg_class as t
      where t.oid = 'customers'::regclass`,
  });
  const estimate = Number(estimated?.customers ?? 0);
  if (estimate > COUNTED_EXACTLY) return estimate;
  const [counted] = await database.query<{ customers: string }>({ text: 'select count(*) as customers from customers as c' });
  return Number(counted?.customers ?? 0);
}

/**
 * Starts open runs, or resumes them where they were interrupted. `total` is an estimate until the run ends.
 * → when the first of them began, in epoch milliseconds; null: none of them is open any more
 */
export async function startRuns(database: Database, ids: readonly string[], asOfIso: string | null): Promise<number | null> {
  const customers = await countCustomers(database);
  const rows = await inTransaction(database, async (client) => {
    await pipeline(client, [lockRuns(ids)]); // others may be ending some of them
    const started = await client.query<{ started_at: number }>({
      name: 'start_runs',
      text: `
        update runs as r
        set status = 'running', started_at = coalesce(r.started_at, n.at), resumed_at = n.at, resumed_done = r.done,
          total = greatest(r.total, r.done, case when r.cause in ('archive', 'move') then ${sizeOf('coalesce(v.from_id, o.segment_id)')} else $3::bigint end)
        from (select coalesce($2::timestamptz, date_trunc('milliseconds', clock_timestamp())) as at) as n,
          runs as o
          left join run_moves as v on v.run_id = o.id
        where r.id = any($1::bigint[]) and r.status in ('queued', 'running') and o.id = r.id
        returning r.started_at`,
      values: [ids, asOfIso, customers],
    });
    return started.rows;
  });
  return rows.length === 0 ? null : Math.min(...rows.map((row) => row.started_at));
}

/** To be sent in the transaction that applied the piece: progress and members advance together. Returns the runs still open. */
export function advanceRuns(ids: readonly string[], cursor: string, doneBy: number, changesByRun: readonly number[]): Statement {
  return {
    name: 'advance_runs',
    text: `
      update runs as r
      set cursor = $2::bigint, done = r.done + $3, total = greatest(r.total, r.done + $3), changes = r.changes + u.changes
      from unnest($1::bigint[], $4::bigint[]) as u (id, changes)
      where r.id = u.id and r.status = 'running'
      returning r.id`,
    values: [ids, cursor, doneBy, changesByRun],
  };
}

/** Whether the end of one of the runs changes the status of its segment. */
export async function hasBuilding(database: Database, ids: readonly string[]): Promise<boolean> {
  const rows = await database.query({
    text: `
      select s.id
      from segments as s
      join runs as r on r.segment_id = s.id
      where r.id = any($1::bigint[]) and s.status in ('building', 'archiving')
      limit 1`,
    values: [ids],
  });
  return rows.length > 0;
}

/**
 * Makes segments whose runs end active or archived, inside the caller's transaction, in which nobody else can end those runs. → the statements
 * that end them
 */
export async function finishRuns(
  client: Client,
  ids: readonly string[],
  asOfMs: number,
  nextFlips: ReadonlyMap<number, number | null>,
): Promise<readonly Statement[]> {
  const at = new Date(asOfMs).toISOString();
  const [, running = []] = await pipeline(client, [
    {
      name: 'lock_segments_of_runs',
      text: `
        select s.id
        from segments as s
        where s.id in (select r.segment_id from runs as r where r.id = any($1::bigint[]))
        order by s.id
        for update`,
      values: [ids],
    },
    {
      name: 'runs_to_finish',
      text: `select r.id, r.segment_id from runs as r where r.id = any($1::bigint[]) and r.status = 'running' order by r.id`,
      values: [ids],
    },
  ]);
  const ending = running as { id: string; segment_id: number }[];
  if (ending.length === 0) return [];
  const segmentIds = ending.map((row) => row.segment_id);
  const flips = segmentIds.map((id) => {
    const flipMs = nextFlips.get(id) ?? null;
    return flipMs === null ? null : new Date(flipMs).toISOString();
  });
  await client.query(
    `update segments as s
     set status = case s.status when 'building' then 'active' when 'archiving' then 'archived' else s.status end,
       evaluated_at = case when s.status = 'archiving' then s.evaluated_at else $3::timestamptz end,
       due_at = u.due_at
     from unnest($1::integer[], $2::timestamptz[]) as u (id, due_at)
     where s.id = u.id`,
    [segmentIds, flips, at],
  );
  const text = `
    update runs as r
    set status = 'done', total = r.done, ${ENDED}, finished_at = $2::timestamptz
    where r.id = any($1::bigint[]) and r.status = 'running'`;
  return [lockRuns(idsOf(ending)), { name: 'finish_runs', text, values: [idsOf(ending), at] }, ...tellFinished(idsOf(ending), null)];
}

/** A version whose publishing run was never finished is still being published; otherwise everybody is merely evaluated again. */
export async function causeOfTry(client: Client, segmentId: number, version: number): Promise<RunCause> {
  const { rows } = await client.query<{ interrupted: boolean }>(
    `select coalesce(max(r.id) filter (where r.cause = 'definition') > coalesce(max(r.id) filter (where r.status = 'done' and r.cause <> 'move'), 0), false)
       as interrupted
     from runs as r
     where r.segment_id = $1 and r.version = $2`,
    [segmentId, version],
  );
  return rows[0]?.interrupted === true ? 'definition' : 'refresh';
}
