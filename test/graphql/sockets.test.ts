// Subscriptions over graphql-transport-ws with its authors' client, and by hand where a client would not do what a hostile peer does.
import type { AddressInfo, Socket } from 'node:net';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { GRAPHQL_LIMITS } from '../../src/api/graphql/limits.ts';
import { encodeCursor } from '../../src/api/rest/cursor.ts';
import { readFeedEnd } from '../../src/changes/read-changes.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { ADMIN_KEY, built, type Service, startService } from '../api/service.ts';
import { dataOf, keyOf } from './ask.ts';

const FOLLOW =
  'subscription ($segments: [String!], $customerId: ID, $after: String) { membershipChanged(segments: $segments, customerId: $customerId, after: $after) { cursor node { position type segmentKey customerId customer { country } } } }';

interface Event {
  readonly cursor: string;
  readonly node: { readonly position: string; readonly type: string; readonly segmentKey: string; readonly customerId: string };
}

let service: Service;
let url: string;
const clients: Client[] = [];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  service = await startService();
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  url = `ws://127.0.0.1:${(service.app.server.address() as AddressInfo).port}/graphql`;
  for (const key of ['de', 'fr']) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule: `country = "${key.toUpperCase()}"`, publish: true });
    await built(service, key);
  }
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const socket of sockets.splice(0)) socket.terminate();
});

afterAll(() => service.close());

function connect(connectionParams: Record<string, unknown> = { authorization: `Bearer ${ADMIN_KEY}` }): Client {
  const client = createClient({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0, lazy: true });
  clients.push(client);
  return client;
}

/** Follows; `next` waits for the next event. */
function follow(client: Client, variables: Record<string, unknown> = {}, query = FOLLOW) {
  const results = client.iterate({ query, variables });
  return {
    next: async (): Promise<Event> => {
      const { value } = await results.next();
      if (value?.errors !== undefined || value?.data == null) throw new Error(JSON.stringify(value));
      return (value.data as { membershipChanged: Event }).membershipChanged;
    },
    stop: () => results.return?.(undefined),
  };
}

const put = (id: string, country: string) => service.call('PUT', `/v1/customers/${id}`, { country });

async function feedEnd(): Promise<string> {
  const { changes } = await dataOf(
    service,
    '{ changes(first: 1000) { pageInfo { endCursor } } }',
    {},
    {
      'strata-token': (await put('end', 'XX')).body.token,
    },
  );
  return changes.pageInfo.endCursor;
}

/** A socket that has shown its key; `message` waits for the next message of a type. */
async function open(payload: object = { authorization: `Bearer ${ADMIN_KEY}` }) {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  sockets.push(socket);
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  const waiting: (() => void)[] = [];
  const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    for (const wake of waiting.splice(0)) wake();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const send = (message: object) => socket.send(JSON.stringify(message));
  send({ type: 'connection_init', payload });
  const message = async (type: string) => {
    for (;;) {
      const at = messages.findIndex((each) => each.type === type);
      if (at !== -1) return messages.splice(at, 1)[0];
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { socket, send, message, closed };
}

test('changes come in order, from now on', async () => {
  const after = await feedEnd();
  const events = follow(connect(), { segments: ['de'], after });
  await put('a', 'DE');
  await put('b', 'FR');
  await put('a', 'FR');
  const seen = [await events.next(), await events.next()];
  expect(seen.map(({ node }) => [node.type, node.segmentKey, node.customerId])).toEqual([
    ['entered', 'de', 'a'],
    ['exited', 'de', 'a'],
  ]);
});

test('a cursor goes on without a gap', async () => {
  const after = await feedEnd();
  const first = follow(connect(), { after });
  await put('r1', 'DE');
  const { cursor } = await first.next();
  await first.stop();
  await put('r2', 'DE');
  await put('r3', 'DE');
  const again = follow(connect(), { after: cursor });
  expect([(await again.next()).node.customerId, (await again.next()).node.customerId]).toEqual(['r2', 'r3']);
  expect(
    (await dataOf(service, 'query ($after: String) { changes(after: $after) { edges { node { customerId } } } }', { after: cursor }))
      .changes.edges,
  ).toHaveLength(2);
});

test('one customer is followed alone', async () => {
  const after = await feedEnd();
  const events = follow(connect(), { customerId: 'one', after });
  await put('other', 'DE');
  await put('one', 'FR');
  expect((await events.next()).node).toMatchObject({ customerId: 'one', segmentKey: 'fr', customer: { country: 'FR' } });
});

test('a stopped subscription holds nothing', async () => {
  while (service.strata.feedTail.size > 0) await new Promise((resolve) => setImmediate(resolve)); // those of the tests before
  const { send, message, socket } = await open();
  await message('connection_ack');
  for (const id of ['1', '2', '3']) send({ id, type: 'subscribe', payload: { query: FOLLOW, variables: { segments: ['de'] } } });
  const after = await feedEnd();
  send({ id: '4', type: 'subscribe', payload: { query: FOLLOW, variables: { customerId: 'gone', after } } });
  await put('gone', 'DE');
  await message('next');
  expect(service.strata.feedTail.size).toBe(4);
  for (const id of ['1', '2', '3', '4']) send({ id, type: 'complete' });
  send({ type: 'ping' });
  await message('pong');
  expect(service.strata.feedTail.size).toBe(0);
  socket.close();
});

test('who shows no key is closed', async () => {
  for (const payload of [{}, { authorization: 'Bearer wrong' }, { authorization: 7 }]) {
    const { closed } = await open(payload);
    expect(await closed).toBe(4401);
  }
  const early = new WebSocket(url, 'graphql-transport-ws');
  sockets.push(early);
  const code = new Promise((resolve) => early.once('close', resolve));
  early.once('open', () => early.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: FOLLOW } })));
  expect(await code).toBe(4401);
});

