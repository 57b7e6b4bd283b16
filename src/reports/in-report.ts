// In charge of the frame of every report: one snapshot of the database for all of its figures, the instant that they are for, and the place of
// the feed that they hold for. Not of the figures.
import type { Clock } from '../base/clock.ts';
import { readAsOf } from '../db/as-of.ts';
import { asQueryable, type Database, pipeline, type Queryable } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';

/** What a figure is read from: each statement of a report sees the same rows. */
export interface ReportSource {
  readonly database: Queryable;
  readonly atMs: number;
  /** `atMs` as RFC 3339 */
  readonly at: string;
  /** the position of the last change that the feed holds in the snapshot */
  readonly position: string;
}

/**
 * Enough to sum up all customers' orders in memory: a million orders take 120 MB and would go to disk with a session's default. No merge joins:
 * to read two whole tables in order it walks an index over each, which takes four times as long as hashing.
 */
const SETTINGS = [
  'enable_seqscan = on',
  'enable_hashjoin = on',
  'enable_material = on',
  'max_parallel_workers_per_gather = 2',
  'plan_cache_mode = force_custom_plan',
  `work_mem = '64MB'`,
  'hash_mem_multiplier = 3',
]
  .map((setting) => `set local ${setting}`)
  .join('; ');

/**
 * Runs `work` in one repeatable-read, read-only transaction with scans, joins of whole tables and parallel workers. Also works on a replica. The
 * snapshot is taken with the first read, which reads the instant: what is written later is in no figure.
 */
export function inReport<Value>(database: Database, clock: Clock, work: (source: ReportSource) => Promise<Value>): Promise<Value> {
  return inTransaction(database, async (client) => {
    await pipeline(client, [{ text: 'set transaction isolation level repeatable read read only' }, { text: SETTINGS }]);
    const source = asQueryable(client);
    const atMs = await readAsOf(client, clock);
    const [feed] = await source.query<{ position: string }>({ text: 'select f.position from feed as f' });
    if (feed === undefined) throw new Error('the feed row is missing');
    return work({ database: source, atMs, at: new Date(atMs).toISOString(), position: feed.position });
  });
}
