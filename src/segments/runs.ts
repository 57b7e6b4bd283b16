// In charge of the record of runs: what is to be evaluated in full, how far it is, how it ended. Not of evaluating (membership/full-run.ts).
import type { Client, Database, Statement } from '../db/database.ts';
import { AppError } from '../errors.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'superseded';
export type RunCause = 'definition' | 'refresh' | 'time' | 'repair';

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
  /** customers up to this key are done; null: none yet */
  readonly cursor: string | null;
  readonly failure: string | null;
  readonly queuedAtMs: number;
  readonly startedAtMs: number | null;
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
  finished_at: number | null;
}

const SELECT_RUNS = `
  select r.id, r.segment_id, s.key as segment, r.version, r.cause, r.status, r.done, r.total, r.changes, r.cursor, r.failure,
    r.queued_at, r.started_at, r.finished_at
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
    finishedAtMs: row.finished_at,
  };
}

export async function listRuns(
  database: Database,
  query: { readonly segment?: string; readonly beforeId?: string; readonly limit: number },
): Promise<Run[]> {
  const rows = await database.query<RunRow>({
    text: `${SELECT_RUNS}
      where ($1::text is null or s.key = $1) and ($2::bigint is null or r.id < $2)
      order by r.id desc
      limit $3`,
    values: [query.segment ?? null, query.beforeId ?? null, query.limit],
  });
  return rows.map(toRun);
}

/** Throws `not_found`. */
export async function getRun(database: Database, id: string): Promise<Run> {
  const rows = /^\d{1,18}$/.test(id) ? await database.query<RunRow>({ text: `${SELECT_RUNS} where r.id = $1::bigint`, values: [id] }) : [];
  const [row] = rows;
  if (row === undefined) throw new AppError('not_found', `There is no run ${id}.`);
  return toRun(row);
}

export async function listOpenRuns(database: Database): Promise<Run[]> {
  const rows = await database.query<RunRow>({
    name: 'open_runs',
    text: `${SELECT_RUNS} where r.status in ('queued', 'running') order by r.id`,
  });
  return rows.map(toRun);
}

/** Queues a run inside the caller's transaction; open runs of the segment are superseded by it. → the new run's id */
export async function queueRun(client: Client, segmentId: number, version: number, cause: RunCause, nowMs: number): Promise<string> {
  const now = new Date(nowMs).toISOString();
  await client.query(
    `update runs as r
     set status = 'superseded', finished_at = $2::timestamptz
     where r.segment_id = $1 and r.status in ('queued', 'running')`,
    [segmentId, now],
  );
  const { rows } = await client.query<{ id: string }>(
    `insert into runs (segment_id, version, cause, status, total, queued_at)
     values ($1, $2, $3, 'queued', 0, $4::timestamptz)
     returning id`,
    [segmentId, version, cause, now],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the run was not stored');
  return row.id;
}

/** Open runs take part from now on. The planner's estimate of the population stands in for a count, which a million customers would make us wait for. */
export async function startRuns(database: Database, ids: readonly string[], nowMs: number): Promise<void> {
  await database.query({
    text: `
      update runs as r
      set status = 'running', started_at = coalesce(r.started_at, $2::timestamptz),
        total = greatest(r.total, (select count(*) from customers))
      where r.id = any($1::bigint[]) and r.status in ('queued', 'running')`,
    values: [ids, new Date(nowMs).toISOString()],
  });
}

/** To be sent in the transaction that applied the piece: progress and members advance together. Returns the runs still open. */
export function advanceRuns(ids: readonly string[], cursor: string, doneBy: number, changesByRun: readonly number[]): Statement {
  return {
    name: 'advance_runs',
    text: `
      update runs as r
      set cursor = $2::bigint, done = r.done + $3, changes = r.changes + u.changes
      from unnest($1::bigint[], $4::bigint[]) as u (id, changes)
      where r.id = u.id and r.status = 'running'
      returning r.id`,
    values: [ids, cursor, doneBy, changesByRun],
  };
}

/** Ends open runs as done, their segments as active, in one transaction of the caller. */
export async function finishRuns(
  client: Client,
  ids: readonly string[],
  asOfMs: number,
  nextFlips: ReadonlyMap<number, number | null>,
): Promise<void> {
  const at = new Date(asOfMs).toISOString();
  const { rows } = await client.query<{ segment_id: number }>(
    `update runs as r
     set status = 'done', total = r.done, finished_at = $2::timestamptz
     where r.id = any($1::bigint[]) and r.status = 'running'
     returning r.segment_id`,
    [ids, at],
  );
  const segmentIds = rows.map((row) => row.segment_id);
  const flips = segmentIds.map((id) => {
    const flipMs = nextFlips.get(id) ?? null;
    return flipMs === null ? null : new Date(flipMs).toISOString();
  });
  await client.query(
    `update segments as s
     set status = case when s.status = 'building' then 'active' else s.status end, evaluated_at = $3::timestamptz, due_at = u.due_at
     from unnest($1::integer[], $2::timestamptz[]) as u (id, due_at)
     where s.id = u.id`,
    [segmentIds, flips, at],
  );
}

export async function cancelRun(database: Database, id: string, nowMs: number): Promise<Run> {
  const run = await getRun(database, id);
  const rows = await database.query({
    text: `
      update runs as r
      set status = 'cancelled', finished_at = $2::timestamptz
      where r.id = $1::bigint and r.status in ('queued', 'running')
      returning r.id`,
    values: [run.id, new Date(nowMs).toISOString()],
  });
  if (rows.length === 0) throw new AppError('conflict', `Run ${id} is already ${run.status}.`);
  return getRun(database, id);
}

/** The segments could not be computed: their runs end as failed, they keep their members and say why. Inside `changeDefinitions`, so that nobody evaluates them any more. */
export async function failSegments(client: Client, failures: ReadonlyMap<number, string>, nowMs: number): Promise<void> {
  const ids = [...failures.keys()];
  const reasons = [...failures.values()];
  const at = new Date(nowMs).toISOString();
  await client.query(
    `update segments as s
     set status = 'failed', failure = u.failure, updated_at = $3::timestamptz
     from unnest($1::integer[], $2::text[]) as u (id, failure)
     where s.id = u.id and s.status in ('active', 'building')`,
    [ids, reasons, at],
  );
  await client.query(
    `update runs as r
     set status = 'failed', failure = u.failure, finished_at = $3::timestamptz
     from unnest($1::integer[], $2::text[]) as u (id, failure)
     where r.segment_id = u.id and r.status in ('queued', 'running')`,
    [ids, reasons, at],
  );
}