test('scopes and segments hold here too', async () => {
  const refusal = async (headers: Record<string, string>, variables: object, query = FOLLOW) => {
    const { send, message, socket } = await open(headers);
    await message('connection_ack');
    send({ id: '1', type: 'subscribe', payload: { query, variables } });
    const found = await Promise.race([message('error'), message('next')]);
    socket.close();
    const payload = found?.payload as { extensions?: { code: string } }[] & { errors?: { extensions: { code: string } }[] };
    return payload[0]?.extensions?.code ?? payload.errors?.[0]?.extensions.code;
  };
  expect(await refusal(await keyOf(service, ['ingest']), {})).toBe('forbidden');
  expect(await refusal(await keyOf(service, ['members:read', 'segments:read'], ['de']), { segments: ['fr'] })).toBe('forbidden');
  const admin = { authorization: `Bearer ${ADMIN_KEY}` };
  expect(await refusal(admin, { segments: ['nothing'] })).toBe('not_found');
  expect(await refusal(admin, { after: 'junk' })).toBe('invalid_cursor');
  expect(await refusal(admin, {}, '{ segments { edges { cursor } } }')).toBe('invalid_request');
  expect(await refusal(admin, {}, 'subscription { nothing }')).toBe('invalid_request');
  expect(await refusal(admin, {}, 'subscription {')).toBe('invalid_request');
});

test('sockets and subscriptions have limits', async () => {
  const { send, message } = await open();
  await message('connection_ack');
  for (let id = 0; id <= GRAPHQL_LIMITS.operationsOfSocket; id += 1)
    send({ id: String(id), type: 'subscribe', payload: { query: FOLLOW, variables: { segments: ['de'] } } });
  expect((await message('error'))?.payload).toMatchObject([{ extensions: { code: 'rate_limited' } }]);
});

test('a flood of sockets ends at its limit', async () => {
  const key = await keyOf(service, ['members:read', 'segments:read']);
  const opened = await Promise.all(Array.from({ length: GRAPHQL_LIMITS.socketsOfKey }, () => open(key)));
  await Promise.all(opened.map(({ message }) => message('connection_ack')));
  const { closed } = await open(key);
  expect(await closed).toBe(4429);
  const other = await open();
  expect(await other.message('connection_ack')).toBeDefined();
});

/** Of the next connection: the service's end of it. */
function servedEnd(): Promise<Socket> {
  return new Promise((resolve) => service.app.server.once('connection', resolve));
}

test('whoever asks and reads nothing is cut off', async () => {
  const serving = servedEnd();
  const { socket, message } = await open();
  await message('connection_ack');
  const served = await serving;
  const cut = new Promise((resolve) => served.once('close', () => resolve('cut')));
  socket.pause();
  const ping = JSON.stringify({ type: 'ping', payload: { padding: 'x'.repeat(GRAPHQL_LIMITS.messageBytes / 2) } });
  const flood = () => {
    if (socket.readyState === socket.OPEN && !served.destroyed) socket.send(ping, () => setImmediate(flood));
  };
  for (let n = 0; n < 4; n += 1) flood();
  expect(await cut).toBe('cut');
});

const TEXT = 'x'.repeat(8000);

