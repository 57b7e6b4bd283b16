// What needs a real connection: streams of any length, callers who hang up, broken HTTP, stopping while somebody waits.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { AUTHORIZED, type Service, startService } from './service.ts';

let service: Service;
let port: number;

beforeAll(async () => {
  service = await startService();
  port = await listen(service);
});
afterAll(() => service.close());

async function listen(started: Service): Promise<number> {
  await started.app.listen({ host: '127.0.0.1', port: 0 });
  return (started.app.server.address() as net.AddressInfo).port;
}

async function send(path: string, body: Readable | Buffer | string, headers: Readonly<Record<string, string>>) {
  const request = http.request({ host: '127.0.0.1', port, path, method: 'POST', headers: { ...AUTHORIZED, ...headers } });
  if (body instanceof Readable) body.pipe(request);
  else request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(Buffer.concat(chunks).toString()) };
}

const CSV = { 'content-type': 'text/csv' };
const NDJSON = { 'content-type': 'application/x-ndjson' };

describe('imports', () => {
  test('a CSV of order lines becomes orders', async () => {
    const file = 'No,Who,Qty,Price,When\nA1,u1,2,1.5,2024-01-01 12:00\nA1,u1,1,10,2024-01-01 12:00\nA2,u2,1,5,2024-07-01 12:00\n';
    const query =
      'map.id=No&map.customerId=Who&map.items.quantity=Qty&map.items.unitPrice=Price&map.placedAt=When&default.status=paid&timeZone=Europe%2FLondon';
    const { status, body } = await send(`/v1/imports/orders?${query}`, file, CSV);
    expect([status, body]).toMatchObject([200, { rows: 3, accepted: 3, rejected: 0, errors: [], token: expect.any(String) }]);
    expect((await service.call('GET', '/v1/orders/A1')).body).toMatchObject({
      total: '13.00',
      status: 'paid',
      items: [{ quantity: '2' }, { quantity: '1' }],
    });
    expect((await service.call('GET', '/v1/orders/A2')).body.placedAt).toBe('2024-07-01T11:00:00.000Z');
    expect((await send(`/v1/imports/orders?${query}`, file, CSV)).body).toMatchObject({ accepted: 3, changes: 0 });
  });

  test('bad rows are told by line', async () => {
    const { status, body } = await send('/v1/imports/customers', '{"id":"n1","city":"A"}\n{"id":"n2","birthday":"x"}\nnonsense\n', NDJSON);
    expect([status, body]).toMatchObject([200, { rows: 3, accepted: 1, rejected: 2, errors: [{ line: 2 }, { line: 3 }] }]);
    expect((await service.call('GET', '/v1/customers/n1')).status).toBe(200);
  });

  test('atomic takes all or none', async () => {
    const { status, body } = await send('/v1/imports/customers?atomic=true', '{"id":"t1"}\n{"id":"t2","birthday":"x"}\n', NDJSON);
    expect([status, body.code, body.errors[0].line]).toEqual([422, 'invalid_rows', 2]);
    expect((await service.call('GET', '/v1/customers/t1')).status).toBe(404);
  });

  test('gzip is taken whole only', async () => {
    const whole = gzipSync('{"id":"z1"}\n');
    const gzip = { ...NDJSON, 'content-encoding': 'gzip' };
    expect(await send('/v1/imports/customers', whole, gzip)).toMatchObject({ status: 200, body: { accepted: 1 } });
    expect(await send('/v1/imports/customers', whole.subarray(0, -6), gzip)).toMatchObject({
      status: 400,
      body: { code: 'import_incomplete' },
    });
    expect(await send('/v1/imports/customers', 'not gzip', gzip)).toMatchObject({ status: 400, body: { code: 'invalid_compression' } });
  });

  test('more than any body limit streams through', { timeout: 300_000 }, async () => {
    const rows = 60_000;
    const padding = 'x'.repeat(300);
    const lines = Readable.from(
      (function* () {
        for (let from = 0; from < rows; from += 500) {
          yield Array.from({ length: 500 }, (_, index) => `{"id":"big-${from + index}","city":"${padding}"}\n`).join('');
        }
      })(),
    );
    const { status, body } = await send('/v1/imports/customers', lines, NDJSON);
    expect([status, body.accepted, body.rejected]).toEqual([200, rows, 0]);
  });

  test.each([
    ['JSON', { 'content-type': 'application/json' }, 415, 'unsupported_media_type'],
    ['no type', {}, 415, 'unsupported_media_type'],
    ['another charset', { 'content-type': 'text/csv; charset=latin1' }, 415, 'unsupported_media_type'],
    ['unknown encoding', { ...CSV, 'content-encoding': 'zstd' }, 415, 'unsupported_media_type'],
  ])('%s is refused', async (_title, headers, status, code) => {
    expect(await send('/v1/imports/customers', 'id\n1\n', headers as Record<string, string>)).toMatchObject({ status, body: { code } });
  });

  test.each([
    ['unknown parameter', 'timezone=UTC', 'timezone'],
    ['unknown zone', 'timeZone=Nowhere', 'timeZone'],
    ['unknown field', 'map.emial=E', 'map.emial'],
    ['flag', 'atomic=yes', 'atomic'],
  ])('%s in the query is refused', async (_title, query, parameter) => {
    const answer = await send(`/v1/imports/customers?${query}`, 'id\n1\n', CSV);
    expect([answer.status, answer.body.code, answer.body.errors[0].parameter]).toEqual([400, 'invalid_request', parameter]);
  });

  test('unknown kinds are refused', async () => {
    expect(await send('/v1/imports/products', 'id\n1\n', CSV)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  test('hanging up leaves whole batches only', async () => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      path: '/v1/imports/customers',
      method: 'POST',
      headers: { ...AUTHORIZED, ...NDJSON },
    });
    request.on('error', () => {});
    request.write(`${Array.from({ length: 5000 }, (_, index) => `{"id":"hang-${index}"}`).join('\n')}\n{"id":"ha`);
    await until(async () => (await countOf('hang-0')) === 1);
    request.destroy();
    await until(
      async () => (await service.strata.database.query({ text: `select 1 from imports as i where i.status = 'running'` })).length === 0,
    );
    const rows = await service.strata.database.query<{ n: number }>({
      text: `select count(*)::integer as n from customers as c where c.external_id like 'hang-%' or c.external_id = 'ha'`,
    });
    expect([2000, 4000, 5000]).toContain(rows[0]?.n);
    expect(await service.strata.database.query({ text: 'select 1 from pending as p' })).toEqual([]);
  });
});

