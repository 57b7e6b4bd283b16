// The feed as server-sent events: resuming, filters, heartbeats, slow readers, ends that say why.
import { once, setMaxListeners } from 'node:events';
import type net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/api/rest/cursor.ts';
import { systemClock } from '../../src/base/clock.ts';
import { readFeedEnd } from '../../src/changes/read-changes.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { EventReader } from './event-reader.ts';
import { AUTHORIZED, built, type Service, startService } from './service.ts';

/** The system's, but what sleeps for seconds (heartbeats, patience with slow readers) sleeps for ever, or in a hurry hardly. */
const long = new EventTarget();
setMaxListeners(0, long);
let isHurried = false;
/** Not none: whatever looks by itself again and again would be at it without a pause. */
const HURRIED_MS = 10;
const clock: typeof systemClock = {
  ...systemClock,
  sleep: (ms, signal) => {
    if (isHurried) return systemClock.sleep(Math.min(ms, HURRIED_MS), signal);
    if (ms < 5000) return systemClock.sleep(ms, signal);
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      long.addEventListener('hurry', () => resolve(), { once: true });
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  },
};

/** Seconds are short until that has happened. */
async function inHurry<Value>(happening: Promise<Value>): Promise<Value> {
  isHurried = true;
  long.dispatchEvent(new Event('hurry'));
  return happening.finally(() => {
    isHurried = false;
  });
}

let service: Service;
let port: number;
const open: EventReader[] = [];

async function start(): Promise<void> {
  service = await startService({ clock });
  for (const [key, rule] of [
    ['paid', 'count(orders where status = "paid") >= 1'],
    ['big', 'sum(orders.total) > 100'],
    ['huge', 'sum(orders.total) > 1000'],
  ]) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, String(key));
  }
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as net.AddressInfo).port;
}

beforeAll(start);
afterEach(() => {
  for (const reader of open.splice(0)) reader.close();
});
afterAll(() => service.close());

const order = async (id: string, customerId: string, total: string): Promise<string> =>
  (await service.call('PUT', `/v1/orders/${id}`, { customerId, status: 'paid', total })).body.token;

async function stream(query: string, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
  const reader = await EventReader.open(port, `/v1/changes/stream?${query}`, { ...AUTHORIZED, ...headers });
  open.push(reader);
  return reader;
}

/** A cursor behind everything that is numbered now. */
async function end(token: string): Promise<string> {
  return (await service.call('GET', '/v1/changes?limit=1000', undefined, { 'strata-token': token })).body.next;
}

describe('a stream', () => {
  test('tells the feed’s records, old and new', async () => {
    const token = await order('s1', 'ann', '150');
    const reader = await stream('', { 'strata-token': token });
    expect(reader.status).toBe(200);
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String),
    });
    await order('s2', 'bob', '1');
    const events = await reader.take(3);
    const { data } = (await service.call('GET', '/v1/changes')).body;
    expect(events.map((event) => event.data)).toEqual(data);
    expect(events.every(({ event }) => event === 'change')).toBe(true);
    expect(reader.retryMs).toBeGreaterThanOrEqual(1000);
  });

  test('resumes behind Last-Event-ID, whatever else is asked', async () => {
    await end(await order('r1', 'ann-r', '1'));
    const [first] = await (await stream('')).take(1);
    const reader = await stream('from=2020-01-01T00:00:00Z', { 'last-event-id': String(first?.lastId) });
    expect((await reader.next())?.data.position).toBe(Number(first?.data.position) + 1);
  });

  test('begins at a cursor or an instant', async () => {
    const cursor = await end(await order('c1', 'ann-c', '1'));
    const at = new Date().toISOString();
    await order('c2', 'bob-c', '1');
    expect((await (await stream(`after=${cursor}`)).next())?.data).toMatchObject({ customerId: 'bob-c' });
    expect((await (await stream(`from=${at}`)).next())?.data).toMatchObject({ customerId: 'bob-c' });
  });

  test('keeps several segments and one customer', async () => {
    const cursor = await end(await order('f1', 'ann-f', '1'));
    const two = await stream(`after=${cursor}&segment=big&segment=huge`);
    const listed = await stream(`after=${cursor}&segment=big,huge`);
    const one = await stream(`after=${cursor}&customer=cat-f`);
    const both = await stream(`after=${cursor}&customer=cat-f&segment=big,huge`);
    await order('f2', 'bob-f', '5000');
    await order('f3', 'cat-f', '500');
    const told = async (reader: EventReader, count: number) =>
      (await reader.take(count)).map(({ data }) => `${data.customerId} ${data.segment}`);
    expect(await told(two, 3)).toEqual(['bob-f big', 'bob-f huge', 'cat-f big']);
    expect(await told(listed, 3)).toEqual(['bob-f big', 'bob-f huge', 'cat-f big']);
    expect(await told(one, 2)).toEqual(['cat-f paid', 'cat-f big']);
    expect(await told(both, 1)).toEqual(['cat-f big']);
    const pages = await service.call('GET', `/v1/changes?after=${cursor}&segment=big,huge`);
    expect(pages.body.data.map((change: { segment: string }) => change.segment)).toEqual(['big', 'huge', 'big']);
  });

  test('says in heartbeats how far it has come', async () => {
    const cursor = await end(await order('h1', 'ann-h', '1'));
    const reader = await stream(`after=${cursor}&segment=huge`);
    const next = reader.next();
    const told = await end(await order('h2', 'bob-h', '1'));
    await inHurry(reader.until(() => reader.lastId === told));
    expect(reader.comments).toBeGreaterThan(0);
    await order('h3', 'cat-h', '5000');
    expect((await next)?.data).toMatchObject({ segment: 'huge', customerId: 'cat-h' });
  });
});

