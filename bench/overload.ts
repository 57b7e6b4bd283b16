// Goodput at three times the capacity: how many single orders a service started for this still answers well when more arrive than it can handle,
// and how fast it refuses the rest. Run by hand: `node bench/overload.ts [seconds]`. Not one of the figures of run.ts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.ts';

const SECONDS = Number(process.argv[2] ?? 5);
const CLIENTS = 64;
const TIMES = 3;
const TICK_MS = 10;
const ADMIN_KEY = 'bench-overload-key';
const SEGMENTS = 20;
const PORT = 38_617;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-overload-'));
fs.chmodSync(folder, 0o711);
const service = spawn(process.execPath, [path.join(import.meta.dirname, '..', 'src', 'cli', 'launch.js'), 'start'], {
  env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: String(PORT), DATA_DIR: folder, ADMIN_KEY, LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'ignore', 'inherit'],
});
/** Open before the rush, as load balancers keep their connections. A thousand new ones at once would measure how fast a process accepts them. */
const CONNECTIONS = 1000;
const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxFreeSockets: CONNECTIONS });

interface Answered {
  readonly status: number;
  readonly ms: number;
}

function send(method: string, url: string, body?: object): Promise<Answered> {
  let startMs = performance.now();
  return new Promise((resolve) => {
    const request = http.request(
      {
        port: PORT,
        host: '127.0.0.1',
        path: url,
        method,
        agent,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, ms: performance.now() - startMs }));
      },
    );
    request.on('socket', () => {
      startMs = performance.now(); // before that it waits for a connection of ours, which is no time of the service's
    });
    request.on('error', () => resolve({ status: 0, ms: performance.now() - startMs }));
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

let orders = 0;
function order(): Promise<Answered> {
  orders += 1;
  const placedAt = new Date(systemClock.nowMs()).toISOString();
  return send('PUT', `/v1/orders/o${orders}`, {
    customerId: `c${orders % 5000}`,
    status: 'paid',
    currency: 'USD',
    total: 10,
    placedAt,
    items: [],
  });
}

function sum(name: string, answers: readonly Answered[], seconds: number): number {
  const good = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 503);
  const at = (list: readonly Answered[], share: number) =>
    Math.round(list.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor((list.length - 1) * share)] ?? Number.NaN);
  const perSecond = Math.round(good.length / seconds);
  const others = answers.length - good.length - refused.length;
  const told = {
    name,
    seconds: Number(seconds.toFixed(1)),
    offeredPerSecond: Math.round(answers.length / seconds),
    goodPerSecond: perSecond,
  };
  const times = { goodP50Ms: at(good, 0.5), goodP99Ms: at(good, 0.99), refused: refused.length, refusedP99Ms: at(refused, 0.99), others };
  process.stdout.write(`${JSON.stringify({ ...told, ...times })}\n`);
  return perSecond;
}

/** Each client sends again when it was answered. */
async function closedLoop(seconds: number): Promise<number> {
  const answers: Answered[] = [];
  const startMs = performance.now();
  const client = async () => {
    while (performance.now() - startMs < seconds * 1000) answers.push(await order());
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return sum('capacity', answers, (performance.now() - startMs) / 1000);
}

/** Keeps sending, whether answered or not. */
async function openLoop(perSecond: number, seconds: number): Promise<void> {
  const sent: Promise<Answered>[] = [];
  const startMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = performance.now() - startMs) {
    while (sent.length < (perSecond * elapsedMs) / 1000) sent.push(order());
    await systemClock.sleep(TICK_MS);
  }
  sum(`${TIMES} x capacity`, await Promise.all(sent), (performance.now() - startMs) / 1000);
}

try {
  while ((await fetch(`http://127.0.0.1:${PORT}/readyz`).catch(() => undefined))?.status !== 200) await systemClock.sleep(100);
  for (let number = 0; number < SEGMENTS; number += 1) {
    const rule = `sum(orders.total in the last ${number + 1} days) > 50`;
    await send('POST', '/v1/segments', { key: `s${number}`, name: `s${number}`, kind: 'rule', rule, publish: true });
  }
  for (let opened = 0; opened < CONNECTIONS; opened += 50)
    await Promise.all(Array.from({ length: opened + 50 }, () => send('GET', '/healthz')));
  await closedLoop(2); // warm up
  const capacity = await closedLoop(SECONDS);
  await openLoop(capacity * TIMES, SECONDS);
  await closedLoop(SECONDS);
} finally {
  agent.destroy();
  service.kill('SIGTERM');
  await once(service, 'exit');
  fs.rmSync(folder, { recursive: true, force: true });
}
