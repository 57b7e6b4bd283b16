// Several processes on one database: one numbers, all of them notify, and if that one is killed another takes over.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { EVERYTHING } from '../../src/changes/feed-filter.ts';
import { openDatabase } from '../../src/db/database.ts';
import { openStrata } from '../../src/open-strata.ts';
import { EventReader } from '../api/event-reader.ts';
import { ADMIN_KEY, AUTHORIZED, type Service, startService } from '../api/service.ts';
import { createEmptyDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';

const LAUNCHER = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.js');

let database: TestDatabase;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  database = await createEmptyDatabase();
});
afterAll(async () => {
  for (const each of processes) each.kill('SIGKILL');
  await database.drop();
});

interface Running {
  readonly process: ChildProcess;
  readonly port: number;
}

/** Resolves when it serves. */
async function start(): Promise<Running> {
  const environment = { DATABASE_URL: database.url, ADMIN_KEY, SECRET_KEY, PORT: '0', DATA_DIR: path.join(os.tmpdir(), 'unused') };
  const child = spawn(process.execPath, [LAUNCHER, 'start'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  });
  processes.push(child);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const port = /ready at http:\S+:(\d+)/.exec(said)?.[1];
    if (port !== undefined) {
      child.stdout.resume();
      child.stderr.resume();
      return { process: child, port: Number(port) };
    }
  }
  throw new Error(`ended before it served: ${said}`);
}

async function call({ port }: Running, method: string, path: string, body: object): Promise<void> {
  const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.ok, await answer.text()).toBe(true);
}

const order = (at: Running, id: string, customerId: string) =>
  call(at, 'PUT', `/v1/orders/${id}`, { customerId, status: 'paid', total: '1' });
const next = async (reader: EventReader) => (await reader.next())?.data;

test('another takes over when the leader is killed', async () => {
  const first = await start(); // alone, so it leads
  await call(first, 'POST', '/v1/segments', {
    key: 'paid',
    name: 'Paid',
    kind: 'rule',
    rule: 'count(orders where status = "paid") >= 1',
    publish: true,
  });
  const [second, third] = await Promise.all([start(), start()]);
  const there = await EventReader.open(second.port, '/v1/changes/stream');
  await order(first, 'o1', 'ann');
  expect(await next(there)).toMatchObject({ position: 1, customerId: 'ann' });
  await order(second, 'o2', 'bob');
  expect(await next(there)).toMatchObject({ position: 2, customerId: 'bob' });

  const here = await EventReader.open(first.port, '/v1/changes/stream');
  expect((await here.take(2)).length).toBe(2);
  first.process.kill('SIGKILL');
  await once(first.process, 'exit');
  expect(await here.next()).toBeNull();
  await order(second, 'o3', 'cat');
  expect(await next(there)).toMatchObject({ position: 3, customerId: 'cat' });
  const again = await EventReader.open(second.port, '/v1/changes/stream', { ...AUTHORIZED, 'last-event-id': here.lastId });
  expect(await next(again)).toMatchObject({ position: 3, customerId: 'cat' });

  second.process.kill('SIGKILL');
  const last = await EventReader.open(third.port, '/v1/changes/stream', { ...AUTHORIZED, 'last-event-id': again.lastId });
  await order(third, 'o4', 'dan');
  expect(await next(last)).toMatchObject({ position: 4, customerId: 'dan' });
  last.close();
});

test('who does not lead is told of growth', async () => {
  const leading: Service = await startService();
  const fast: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms < 1000 ? ms : 2 ** 31 - 1, signal) };
  const other = await openStrata({
    database: openDatabase(leading.strata.database.url, { connections: 3 }),
    clock: fast, // whatever sleeps a second, to look by itself, sleeps for ever
    log: pino({ level: 'silent' }),
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
    background: true,
  });
  try {
    await leading.call('POST', '/v1/segments', { key: 'by-hand', name: 'By hand', kind: 'manual' });
    const follower = other.feedTail.follow(EVERYTHING, '0');
    for (let change = 1; change <= 5; change += 1) {
      const following = follower.next(10);
      await leading.call('PUT', `/v1/customers/c${change}`, {});
      await leading.call('PUT', `/v1/segments/by-hand/members/c${change}`, {});
      expect((await following).changes).toMatchObject([{ position: String(change), customerId: `c${change}` }]);
    }
    follower.close();
  } finally {
    await other.close();
    await other.database.close();
    await leading.close();
  }
});
