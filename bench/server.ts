// In charge of the bench's own Postgres, in a folder under the system's temporary one, on a free port, removed at the end; and of loading a shop
// straight into its tables. Which databases there are is bench.ts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as stream } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { openDataFolder } from '../src/base/data-folder.ts';
import { openDatabase } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { postgresSeconds } from './processes.ts';
import {
  COPY_CUSTOMERS,
  COPY_ITEMS,
  COPY_ORDERS,
  COPY_OWNERS,
  type CopyTable,
  customerCopy,
  inPieces,
  itemsCopy,
  orderCopy,
  ownerCopy,
  type Shop,
} from './shop.ts';

const CONNECTIONS = 200;
const TABLES = ['customers', 'order_owners', 'orders', 'order_items'];

export interface Server {
  readonly folder: string;
  urlOf(database: string): string;
  /** A separate client, which the caller must end. Values come back as pg returns them. */
  connect(database: string): Promise<pg.Client>;
  /** An empty database with Strata's schema. */
  createMigrated(database: string): Promise<void>;
  dropDatabase(database: string): Promise<void>;
  /** processor seconds of all of Postgres so far */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-bench-'));
  fs.chmodSync(folder, 0o711);
  const postgres = await startEmbedded(openDataFolder(folder), { connections: CONNECTIONS, binaries: process.env['POSTGRES_BIN'] });
  const lastResort = () => {
    postgres.requestStop();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', lastResort);
  const urlOf = (database: string) => {
    const url = new URL(postgres.url);
    url.pathname = `/${database}`;
    return url.href;
  };
  const connect = async (database: string) => {
    const client = new pg.Client({ connectionString: urlOf(database), options: '-c TimeZone=UTC -c jit=off' });
    await client.connect();
    return client;
  };
  const onServer = async (text: string) => {
    const client = await connect('postgres');
    await client.query(text).finally(() => client.end());
  };
  return {
    folder,
    urlOf,
    connect,
    createMigrated: async (database) => {
      await onServer(`drop database if exists ${database} with (force)`);
      await onServer(`create database ${database}`);
      const opened = openDatabase(urlOf(database));
      await migrate(opened).finally(() => opened.close());
    },
    dropDatabase: (database) => onServer(`drop database if exists ${database} with (force)`),
    cpuSeconds: () => postgresSeconds(postgres.pid),
    stop: async () => {
      await postgres.stop();
      process.off('exit', lastResort);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Copies rows, or pieces of COPY's text format, into a table. */
export async function copyInto(client: pg.Client, { table, columns }: CopyTable, pieces: Iterable<string> | Readable): Promise<void> {
  const source = pieces instanceof Readable ? pieces : Readable.from(pieces, { objectMode: false });
  await stream(source, client.query(copyFrom(`copy ${table} (${columns}) from stdin`)));
}

/** Loads the whole shop, and makes keys and indexes after the rows, which is several times faster; for the figures that do not measure loading. */
export async function loadShop(server: Server, database: string, shop: Shop): Promise<void> {
  const client = await server.connect(database);
  try {
    const makeAgain = await dropIndexes(client);
    const customers = inPieces(rangeOf(shop.size.customers), (index) => customerCopy(shop.customer(index)));
    await copyInto(client, COPY_CUSTOMERS, customers);
    const all = () => shop.orders(0, shop.size.orders);
    await copyInto(client, COPY_OWNERS, inPieces(all(), ownerCopy));
    await copyInto(client, COPY_ORDERS, inPieces(all(), orderCopy));
    await copyInto(client, COPY_ITEMS, inPieces(all(), itemsCopy));
    for (const statement of makeAgain) await client.query(statement);
  } finally {
    await client.end();
  }
}

export function* rangeOf(count: number): Generator<number> {
  for (let index = 0; index < count; index += 1) yield index;
}

/** → the statements that make them again */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const { rows: keys } = await client.query<{ table: string; name: string; definition: string }>(
    `select c.conrelid::regclass::text as table, c.conname as name, pg_get_constraintdef(c.oid) as definition
     from pg_constraint as c
     where c.contype = 'p' and c.conrelid = any($1::text[]::regclass[])`,
    [TABLES],
  );
  for (const { table, name } of keys) await client.query(`alter table ${table} drop constraint ${name}`);
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index as i
     where i.indrelid = any($1::text[]::regclass[])`,
    [TABLES],
  );
  for (const { name } of indexes) await client.query(`drop index ${name}`);
  return [
    ...keys.map(({ table, name, definition }) => `alter table ${table} add constraint ${name} ${definition}`),
    ...indexes.map(({ definition }) => definition),
  ];
}

/** What autovacuum would have done by now in a shop that did not come into being within a minute. */
export async function settle(server: Server, database: string): Promise<void> {
  const client = await server.connect(database);
  try {
    await client.query('vacuum (analyze)');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