test('a slow reader waits in the feed', async () => {
  const count = 400;
  const after = await feedEnd();
  const rows = Array.from({ length: count }, (_, n) => ({ id: `slow-${n}`, country: 'DE', attributes: { a: TEXT, b: TEXT, c: TEXT } }));
  expect((await service.call('POST', '/v1/customers', { data: rows })).status).toBe(200);
  await feedEnd();
  const serving = servedEnd();
  const { socket, send, message } = await open();
  await message('connection_ack');
  const served = await serving;
  socket.pause();
  const query =
    'subscription ($after: String) { membershipChanged(segments: ["de"], after: $after) { node { position customer { attributes } } } }';
  send({ id: '1', type: 'subscribe', payload: { query, variables: { after } } });
  for (let same = 0, written = -1; same < 50; same = served.bytesWritten === written ? same + 1 : 0) {
    written = served.bytesWritten;
    await new Promise((resolve) => setTimeout(resolve, 2)); // until the kernel takes no more
    expect(served.writableLength).toBeLessThan(64 * 1024);
  }
  expect(served.bytesWritten).toBeLessThan(count * 3 * TEXT.length);
  socket.resume();
  let last = 0;
  for (let n = 0; n < count; n += 1) {
    const { payload } = (await message('next')) as { payload: { data: { membershipChanged: Event } } };
    const position = Number(payload.data.membershipChanged.node.position);
    expect(position).toBeGreaterThan(last);
    last = position;
  }
});

test('retention that overtakes a slow reader ends it', async () => {
  const before = Number(await readFeedEnd(service.strata.database));
  await service.strata.database.query({
    text: `
      insert into changes (position, type, segment_id, customer_id, version, cause, at)
      select f.position + n.i, 'entered', s.id, 77, 1, 'data', clock_timestamp()
      from feed as f, segments as s, generate_series(1, 60000) as n (i)
      where s.key = 'de'`,
  });
  await service.strata.database.query({ text: 'update feed set position = (select max(position) from changes)' });
  const { socket, send, message } = await open();
  await message('connection_ack');
  const fields = Array.from({ length: 12 }, (_, n) => `copy${n}: cursor`).join(' '); // more than connections hold
  const query = `subscription ($after: String) { membershipChanged(after: $after) { ${fields} node { position } } }`;
  send({ id: '1', type: 'subscribe', payload: { query, variables: { after: encodeCursor('changes', [before]) } } });
  await message('next');
  socket.pause();
  await trimHistory(service.strata.database, Date.now() + 1000, 1_000_000);
  socket.resume();
  for (let position = before + 2; ; position += 1) {
    const { payload } = (await message('next')) as { payload: { data: { membershipChanged: Event } | null; errors?: object[] } };
    if (payload.errors !== undefined) {
      expect(payload.errors).toMatchObject([{ extensions: { code: 'history_trimmed' } }]);
      expect(position).toBeLessThan(before + 60_000);
      break;
    }
    expect(payload.data?.membershipChanged.node.position).toBe(String(position));
  }
  await message('complete');
});

test('messages too large or broken end the socket', async () => {
  const large = await open();
  await large.message('connection_ack');
  large.socket.send('x'.repeat(GRAPHQL_LIMITS.messageBytes + 1));
  expect(await large.closed).toBe(1009);
  const broken = await open();
  await broken.message('connection_ack');
  broken.socket.send('{"type":');
  expect(await broken.closed).toBe(4400);
  expect((await dataOf(service, '{ segments { edges { node { key } } } }')).segments.edges).toHaveLength(2);
});

test('other upgrades are answered as requests', async () => {
  const answer = await fetch(`${url.replace('ws:', 'http:').replace('/graphql', '/healthz')}`, { headers: { 'x-probe': '1' } });
  expect(answer.status).toBe(200);
  const elsewhere = new WebSocket(url.replace('/graphql', '/healthz'), 'graphql-transport-ws');
  sockets.push(elsewhere);
  const status = await new Promise((resolve) => {
    elsewhere.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    elsewhere.once('error', () => resolve(0));
  });
  expect(status).toBe(200);
});

test('an outage ends no socket', async () => {
  const key = await keyOf(service, ['members:read', 'pii:read']);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const client = connect({ authorization: key['authorization'] });
    const closed = new Promise<unknown>((resolve) => client.on('closed', resolve));
    const events = follow(client, { customerId: 'kept', after: await feedEnd() });
    const first = events.next();
    await put('kept', 'DE');
    expect((await first).node.segmentKey).toBe('de');
    vi.spyOn(service.strata.keys, 'find').mockRejectedValueOnce(Object.assign(new Error('down'), { code: 'ECONNREFUSED' }));
    vi.advanceTimersByTime(GRAPHQL_LIMITS.pingMs);
    await put('kept', 'FR');
    expect([(await events.next()).node.segmentKey, (await events.next()).node.segmentKey]).toEqual(['de', 'fr']);
    await service.call('DELETE', `/v1/keys/${/strata_(\w{12})_/.exec(key['authorization'] ?? '')?.[1]}`);
    vi.advanceTimersByTime(GRAPHQL_LIMITS.pingMs);
    expect(await closed).toMatchObject({ code: 4401 });
    await expect(events.next()).rejects.toMatchObject({ code: 4401 });
  } finally {
    vi.useRealTimers();
    vi.restoreAllMocks();
  }
});