describe('connections', () => {
  test('uploads without a key are cut short', async () => {
    const endless = new Readable({ read() {} });
    endless.push('x'.repeat(100_000));
    const request = http.request({ host: '127.0.0.1', port, path: '/v1/imports/customers', method: 'POST', headers: NDJSON });
    endless.pipe(request);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([401, 'close']);
    response.resume();
    request.on('error', () => {});
    request.destroy();
  });

  test.each([
    ['no HTTP at all', 'nonsense\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
  ])('%s gets a problem', async (_title, bytes) => {
    const text = await raw(bytes);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/content-type: application\/problem\+json/i);
    expect(text).toMatch(/x-request-id: \S+/i);
  });

  test('a body shorter than its length ends quietly', async () => {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(
      `PUT /v1/customers/short HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZED.authorization}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"city":`,
    );
    await once(socket, 'connect');
    socket.destroy();
    expect((await service.call('GET', '/v1/customers/short')).status).toBe(404);
  });

  test('dots in the path are refused', async () => {
    const text = await raw(
      `GET /v1/customers/%2e%2e HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZED.authorization}\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('stopping ends waiting readers at once', async () => {
    const stopped = await startService({ background: false });
    const stoppedPort = await listen(stopped);
    const waiting = fetch(`http://127.0.0.1:${stoppedPort}/v1/changes?wait=30`, { headers: AUTHORIZED });
    await once(stopped.app.server, 'request');
    await stopped.close();
    expect(await (await waiting).json()).toMatchObject({ data: [] });
  });

  test('stopping lets an upload end', async () => {
    const stopped = await startService({ background: false });
    const options = { host: '127.0.0.1', port: await listen(stopped), method: 'POST', headers: { ...AUTHORIZED, ...NDJSON } };
    const upload = http.request({ ...options, path: '/v1/imports/customers' });
    upload.write('{"id":"u1"}\n');
    await once(stopped.app.server, 'request');
    await until(async () => (await stopped.strata.database.query({ text: 'select 1 from imports' })).length === 1); // it is being read
    const closed = stopped.close();
    await until(async () => !stopped.app.server.listening);
    upload.end('{"id":"u2"}\n');
    const [response] = (await once(upload, 'response')) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect([response.statusCode, JSON.parse(Buffer.concat(chunks).toString())]).toMatchObject([200, { rows: 2, accepted: 2 }]);
    await closed;
  });

  test('an upload that is cut off is answered', async () => {
    const stopped = await startService({ background: false });
    const options = { host: '127.0.0.1', port: await listen(stopped), method: 'POST', headers: { ...AUTHORIZED, ...NDJSON } };
    const upload = http.request({ ...options, agent: new http.Agent({ keepAlive: true }), path: '/v1/imports/customers' });
    const answered = once(upload, 'response');
    const more = setInterval(() => upload.write(`{"id":"u${'1'.repeat(200)}"}\n`.repeat(100)), 1); // its sender goes on
    await vi.waitUntil(async () => (await stopped.strata.database.query({ text: 'select 1 from customers' })).length === 1);
    const closed = stopped.close();
    await vi.waitUntil(() => !stopped.app.server.listening);
    stopped.app.cutOffUploads();
    const [response] = (await answered) as [http.IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    clearInterval(more);
    upload.destroy();
    const { code, detail } = JSON.parse(Buffer.concat(chunks).toString());
    expect([response.statusCode, code, detail]).toEqual([503, 'unavailable', expect.stringContaining('send it again')]);
    await closed;
  });
});

function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

async function countOf(id: string): Promise<number> {
  return (await service.strata.database.query({ text: 'select 1 from customers as c where c.external_id = $1', values: [id] })).length;
}

/** For what nothing tells of: a caller who has hung up is not answered. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(holds, { timeout: 30_000, interval: 10 });
}
