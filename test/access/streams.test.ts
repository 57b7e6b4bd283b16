// Streams that outlive the right to read them: server-sent events and subscriptions end when the token expires, and with the key that minted it;
// and what the bearer of a customer token sees in them.
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { chainAudit } from '../../src/access/chain-audit.ts';
import { PLACES_OF_TOKEN_MAX } from '../../src/access/held-places.ts';
import { GRAPHQL_LIMITS } from '../../src/api/graphql/limits.ts';
import { TestClock } from '../../src/base/clock.ts';
import { MINUTE_MS } from '../../src/base/durations.ts';
import { EventReader } from '../api/event-reader.ts';
import { type Service, startService } from '../api/service.ts';

const OPEN_STREAMS = 2;
const WAITING_READS = 3;
const FOLLOW = 'subscription ($after: String) { membershipChanged(after: $after) { node { segmentKey customerId actor reason } } }';

let service: Service;
let clock: TestClock;
let port: number;
const readers: EventReader[] = [];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  clock = new TestClock(Date.parse('2026-06-15T12:00:00.000Z'));
  service = await startService({ clock, accessLimits: { openStreams: OPEN_STREAMS, waitingReads: WAITING_READS } });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as AddressInfo).port;
  for (const key of ['one', 'two']) await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
  for (const id of ['ada', 'bob']) await service.call('PUT', `/v1/customers/${id}`, { email: `${id}@example.com` });
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
  for (const socket of sockets.splice(0)) socket.terminate();
});
afterAll(() => service.close());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

async function mint(kind: 'customer' | 'stream', more: object = {}, secret?: string): Promise<string> {
  const wish = kind === 'customer' ? { customerId: 'ada', minutes: 1, ...more } : { minutes: 1, ...more };
  const { status, body } = await service.call('POST', `/v1/${kind}-tokens`, wish, secret === undefined ? {} : bearer(secret));
  expect(status).toBe(201);
  return body.token;
}

async function stream(token: string): Promise<EventReader> {
  const reader = await EventReader.open(port, `/v1/changes/stream?access_token=${token}`, {});
  readers.push(reader);
  return reader;
}

/** A subscription of whoever shows this. */
async function subscribe(token: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  sockets.push(socket);
  const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
  // biome-ignore lint/suspicious/noExplicitAny: messages of every shape
  const messages: any[] = [];
  let wake: () => void = () => undefined;
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    wake();
  });
  const message = async (type: string) => {
    for (;;) {
      const at = messages.findIndex((each) => each.type === type);
      if (at !== -1) return messages.splice(at, 1)[0];
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(token) }));
  await message('connection_ack');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: FOLLOW } }));
  socket.send(JSON.stringify({ type: 'ping' }));
  await message('pong');
  return { closed, message };
}

/** Until the stream has said another heartbeat: it sleeps again then. */
const beat = (reader: EventReader, count: number) => reader.until(() => reader.comments >= count);

/** The publisher rests by the same clock. */
async function asTimePasses<Value>(awaited: Promise<Value>): Promise<Value> {
  let isThere = false;
  const noticed = awaited.finally(() => {
    isThere = true;
  });
  while (!isThere) {
    clock.advance(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return noticed;
}

test.each(['customer', 'stream'] as const)('a stream ends with its %s token’s time', async (kind) => {
  const reader = await stream(await mint(kind, { segments: ['two'] }));
  expect(reader.status).toBe(200);
  const last = reader.next();
  const expiresAtMs = clock.nowMs() + MINUTE_MS;
  clock.set(expiresAtMs - 1);
  await beat(reader, 1);
  clock.advance(1);
  expect(await last).toMatchObject({ event: 'error', data: { code: 'unauthenticated', status: 401 } });
  expect(await reader.next()).toBeNull();
});

test.each(['customer', 'stream'] as const)('a subscription ends with its %s token’s time', async (kind) => {
  const { closed } = await subscribe(await mint(kind));
  clock.advance(MINUTE_MS);
  expect(await closed).toBe(4401);
});

test('a stream ends with its token’s key', async () => {
  const { id, secret } = (await service.call('POST', '/v1/keys', { name: 'front', scopes: ['members:read'] })).body;
  const reader = await stream(await mint('stream', { minutes: 5, segments: ['two'] }, secret));
  const last = reader.next();
  await service.call('DELETE', `/v1/keys/${id}`);
  clock.advance(15_000);
  expect(await last).toMatchObject({ event: 'error', data: { code: 'unauthenticated' } });
  await service.strata.audit.flush();
  await chainAudit(service.strata.database);
  const { body } = await service.call('GET', '/v1/audit?outcome=refused&action=streamChanges');
  expect(body.data[0]).toMatchObject({ actor: 'stream token', outcome: 'refused' });
});

test('one token takes no places of others', async () => {
  const token = await mint('customer', { segments: ['two'], minutes: 1440 });
  const opened: EventReader[] = [];
  for (let n = 0; n < PLACES_OF_TOKEN_MAX; n += 1) opened.push(await stream(token));
  expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200));
  expect((await stream(token)).status).toBe(429);
  expect((await stream(await mint('stream'))).status).toBe(200);
  opened[0]?.close();
  let status: number | undefined;
  while (status !== 200) {
    clock.advance(1000); // the limit of requests goes by it
    status = (await stream(token)).status; // as soon as the end has been noticed
  }
});

