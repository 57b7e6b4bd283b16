// In charge of databases for tests: each a clone of a template made by the current migrations; on Citus, whose databases cannot be cloned, each
// is migrated separately. The server comes from global-setup.ts.
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../src/db/database.ts';
import { migrate, readMigrations } from '../src/db/migrate.ts';
import { pretendCitus } from './pretend-citus.ts';

/** A number of our own choosing: whoever holds it as an advisory lock may make the template. */
const TEMPLATE_LOCK = 7_258_613_999;

/** What a service under test signs and encrypts with. */
export const SECRET_KEY = 'a secret key that only tests know';

export interface TestDatabase {
  readonly database: Database;
  readonly url: string;
  /** Closes the pool and removes the database, whoever is still connected. */
  drop(): Promise<void>;
}

/** What makes a new database a Citus; null: the tests run on plain Postgres. A Citus of one node, whose user may make databases and extensions. */
const becomeCitus = chooseCitus();

function chooseCitus(): ((client: pg.Client) => Promise<unknown>) | null {
  if (process.env['CITUS_URL'] !== undefined) return (client) => client.query('create extension if not exists citus');
  return process.env['TEST_DATABASE'] === 'pretended-citus' ? pretendCitus : null;
}

/** A migrated database of its own for a test file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  if (becomeCitus === null) return cloneDatabase(await makeTemplate());
  const test = await createEmptyDatabase();
  await migrateApart(test.url);
  return test;
}

/** A database of its own without any schema: for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const test = await cloneDatabase('template1');
  if (becomeCitus !== null) await onServer(becomeCitus, test.url);
  return test;
}

/** The same, that says it is Citus, wherever the tests run. */
export async function createPretendedCitus(): Promise<TestDatabase> {
  const test = await cloneDatabase('template1');
  await onServer(pretendCitus, test.url);
  return test;
}

async function cloneDatabase(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer((client) => client.query(`create database ${name} template ${template}`));
  const url = urlOf(name);
  const database = openDatabase(url, { applicationName: name });
  return {
    database,
    url,
    drop: async () => {
      await database.close();
      await onServer((client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** The name of the template for the migrations as they are now: edited ones make a new template, also while vitest watches. */
async function makeTemplate(): Promise<string> {
  const checksums = (await readMigrations()).map(({ name, checksum }) => `${name} ${checksum}`);
  const template = `template_${createHash('sha256').update(checksums.join('\n')).digest('hex').slice(0, 16)}`;
  if (await onServer((client) => exists(client, template))) return template;
  await onServer(async (client) => {
    await client.query(`select pg_advisory_lock(${TEMPLATE_LOCK})`); // given back when the connection ends
    if (await exists(client, template)) return;
    const draft = `draft_${randomBytes(8).toString('hex')}`;
    await client.query(`create database ${draft}`);
    await migrateApart(urlOf(draft));
    await client.query(`alter database ${draft} rename to ${template}`);
  });
  return template;
}

/** Over connections of its own: those of a test see nothing of it. */
async function migrateApart(url: string): Promise<void> {
  const database = openDatabase(url);
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
}

async function exists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select 1 from pg_database d where d.datname = $1', [name]);
  return rowCount === 1;
}

async function onServer<Value>(work: (client: pg.Client) => Promise<Value>, url = inject('serverUrl')): Promise<Value> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function urlOf(name: string): string {
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return url.href;
}
