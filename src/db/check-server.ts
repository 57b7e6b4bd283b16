// In charge of the first look at the database, that of DATABASE_URL or the embedded one: does it answer, let us in, and is it new enough. Each problem is a plain sentence.
import { StartError } from '../base/start-error.ts';
import type { Database } from './database.ts';

const LEAST_MAJOR = 18;

const MEND = {
  given: 'Check DATABASE_URL, or unset it to use the embedded Postgres.',
  embedded: 'It is the embedded Postgres: start again, and where that does not help see postgres.log in DATA_DIR.',
} as const;

/** Throws a StartError when the server cannot be used; never repeats the password. */
export async function checkServer(database: Database, whose: keyof typeof MEND): Promise<void> {
  const place = placeOf(database.url);
  let row: { version: number; is_replica: boolean } | undefined;
  try {
    [row] = await database.query<{ version: number; is_replica: boolean }>({
      text: "select current_setting('server_version_num')::int as version, pg_is_in_recovery() as is_replica",
    });
  } catch (cause) {
    throw new StartError(`${sentenceFor(cause, place)} ${MEND[whose]}`, { cause });
  }
  const version = row?.version ?? 0;
  if (version < LEAST_MAJOR * 10_000) {
    throw new StartError(
      `The database at ${place} is Postgres ${Math.floor(version / 10_000)}; Strata needs ${LEAST_MAJOR} or newer. Upgrade it, or unset DATABASE_URL to use the embedded one.`,
    );
  }
  if (row?.is_replica === true) throw new StartError(`The database at ${place} is a read-only replica. Set DATABASE_URL to its primary.`);
}

/** host:port/database, without user and password */
function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname || 'localhost'}:${port || '5432'}${pathname}`;
}

function sentenceFor(cause: unknown, place: string): string {
  const error = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'ECONNREFUSED':
      return `No database answers at ${place}: the connection is refused.`;
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
      return `The server at ${place} has no such database.`;
    case '57P03':
      return `The database at ${place} is starting up or shutting down.`;
    case '53300':
      return `The database at ${place} has no connection left.`;
    default:
      return `The database at ${place} cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
