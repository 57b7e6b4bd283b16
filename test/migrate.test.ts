// Migrations: each is applied once, by however many processes, and refused if code and schema do not fit.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../src/db/database.ts';
import { migrate, readMigrations } from '../src/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from './database.ts';

describe('migrate', () => {
  let empty: TestDatabase;
  let folder: string;

  beforeEach(async () => {
    empty = await createEmptyDatabase();
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'strata-migrations-'));
    await write('0001_first.sql', 'create table first (id int);\ninsert into first values (1);');
    await write('0002_second.sql', 'create table second (id int);');
  });

  afterEach(async () => {
    await empty.drop();
    await fs.rm(folder, { recursive: true });
  });

  const write = (name: string, text: string) => fs.writeFile(path.join(folder, name), text);
  const countFirst = async () => (await empty.database.query<{ count: string }>({ text: 'select count(*) from first' }))[0]?.count;

  test('applies everything once, in order', async () => {
    expect(await migrate(empty.database, folder)).toEqual(['0001_first.sql', '0002_second.sql']);
    expect(await migrate(empty.database, folder)).toEqual([]);
    expect(await countFirst()).toBe('1');
  });

  test('applies the migrations of this repository', async () => {
    const names = (await readMigrations()).map((migration) => migration.name);
    expect(names.length).toBeGreaterThan(0);
    expect(await migrate(empty.database)).toEqual(names);
  });

  test('several processes at once apply each once', async () => {
    const databases = Array.from({ length: 5 }, () => openDatabase(empty.url));
    try {
      const applied = await Promise.all(databases.map((database) => migrate(database, folder)));
      expect(applied.flat().sort()).toEqual(['0001_first.sql', '0002_second.sql']);
      expect(await countFirst()).toBe('1');
    } finally {
      await Promise.all(databases.map((database) => database.close()));
    }
  });

  test('refuses a schema newer than the code', async () => {
    await migrate(empty.database, folder);
    await fs.rm(path.join(folder, '0002_second.sql'));
    await expect(migrate(empty.database, folder)).rejects.toThrow(/newer schema than this Strata knows \(0002_second\.sql\)/);
  });

  test('refuses an applied migration that was edited', async () => {
    await migrate(empty.database, folder);
    await write('0001_first.sql', 'create table first (id bigint);');
    await expect(migrate(empty.database, folder)).rejects.toThrow(/edited after it had been applied.*0001_first\.sql/);
  });

  test('takes other line ends for the same', async () => {
    await migrate(empty.database, folder);
    await write('0001_first.sql', 'create table first (id int);\r\ninsert into first values (1);');
    expect(await migrate(empty.database, folder)).toEqual([]);
  });

  test('refuses one that comes before applied ones', async () => {
    await fs.rename(path.join(folder, '0002_second.sql'), path.join(folder, '0003_third.sql'));
    await migrate(empty.database, folder);
    await write('0002_late.sql', 'create table late (id int);');
    await expect(migrate(empty.database, folder)).rejects.toThrow(/0002_late\.sql comes before 0003_third\.sql/);
  });

  test('a failing migration leaves nothing of itself', async () => {
    await write('0002_second.sql', 'create table second (id int);\nselect 1 / 0;');
    await expect(migrate(empty.database, folder)).rejects.toThrow(/migration 0002_second\.sql failed: division by zero/);
    expect(await empty.database.query({ text: "select to_regclass('second') as second, to_regclass('first') is null as missing" })).toEqual(
      [{ second: null, missing: false }],
    );
    await write('0002_second.sql', 'create table second (id int);');
    expect(await migrate(empty.database, folder)).toEqual(['0002_second.sql']);
  });

  test('leaves a database of somebody else alone', async () => {
    await empty.database.query({ text: 'create table second (id int)' });
    await write('0001_first.sql', 'create table first (id int);\ncreate table second (id int);');
    await expect(migrate(empty.database, folder)).rejects.toThrow(/belongs to something else \(relation "second" already exists\)/);
    expect(await empty.database.query({ text: "select to_regclass('migrations') as ours, to_regclass('first') as first" })).toEqual([
      { ours: null, first: null },
    ]);
    await empty.database.query({ text: 'create table migrations (id int)' });
    await expect(migrate(empty.database, folder)).rejects.toThrow(/belongs to something else \(relation "migrations" already exists\)/);
  });

  test('says what stands in the way later', async () => {
    await empty.database.query({ text: 'create table second (id int)' });
    await expect(migrate(empty.database, folder)).rejects.toThrow(
      /^0002_second\.sql needs a name that is taken in the database at \S+ \(relation "second" already exists\)\. /,
    );
    await empty.database.query({ text: 'drop table second' });
    expect(await migrate(empty.database, folder)).toEqual(['0002_second.sql']);
  });

  test('says what a user without rights needs', async () => {
    const role = `weak_${new URL(empty.url).pathname.slice(1)}`;
    await empty.database.query({ text: `create role ${role} login password 'weak'` });
    const url = new URL(empty.url);
    url.username = role;
    url.password = 'weak';
    const weak = openDatabase(url.href);
    try {
      await expect(migrate(weak, folder)).rejects.toThrow(
        /^The user of DATABASE_URL may not make .*permission denied for schema public.*alter database/,
      );
    } finally {
      await weak.close();
      await empty.database.query({ text: `drop role ${role}` });
    }
  });
});
