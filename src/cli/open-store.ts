// In charge of opening the tables of a Strata from the command line, even while the service uses them: the database of DATABASE_URL, or the
// embedded Postgres of DATA_DIR, which is started if it does not run, and stopped again. Does not bring the schema up to date.
import fs from 'node:fs';
import path from 'node:path';
import { openDataFolder } from '../base/data-folder.ts';
import { StartError } from '../base/start-error.ts';
import { COMMAND_NAME } from '../changes/change-settings.ts';
import { readConfig } from '../config.ts';
import { checkServer } from '../db/check-server.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { findEmbedded, startEmbedded } from '../db/embedded.ts';
import { checkSchema } from '../db/migrate.ts';
import { keepSettings, type Settings } from '../db/settings.ts';

export interface Store {
  readonly database: Database;
  readonly settings: Settings;
  close(): Promise<void>;
}

const CONNECTIONS = 4;

/** Throws a StartError with a plain sentence. */
export async function openStore(environment: Readonly<Record<string, string | undefined>>): Promise<Store> {
  const { DATABASE_URL, DATA_DIR, POSTGRES_BIN, TIME_ZONE, CURRENCY } = readConfig(environment);
  const { url, stop } =
    DATABASE_URL === undefined ? await openEmbedded(DATA_DIR, POSTGRES_BIN) : { url: DATABASE_URL, stop: async () => {} };
  const database = openDatabase(url, { connections: CONNECTIONS, applicationName: COMMAND_NAME });
  const close = async () => {
    await database.close();
    await stop();
  };
  try {
    await checkServer(database, DATABASE_URL === undefined ? 'embedded' : 'given');
    await checkSchema(database);
    return { database, settings: await keepSettings(database, { timeZone: TIME_ZONE, currency: CURRENCY }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openEmbedded(dataDir: string, binaries: string | undefined): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (!fs.existsSync(path.join(dataDir, 'postgres')))
    throw new StartError(`There is no data in ${path.resolve(dataDir)}. Set DATA_DIR or DATABASE_URL to those of the service.`);
  const folder = openDataFolder(dataDir);
  const running = await findEmbedded(folder);
  if (running !== null) return { url: running, stop: async () => {} };
  const { url, stop } = await startEmbedded(folder, { binaries });
  return { url, stop };
}