describe('an end', () => {
  test.each([
    ['what is no cursor', 'after=nonsense', 400, 'invalid_cursor'],
    ['a cursor ahead', `after=${encodeCursor('changes', [10_000_000])}`, 400, 'invalid_cursor'],
    ['a cursor below', `after=${encodeCursor('changes', [-1])}`, 400, 'invalid_cursor'],
    ['unknown segments', 'segment=nope', 404, 'not_found'],
    ['other parameters', 'wait=3', 400, 'invalid_request'],
    ['many segments', `segment=${Array.from({ length: 101 }, (_, index) => `s${index}`).join(',')}`, 400, 'invalid_request'],
  ])('refuses %s before it begins', async (_title, query, status, code) => {
    expect(await service.call('GET', `/v1/changes/stream?${query}`)).toMatchObject({ status, body: { code } });
  });

  test('comes with the end of the service', async () => {
    const other = await startService();
    await other.app.listen({ host: '127.0.0.1', port: 0 });
    const reader = await EventReader.open((other.app.server.address() as net.AddressInfo).port, '/v1/changes/stream');
    const [last] = await Promise.all([reader.next(), other.close()]);
    expect(last).toMatchObject({ event: 'error', data: { code: 'unavailable' } });
    expect(await reader.next()).toBeNull();
  });

  test('comes when the key counts no more', async () => {
    const { body: key } = await service.call('POST', '/v1/keys', { name: 'reader', scopes: ['members:read'] });
    const reader = await stream('', { authorization: `Bearer ${key.secret}` });
    expect(reader.status).toBe(200);
    expect((await service.call('DELETE', `/v1/keys/${key.id}`)).status).toBeLessThan(300);
    const read = await inHurry(reader.take(Number.POSITIVE_INFINITY));
    expect(read.at(-1)).toMatchObject({ event: 'error', data: { code: 'unauthenticated' } });
  });

  /** More than connections hold. → the position before them */
  async function addMany(): Promise<number> {
    const before = await readFeedEnd(service.strata.database);
    await service.strata.database.query({
      text: `
        insert into changes (position, type, segment_id, customer_id, version, cause, at)
        select f.position + n.i, 'entered', s.id, 77, 1, 'data', clock_timestamp()
        from feed as f, segments as s, generate_series(1, 60000) as n (i)
        where s.key = 'huge'`,
    });
    await service.strata.database.query({ text: 'update feed set position = (select max(position) from changes)' });
    return Number(before);
  }

  test('comes when retention overtakes a slow reader', async () => {
    const before = await addMany();
    const reader = await stream(`after=${encodeCursor('changes', [before])}`);
    reader.response.socket.pause();
    expect(Number(await trimHistory(service.strata.database, Date.now() + 1000, 1_000_000))).toBeGreaterThan(59_999);
    reader.response.socket.resume();
    let position = before;
    let last = await reader.next();
    for (; last?.event === 'change'; last = await reader.next()) {
      position += 1;
      expect(last.data.position).toBe(position); // nothing is passed over before the end
    }
    expect(last).toMatchObject({ event: 'error', data: { code: 'history_trimmed', status: 410 } });
    expect(position - before).toBeLessThan(60_000);
    expect(await reader.next()).toBeNull();
  });

  test('comes when nobody reads for long', async () => {
    await addMany();
    const connected = once(service.app.server, 'connection') as Promise<[net.Socket]>;
    const reader = await stream('segment=huge');
    const [served] = await connected;
    reader.response.socket.pause();
    const before = service.strata.feedTail.size;
    expect(before).toBeGreaterThan(0);
    await inHurry(once(served, 'close')); // patience is over at last, and then that with the last words
    expect(service.strata.feedTail.size).toBe(before - 1);
  });

  test('is 410 behind what is kept', async () => {
    await end(await order('t1', 'ann-t', '1'));
    const cursor = encodeCursor('changes', [await readFeedEnd(service.strata.database)]);
    expect(Number(await trimHistory(service.strata.database, Date.now() + 1000, 1_000_000))).toBeGreaterThan(0);
    expect(await service.call('GET', `/v1/changes/stream?after=${encodeCursor('changes', [1])}`)).toMatchObject({
      status: 410,
      body: { code: 'history_trimmed' },
    });
    await order('t2', 'bob-t', '1');
    expect((await (await stream(`after=${cursor}`)).next())?.data).toMatchObject({ customerId: 'bob-t' });
    expect((await (await stream('')).next())?.data).toMatchObject({ customerId: 'bob-t' });
  });
});
