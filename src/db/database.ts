// In charge of connections: a pool whose clients send statements without waiting for earlier answers (pipeline mode),
// and of how values come back. Not of transactions (transaction.ts) or of starting a server (embedded.ts).
import type { Writable } from 'node:stream';
import pg from 'pg';
import { isTracing } from '../base/tracing.ts';
import { isKnownCitus, learnWhetherCitus } from './citus.ts';
import { PeerWatch } from './peer-watch.ts';
import { sessionOf } from './session.ts';
import { sendBatch } from './statement-batch.ts';
import { traceStatement, traceStatements } from './trace-statements.ts';

const INT8 = 20;
const INT4_ARRAY = 1007;
const DATE = 1082;
const TIMESTAMPTZ = 1184;

const IDLE_IN_TRANSACTION = '60s';

/** int8 and numeric stay decimal strings, dates `YYYY-MM-DD`; timestamptz becomes epoch milliseconds (stored times have no finer part). */
const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [INT8, (text) => text],
  [DATE, (text) => text],
  [INT4_ARRAY, readIntegers],
  [
    TIMESTAMPTZ,
    (text) => (text === 'infinity' ? Number.POSITIVE_INFINITY : text === '-infinity' ? Number.NEGATIVE_INFINITY : Date.parse(text)),
  ],
]);

/** `{1,2,3}`; pg's own reader takes arrays of any kind character by character, and splitting takes three times as long as a list of JSON. */
function readIntegers(text: string): (number | null)[] {
  return JSON.parse(`[${text.slice(1, -1).replaceAll('NULL', 'null')}]`) as (number | null)[];
}

const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    parsers.get(oid) ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export type Client = pg.PoolClient;

export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** prepared under this name on each connection; must be unique to the text */
  readonly name?: string;
  /** added to the end of the text on Citus, in a pipeline: narrows it by the customers' keys, which on plain Postgres costs more than it saves */
  readonly onCitus?: string;
  /** on Citus instead of the text, which it would refuse or not take apart */
  readonly textOnCitus?: string;
}

export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  /** One statement on any connection. */
  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<Row[]>;
  /** Where it is known: migrating has asked. */
  isOnCitus(): boolean;
  close(): Promise<void>;
}

/** Where one statement can be asked: any connection, or the one of a transaction. */
export type Queryable = Pick<Database, 'query' | 'isOnCitus'>;

/** The connection of a transaction as something to ask: a transaction that waited for a second connection could wait for ever. */
export function asQueryable(client: Pick<pg.ClientBase, 'query'>): Queryable {
  return {
    query: async <Row extends pg.QueryResultRow>(statement: Statement) =>
      (await client.query<Row>(toQuery(inFormFor(statement, client)))).rows,
    isOnCitus: () => isKnownCitus(client),
  };
}

export interface DatabaseOptions {
  readonly connections?: number;
  readonly applicationName?: string;
  /** Called for connections that break while idle; the pool replaces them. */
  readonly onIdleError?: (error: Error) => void;
}

/** Opens a pool; connects lazily, so an unreachable server shows at the first statement. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const pool = new pg.Pool({
    ...sessionOf(url, options.applicationName ?? 'strata', { idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION }),
    max: options.connections ?? 10,
    pipeline: true,
    types,
    idleTimeoutMillis: 0, // a connection that comes back has to plan its evaluations again, 12 ms each with 50 segments, 36 with 500
  } as pg.PoolConfig);
  pool.on('error', (error) => options.onIdleError?.(error));
  // The pool listens to idle clients only. One that breaks while somebody holds it between two statements would end the process (an error
  // event that nobody hears); its holder is told by the next statement, which fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  const watch = new PeerWatch();
  pool.on('acquire', (client) => watch.hold(client));
  pool.on('release', (_error, client) => watch.release(client));
  learnWhetherCitus(pool, url);
  if (isTracing()) pool.on('connect', traceStatements);
  return {
    url,
    pool,
    query: async <Row extends pg.QueryResultRow>(statement: Statement) =>
      (await traceStatement(statement, () => pool.query<Row>(toQuery(inFormFor(statement, pool))))).rows,
    isOnCitus: () => isKnownCitus(pool),
    close: async () => {
      await pool.end();
      watch.stop();
    },
  };
}

export interface PoolUse {
  readonly busy: number;
  readonly idle: number;
  /** how many more it may open */
  readonly unopened: number;
  /** how many wait for one */
  readonly waiting: number;
}

export function readPoolUse({ pool: { totalCount, idleCount, waitingCount, options } }: Database): PoolUse {
  const most = options.max ?? totalCount;
  return { busy: totalCount - idleCount, idle: idleCount, unopened: Math.max(0, most - totalCount), waiting: waitingCount };
}

export function toQuery(statement: Statement): pg.QueryConfig {
  const query: pg.QueryConfig = { text: statement.text, values: (statement.values ?? []).map(writeArray) };
  if (statement.name !== undefined) query.name = statement.name;
  return query;
}

