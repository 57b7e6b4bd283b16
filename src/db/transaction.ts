// In charge of transactions: begin, commit, roll back, and repeat where Postgres asks for it. Which statements run is the stages' business.
import { inSpan } from '../base/tracing.ts';
import { type Client, type Database, pipeline, type Statement, toQuery } from './database.ts';

/** Postgres undid the whole transaction for reasons of concurrency: running it again is right. Nothing else is repeated. */
const REPEATABLE_STATES: ReadonlySet<string> = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
]);

const ATTEMPTS = 6; // the first and up to five repeats

export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Runs `work` in a READ COMMITTED transaction, from the start again when Postgres reports a deadlock or a serialization failure.
 * `work` must therefore be free of effects outside the database. A connection whose state is unknown is thrown away.
 * `onCommitted` is told the place in the write-ahead log after the commit; asking for it costs no round trip.
 */
export async function inTransaction<Value>(
  database: Database,
  work: (client: Client) => Promise<Value>,
  onCommitted?: (lsn: string) => void,
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inSpan('transaction', { 'strata.attempt': attempt }, () => once(database, work, onCommitted));
    } catch (error) {
      const state = sqlState(error);
      if (state === undefined || !REPEATABLE_STATES.has(state) || attempt >= ATTEMPTS) throw error;
    }
  }
}

const READ_LSN: Statement = { name: 'read_lsn', text: 'select pg_current_wal_insert_lsn()::text as lsn' };

async function once<Value>(
  database: Database,
  work: (client: Client) => Promise<Value>,
  onCommitted?: (lsn: string) => void,
): Promise<Value> {
  const client = await database.pool.connect();
  let broken: Error | undefined;
  try {
    const began = client.query('begin');
    began.catch(() => {}); // reported by the statements that follow it in the pipeline
    const value = await work(client);
    const [ended, place] = await Promise.all([client.query('commit'), onCommitted === undefined ? null : client.query(toQuery(READ_LSN))]);
    if (ended.command !== 'COMMIT') throw new Error(`the transaction ended with ${ended.command}`); // a failed one is rolled back by `commit`
    if (place !== null) onCommitted?.(String(place.rows[0]?.lsn));
    return value;
  } catch (error) {
    try {
      await client.query('rollback');
    } catch (cause) {
      broken = cause instanceof Error ? cause : new Error(String(cause));
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * A read of many rows at one snapshot of each statement: sequential scans and joins of whole tables are allowed in it, and for somebody who
 * waits (`hurry`) two parallel workers. What goes on for long beside the writes of others does without: it would take every processor.
 */
export function inScan<Value>(
  database: Database,
  work: (client: Client) => Promise<Value>,
  { hurry }: { readonly hurry: boolean } = { hurry: true },
): Promise<Value> {
  return inTransaction(database, async (client) => {
    await pipeline(client, [
      { text: 'set transaction read only' },
      {
        text: 'set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on; set local enable_material = on',
      },
      ...(hurry ? [{ text: 'set local max_parallel_workers_per_gather = 2' }] : []),
    ]);
    return work(client);
  });
}
