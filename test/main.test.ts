// The process as people see it: what it says, what keeps it from starting, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { isAlive } from '../src/base/process-mark.ts';
import { checkServer } from '../src/db/check-server.ts';
import type { Database } from '../src/db/database.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './database.ts';

const LAUNCHER = path.join(import.meta.dirname, '..', 'src', 'cli', 'launch.js');

interface Started {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  /** resolves when stdout (or stderr) holds the text; rejects when the process ends before */
  says(text: string): Promise<void>;
  ended(): Promise<number | null>;
}

let root: string;
const started: Started[] = [];
const databases: TestDatabase[] = [];

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-main-'));
  fs.chmodSync(root, 0o711);
});

afterEach(async () => {
  for (const one of started.splice(0)) {
    one.process.kill('SIGTERM');
    await one.ended();
  }
  for (const database of databases.splice(0)) await database.drop();
});

afterAll(() => fs.rmSync(root, { recursive: true }));

function startStrata(environment: Record<string, string>): Started {
  const inherited = { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', DATA_DIR: path.join(root, 'data') };
  const child = spawn(process.execPath, [LAUNCHER, 'start'], { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  const look = new Set<() => void>();
  const lookAgain = () => {
    for (const each of look) each();
  };
  child.stdout.on('data', (chunk) => {
    output += chunk;
    lookAgain();
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
    lookAgain();
  });
  const closed = once(child, 'close').then(() => {
    lookAgain();
    return child.exitCode;
  });
  const one: Started = {
    process: child,
    output: () => output,
    errors: () => errors,
    says: (text) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (output.includes(text) || errors.includes(text)) resolve();
          else if (child.exitCode !== null) reject(new Error(`ended with ${child.exitCode} before it said ‘${text}’: ${output}${errors}`));
          else return;
          look.delete(check);
        };
        look.add(check);
        check();
      }),
    ended: () => closed,
  };
  started.push(one);
  return one;
}

async function startReady(environment: Record<string, string> = {}): Promise<Started & { readonly url: string }> {
  const one = startStrata(environment);
  await one.says('Three things to try');
  return { ...one, url: /ready at (http:\S+)/.exec(one.output())?.[1] ?? '' };
}

