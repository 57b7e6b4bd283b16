// In charge of which Postgres this process works on: the one of DATABASE_URL, checked first, or the embedded one, started, kept running and
// stopped by us. Not of its schema (migrate.ts).
import type { DataFolder } from '../base/data-folder.ts';
import { checkServer, readConnectionLimit } from './check-server.ts';
import { type Database, openDatabase } from './database.ts';
import { type KeptPostgres, keepEmbedded } from './keep-embedded.ts';

/** What the embedded server allows at least. */
const LEAST_CONNECTIONS = 100;
/** Beside those of the pool: the leader, the listener, page views, streams, and commands like `strata verify`. */
const OTHERS = 30;
/** Those of them that one process opens. */
const BESIDE_POOL = 10;

export interface ConnectOptions {
  /** undefined: the embedded Postgres of the data folder */
  readonly url: string | undefined;
  /** asked only for the embedded Postgres */
  readonly dataFolder: () => DataFolder;
  /** where the embedded Postgres has its programs; absent: npm's */
  readonly binaries?: string | undefined;
  readonly connections: number;
  readonly onIdleError: (error: Error) => void;
  /** The server allows fewer connections than this process may come to have: under load some of its work would be refused. */
  readonly onFewConnections: (allowed: number, wanted: number) => void;
  /** The embedded Postgres ended without having been stopped, with these last log lines; it is being started again. */
  readonly onEnded: (lastLines: string) => void;
}

export interface Connected {
  readonly database: Database;
  /** undefined: the server is not ours */
  readonly embedded: KeptPostgres | undefined;
  close(): Promise<void>;
}

/** Opens the database; whatever prevents its use is a StartError in a plain sentence. */
export async function connect(options: ConnectOptions): Promise<Connected> {
  const embedded =
    options.url === undefined
      ? await keepEmbedded(options.dataFolder(), options.onEnded, {
          connections: Math.max(LEAST_CONNECTIONS, options.connections + OTHERS),
          binaries: options.binaries,
        })
      : undefined;
  const url = embedded?.url ?? options.url;
  if (url === undefined) throw new Error('there is neither an embedded database nor a URL');
  let isClosing = false;
  const database = openDatabase(url, {
    connections: options.connections,
    onIdleError: (error) => {
      if (!isClosing) options.onIdleError(error); // while closing, the server's stop may end connections before we do
    },
  });
  const close = async () => {
    isClosing = true;
    await database.close();
    await embedded?.stop();
  };
  try {
    await checkServer(database, embedded === undefined ? 'given' : 'embedded');
    const [allowed, wanted] = [await readConnectionLimit(database), options.connections + BESIDE_POOL];
    if (allowed < wanted) options.onFewConnections(allowed, wanted);
    return { database, embedded, close };
  } catch (error) {
    await close();
    throw error;
  }
}
