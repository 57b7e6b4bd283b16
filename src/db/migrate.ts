// In charge of bringing a database to the schema of this code: files of migrations/, forward only, one transaction each.
// Several processes may call it at once. Not of what the schema means (the files say that).
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../base/clock.ts';
import { MINUTE_MS } from '../base/durations.ts';
import { StartError } from '../base/start-error.ts';
import { explainMigrating } from './check-server.ts';
import { distribute, isMigration } from './citus.ts';
import type { Client, Database } from './database.ts';
import { sqlState } from './transaction.ts';

/** A number of our own choosing: the session that holds it as an advisory lock migrates. */
const MIGRATION_LOCK = 7_258_613_001;

/** Writers wait no longer than this behind a migration that is waiting for its locks, and are left alone for at least as long between two tries. */
const LOCK_TIMEOUT_MS = 250;
const BETWEEN_TRIES_MS = 500;
const LOCK_PATIENCE_MS = 10 * MINUTE_MS;

/** Nothing is wrong with the migration: others held what it needs. */
const MET_OTHERS: ReadonlySet<string> = new Set([
  '55P03', // lock_not_available
  '40P01', // deadlock_detected
]);

export const MIGRATIONS_FOLDER = path.join(import.meta.dirname, '..', '..', 'migrations');

/** Made with the first migration, so that a database that turns out to be somebody else's is left as it was. */
const TABLE_OF_MIGRATIONS = `
  create table migrations (
    name text collate "C" primary key,
    checksum text not null,
    applied_at timestamptz(3) not null default clock_timestamp()
  )`;

export interface Migration {
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, line ends taken as \n */
  readonly checksum: string;
}

/** Every migration of the folder, in order of its name. */
export async function readMigrations(folder: string = MIGRATIONS_FOLDER): Promise<readonly Migration[]> {
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.sql') && isMigration(name)).sort();
  const numbers = names.map((name) => name.slice(0, 4));
  for (const [index, name] of names.entries()) {
    if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name)) throw new Error(`a migration is named 0001_what_it_does.sql: ${name}`);
    if (numbers[index] === numbers[index - 1]) throw new Error(`two migrations carry the number ${numbers[index]}`);
  }
  return Promise.all(
    names.map(async (name) => {
      const text = (await fs.readFile(path.join(folder, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/**
 * Applies what is missing and answers with the names of what it applied. Refuses (StartError) a schema newer than the code,
 * an applied migration that was edited since, and one that comes before others already applied.
 */
export async function migrate(database: Database, folder: string = MIGRATIONS_FOLDER): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const client = await database.pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(`select pg_advisory_lock(${MIGRATION_LOCK})`);
    const applied = await readApplied(client);
    const missing = findMissing(migrations, applied ?? new Map());
    for (const [index, migration] of missing.entries()) {
      const isFirst = applied === null && index === 0;
      await apply(client, migration, isFirst).catch((cause) => {
        throw explainMigrating(cause, database.url, migration.name, isFirst);
      });
    }
    await distribute(client, folder);
    await client.query(`select pg_advisory_unlock(${MIGRATION_LOCK})`);
    return missing.map((migration) => migration.name);
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error)); // the connection goes, and the lock with it
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Throws a StartError if the schema is not the one of this code: for commands that only read, and leave migrating to the service. */
export async function checkSchema(database: Database, folder: string = MIGRATIONS_FOLDER): Promise<void> {
  const client = await database.pool.connect();
  try {
    const applied = await readApplied(client);
    if (applied === null) throw new StartError('This database is not a Strata’s: it has never been started on it.');
    const missing = findMissing(await readMigrations(folder), applied);
    if (missing.length === 0) return;
    throw new StartError(`The database lacks ${missing.map(({ name }) => name).join(', ')}; start this version of Strata on it first.`);
  } finally {
    client.release();
  }
}

/** null: nothing of Strata's is there yet. */
async function readApplied(client: Client): Promise<ReadonlyMap<string, string> | null> {
  const { rows: found } = await client.query(`
    select a.attname
    from pg_attribute a
    where a.attrelid = to_regclass('migrations')
      and a.attname in ('name', 'checksum', 'applied_at')`);
  if (found.length < 3) return null; // or it is the table of somebody else, over which the first migration will stumble
  const { rows } = await client.query<{ name: string; checksum: string }>('select m.name, m.checksum from migrations m');
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

function findMissing(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): readonly Migration[] {
  const known = new Set(migrations.map((migration) => migration.name));
  const newer = [...applied.keys()].filter((name) => !known.has(name)).sort();
  if (newer.length > 0) {
    throw new StartError(
      `The database has a newer schema than this Strata knows (${newer.join(', ')}). Start the newer Strata that wrote it, or use another database.`,
    );
  }
  const edited = migrations.filter(({ name, checksum }) => applied.has(name) && applied.get(name) !== checksum);
  if (edited.length > 0) {
    throw new StartError(
      `A migration was edited after it had been applied to this database (${edited.map(({ name }) => name).join(', ')}). Put it back and add a new one.`,
    );
  }
  const missing = migrations.filter(({ name }) => !applied.has(name));
  const last = [...applied.keys()].sort().at(-1) ?? '';
  const early = missing.filter(({ name }) => name < last);
  if (early.length > 0) {
    throw new StartError(
      `Migrations go forward only: ${early.map(({ name }) => name).join(', ')} comes before ${last}, which this database already has. Give it a later number.`,
    );
  }
  return missing;
}

/**
 * A migration that waits for a lock holds up everybody after it who only wants to write to the table. So it waits briefly, gives up all
 * the locks it has, and tries again when those behind it have gone on.
 */
async function apply(client: Client, migration: Migration, isFirst: boolean): Promise<void> {
  const endsMs = systemClock.nowMs() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      return await applyOnce(client, migration, isFirst);
    } catch (cause) {
      const state = sqlState(cause);
      if (state === undefined || !MET_OTHERS.has(state)) {
        throw new Error(`migration ${migration.name} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
      if (systemClock.nowMs() >= endsMs) {
        const minutes = LOCK_PATIENCE_MS / MINUTE_MS;
        throw new StartError(
          `The migration ${migration.name} has tried for ${minutes} minutes to have its tables for itself. Look in pg_stat_activity for a transaction that stays open, end it, and start again.`,
          { cause },
        );
      }
      await systemClock.sleep(BETWEEN_TRIES_MS);
    }
  }
}

async function applyOnce(client: Client, migration: Migration, isFirst: boolean): Promise<void> {
  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
    if (isFirst) await client.query(TABLE_OF_MIGRATIONS);
    await client.query(migration.text);
    await client.query('insert into migrations (name, checksum) values ($1, $2)', [migration.name, migration.checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