/** Starts it, expects that it refuses, and answers with what it said. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const one = startStrata(environment);
  expect(await one.ended()).toBe(1);
  expect(one.output()).toBe('');
  return one.errors();
}

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  databases.push(database);
  return database;
}

const serverPid = () => Number(fs.readFileSync(path.join(root, 'data', 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);

describe('on the embedded Postgres', () => {
  test('tells where it is, its key, what next', async () => {
    const strata = await startReady();
    const key = /Admin key: (\S+)/.exec(strata.output())?.[1] ?? '';
    expect(fs.readFileSync(path.join(root, 'data', 'admin-key'), 'utf8').trim()).toBe(key);
    expect(fs.statSync(path.join(root, 'data', 'admin-key')).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.join(root, 'data', 'secret-key')).mode & 0o777).toBe(0o600);
    expect(strata.output().match(/^ {4}curl /gm)).toHaveLength(3);
    expect((await fetch(`${strata.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${strata.url}/v1/segments`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
    expect((await fetch(`${strata.url}/v1/segments`)).status).toBe(401);
  });

  test('tells later only where the key is', async () => {
    const strata = await startReady();
    expect(strata.output()).toContain(`Admin key: kept in ${path.join(root, 'data', 'admin-key')}`);
    expect(strata.output()).not.toContain(fs.readFileSync(path.join(root, 'data', 'admin-key'), 'utf8').trim());
  });

  test('says why it has no socket', async () => {
    const strata = await startReady({ DATA_DIR: path.join(root, 'long'.repeat(25)) });
    expect(strata.errors()).toMatch(/"level":"info".*"trouble":"no socket can be made in .*: the path is too long for one"/);
  });

  test('SIGTERM leaves nothing running', async () => {
    const strata = await startReady();
    const pid = serverPid();
    strata.process.kill('SIGTERM');
    expect(await strata.ended()).toBe(0);
    expect(isAlive(pid)).toBe(false);
    expect(fs.existsSync(path.join(root, 'data', 'strata.lock'))).toBe(false);
  });

  test('SIGTERM while it starts leaves nothing running', async () => {
    const strata = startStrata({ DATA_DIR: path.join(root, 'early') });
    await waitForFile(path.join(root, 'early', 'postgres', 'postmaster.pid'));
    strata.process.kill('SIGTERM');
    expect(await strata.ended()).toBe(0);
    expect(fs.existsSync(path.join(root, 'early', 'postgres', 'postmaster.pid'))).toBe(false);
  });

  test('Ctrl-C passed on by npm counts once', async () => {
    const strata = await startReady();
    strata.process.kill('SIGINT');
    await strata.says('stopping');
    strata.process.kill('SIGINT');
    expect(await strata.ended()).toBe(0);
  });

  test('a request that runs may end', async () => {
    const strata = await startReady({ ADMIN_KEY: 'a-key-of-mine' });
    const request = await beginRequest(strata.url);
    strata.process.kill('SIGTERM');
    await strata.says('stopping');
    request.end('"everyone"}');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(await strata.ended()).toBe(0);
  });

  test('an upload that goes on is answered', async () => {
    const strata = await startReady({ ADMIN_KEY: 'a-key-of-mine', STOP_SECONDS: '1' });
    const upload = http.request(`${strata.url}/v1/imports/customers`, {
      method: 'POST',
      headers: { authorization: 'Bearer a-key-of-mine', 'content-type': 'application/x-ndjson' },
    });
    const answered = once(upload, 'response');
    upload.write('{"id":"u1"}\n');
    await (await fetch(`${strata.url}/healthz`)).text(); // by then the upload has arrived as well
    strata.process.kill('SIGTERM');
    const [response] = (await answered) as [http.IncomingMessage];
    upload.destroy();
    expect(response.statusCode).toBe(503);
    expect(await strata.ended()).toBe(0);
  });

  test('a later second signal ends it at once', async () => {
    const strata = await startReady({ ADMIN_KEY: 'a-key-of-mine' });
    const pid = serverPid();
    const request = await beginRequest(strata.url);
    request.on('error', () => {}); // cut off, as it must be
    strata.process.kill('SIGTERM');
    await strata.says('stopping');
    await new Promise((resolve) => setTimeout(resolve, 1100)); // "later" is a second of the process's own clock
    strata.process.kill('SIGTERM');
    expect(await strata.ended()).toBe(1);
    await vi.waitUntil(() => !isAlive(pid), { timeout: 30_000 });
  });
});

describe('on a given Postgres', () => {
  test('several processes start on one database', async () => {
    const database = await emptyDatabase();
    const environment = {
      DATABASE_URL: database.url,
      ADMIN_KEY: 'a-key-of-mine',
      SECRET_KEY: 's'.repeat(32),
      DATA_DIR: path.join(root, 'unused'),
    };
    const both = await Promise.all([startReady(environment), startReady(environment)]);
    for (const { url } of both) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(fs.existsSync(path.join(root, 'unused'))).toBe(false);
  });
});

describe('reasons not to start', () => {
  test('the port is taken', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    expect(await refusal({ PORT: String(port) })).toBe(
      `Port ${port} of 127.0.0.1 is taken. Stop what listens there, or set PORT to another one (0: any free one).\n`,
    );
    other.close();
  });

  test('the address is not ours', async () => {
    expect(await refusal({ HOST: '192.0.2.1' })).toMatch(/^HOST is 192\.0\.2\.1, which is not an address of this machine\./);
  });

  test('a file stands in the data folder’s place', async () => {
    const file = path.join(root, 'a-file');
    fs.writeFileSync(file, '');
    expect(await refusal({ DATA_DIR: file })).toMatch(
      /^The data folder .*a-file cannot be written: a file stands where a folder must be\./,
    );
  });

  test('the configuration has mistakes', async () => {
    expect(await refusal({ PORT: 'x', CURRENCY: 'y' })).toMatch(/^The configuration has 2 mistakes:\n- PORT .*\n- CURRENCY .*\n$/);
  });

  test.each([
    ['127.0.0.1:1', '127.0.0.1:1/strata: the connection is refused.'],
    ['%2Fno%2Fsuch%20folder:5432', '/no/such folder:5432/strata: it has no socket there.'],
  ])('no database answers at %s', async (host, told) => {
    expect(await refusal({ DATABASE_URL: `postgres://strata:hidden@${host}/strata` })).toBe(
      `No database answers at ${told} Check DATABASE_URL, or unset it to use the embedded Postgres.\n`,
    );
  });

  test('the password is wrong', async () => {
    const database = await emptyDatabase();
    const url = new URL(database.url);
    url.password = 'wrong';
    const sentence = await refusal({ DATABASE_URL: url.href });
    expect(sentence).toMatch(/^The database at \S+ does not accept the user or the password\./);
    expect(sentence).not.toContain('wrong');
  });

  test('the database is unfit or silent', async () => {
    const usable = { version: 180_000, is_replica: false, is_read_only: false, encoding: 'UTF8', telling: 'off' };
    const check = (server: Partial<typeof usable>) =>
      checkServer({ url: 'postgres://127.0.0.1/strata', query: async () => [{ ...usable, ...server }] } as unknown as Database, 'given');
    await check({});
    await expect(check({ version: 170_004 })).rejects.toThrow(
      'The database at 127.0.0.1:5432/strata is Postgres 17; Strata needs 18 or newer.',
    );
    await expect(check({ is_replica: true })).rejects.toThrow('is a read-only replica. Set DATABASE_URL to its primary.');
    await expect(check({ is_read_only: true })).rejects.toThrow('lets this user only read: default_transaction_read_only is on.');
    await expect(check({ encoding: 'SQL_ASCII' })).rejects.toThrow('keeps text as SQL_ASCII; Strata needs UTF8.');
    const silent = { url: 'postgres://127.0.0.1/strata', query: async () => Promise.reject(new Error('timeout')) };
    await expect(checkServer(silent as unknown as Database, 'embedded')).rejects.toThrow('It is the embedded Postgres: start again');
  });

  test('the schema is newer than the code', async () => {
    const database = await createTestDatabase();
    databases.push(database);
    await database.database.query({ text: "insert into migrations (name, checksum) values ('9999_later.sql', 'x')" });
    expect(await refusal({ DATABASE_URL: database.url })).toMatch(
      /^The database has a newer schema than this Strata knows \(9999_later\.sql\)\./,
    );
  });

  test('the time zone is another one', async () => {
    const database = await emptyDatabase();
    const strata = await startReady({ DATABASE_URL: database.url });
    strata.process.kill('SIGTERM');
    await strata.ended();
    expect(await refusal({ DATABASE_URL: database.url, TIME_ZONE: 'Asia/Tokyo' })).toMatch(
      /^TIME_ZONE is Asia\/Tokyo, but this database was made with UTC\./,
    );
  });
});

/** A request that has arrived, and whose body is not all there. */
async function beginRequest(url: string): Promise<http.ClientRequest> {
  const headers = { authorization: 'Bearer a-key-of-mine', 'content-type': 'application/json' };
  const request = http.request(`${url}/v1/rules/check`, { method: 'POST', headers });
  await once(request, 'socket');
  await new Promise((resolve) => request.write('{"rule": ', resolve));
  await (await fetch(`${url}/healthz`)).text(); // by then the other one has arrived as well
  return request;
}

/** Resolves when the file is there. */
async function waitForFile(file: string): Promise<void> {
  await vi.waitUntil(() => fs.existsSync(file), { timeout: 30_000, interval: 10 });
}