/** Arrays of plain elements as Postgres reads them, in a third of the time that pg takes; all others are left to pg. */
function writeArray(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const parts: string[] = [];
  for (const element of value as readonly unknown[]) {
    if (element === null) parts.push('NULL');
    else if (typeof element === 'number' || typeof element === 'boolean') parts.push(String(element));
    else if (typeof element === 'string')
      parts.push(`"${isPlain(element) ? element : element.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
    else return value;
  }
  return `{${parts.join(',')}}`;
}

function isPlain(text: string): boolean {
  return !text.includes('"') && !text.includes('\\');
}

type Rows = pg.QueryResultRow[];

/**
 * Sends statements in one go and waits for all of them; rows by statement.
 * Throws the first error; the ones after it failed only because the transaction was already broken.
 */
export async function pipeline(client: Client, statements: readonly Statement[]): Promise<Rows[]> {
  return (await send(client, statements)).map(({ rows }) => rows);
}

/** In the form for what it is sent to; that of Citus under a name of its own: a connection may have prepared the other before it was known. */
function inFormFor(statement: Statement, asked: Pick<pg.ClientBase, 'query'> | pg.Pool): Statement {
  const { name, text, onCitus: more, textOnCitus } = statement;
  if ((more === undefined && textOnCitus === undefined) || !isKnownCitus(asked)) return statement;
  return { ...statement, ...(name === undefined ? {} : { name: `${name}_on_citus` }), text: textOnCitus ?? `${text} ${more}` };
}

/** As `pipeline`, with the whole result of each statement. For use in transactions: the statements after a failed one are not begun. */
export async function send(client: Client, statements: readonly Statement[]): Promise<pg.QueryResult[]> {
  const configs = statements.map((statement) => toQuery(inFormFor(statement, client)));
  const gathered = together.get(client);
  if (gathered !== undefined) return gathered.add(configs);
  return inOrder(sendNow(client, configs));
}

/** A text without a name or values may hold several statements, and can only be sent by itself; so is each statement when each is traced. */
function sendNow(client: Client, configs: readonly pg.QueryConfig[]): Promise<pg.QueryResult>[] {
  if (!isTracing() && configs.every(({ name, values }) => name !== undefined || (values !== undefined && values.length > 0))) {
    return sendBatch(client, configs, types);
  }
  const { stream } = insides(client);
  stream.cork(); // one packet for all of them: a packet each took a fifth of the service's CPU under single orders
  const sent = configs.map((config) => client.query(config));
  stream.uncork();
  return sent;
}

/** The statements sent while a function runs, up to its first wait. */
class Gathered {
  readonly #configs: pg.QueryConfig[] = [];
  #resolve: (sent: Promise<pg.QueryResult>[]) => void = () => {};
  readonly #sent = new Promise<Promise<pg.QueryResult>[]>((resolve) => {
    this.#resolve = resolve;
  });

  async add(configs: readonly pg.QueryConfig[]): Promise<pg.QueryResult[]> {
    const from = this.#configs.length;
    this.#configs.push(...configs);
    return inOrder((await this.#sent).slice(from, from + configs.length));
  }

  flush(client: Client): void {
    this.#resolve(sendNow(client, this.#configs));
  }
}

const together = new WeakMap<Client, Gathered>();

/** Everything that `work` sends by `pipeline` and `send` before it returns goes out in one batch. */
export function inOneBatch<Value>(client: Client, work: () => Value): Value {
  const gathered = new Gathered();
  together.set(client, gathered);
  try {
    return work();
  } finally {
    together.delete(client);
    gathered.flush(client);
  }
}

/** The error of any statement after the failed one in a transaction: it says nothing about the cause. */
const IN_FAILED_TRANSACTION = '25P02';

/**
 * The values of statements sent on one connection in this order. Throws the error of the first that failed: `Promise.all` throws whichever is
 * heard of first, which may be a later one that failed only because the transaction was broken; a deadlock would then go unrecognised, and not be
 * repeated. Some may have been sent before those listed in front of them, so an error that says itself that it followed another is passed over.
 */
export async function inOrder<Sent extends readonly unknown[]>(
  sent: Sent,
): Promise<{ -readonly [Place in keyof Sent]: Awaited<Sent[Place]> }> {
  const settled = await Promise.allSettled(sent);
  const failures = settled.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
  if (failures.length > 0) throw failures.find((reason) => reason?.code !== IN_FAILED_TRANSACTION) ?? failures[0];
  const values = settled.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value);
  return values as { -readonly [Place in keyof Sent]: Awaited<Sent[Place]> };
}

/** The parts of a connection that pg's types do not show. */
function insides(client: Client): { readonly stream: Writable; readonly parsedStatements: Record<string, string> } {
  return (client as unknown as { connection: { stream: Writable; parsedStatements: Record<string, string> } }).connection;
}

/**
 * Deallocates prepared statements of this connection. pg remembers by name what it has prepared and would go on using a name that the server
 * has forgotten, so they are removed from its memory too; but not if the server refuses (the transaction was broken already): it would then
 * also refuse to prepare the same name again, on this connection for ever.
 */
export async function deallocate(client: Client, names: readonly string[]): Promise<void> {
  const { parsedStatements } = insides(client);
  const given = names.map(async (name) => {
    const text = parsedStatements[name];
    if (text === undefined) return;
    delete parsedStatements[name];
    try {
      await client.query(`deallocate ${pg.escapeIdentifier(name)}`);
    } catch (error) {
      parsedStatements[name] ??= text;
      throw error;
    }
  });
  await inOrder(given);
}
