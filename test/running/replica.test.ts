// Reads from a streaming replica: as fresh as the write that they name, and never in anybody's way while the replica stands still or is gone.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/api/rest/cursor.ts';
import { buildApp } from '../../src/app.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openDataFolder } from '../../src/base/data-folder.ts';
import { printToken } from '../../src/changes/write-token.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openStrata } from '../../src/open-strata.ts';
import type { Strata } from '../../src/strata.ts';
import { SECRET_KEY } from '../database.ts';
import { until } from '../faults/until.ts';
import { startReplica } from './postgres-copy.ts';

const ADMIN_KEY = 'replica-admin-key';

let root: string;
let primary: EmbeddedPostgres;
let replica: EmbeddedPostgres;
let database: Database;
let copy: Database;
let strata: Strata;
let app: FastifyInstance;
const told: string[] = [];

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-replica-'));
  fs.chmodSync(root, 0o711);
  const folder = path.join(root, 'primary');
  fs.mkdirSync(folder, { mode: 0o711 });
  primary = await startEmbedded(openDataFolder(folder), { durable: false });
  database = openDatabase(primary.url);
  await migrate(database);
  replica = await startReplica({ url: primary.url, folder }, path.join(root, 'replica'));
  copy = openDatabase(replica.url);
  const log = pino({ level: 'info' }, { write: (line: string) => told.push(line) });
  const options = {
    database,
    replica: copy,
    clock: systemClock,
    log,
    cluster: 'test',
    secretKey: SECRET_KEY,
    timeZone: 'UTC',
    currency: 'USD',
  };
  strata = await openStrata({ ...options, background: true });
  app = await buildApp({ strata, adminKey: ADMIN_KEY, logger: log, checkAnswers: true });
  await call('POST', '/v1/segments', { key: 'buyers', name: 'Buyers', kind: 'rule', rule: 'count(orders) >= 1', publish: true });
  await until('the segment is active', async () => (await call('GET', '/v1/segments/buyers')).body.status === 'active');
});

afterAll(async () => {
  await app?.close();
  await strata?.close();
  await Promise.all([database?.close(), copy?.close()]);
  await replica?.stop();
  await primary?.stop();
  fs.rmSync(root, { recursive: true });
});

beforeEach(async () => {
  await copy.query({ text: 'select pg_wal_replay_resume()' }); // as a test before may have left it
  await until('reads go to the replica', () => strata.reads.state === 'up');
});

