// What the log says at its most talkative: never a person's name, how to reach them, or who they are.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';
import { LAUNCHER } from '../faults/service-process.ts';
import { until } from '../faults/until.ts';

const ADMIN_KEY = 'log-admin-key';
const MARKS = {
  id: 'markedid',
  email: 'markedmail@shop.test',
  phone: '+4912345987',
  firstName: 'Markedfirst',
  lastName: 'Markedlast',
  city: 'Markedtown',
};

let database: TestDatabase;
let folder: string;
let service: ChildProcess;
let output = '';

beforeAll(async () => {
  database = await createTestDatabase();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-log-'));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', DATA_DIR: folder, DATABASE_URL: database.url };
  service = spawn(process.execPath, [LAUNCHER, 'start'], {
    env: { ...env, ADMIN_KEY, SECRET_KEY, LOG_LEVEL: 'trace' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const keep = (chunk: Buffer) => {
    output += chunk;
  };
  service.stdout?.on('data', keep);
  service.stderr?.on('data', keep);
  await until('it says where it is', () => /http:\/\/127\.0\.0\.1:\d+/.test(output));
});

afterAll(async () => {
  if (service.exitCode === null) {
    service.kill('SIGTERM');
    await once(service, 'exit');
  }
  await database.drop();
  fs.rmSync(folder, { recursive: true });
});

async function call(method: string, url: string, body?: unknown, type = 'application/json'): Promise<number> {
  const [base] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
  const answer = await fetch(`${base}${url}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(body === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  await answer.text();
  return answer.status;
}

test('the log names no person at any level', async () => {
  const { id, ...profile } = MARKS;
  const order = { customerId: id, status: 'paid', currency: 'USD', total: 1, placedAt: '2026-01-01T00:00:00Z', items: [] };
  const statuses = [
    await call('POST', '/v1/segments', { key: 'here', name: 'Here', kind: 'rule', rule: 'city = "Markedtown"', publish: true }),
    await call('PUT', `/v1/customers/${id}`, profile),
    await call('PUT', `/v1/customers/${id}`, { ...profile, birthday: 'Markedlast' }),
    await call('PUT', `/v1/customers/${id}`, `{"email": "${MARKS.email}`),
    await call('POST', '/v1/customers', { data: [{ id, ...profile, tags: 5 }] }),
    await call('PUT', `/v1/orders/o-${id}`, order),
    await call('POST', '/v1/events', { data: [{ customerId: id, name: 'seen', occurredAt: 'never', properties: profile }] }),
    await call('POST', '/v1/imports/customers', `id,email,firstName\n${id},${MARKS.email},${MARKS.firstName}\n${id},"x`, 'text/csv'),
    await call('GET', `/v1/customers?email=${encodeURIComponent(MARKS.email)}`),
    await call('GET', `/v1/customers/${id}-unknown/segments`),
    await call('GET', `/v1/customers/${id}/nothing`),
    await call('POST', '/graphql', { query: `{ customer(id: "${id}") { email nothing } }` }),
    await call('POST', '/v1/segments/here/pins', { customerId: id, include: true, reason: MARKS.lastName }),
  ];
  expect(statuses.slice(0, 2)).toEqual([201, 200]);
  expect(statuses.every((status) => status < 500)).toBe(true);
  // an outage in the midst of all that is logged with its error
  const connected = await database.database.query<{ pid: number }>({
    text: `
      select a.pid
      from pg_stat_activity as a, pg_terminate_backend(a.pid) as t
      where a.datname = current_database() and a.application_name like 'strata%'`,
  });
  await call('PUT', `/v1/customers/${id}`, profile);
  await until('its connections are all replaced', async () => {
    const text = 'select from pg_stat_activity as a where a.pid = any($1::integer[])'; // one that goes later would be a second outage
    const left = await database.database.query({ text, values: [connected.map(({ pid }) => pid)] });
    return left.length === 0 && (await call('PUT', `/v1/customers/${id}`, profile)) === 200;
  });
  // and so is a failure of the database that repeats values
  await database.database.query({ text: `alter table customers add constraint marked check (external_id not like 'markedid-%')` });
  expect(await call('PUT', `/v1/customers/${id}-refused`, profile)).toBe(500);
  service.kill('SIGTERM');
  await once(service, 'close'); // not `exit`: its last lines may still be on their way then
  expect(output).toContain('customers'); // the failure was told
  expect(output).toMatch(/"level":"error"/);
  for (const mark of Object.values(MARKS)) expect(output.toLowerCase()).not.toContain(mark.toLowerCase());
  expect(output).not.toContain(ADMIN_KEY);
});
