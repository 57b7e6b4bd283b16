// In charge of the first look at the database, that of DATABASE_URL or the embedded one: does it answer, let us
// in, and is it one that can be used. Each problem is a plain sentence.
import { StartError } from '../base/start-error.ts';
import type { Database } from './database.ts';
import { TELLING_SETTING } from './session.ts';
import { sqlState } from './transaction.ts';

const LEAST_MAJOR = 18;

const MEND = {
  given: 'Check DATABASE_URL, or unset it to use the embedded Postgres.',
  embedded: 'It is the embedded Postgres: start again, and where that does not help see postgres.log in DATA_DIR.',
} as const;

interface Server {
  readonly version: number;
  readonly is_replica: boolean;
  readonly is_read_only: boolean;
  readonly encoding: string;
  readonly telling: string;
}

/** Throws a StartError when the server cannot be used; never repeats the password. */
export async function checkServer(database: Database, whose: keyof typeof MEND): Promise<void> {
  const place = placeOf(database.url);
  let server: Server | undefined;
  try {
    [server] = await database.query<Server>({
      text: `
        select
          current_setting('server_version_num')::int as version,
          pg_is_in_recovery() as is_replica,
          current_setting('transaction_read_only')::bool as is_read_only,
          current_setting('server_encoding') as encoding,
          current_setting($1) as telling`,
      values: [TELLING_SETTING.name],
    });
  } catch (cause) {
    throw new StartError(`${sentenceFor(cause, database.url)} ${MEND[whose]}`, { cause });
  }
  if (server === undefined) throw new Error('the server told nothing about itself');
  if (server.version < LEAST_MAJOR * 10_000) {
    throw new StartError(
      `The database at ${place} is Postgres ${Math.floor(server.version / 10_000)}; Strata needs ${LEAST_MAJOR} or newer. Upgrade it, or unset DATABASE_URL to use the embedded one.`,
    );
  }
  if (server.is_replica) throw new StartError(`The database at ${place} is a read-only replica. Set DATABASE_URL to its primary.`);
  if (server.is_read_only) {
    throw new StartError(
      `The database at ${place} lets this user only read: default_transaction_read_only is on. Turn it off for the database and the user, or set DATABASE_URL to another.`,
    );
  }
  if (server.telling !== TELLING_SETTING.value) {
    throw new StartError(
      `The database at ${place} does not take the settings that Strata’s sessions need. A pooler in front of it may drop them (ignore_startup_parameters = options in PgBouncer): set DATABASE_URL to the database itself.`,
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new StartError(
      `The database at ${place} keeps text as ${server.encoding}; Strata needs UTF8. Make one with create database … encoding 'UTF8' template template0.`,
    );
  }
}

/** How many connections the server lets this user have to this database at most, those of others among them. */
export async function readConnectionLimit(database: Database): Promise<number> {
  const [row] = await database.query<{ allowed: number }>({
    text: `
      select least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - current_setting('reserved_connections')::int,
        nullif(r.rolconnlimit, -1),
        nullif(d.datconnlimit, -1)
      ) as allowed
      from pg_roles as r
      cross join pg_database as d
      where r.rolname = current_user and d.datname = current_database()`,
  });
  if (row === undefined) throw new Error('the server does not know this user or this database');
  return row.allowed;
}

const ALREADY_THERE: ReadonlySet<string> = new Set(['42P07', '42710', '42723']); // a table, an object, a function of this name

/**
 * What a database may have against being brought up to date, as a StartError; any other error as it is.
 * `migration`: its name; `isFirst`: nothing of Strata's was in the database before.
 */
export function explainMigrating(error: unknown, url: string, migration: string, isFirst: boolean): unknown {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error; // what Postgres said
  const state = sqlState(cause) ?? '';
  const place = placeOf(url);
  if (state === '42501') {
    return new StartError(
      `The user of DATABASE_URL may not make what Strata needs in the database at ${place} (${messageOf(cause)}). Let that user own the database: alter database … owner to …`,
      { cause },
    );
  }
  if (state === '53100')
    return new StartError(`The disk of the database at ${place} is full. Free some space, and start again.`, { cause });
  if (isFirst && ALREADY_THERE.has(state)) {
    return new StartError(
      `The database at ${place} belongs to something else (${messageOf(cause)}). Nothing was changed. Give Strata a database of its own: create database …`,
      { cause },
    );
  }
  if (ALREADY_THERE.has(state)) {
    return new StartError(
      `${migration} needs a name that is taken in the database at ${place} (${messageOf(cause)}). What is not Strata’s must give way: rename it, and start again.`,
      { cause },
    );
  }
  return error;
}

/** host:port/database, without user and password; the host may be the folder of a socket */
function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${decodeURIComponent(hostname) || 'localhost'}:${port || '5432'}${pathname}`;
}

function sentenceFor(cause: unknown, url: string): string {
  const place = placeOf(url);
  const error = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const message = messageOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return `No database answers at ${place}: the connection is refused.`;
    case 'ENOENT':
      return `No database answers at ${place}: it has no socket there.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host of the database at ${place} is not known.`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `The database at ${place} cannot be reached.`;
    case '28P01':
    case '28000':
      return `The database at ${place} does not accept the user or the password.`;
    case '3D000':
      return `The server at ${place} has no such database (${message}).`;
    case '57P03':
      return `The database at ${place} is starting up or shutting down.`;
    case '53300':
      return `The database at ${place} has no connection left (${message}).`;
  }
  if (/timeout/.test(message)) return `The database at ${place} did not answer within ten seconds.`;
  if (message.includes('client password must be a string'))
    return `The database at ${place} asks for a password, and DATABASE_URL has none.`;
  return `The database at ${place} cannot be used: ${message}.`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
