// In charge of what happens to a segment after it was published: pause, resume, archive, the end of a run that somebody cancels, and
// runs that somebody or the clock asks for. Publishing itself is versions.ts, what happens to one that fails is failures.ts.
import { noteWrite } from '../access/write-record.ts';
import type { Clock } from '../base/clock.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import { asQueryable, type Client, type Database, pipeline, type Statement } from '../db/database.ts';
import { endWith, inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { changeDefinitions, changeUnderLock } from './change-definitions.ts';
import { refuseWhileGrouped } from './groups.ts';
import { causeOfTry, endRuns, getRun, queueRun, type Run, readOpenRuns } from './runs.ts';
import { getSegment, lockSegment, noteSegment, type Precondition, type Segment, statusOf } from './segments.ts';
import { putInForce, readRule } from './versions.ts';

/** Keeps the members as they are and stops evaluating. Does nothing if it is paused already. Throws `not_found`, `in_use`, `conflict`. */
export async function pauseSegment(database: Database, clock: Clock, key: string, precondition: Precondition = () => {}): Promise<Segment> {
  await changeDefinitions(database, clock, async (client) => {
    const segment = await lockSegment(client, key, precondition);
    if (segment.status === 'paused') {
      await noteSegment(client, key, statusOf(segment), statusOf(segment));
      return endWith([], undefined);
    }
    if (segment.status !== 'active' && segment.status !== 'building' && segment.status !== 'failed') {
      throw new AppError('conflict', `Segment “${key}” is ${segment.status}; only a published one can be paused.`);
    }
    await refuseWhileNamed(client, key, 'paused');
    const last = await pause(client, segment.id, clock.nowMs());
    await noteSegment(client, key, statusOf(segment), { ...statusOf(segment), status: 'paused' });
    return endWith(last, undefined);
  });
  return getSegment(database, key);
}

/** → the statements that end its runs */
async function pause(client: Client, segmentId: number, nowMs: number): Promise<readonly Statement[]> {
  await client.query(
    `update segments as s
     set status = 'paused', failure = null, failures = 0, retry_at = null, due_at = null, updated_at = $2::timestamptz
     where s.id = $1`,
    [segmentId, new Date(nowMs).toISOString()],
  );
  return endRuns('cancelled', await readOpenRuns(client, [segmentId]), nowMs);
}

/** A failed segment is tried again without anybody asking, so it counts as live: what its rule names must stay. */
async function refuseWhileNamed(client: Client, key: string, done: 'paused' | 'archived'): Promise<void> {
  const users = whoNames(await loadCatalog(asQueryable(client)), key);
  if (users.length === 0) return;
  throw new AppError('in_use', `Segment “${key}” cannot be ${done} while the rules of others name it: ${users.join(', ')}.`, {
    errors: users.map((user) => ({
      code: 'in_use',
      detail: `The rule of segment “${user}” names it.`,
      segment: user,
      hint: `Publish a version of “${user}” that does without, or pause it first.`,
    })),
  });
}

const LIVE = ['building', 'active', 'failed'];

function whoNames({ segments }: Catalog, key: string): string[] {
  return [...segments.values()]
    .filter((segment) => segment.key !== key && LIVE.includes(segment.status) && segment.references.includes(key))
    .map((segment) => segment.key)
    .sort();
}

/**
 * Evaluates everybody again and keeps the segment up to date from then on; a failed one is tried at once. If it is building already, nothing is
 * done, and its open run is the answer. Throws `not_found`, `invalid_rule` (the catalog or a segment that it names has changed meanwhile),
 * `conflict`. → the id of the run
 */
export async function resumeSegment(database: Database, clock: Clock, key: string, precondition: Precondition = () => {}): Promise<string> {
  return changeDefinitions(database, clock, async (client) => {
    const segment = await lockSegment(client, key, precondition);
    const { id, version, status, run } = segment;
    if (status === 'building' && run !== null) {
      await noteSegment(client, key, statusOf(segment), statusOf(segment));
      return endWith([], run.id);
    }
    if (version === null || (status !== 'paused' && status !== 'failed')) {
      const wayBack = status === 'archived' ? ' Publishing one of its versions brings it back.' : '';
      throw new AppError('conflict', `Segment “${key}” is ${status}; only a paused or failed one can be resumed.${wayBack}`);
    }
    const stored = await readStoredRule(client, id, version);
    const rule = readRule(stored, await loadCatalog(asQueryable(client)), key, 'publish');
    const queued = await putInForce(client, clock, id, { number: version, rule }, await causeOfTry(client, id, version));
    await noteSegment(client, key, statusOf(segment), { version, status: 'building', run: queued.id });
    return endWith(queued.last, queued.id);
  });
}

async function readStoredRule(client: Client, segmentId: number, version: number): Promise<unknown> {
  const { rows } = await client.query<{ rule: unknown }>(
    'select v.rule from segment_versions as v where v.segment_id = $1 and v.number = $2',
    [segmentId, version],
  );
  return rows[0]?.rule;
}

export interface Archived {
  readonly segment: Segment;
  /** the run in which its members leave; null: it had none */
  readonly runId: string | null;
}

/**
 * Its members leave piece by piece, each with a change record of cause `archive`. The key stays taken, versions and history can still be read,
 * and publishing a version brings the segment back. Does nothing if it is archived already. Throws `not_found`, `in_use`.
 */
export async function archiveSegment(
  database: Database,
  clock: Clock,
  key: string,
  precondition: Precondition = () => {},
): Promise<Archived> {
  const runId = await changeUnderLock(database, clock, async (client) => {
    const segment = await lockSegment(client, key, precondition);
    const isArchived = segment.status === 'archived' || segment.status === 'archiving';
    if (!isArchived) {
      await refuseWhileNamed(client, key, 'archived');
      await refuseWhileGrouped(client, segment);
    }
    await noteSegment(client, key, statusOf(segment), { ...statusOf(segment), status: 'archived' });
    if (isArchived) return segment.status === 'archived' ? null : (segment.run?.id ?? null);
    return archive(client, segment, clock.nowMs());
  });
  return { segment: await getSegment(database, key), runId };
}

/** Under the exclusive lock, as nobody may become a member any more. */
async function archive(client: Client, segment: Segment, nowMs: number): Promise<string | null> {
  const { rows } = await client.query('select m.customer_id from memberships as m where m.segment_id = $1 limit 1', [segment.id]);
  const hasMembers = rows.length > 0;
  await client.query(
    `update segments as s
     set status = $2, failure = null, failures = 0, retry_at = null, due_at = null, updated_at = $3::timestamptz
     where s.id = $1`,
    [segment.id, hasMembers ? 'archiving' : 'archived', new Date(nowMs).toISOString()],
  );
  const { id, last } = await queueRun(client, segment.id, segment.version ?? 0, 'archive', nowMs);
  await pipeline(client, last);
  if (hasMembers) return id;
  await client.query('delete from runs as r where r.id = $1::bigint', [id]);
  return null;
}

/**
 * Stops a run between two pieces; what it has changed stays. Where the segment cannot be right without its end (it is building, archiving,
 * or the clock has flipped it), the segment is paused by it: its members stand still until it is resumed, or another version is published.
 * Under the lock that no piece of a run passes, so none is applied behind the answer. Throws `not_found`, `conflict` (it has ended, also while
 * this waited), `in_use` (that pause is refused).
 */
export async function cancelRun(database: Database, clock: Clock, id: string): Promise<Run> {
  const { cause } = await getRun(database, id);
  if (cause === 'move') await cancelMove(database, clock, id);
  else await changeDefinitions(database, clock, async (client) => endWith(await cancelEvaluation(client, clock, id), undefined));
  return getRun(database, id);
}

/** Nobody else ends it while its segment's row is locked. */
async function cancelEvaluation(client: Client, clock: Clock, id: string): Promise<readonly Statement[]> {
  const { segment: key } = await getRun(asQueryable(client), id);
  const segment = await lockSegment(client, key);
  const run = await noteCancelled(client, id);
  if (!isNeeded(run, segment)) return endRuns('cancelled', [id], clock.nowMs());
  if (segment.status !== 'archiving') await refuseWhileNamed(client, key, 'paused');
  return pause(client, segment.id, clock.nowMs());
}

/** A move ends on its own, even if its segment is locked: so it is checked under the lock of definitions, where it goes no further. */
function cancelMove(database: Database, clock: Clock, id: string): Promise<void> {
  return changeUnderLock(database, clock, async (client) => {
    await client.query({ name: 'lock_run', text: 'select r.id from runs as r where r.id = $1::bigint for update', values: [id] }); // one that fails
    await noteCancelled(client, id);
    await pipeline(client, endRuns('cancelled', [id], clock.nowMs()));
  });
}

/** → the run that is open still. Throws `conflict`. */
async function noteCancelled(client: Client, id: string): Promise<Run> {
  const run = await getRun(asQueryable(client), id);
  if (run.status !== 'queued' && run.status !== 'running') throw new AppError('conflict', `Run ${id} is already ${run.status}.`);
  await noteWrite(client, {
    target: `runs/${id}`,
    changes: [{ customerKey: null, content: { before: { status: run.status, segment: run.segment }, after: { status: 'cancelled' } } }],
  });
  return run;
}

function isNeeded(run: Run, segment: Segment): boolean {
  return segment.status === 'building' || segment.status === 'archiving' || run.cause === 'time';
}

/** Queues a full evaluation of a live segment. Throws `not_found`, `conflict`. → the id of the run */
export async function refreshSegment(database: Database, clock: Clock, key: string): Promise<string> {
  return inTransaction(database, (client) => queueRefresh(client, key, clock.nowMs()));
}

async function queueRefresh(client: Client, key: string, nowMs: number): Promise<string> {
  const { id, version, status, run } = await lockSegment(client, key);
  if (version === null || (status !== 'active' && status !== 'building')) {
    throw new AppError('conflict', `Segment “${key}” is ${status}; only a live one can be refreshed.`);
  }
  // the open run that this one replaces is still the reason why members change
  const cause = run !== null && (run.status === 'queued' || run.status === 'running') ? run.cause : 'refresh';
  const queued = await queueRun(client, id, version, cause, nowMs);
  await pipeline(client, queued.last);
  await noteSegment(client, key, null, { run: queued.id });
  return queued.id;
}

/**
 * As `refreshSegment` for every live segment, in the caller's transaction; nobody who waits for one of their rows may hold a lock that it needs.
 * → how many
 */
export async function refreshAll(client: Client, nowMs: number): Promise<number> {
  const { rows } = await client.query<{ key: string }>(
    `select s.key
     from segments as s
     where s.kind = 'rule' and s.status in ('active', 'building') and s.version is not null
     order by s.id`,
  );
  for (const { key } of rows) await queueRefresh(client, key, nowMs);
  return rows.length;
}

/** Queues runs of the segments whose answer the clock alone has flipped, whatever the rows. → how many */
export async function queueConstantFlips(database: Database, clock: Clock, asOfMs: number): Promise<number> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<{ id: number; version: number }>(
      `update segments as s
       set due_at = null
       where s.due_at <= $1::timestamptz and s.status = 'active' and s.version is not null
       returning s.id, s.version`,
      [new Date(asOfMs).toISOString()],
    );
    for (const row of rows) await pipeline(client, (await queueRun(client, row.id, row.version, 'time', clock.nowMs())).last);
    return rows.length;
  });
}
