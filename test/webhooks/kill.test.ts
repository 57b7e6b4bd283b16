// Two processes on one database, killed in the middle: nothing is lost, nothing overtakes, and what comes again says the same.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { startReceiver, type TestReceiver } from './receiver.ts';

const LAUNCHER = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.js');
const KEY = 'the-key-of-this-test';

let database: TestDatabase;
let receiver: TestReceiver;
let folder: string;
const processes: ChildProcess[] = [];

beforeEach(async () => {
  [database, receiver] = [await createTestDatabase(), await startReceiver()];
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-webhooks-'));
});
afterEach(async () => {
  for (const one of processes.splice(0)) await kill(one, 'SIGKILL');
  await receiver.close();
  await database.drop();
  fs.rmSync(folder, { recursive: true });
});

async function kill(one: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (one.exitCode !== null || one.signalCode !== null) return;
  const exited = once(one, 'exit');
  one.kill(signal);
  await exited;
}

interface Running {
  readonly process: ChildProcess;
  call(method: string, path: string, body: unknown): Promise<{ readonly id: string; readonly secret: string }>;
}

async function start(): Promise<Running> {
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    PORT: '0',
    DATA_DIR: path.join(folder, `data-${processes.length}`),
    DATABASE_URL: database.url,
    ADMIN_KEY: KEY,
    SECRET_KEY: 'the secret of both processes, at least 32',
    WEBHOOK_ALLOW: '127.0.0.1',
    LOG_LEVEL: 'error',
  };
  const child = spawn(process.execPath, [LAUNCHER, 'start'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  processes.push(child);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk;
      const found = /ready at (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', () => reject(new Error(`it ended before it was ready: ${output}`)));
  });
  return {
    process: child,
    call: async (method, route, body) => {
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1${route}`, { method, headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
      return answer.json() as ReturnType<Running['call']>;
    },
  };
}

const WRITES = 40;
const EACH = 50;

async function enter(by: Running, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 1) {
    const data = Array.from({ length: EACH }, (_, m) => ({ id: `c${n}-${m}`, country: 'CN' }));
    await by.call('POST', '/customers', { data });
  }
}

test('kill -9 loses nothing and keeps the order', { timeout: 300_000 }, async () => {
  let [one, other] = await Promise.all([start(), start()]);
  await one.call('POST', '/segments', { key: 'china', name: 'China', kind: 'rule', rule: 'country = "CN"', publish: true });
  const hook = { types: ['segment.membership.changed'], batchSize: 20 };
  await one.call('POST', '/webhooks', { ...hook, url: `${receiver.url}?a` });
  await one.call('POST', '/webhooks', { ...hook, url: `${receiver.url}?b` });
  receiver.behave((_request, response) => setTimeout(() => response.end(), 5)); // so that something is under way at every instant

  await enter(other, 0, 10);
  await receiver.count(10);
  const killed = receiver.received.length;
  await kill(one.process, 'SIGKILL');
  await enter(other, 10, 20);
  await receiver.count(killed + 20); // the other one goes on
  one = await start();
  await enter(one, 20, 30);
  await kill(other.process, 'SIGKILL');
  await enter(one, 30, WRITES);
  await receiver.until(() => receiver.positions().filter((position) => position === WRITES * EACH).length >= 2);
  other = one;

  const sequences = Map.groupBy(receiver.received, ({ url }) => url);
  expect([...sequences.keys()]).toHaveLength(2);
  for (const messages of sequences.values()) {
    const first = new Map<string, string>();
    const positions: number[] = [];
    for (const { headers, body, json } of messages) {
      const id = headers['webhook-id'] ?? '';
      expect(first.get(id) ?? body).toBe(body); // what comes again says the same
      if (!first.has(id)) positions.push(...json.data.changes.map((change: { position: number }) => change.position));
      else expect([...first.keys()].at(-1)).toBe(id); // and only what was under way comes again
      first.set(id, body);
    }
    expect(positions).toEqual(Array.from({ length: WRITES * EACH }, (_, n) => n + 1));
  }
});