test('streams and subscriptions have a limit by key', async () => {
  const make = async (name: string) => (await service.call('POST', '/v1/keys', { name, scopes: ['members:read'] })).body.secret;
  const [secret, other] = [await make('streams'), await make('streams too')];
  const open = async (of: string) => {
    const reader = await EventReader.open(port, '/v1/changes/stream', bearer(of));
    readers.push(reader);
    return reader;
  };
  const followers = async (count: number) => {
    while (service.strata.feedTail.size !== count) await new Promise((resolve) => setImmediate(resolve));
  };
  await followers(0); // those of other tests are gone
  await subscribe(secret);
  await followers(1); // it takes its place when it is first asked
  const opened = [await open(secret), await open(secret)];
  expect(opened.map(({ status }) => status)).toEqual([200, 429]);
  expect(opened[1]?.response.headers['retry-after']).toBe('5');
  const { message } = await subscribe(secret);
  expect(await message('next')).toMatchObject({ payload: { errors: [{ extensions: { code: 'rate_limited' } }] } });
  expect((await open(other)).status).toBe(200);
  sockets[0]?.close();
  while ((await open(secret)).status !== 200); // as soon as the end has been noticed
});

test('reads that wait have a limit by key', async () => {
  const make = async (name: string) => (await service.call('POST', '/v1/keys', { name, scopes: ['members:read'] })).body.secret;
  const [secret, other] = [await make('polls'), await make('polls too')];
  const end = async () => (await service.call('GET', '/v1/changes?limit=1000')).body.next;
  const wait = (of: string, after: string) => service.call('GET', `/v1/changes?after=${after}&wait=30`, undefined, bearer(of));
  const begun = await end();
  const asked = Array.from({ length: WAITING_READS + 1 }, () => wait(secret, begun));
  const refused = await Promise.race(asked); // the others wait
  expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([429, 'rate_limited', '5']);
  const elsewhere = wait(other, begun);
  await service.call('PUT', '/v1/segments/one/members/bob');
  const answers = await Promise.all([...asked, elsewhere]);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(WAITING_READS + 1).fill(200), 429]);
});

test('a token’s waiting reads count as streams', async () => {
  const token = await mint('stream', { segments: ['two'], minutes: 1440 });
  for (let n = 1; n < PLACES_OF_TOKEN_MAX; n += 1) {
    expect((await stream(token)).status).toBe(200);
    clock.advance(1000); // the limit of requests goes by it
  }
  const { next } = (await service.call('GET', '/v1/changes?limit=1000')).body;
  const asked = [1, 2].map(() => service.call('GET', `/v1/changes?after=${next}&wait=30`, undefined, bearer(token)));
  expect((await Promise.race(asked)).status).toBe(429);
  clock.advance(30_000);
  expect((await Promise.all(asked)).map(({ status }) => status).sort()).toEqual([200, 429]);
});

test('sockets of one token have a limit', async () => {
  const token = await mint('customer', { minutes: 1440 });
  await Promise.all(Array.from({ length: GRAPHQL_LIMITS.socketsOfToken }, () => subscribe(token)));
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  sockets.push(socket);
  socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(token) })));
  expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4429);
});

test('who shows no key keeps nobody out', async () => {
  const answers = await Promise.all(
    Array.from({ length: GRAPHQL_LIMITS.waitingOfAddress + 5 }, () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
      sockets.push(socket);
      return new Promise((resolve) => {
        socket.once('open', () => resolve('open'));
        socket.once('error', (error) => resolve(error.message));
      });
    }),
  );
  expect(answers.filter((answer) => answer === 'open')).toHaveLength(GRAPHQL_LIMITS.waitingOfAddress);
  expect(answers.filter((answer) => String(answer).includes('429'))).toHaveLength(5);
  const left = new Promise((resolve) => sockets[0]?.once('close', resolve));
  for (const socket of sockets.splice(0)) socket.close();
  await left;
  const { message } = await subscribe(await mint('stream'));
  expect(message).toBeDefined();
});

test('a customer token follows its own segments alone', async () => {
  const token = await mint('customer', { segments: ['one'], minutes: 1440 });
  const reader = await stream(token);
  const { message } = await subscribe(token);
  for (const [key, id] of [
    ['two', 'ada'],
    ['one', 'bob'],
    ['one', 'ada'],
  ])
    await service.call('PUT', `/v1/segments/${key}/members/${id}`, { reason: 'a word of the shop' });
  const event = await asTimePasses(reader.next());
  expect(event?.data).toMatchObject({ type: 'entered', segment: 'one', customerId: 'ada', actor: null, reason: null });
  expect(event?.data.position).toBeGreaterThan(2); // those of others came before it
  expect((await asTimePasses(message('next'))).payload).toEqual({
    data: { membershipChanged: { node: { segmentKey: 'one', customerId: 'ada', actor: null, reason: null } } },
  });
});
