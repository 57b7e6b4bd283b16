// In charge of transactions: begin, commit, roll back, and repeat where Postgres asks for it. Which statements run is the stages' business.
import pg from 'pg';
import { inSpan } from '../base/tracing.ts';
import { CommitInDoubt } from './commit-in-doubt.ts';
import { type Client, type Database, inOneBatch, pipeline, type Statement, send } from './database.ts';

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
 * `work` must therefore have no effect outside the database. A connection whose state is unknown is discarded. Throws CommitInDoubt if the
 * answer to the commit was lost.
 */
export function inTransaction<Value>(database: Database, work: (client: Client) => Promise<Value>): Promise<Value> {
  return inTransactionWith(database, [], async (client) => endWith([], await work(client)));
}

/** How a transaction ends. */
export interface Ending<Value> {
  /** statements that are sent in one batch with the commit: if one of them fails, nothing is committed */
  readonly last: readonly Statement[];
  /** The transaction's value, made from the rows of `last` after the commit. Must not throw. */
  value(rows: readonly (readonly Row[])[]): Value;
}

/** The same for a value that tells where the commit is: the place in the write-ahead log after it, which costs no round trip to read. */
export interface EndingAt<Value> {
  readonly last: readonly Statement[];
  valueAt(lsn: string): Value;
}

type Row = Readonly<Record<string, unknown>>;

export function endWith<Value>(last: readonly Statement[], value: Value): Ending<Value> {
  return { last, value: () => value };
}

/** As `inTransaction`; the first statements are sent in one batch with the begin, the last with the commit. `work` gets the rows of the first. */
export async function inTransactionWith<Value>(
  database: Database,
  first: readonly Statement[],
  work: (client: Client, opened: readonly Row[][]) => Promise<Ending<Value> | EndingAt<Value>>,
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inSpan('transaction', { 'strata.attempt': attempt }, () => once(database, first, work));
    } catch (error) {
      const state = sqlState(error);
      if (state === undefined || !REPEATABLE_STATES.has(state) || attempt >= ATTEMPTS) throw error;
    }
  }
}

const BEGIN: Statement = { name: 'begin', text: 'begin' };
const COMMIT: Statement = { name: 'commit', text: 'commit' };
const READ_LSN: Statement = { name: 'read_lsn', text: 'select pg_current_wal_insert_lsn()::text as lsn' };

async function once<Value>(
  database: Database,
  first: readonly Statement[],
  work: (client: Client, opened: readonly Row[][]) => Promise<Ending<Value> | EndingAt<Value>>,
): Promise<Value> {
  const client = await database.pool.connect();
  let broken: Error | undefined;
  try {
    const [, ...opened] = await pipeline(client, [BEGIN, ...first]); // awaited: behind a begin that failed each statement would commit by itself
    const ending = await work(client, opened);
    const asksPlace = 'valueAt' in ending;
    const { rows, lsn } = await commit(client, ending.last, asksPlace);
    return asksPlace ? ending.valueAt(lsn) : ending.value(rows);
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

async function commit(
  client: Client,
  last: readonly Statement[],
  asksPlace: boolean,
): Promise<{ readonly rows: readonly (readonly Row[])[]; readonly lsn: string }> {
  const { sending, placing } = inOneBatch(client, () => ({
    sending: send(client, [...last, COMMIT]),
    placing: asksPlace ? pipeline(client, [READ_LSN]) : Promise.resolve([]),
  }));
  placing.catch(() => {}); // awaited below, if there was a commit
  const sent = await sending.catch((error: unknown) => {
    throw isRefusal(error) ? error : new CommitInDoubt(error);
  });
  const ended = sent.at(-1);
  if (ended?.command !== 'COMMIT') throw new Error(`the transaction ended with ${ended?.command}`); // a failed one is rolled back by `commit`
  const [[place] = []] = await placing.catch((error: unknown) => {
    throw new CommitInDoubt(error);
  });
  return { rows: sent.slice(0, -1).map(({ rows }) => rows), lsn: String(place?.['lsn']) };
}

/** Connection exceptions, and sessions that the server ends. */
const SESSION_ENDS = /^(08|57P|25P0[34])/;

/** Whether the server itself says that nothing was committed. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !SESSION_ENDS.test(error.code ?? '');
}

/**
 * A read of many rows, each statement at its own snapshot: sequential scans and joins of whole tables are allowed in it, and two parallel
 * workers if somebody waits for it (`hurry`). What runs long beside the writes of others does without them: it would take every processor.
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
