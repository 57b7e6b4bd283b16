// Two processes on one database, stopped and started again in turn under load: nobody who checks /readyz meets a failure.

import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';
import { ServiceProcess } from '../faults/service-process.ts';
import { until } from '../faults/until.ts';

const ADMIN_KEY = 'rolling-admin-key';
const CLIENTS = 6;
const BALANCER_POLL_MS = 100;

let database: TestDatabase;
let folder: string;
let services: ServiceProcess[];
const agent = new http.Agent({ keepAlive: true });

beforeAll(async () => {
  database = await createTestDatabase();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-rolling-'));
  const environment = {
    DATABASE_URL: database.url,
    DATA_DIR: folder,
    ADMIN_KEY,
    SECRET_KEY,
    DATABASE_CONNECTIONS: '5',
    DRAIN_SECONDS: '4', // many looks of the balancer, also where other processes take the processor from it
  };
  services = [await ServiceProcess.make(environment), await ServiceProcess.make(environment)];
  for (const service of services) service.start();
  await until('both are ready', async () => (await Promise.all(services.map((service) => service.isReady()))).every(Boolean));
});

afterAll(async () => {
  agent.destroy();
  await Promise.all(services.map((service) => service.stop()));
  await database.drop();
  fs.rmSync(folder, { recursive: true });
});

/** Resolves with the status; rejects where the connection fails. */
function send(base: string, method: string, url: string, body?: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const request = http.request(`${base}${url}`, { method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function restart(service: ServiceProcess): Promise<void> {
  await service.stop();
  expect(service.output).toContain('stopped');
  service.start();
  await until('it is ready again', () => service.isReady());
}

async function leaderPid(): Promise<number | undefined> {
  const [row] = await database.database.query<{ pid: number }>({
    text: `
      select l.pid
      from pg_locks as l
      join pg_database as d on d.oid = l.database
      join pg_stat_activity as a on a.pid = l.pid
      where l.locktype = 'advisory' and l.granted and d.datname = current_database() and a.application_name = 'strata leader'`,
  });
  return row?.pid;
}

/** As a load balancer does it: looks who is ready now and then, and sends to those. */
async function balance(signal: AbortSignal, ready: Set<string>): Promise<void> {
  while (!signal.aborted) {
    for (const service of services) {
      if (await service.isReady()) ready.add(service.url);
      else ready.delete(service.url);
    }
    await systemClock.sleep(BALANCER_POLL_MS, signal);
  }
}

test('a rolling restart fails no request', async () => {
  const ready = new Set(services.map((service) => service.url));
  const stopping = new AbortController();
  const failures: unknown[] = [];
  let answered = 0;
  const client = async (number: number) => {
    for (let count = 0; !stopping.signal.aborted; count += 1) {
      const [base = ''] = [...ready].slice(count % ready.size);
      const id = `c${number}-${count % 20}`;
      try {
        const answer = await (count % 2 === 0
          ? send(base, 'PUT', `/v1/customers/${id}`, { city: `${count}` })
          : send(base, 'GET', `/v1/customers/c${number}-${(count - 1) % 20}/segments`));
        if (answer.status !== 200) failures.push([base, answer]);
        answered += 1;
      } catch (error) {
        failures.push([base, error]);
      }
    }
  };
  const running = [balance(stopping.signal, ready), ...Array.from({ length: CLIENTS }, (_, number) => client(number))];
  const [first, second] = services;
  if (first === undefined || second === undefined) throw new Error('there are not two services');
  await restart(second); // so that the first leads from now on
  await until('the first leads', async () => (await leaderPid()) !== undefined);
  const before = await leaderPid();
  const ended = restart(first).then(() => 'ended');
  const moved = until('the second leads', async () => ![before, undefined].includes(await leaderPid())).then(() => 'moved');
  expect(await Promise.race([moved, ended])).toBe('moved');
  await ended;
  stopping.abort();
  await Promise.all(running);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(50);
});

test('readiness says why before waits end', async () => {
  const [service] = services;
  if (service === undefined) throw new Error('there is no service');
  const waiting = send(service.url, 'GET', '/v1/changes?wait=30');
  const stream = send(service.url, 'GET', '/v1/changes/stream');
  await systemClock.sleep(BALANCER_POLL_MS); // both are under way
  const ended = service.stop();
  await until('it is not ready', async () => !(await service.isReady()));
  expect(await send(service.url, 'GET', '/readyz')).toMatchObject({
    status: 503,
    text: expect.stringContaining('The service is stopping.'),
  });
  expect((await send(service.url, 'GET', '/v1/segments')).status).toBe(200);
  expect([200, 503]).toContain((await waiting).status);
  expect((await stream).text).toContain('The service is stopping.');
  await ended;
});