async function call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}) {
  const answer = await app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

const buy = async (id: string, customerId: string): Promise<string> =>
  (
    await call('PUT', `/v1/orders/${id}`, {
      customerId,
      status: 'paid',
      currency: 'USD',
      total: 5,
      placedAt: '2026-01-01T00:00:00Z',
      items: [],
    })
  ).body.token;

interface Read {
  readonly name: string;
  readonly of: (id: string) => string;
  /** whether the answer tells of that customer’s order */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  readonly has: (body: any, id: string) => boolean;
}

const tells = (body: unknown, id: string) => JSON.stringify(body).includes(`"${id}"`);

const READS: readonly Read[] = [
  { name: 'customer', of: (id) => `/v1/customers/${id}`, has: tells },
  { name: 'orders', of: (id) => `/v1/customers/${id}/orders`, has: (body) => body.data?.length === 1 },
  { name: 'order', of: (id) => `/v1/orders/o-${id}`, has: tells },
  { name: 'segments', of: (id) => `/v1/customers/${id}/segments`, has: (body) => body.segments?.length === 1 },
  { name: 'customers', of: () => '/v1/customers?limit=1000', has: tells },
  { name: 'members', of: () => '/v1/segments/buyers/members?limit=1000', has: tells },
  { name: 'snapshot', of: () => '/v1/segments/buyers/members?limit=1000&snapshot=true', has: tells },
  { name: 'feed', of: (id) => `/v1/changes?customer=${id}`, has: (body) => body.data?.length === 1 },
  { name: 'history', of: (id) => `/v1/customers/${id}/history`, has: (body) => body.data?.length === 1 },
];

describe('reads from a replica', () => {
  test.each(READS)('$name is as fresh as its token', async ({ name, of, has }) => {
    for (let round = 0; round < 5; round += 1) {
      const id = `${name}-${round}`;
      const answer = await call('GET', of(id), undefined, { 'strata-token': await buy(`o-${id}`, id) });
      expect(answer.status).toBe(200);
      expect(has(answer.body, id)).toBe(true);
    }
  });

  test('are as old as the replica without one', async () => {
    await copy.query({ text: 'select pg_wal_replay_pause()' });
    await buy('o-unseen', 'unseen');
    for (const { of, has } of READS) expect(has((await call('GET', of('unseen'))).body, 'unseen')).toBe(false);
  });

  test('by GraphQL are as fresh too', async () => {
    const token = await buy('o-graph', 'graph');
    const query = '{ customer(id: "graph") { id orders(first: 1) { edges { node { id } } } segments { key } } }';
    const answer = await call('POST', '/graphql', { query }, { 'strata-token': token });
    expect(answer.body.data?.customer, JSON.stringify(answer.body)).toMatchObject({ id: 'graph', segments: [{ key: 'buyers' }] });
  });

  test('wait for a replica that stands still', async () => {
    await copy.query({ text: 'select pg_wal_replay_pause()' });
    const token = await buy('o-late', 'late');
    const waiting = call('GET', `/v1/customers/late?fresh=${token}`);
    const refused = await call('GET', '/v1/customers/late/segments', undefined, { 'strata-token': token });
    expect(refused).toMatchObject({ status: 503, body: { code: 'not_yet' } });
    expect((await waiting).status).toBe(503);
    const patient = call('GET', `/v1/customers/late?fresh=${token}`);
    await copy.query({ text: 'select pg_wal_replay_resume()' });
    expect(await patient).toMatchObject({ status: 200, body: { id: 'late' } });
  });

  test('refuse the token of another database', async () => {
    const token = printToken({ cluster: 'elsewhere', lsn: '0/1', decision: null });
    expect(await call('GET', '/v1/customers/late', undefined, { 'strata-token': token })).toMatchObject({
      status: 400,
      body: { code: 'token_unknown' },
    });
  });

  test('evaluate whoever is due on the primary', async () => {
    await call('POST', '/v1/segments', {
      key: 'recent',
      name: 'Recent',
      kind: 'rule',
      rule: 'count(orders in the last 1 hour) >= 1',
      publish: true,
    });
    const soon = new Date(systemClock.nowMs() - 3600_000 + 1500).toISOString();
    const { token } = (
      await call('PUT', '/v1/orders/o-due', { customerId: 'due', status: 'paid', currency: 'USD', total: 5, placedAt: soon, items: [] })
    ).body;
    await call('GET', '/v1/customers/due/segments', undefined, { 'strata-token': token });
    await copy.query({ text: 'select pg_wal_replay_pause()' }); // where it stands, the customer is due from now on
    await until('the order is an hour old', () => systemClock.nowMs() > Date.parse(soon) + 3600_000);
    const keys = (await call('GET', '/v1/customers/due/segments')).body.segments.map(({ key }: { key: string }) => key);
    expect(keys).toEqual(['buyers']);
  });

  test('take cursors from ahead of the replica', async () => {
    await copy.query({ text: 'select pg_wal_replay_pause()' });
    await buy('o-ahead', 'ahead');
    await until('the change is published', async () => {
      const [row] = await database.query<{ waiting: boolean }>({ text: 'select exists (select from outbox) as waiting' });
      return row?.waiting === false;
    });
    const [end] = await database.query<{ position: string }>({ text: 'select max(c.position) as position from changes as c' });
    const next = encodeCursor('changes', [end?.position ?? '']);
    expect(await call('GET', `/v1/changes?after=${next}`)).toMatchObject({ status: 200, body: { data: [], next } });
  });

  test('go to the primary while it is away', async () => {
    await replica.stop();
    const token = await buy('o-away', 'away');
    expect(await call('GET', '/v1/customers/away', undefined, { 'strata-token': token })).toMatchObject({
      status: 200,
      body: { id: 'away' },
    });
    expect((await call('GET', '/v1/customers/away/segments')).body.segments).toHaveLength(1);
    await until('it is noticed', () => strata.reads.state === 'down');
    expect(told.join('')).toContain('the replica does not serve');
    replica = await startEmbedded(openDataFolder(path.join(root, 'replica')), { durable: false, port: Number(new URL(replica.url).port) });
    await until('it serves again', () => strata.reads.state === 'up');
  });

  test('leave a server that is no replica alone', async () => {
    await copy.query({ text: 'select pg_promote()' });
    await until('it is noticed', () => strata.reads.state === 'foreign');
    await buy('o-alone', 'alone');
    expect((await call('GET', '/v1/customers/alone')).status).toBe(200);
  });
});
