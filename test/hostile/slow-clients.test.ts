// Clients that drip: heads, bodies and uploads that come a byte at a time or stand still, and answers that nobody reads. Each is given up on, and
// others are served meanwhile.
// In real time: the patience is short, but longer than a busy machine keeps a client waiting who does not drip.
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';

const PATIENCE_MS = 2000;

let service: Service;
let port: number;

beforeAll(async () => {
  service = await startService({
    background: false,
    patience: { headMs: PATIENCE_MS, bodyMs: PATIENCE_MS, uploadMs: PATIENCE_MS, unreadMs: PATIENCE_MS, idleMs: PATIENCE_MS, lookMs: 50 },
  });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as net.AddressInfo).port;
});
afterAll(() => service.close());

/** Sends `head`, then `drop` again and again until the other side ends it; what it was answered. `drop` '': says nothing more. */
function drip(head: string, drop: string): Promise<string> {
  return new Promise((resolve) => {
    let dripping: NodeJS.Timeout | undefined;
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(head);
      if (drop !== '') dripping = setInterval(() => socket.write(drop), 50);
    });
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearInterval(dripping);
      resolve(text);
    });
  });
}

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n`;
const KEY = `Authorization: Bearer ${ADMIN_KEY}`;
const PUT = ['PUT /v1/customers/slow HTTP/1.1', 'Host: x', KEY, 'Content-Type: application/json', 'Content-Length: 100000', ''];
const UPLOAD = ['POST /v1/imports/customers HTTP/1.1', 'Host: x', KEY, 'Content-Type: text/csv', 'Content-Length: 100000', ''];

test('a dripping head is given up', async () => {
  const answer = await drip(lines('GET /v1/segments HTTP/1.1', 'Host: x'), 'X: y\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('did not come in time');
});

test('a connection that says nothing is given up', async () => {
  await drip('', '');
});

test('a dripping body is given up', async () => {
  expect(await drip(lines(...PUT), ' ')).toBe('');
  expect((await service.call('GET', '/v1/customers/slow')).status).toBe(404);
});

test('a body that stands still is given up', async () => {
  expect(await drip(lines(...PUT), '')).toBe('');
});

test('an upload that stands still is given up', async () => {
  expect(await drip(`${lines(...UPLOAD)}id,city\nstill,A\n`, '')).not.toMatch(/^HTTP\/1\.1 2/);
});

test('an answer that nobody reads is given up', async () => {
  const connected = once(service.app.server, 'connection');
  const client = net
    .connect(port, '127.0.0.1')
    .pause()
    .on('error', () => {});
  const [served] = (await connected) as [net.Socket];
  const closed = once(served, 'close');
  client.write(`${lines('GET /openapi.json HTTP/1.1', 'Host: x', '')}`.repeat(50)); // more than the system keeps for both sides
  await closed;
  client.destroy();
});

test('an upload may take its time', async () => {
  const rows = Array.from({ length: 40 }, (_, n) => `patient-${n},A\n`);
  const answer = new Promise<string>((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(
        `${lines('POST /v1/imports/customers HTTP/1.1', 'Host: x', KEY, 'Content-Type: text/csv', 'Connection: close', 'Transfer-Encoding: chunked', '')}`,
      );
      socket.write('9\r\nid,city\n\n\r\n');
      const dripping = setInterval(() => {
        const row = rows.pop();
        if (row === undefined) clearInterval(dripping);
        socket.write(row === undefined ? '0\r\n\r\n' : `${row.length.toString(16)}\r\n${row}\r\n`);
      }, PATIENCE_MS / 25); // for longer than that in all
    });
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.once('close', () => resolve(text));
  });
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"accepted":40/);
});

test('a complete upload is not given up', async () => {
  const client = await service.strata.database.pool.connect();
  await client.query('begin; lock table customers in access exclusive mode');
  const answer = new Promise<string>((resolve) => {
    let text = '';
    const head = lines('POST /v1/imports/customers HTTP/1.1', 'Host: x', KEY, 'Content-Type: text/csv', 'Content-Length: 16', '');
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${head}id,city\nlate,A\n\n`));
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.once('close', () => resolve(text)); // as any connection without a request
  });
  await systemClock.sleep(PATIENCE_MS * 1.5); // what it waits for takes longer than its bytes may
  await client.query('rollback');
  client.release();
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"accepted":1/);
});

test('others are served while hundreds drip', async () => {
  const dripping = Array.from({ length: 300 }, (_, n) =>
    n % 2 === 0 ? drip(lines('GET / HTTP/1.1', 'Host: x'), 'X: y\r\n') : drip(lines(...PUT), ' '),
  );
  for (let n = 0; n < 20; n += 1)
    expect((await fetch(`http://127.0.0.1:${port}/v1/segments`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).status).toBe(200);
  await Promise.all(dripping);
  const countOpen = () =>
    new Promise<number>((resolve, reject) => service.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  while ((await countOpen()) > 5) await systemClock.sleep(10); // a client may see the end before the service does; those of `fetch` are kept
});
