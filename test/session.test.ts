// How connections are opened: our settings hold against defaults of the database, and against what a URL asks for; and one whose other end is gone
// without a word is given up.
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { checkServer } from '../src/db/check-server.ts';
import { connect } from '../src/db/connect.ts';
import { asQueryable, openDatabase } from '../src/db/database.ts';
import { PeerWatch, parseConnections, type Repetitions } from '../src/db/peer-watch.ts';
import { sessionOf } from '../src/db/session.ts';
import { inTransaction } from '../src/db/transaction.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let own: TestDatabase;
beforeEach(async () => {
  own = await createTestDatabase();
});
afterEach(() => own.drop());

async function withClient<Value>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<Value>): Promise<Value> {
  const client = new pg.Client(config);
  client.on('error', () => {}); // told by the query
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const show = async (client: pg.ClientBase, name: string): Promise<unknown> =>
  (await client.query(`select current_setting('${name}') as value`)).rows[0].value;

describe('settings of a session', () => {
  test('hold against defaults of the database', async () => {
    const defaults = {
      default_transaction_isolation: 'repeatable read',
      statement_timeout: '1h',
      lock_timeout: '1h',
      enable_seqscan: 'on',
    };
    const name = pg.escapeIdentifier(new URL(own.url).pathname.slice(1));
    for (const [setting, value] of Object.entries(defaults))
      await own.database.query({ text: `alter database ${name} set ${setting} = '${value}'` });
    const database = openDatabase(own.url, { connections: 1 });
    const inside = await inTransaction(database, (client) => show(client, 'transaction_isolation'));
    await database.close();
    expect(inside).toBe('read committed');
    await withClient(sessionOf(own.url, 'strata leader', { tcp_keepalives_idle: '5' }), async (client) => {
      for (const [setting, value] of [
        ['statement_timeout', '0'],
        ['lock_timeout', '0'],
        ['enable_seqscan', 'off'],
      ] as const)
        expect(await show(client, setting), setting).toBe(value);
    });
  });

  test('too few connections are told of', async () => {
    const told: unknown[] = [];
    const start = async () => {
      const opened = await connect({
        url: own.url,
        dataFolder: () => expect.fail('it has no folder'),
        connections: 4,
        onIdleError: () => {},
        onFewConnections: (allowed, wanted) => told.push({ allowed, wanted }),
        onEnded: () => {},
      });
      await opened.close();
    };
    await start();
    expect(told).toEqual([]);
    const name = pg.escapeIdentifier(new URL(own.url).pathname.slice(1));
    await own.database.query({ text: `alter database ${name} connection limit 13` });
    await start();
    expect(told).toEqual([{ allowed: 13, wanted: 14 }]);
  });

  test('options in the URL only add', async () => {
    const url = new URL(own.url);
    url.searchParams.set('options', '-c search_path=elsewhere -c TimeZone=Europe/Berlin');
    await withClient(sessionOf(url.href, 'strata'), async (client) => {
      expect([await show(client, 'search_path'), await show(client, 'TimeZone')]).toEqual(['elsewhere', 'UTC']);
    });
  });

  test('a URL may not set what is ours', () => {
    const start = (parameters: string) => () => readConfig({ DATABASE_URL: `postgres://user:secret@db:5432/strata?${parameters}` });
    expect(start('sslmode=require&connect_timeout=5&options=-c%20search_path%3Da')).not.toThrow();
    expect(start('application_name=shop&query_timeout=30000')).toThrow(
      'DATABASE_URL must leave out application_name, query_timeout: Strata sets those itself.',
    );
    expect(start('keepAlive=false')).toThrow(/must leave out keepAlive: Strata sets that itself\.$/);
  });

  test('a pooler that drops them is refused', async () => {
    await withClient({ connectionString: own.url }, async (client) => {
      const checked = checkServer({ ...own.database, ...asQueryable(client) }, 'given');
      await expect(checked).rejects.toThrow('does not take the settings that Strata’s sessions need');
    });
  });
});

describe('a database that is gone without a word', () => {
  const place = ({ localPort, remotePort }: Socket) => `${localPort}:${remotePort}`;
  const socketOf = (client: pg.Client) => (client as unknown as { connection: { stream: Socket } }).connection.stream;

  async function lookTwice(repeated: number, { hearing }: { readonly hearing: boolean }) {
    const { port, username, password, pathname } = new URL(own.url);
    const connectionString = `postgres://${username}:${password}@127.0.0.1:${port}${pathname}`; // no socket, whatever the tests use
    return withClient({ connectionString }, async (client) => {
      const reads: string[] = [];
      const watch = new PeerWatch(async (): Promise<Repetitions> => {
        reads.push('read');
        return new Map([[place(socketOf(client)), repeated]]);
      });
      watch.hold(client);
      await watch.look();
      if (hearing) await client.query('select 1');
      const asked = client.query('select pg_sleep(0.2)').then(
        () => 'answered',
        (error: unknown) => (error as { code?: string }).code,
      );
      await watch.look();
      watch.stop();
      return { reads: reads.length, outcome: await asked };
    });
  }

  test('is given up after six repetitions', async () => {
    expect(await lookTwice(6, { hearing: false })).toEqual({ reads: 1, outcome: 'ETIMEDOUT' });
  });

  test.each([
    [5, false, 1],
    [6, true, 0],
  ])('is waited for: %i repetitions, heard since %s', async (repeated, hearing, reads) => {
    expect(await lookTwice(repeated, { hearing })).toEqual({ reads, outcome: 'answered' });
  });

  test('the kernel’s table is read', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1444428 1 000000008e750eb8 100 0 0 10 0
   1: 0100007F:C350 0200007F:1538 01 00000046:00000000 01:00000B72 0000000A   101        0 1444415 2 000000002e0a6352 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000200007F:1538 01 00000046:00000000 01:00000B72 00000003   101        0 1 2 0
`;
    expect(parseConnections(table)).toEqual([
      ['50000:5432', 10],
      ['50001:5432', 3],
    ]);
  });
});
