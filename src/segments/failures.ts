// In charge of segments that cannot be computed: they keep their members and say why, and are tried again, each time after a longer wait.
// Who is to blame is found by membership/fail-segments.ts.
import type { Clock } from '../base/clock.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { asQueryable, type Client, type Database, type Statement } from '../db/database.ts';
import { endWith } from '../db/transaction.ts';
import { changeDefinitions } from './change-definitions.ts';
import { compileStored } from './definitions.ts';
import { tellFailed, tellFinished } from './notices.ts';
import { causeOfTry, ENDED, lockRuns, queueRun, readOpenRuns } from './runs.ts';

/** Why a segment could not be computed, and the version that could not: one published meanwhile is not to blame. */
export interface Failure {
  readonly version: number;
  readonly reason: string;
}

/** A minute, doubled at each failure up to an hour. A segment that has worked for an hour after a try begins again with a minute. */
const RETRY_SECONDS = [60, 120, 240, 480, 960, 1920, 3600] as const;
const LAST_RETRY_SECONDS = 3600;

/**
 * The segments could not be computed: they keep their members, and say why and when they are tried again. Inside `changeDefinitions`, so that
 * nobody evaluates them any more. → the statements that end their runs as failed, to be sent at its end
 */
export async function failSegments(client: Client, failures: ReadonlyMap<number, Failure>, nowMs: number): Promise<readonly Statement[]> {
  const { rows } = await client.query<{ id: number; failure: string }>(
    `update segments as s
     set status = 'failed', failure = u.failure, updated_at = $4::timestamptz, due_at = null,
       failures = n.failures, failed_at = $4::timestamptz,
       retry_at = ($6::timestamptz[])[least(n.failures, cardinality($6::timestamptz[]))]
     from unnest($1::integer[], $2::integer[], $3::text[]) as u (id, version, failure)
     join segments as o on o.id = u.id
     cross join lateral (
       select case when o.failed_at > $5::timestamptz then o.failures + 1 else 1 end as failures
     ) as n
     where s.id = u.id and s.version = u.version and s.status in ('active', 'building')
     returning s.id, s.failure`,
    [
      [...failures.keys()],
      [...failures.values()].map((failure) => failure.version),
      [...failures.values()].map((failure) => failure.reason),
      new Date(nowMs).toISOString(),
      new Date(nowMs - 2 * LAST_RETRY_SECONDS * 1000).toISOString(),
      RETRY_SECONDS.map((seconds) => new Date(nowMs + seconds * 1000).toISOString()),
    ],
  );
  if (rows.length === 0) return [];
  const segmentIds = rows.map((row) => row.id);
  const text = `
    update runs as r
    set status = 'failed', failure = u.failure, ${ENDED}, finished_at = $3::timestamptz
    from unnest($1::integer[], $2::text[]) as u (id, failure)
    where r.segment_id = u.id and r.id = any($4::bigint[]) and r.status in ('queued', 'running')`;
  const runIds = await readOpenRuns(client, segmentIds);
  return [
    lockRuns(runIds),
    { name: 'fail_runs', text, values: [segmentIds, rows.map((row) => row.failure), new Date(nowMs).toISOString(), runIds] },
    ...tellFailed(segmentIds, nowMs),
    ...tellFinished(runIds, { status: 'failed', nowMs }),
  ];
}

interface FailedRow {
  id: number;
  key: string;
  version: number;
  rule: unknown;
}

/**
 * Builds failed segments again when it is time for their next try; a rule that still does not check fails again and waits longer. → how many runs
 * were queued
 */
export async function retryFailed(database: Database, clock: Clock): Promise<number> {
  const nowMs = clock.nowMs();
  const due = await database.query({
    name: 'failed_due',
    text: `select s.id from segments as s where s.status = 'failed' and s.retry_at <= $1::timestamptz limit 1`,
    values: [new Date(nowMs).toISOString()],
  });
  if (due.length === 0) return 0;
  return changeDefinitions(
    database,
    clock,
    async (client) => {
      const { rows } = await client.query<FailedRow>(
        `select s.id, s.key, s.version, v.rule
       from segments as s
       join segment_versions as v on v.segment_id = s.id and v.number = s.version
       where s.status = 'failed' and s.retry_at <= $1::timestamptz
       order by s.id
       for update of s`,
        [new Date(nowMs).toISOString()],
      );
      const catalog = await loadCatalog(asQueryable(client));
      const failures = new Map<number, Failure>();
      const superseding: Statement[] = [];
      for (const { id, key, version, rule } of rows) {
        const outcome = compileStored(rule, catalog, key);
        await client.query(`update segments as s set status = 'building', failure = null, retry_at = null where s.id = $1`, [id]);
        if (typeof outcome === 'string') failures.set(id, { version, reason: outcome });
        else superseding.push(...(await queueRun(client, id, version, await causeOfTry(client, id, version), nowMs)).last);
      }
      return endWith([...superseding, ...(await failSegments(client, failures, nowMs))], rows.length - failures.size);
    },
    'passed',
  );
}
