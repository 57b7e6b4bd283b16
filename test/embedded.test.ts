// The Postgres that Strata brings along: its start, its end, and what is left if either was violent.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { keepSecret, openDataFolder } from '../src/base/data-folder.ts';
import { lockFolder } from '../src/base/lock-folder.ts';
import { isAlive } from '../src/base/process-mark.ts';
import { type EmbeddedPostgres, startEmbedded } from '../src/db/embedded.ts';
import { keepEmbedded } from '../src/db/keep-embedded.ts';

/** What Linux has room for; macOS takes four fewer. */
const SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

let root: string;
let folder: string;
const running: EmbeddedPostgres[] = [];

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-embedded-'));
  fs.chmodSync(root, 0o711);
  folder = path.join(root, 'data');
});

afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
});

afterAll(() => fs.rmSync(root, { recursive: true }));

const start = async (at = folder) => {
  const postgres = await startEmbedded(openDataFolder(at), { durable: false });
  running.push(postgres);
  return postgres;
};

const ask = async <Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // its server may be killed while it says goodbye
  try {
    await client.connect();
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
};

/** Starts it in a process of its own, which leads a process group as a shell's job does. */
const startElsewhere = async (): Promise<{ holder: ChildProcess; pid: number; url: string }> => {
  const holder = spawn(process.execPath, [path.join(import.meta.dirname, 'embedded-holder.ts'), folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(holder.stdout as NodeJS.ReadableStream, 'data');
  return { holder, ...(JSON.parse(String(line)) as { pid: number; url: string }) };
};

describe('embedded Postgres', () => {
  test('starts from nothing and stops without trace', async () => {
    const postgres = await start();
    const [row] = await ask<{ major: number; addresses: string; encoding: string }>(
      postgres.url,
      `select current_setting('server_version_num')::int / 10000 as major, current_setting('listen_addresses') as addresses,
              current_setting('server_encoding') as encoding`,
    );
    expect(row).toEqual({ major: 18, addresses: '127.0.0.1', encoding: 'UTF8' });
    await ask(postgres.url, 'create table kept (id int)');
    await postgres.stop();
    expect(isAlive(postgres.pid)).toBe(false);
    expect(fs.existsSync(path.join(folder, 'strata.lock'))).toBe(false);
    expect(fs.existsSync(path.join(folder, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  test('starts again with its data', async () => {
    const postgres = await start();
    expect(await ask(postgres.url, 'select count(*)::int as count from kept')).toEqual([{ count: 0 }]);
  });

  test('lets nobody in without its password', async () => {
    const postgres = await start();
    const url = new URL(postgres.url);
    url.password = 'guess';
    await expect(ask(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(fs.statSync(path.join(folder, 'postgres-password')).mode & 0o777).toBe(0o600);
  });

  test.each(['a, "b" c', 'long'.repeat(25)])('in a folder %s a socket, if one fits', async (name) => {
    const postgres = await start(path.join(root, name));
    const [row] = await ask<{ address: string | null }>(postgres.url, 'select host(inet_server_addr()) as address');
    const socket = path.join(root, name, 'socket', '.s.PGSQL.65535');
    const isTooLong = Buffer.byteLength(socket) > SOCKET_PATH_BYTES; // both are where TMPDIR is long already
    expect(row?.address ?? 'a socket').toBe(isTooLong ? '127.0.0.1' : 'a socket');
    expect(postgres.socketTrouble).toEqual(
      isTooLong ? expect.stringMatching(/^no socket can be made in .*\/socket: the path is too long for one$/) : null,
    );
  });

  test('is taken over after a kill -9', async () => {
    const { holder, pid } = await startElsewhere();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(isAlive(pid)).toBe(true);
    const postgres = await start();
    expect(postgres).toMatchObject({ takenOver: true, pid });
    await ask(postgres.url, 'select 1');
    await postgres.stop();
    expect(isAlive(pid)).toBe(false);
  });

  test('outlives the Ctrl-C of a terminal', async () => {
    const { holder, pid, url } = await startElsewhere();
    process.kill(-(holder.pid ?? 0), 'SIGINT');
    await once(holder, 'exit');
    await ask(url, 'select 1');
    expect((await start()).pid).toBe(pid);
  });

  test('starts again after its own violent end', async () => {
    const postgres = await start();
    await ask(postgres.url, 'create table crashed (id int)');
    process.kill(postgres.pid, 'SIGKILL');
    expect(await postgres.ended).toContain('ready to accept connections');
    await postgres.stop();
    const again = await start();
    expect(again.takenOver).toBe(false);
    expect(await ask(again.url, 'select * from crashed')).toEqual([]);
  });

  test('refuses a folder that another Strata holds', async () => {
    await start();
    await expect(start()).rejects.toThrow(/^Another Strata \(process \d+\) is running on the data folder/);
  });

  test('takes the lock of a dead process away', async () => {
    fs.writeFileSync(path.join(folder, 'strata.lock'), JSON.stringify({ pid: process.pid, mark: 'an earlier boot' }));
    await start();
  });

  test('a dead lock is taken by one only', async () => {
    const data = openDataFolder(path.join(root, 'contested'));
    const file = path.join(data.path, 'strata.lock');
    fs.writeFileSync(file, JSON.stringify({ pid: process.pid, mark: 'an earlier boot' }));
    const read = vi.spyOn(fs, 'readFileSync');
    const rivals: Promise<unknown>[] = [];
    read.mockImplementationOnce((...given) => {
      const text = fs.readFileSync(...given); // the dead owner's; before anything is done about it, a rival takes the lock
      rivals.push(lockFolder(data));
      return text;
    });
    const outcomes = await Promise.allSettled([lockFolder(data), ...Array.from({ length: 3 }, () => lockFolder(data))]);
    read.mockRestore();
    outcomes.push(...((await Promise.allSettled(rivals)) as typeof outcomes));
    expect(rivals).toHaveLength(1);
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => String(reason));
    expect(refusals).toHaveLength(4);
    for (const refusal of refusals) expect(refusal).toContain(`Another Strata (process ${process.pid})`);
    expect(fs.readdirSync(data.path)).toEqual(['strata.lock']);
  });

  test('says that no folder can be made there', () => {
    const made = vi.spyOn(fs, 'mkdirSync').mockImplementationOnce(() => {
      throw Object.assign(new Error('as under /proc'), { code: 'ENOENT' });
    });
    try {
      expect(() => openDataFolder(path.join(root, 'nowhere'))).toThrow(
        /nowhere cannot be written: no folder can be made there\. Set DATA_DIR/,
      );
    } finally {
      made.mockRestore();
    }
  });

  test('ignores a server number that another process has', async () => {
    fs.writeFileSync(path.join(folder, 'postgres', 'postmaster.pid'), `${process.pid}\n${folder}\n1\n5432\n\n127.0.0.1\n1 1\nready\n`);
    expect((await start()).takenOver).toBe(false);
  });

  test('refuses data whose password is lost', async () => {
    fs.renameSync(path.join(folder, 'postgres-password'), path.join(folder, 'elsewhere'));
    await expect(start()).rejects.toThrow(/^The password of the database in .* is missing: put the file .* back\.$/);
    fs.renameSync(path.join(folder, 'elsewhere'), path.join(folder, 'postgres-password'));
  });

  test('refuses data of another major', async () => {
    const other = path.join(root, 'other');
    fs.mkdirSync(path.join(other, 'postgres'), { recursive: true });
    fs.writeFileSync(path.join(other, 'postgres', 'PG_VERSION'), '17\n');
    await expect(start(other)).rejects.toThrow(/was written by Postgres 17; this Strata brings Postgres 18/);
  });

  test('makes anew what was left half made', async () => {
    const half = path.join(root, 'half');
    fs.mkdirSync(path.join(half, 'postgres.new', 'base'), { recursive: true });
    await ask((await start(half)).url, 'select 1');
  });

  test.runIf(process.getuid?.() === 0)('runs where only root may pass', async () => {
    const closed = path.join(root, 'closed');
    fs.mkdirSync(closed, { mode: 0o700 });
    await ask((await start(path.join(closed, 'data'))).url, 'select 1');
  });

  test.runIf(process.getuid?.() === 0)('says that another user made the database', async () => {
    const theirs = path.join(root, 'theirs');
    fs.mkdirSync(path.join(theirs, 'postgres'), { recursive: true });
    fs.chownSync(path.join(theirs, 'postgres'), 65_534, 65_534);
    fs.writeFileSync(path.join(theirs, 'postgres-password'), 'of theirs\n');
    await expect(start(theirs)).rejects.toThrow(
      /theirs\/postgres belongs to the user \S+, and Postgres would run as postgres\. Start Strata as/,
    );
  });

  test('says that another user owns the folder', () => {
    const foreign = path.join(root, 'foreign');
    fs.mkdirSync(foreign, { mode: process.getuid?.() === 0 ? 0o755 : 0o555 });
    process.seteuid?.(process.geteuid?.() || 65_534); // root may write anywhere: for a moment, be nobody
    try {
      expect(() => openDataFolder(foreign)).toThrow(/^The data folder .*foreign cannot be written: permission is denied\. Set DATA_DIR/);
    } finally {
      process.seteuid?.(process.getuid?.() ?? 0);
    }
  });

  test('says that the folder cannot be written', () => {
    const file = path.join(root, 'a-file');
    fs.writeFileSync(file, '');
    expect(() => openDataFolder(file)).toThrow(/^The data folder .*a-file cannot be written: a file stands where a folder must be\./);
    expect(() => openDataFolder(path.join(file, 'below'))).toThrow(/cannot be written: a file stands where a folder must be\./);
  });

  test('two starts at once agree on one secret', () => {
    const data = openDataFolder(path.join(root, 'agreed'));
    const first = keepSecret(data, 'admin-key', () => {
      expect(keepSecret(data, 'admin-key', () => 'theirs')).toMatchObject({ value: 'theirs', isNew: true });
      return 'ours';
    });
    expect(first).toMatchObject({ value: 'theirs', isNew: false });
    expect(fs.readdirSync(data.path)).toEqual(['admin-key']);
    expect(fs.statSync(first.file).mode & 0o777).toBe(0o600);
  });

  test('comes back by itself where it was', async () => {
    const lastWords: string[] = [];
    const kept = await keepEmbedded(openDataFolder(folder), (lines) => lastWords.push(lines), { durable: false });
    try {
      await ask(kept.url, 'create table outlived (id int)');
      for (const round of [1, 2]) {
        const [row] = await ask<{ file: string }>(kept.url, "select current_setting('data_directory') || '/postmaster.pid' as file");
        const pid = Number(fs.readFileSync(row?.file ?? '', 'utf8').split('\n')[0]);
        if (round === 2) fs.rmSync(path.join(folder, 'postgres.log')); // as somebody does who moves logs away
        process.kill(pid, 'SIGKILL');
        await vi.waitUntil(() => lastWords.length === round, { timeout: 30_000 });
        await vi.waitUntil(() => ask(kept.url, 'select from outlived').catch(() => null), { timeout: 30_000 });
      }
    } finally {
      await kept.stop();
    }
    expect(fs.existsSync(path.join(folder, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  test('waits until there is room for its socket', async () => {
    const makeFolder = fs.mkdirSync;
    let failures = 0;
    const kept = await keepEmbedded(openDataFolder(folder), () => {}, { durable: false });
    const made = vi.spyOn(fs, 'mkdirSync').mockImplementation((at, options) => {
      if (!String(at).endsWith('/socket') || failures === 1) return makeFolder(at, options as fs.MakeDirectoryOptions);
      failures += 1;
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    });
    try {
      const pid = Number(fs.readFileSync(path.join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(pid, 'SIGKILL');
      await vi.waitUntil(() => failures === 1, { timeout: 20_000 });
      await vi.waitUntil(() => ask(kept.url, 'select 1').catch(() => null), { timeout: 10_000 });
    } finally {
      made.mockRestore();
      await kept.stop();
    }
  });
});
