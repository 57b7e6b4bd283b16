// Receivers that hang, drip, never end, talk garbage or die: what is said about each, and that the others do not notice. In real time, with
// short patience: but long enough that a good receiver answers in time on a busy machine too.
import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { write } from '../../src/pipeline.ts';
import { type Service, startService } from '../api/service.ts';
import { customer } from '../membership/strata-under-test.ts';
import { type Behaviour, startReceiver, type TestReceiver } from './receiver.ts';

let service: Service;
let bad: TestReceiver;
let good: TestReceiver;
let count = 0;

const LIMITS = { connectMs: 5000, headersMs: 3000, bodyMs: 1000 };

beforeAll(async () => {
  service = await startService({ webhookAllow: ['127.0.0.1'], webhookSend: { limits: LIMITS } });
  await service.call('POST', '/v1/segments', { key: 'china', name: 'China', kind: 'rule', rule: 'country = "CN"', publish: true });
});
afterAll(() => service.close());
beforeEach(async () => {
  [bad, good] = [await startReceiver(), await startReceiver()];
});
afterEach(async () => {
  for (const { id } of (await service.call('GET', '/v1/webhooks')).body.data) await service.call('DELETE', `/v1/webhooks/${id}`);
  await Promise.all([bad.close(), good.close()]);
});

const make = async (url: string, more: object = {}) =>
  (await service.call('POST', '/v1/webhooks', { url, types: ['segment.membership.changed'], ...more })).body.id as string;

async function enter(): Promise<void> {
  count += 1;
  await write(service.strata, { ...NO_FACTS, customers: [customer(`c${count}`, { profile: { country: 'CN' } })] });
}

/** Asked for again and again, as its caller does: it stands there some time after the receiver has answered. */
const firstAttempt = (id: string) =>
  vi.waitUntil(async () => (await service.call('GET', `/v1/webhooks/${id}/deliveries`)).body.data[0], { timeout: 30_000, interval: 10 });

const drip =
  (bytes: string, status = 200): Behaviour =>
  (_request, response) => {
    response.writeHead(status);
    const timer = setInterval(() => response.write(bytes), 5);
    response.once('close', () => clearInterval(timer));
  };
const raw =
  (text: string): Behaviour =>
  (request) => {
    request.socket.end(text);
  };

test.each<[string, Behaviour, object]>([
  ['hangs', () => {}, { succeeded: false, status: null, error: 'no answer in time' }],
  [
    'dies before it answers',
    (request) => request.socket.destroy(),
    { succeeded: false, status: null, error: expect.stringContaining('failed') },
  ],
  ['talks garbage', raw('garbage of no protocol\r\n\r\n'), { succeeded: false, status: null, error: 'the answer is not HTTP' }],
  [
    'dies mid-way',
    raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
    { succeeded: false, status: 200, error: 'the answer broke off', answer: 'half' },
  ],
  ['sends endless headers', raw(`HTTP/1.1 200 OK\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(100)}`), { succeeded: false, status: null }],
  ['never ends a 200', drip('z'.repeat(20_000)), { succeeded: true, status: 200, answer: 'z'.repeat(1024) }],
  ['drips a 500', drip('.', 500), { succeeded: false, status: 500 }],
  [
    'answers bytes',
    (_request, response) => response.end(Buffer.from([0, 255, 254, 65])),
    { succeeded: true, answer: '\ufffd\ufffd\ufffdA' },
  ],
])('a receiver that %s', async (_name, behaviour, expected) => {
  bad.behave(behaviour);
  const [badId] = [await make(bad.url), await make(good.url)];
  await enter();
  await good.count(1);
  await enter();
  await good.until(() => good.positions().length === 2); // while the other one is still under way
  expect(await firstAttempt(badId)).toMatchObject(expected);
});

test('more that hang than may be sent to', async () => {
  bad.behave(() => {});
  for (let n = 0; n < 70; n += 1) await make(bad.url);
  await enter();
  await bad.count(60);
  await make(good.url);
  await enter();
  await good.count(1);
  expect(good.positions()).toHaveLength(1);
});

test('nobody listens', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const id = await make(`http://127.0.0.1:${port}/`);
  await enter();
  expect(await firstAttempt(id)).toMatchObject({ status: null, error: 'the connection failed: ECONNREFUSED' });
});

test('a connection closed between two is replaced', async () => {
  const used = new WeakSet<net.Socket>();
  const closing: Behaviour = ({ socket }, response) => {
    if (used.has(socket))
      socket.destroy(); // as one that had just been closed when the request came
    else response.end('ok');
    used.add(socket);
  };
  bad.behave(closing);
  const id = await make(bad.url);
  for (let n = 1; n <= 5; n += 1) {
    await enter();
    await bad.until(() => bad.positions().length >= n);
    await expect.poll(async () => (await service.call('GET', `/v1/webhooks/${id}`)).body.behind, { interval: 5 }).toBe(0);
  }
  expect((await service.call('GET', `/v1/webhooks/${id}/deliveries?succeeded=false`)).body.data).toEqual([]);
});
