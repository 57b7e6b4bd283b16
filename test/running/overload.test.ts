// More requests than can be handled: refused at once and with a named reason, and what was accepted is answered and kept. Callers who are slow,
// or hang up, are not the service's work.
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, type Answer, type Service, startService } from '../api/service.ts';
import { until } from '../faults/until.ts';

const WRITES = 800;
const READS = 700;

let service: Service;
let port: number;

beforeAll(async () => {
  service = await startService();
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  port = (service.app.server.address() as net.AddressInfo).port;
});

afterAll(() => service.close());

/** Nobody can write while it runs, as when the database stands still. */
async function whileLocked(tables: string, work: () => Promise<void>): Promise<void> {
  const client = await service.strata.database.pool.connect();
  await client.query(`begin; lock table ${tables} in access exclusive mode`);
  try {
    await work();
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** The head of a request without its last line. */
function head(start: string, ...more: string[]): string {
  return [`${start} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${ADMIN_KEY}`, ...more, ''].join('\r\n');
}

/** Sends the same over so many connections, whose answers nobody reads, and goes on when so many requests in all have come. */
async function whileSent(text: string, connections: number, requests: number, work: () => Promise<void>): Promise<void> {
  let come = 0;
  const count = () => {
    come += 1;
  };
  service.app.server.on('request', count);
  const sockets = Array.from({ length: connections }, () =>
    net
      .connect(port, '127.0.0.1')
      .pause()
      .on('error', () => {}),
  );
  try {
    for (const socket of sockets) socket.write(text);
    await until('all requests have come', () => come >= requests);
    await work();
  } finally {
    service.app.server.off('request', count);
    for (const socket of sockets) socket.destroy();
  }
}

function byStatus(answers: readonly Answer[]): Record<number, Answer[] | undefined> {
  return Object.groupBy(answers, ({ status }) => status);
}

test('writes beyond the bound are refused at once', async () => {
  let refused = 0;
  let writing: Promise<Answer[]> = Promise.resolve([]);
  await whileLocked('customers', async () => {
    const ask = async (number: number) => {
      const answer = await service.call('PUT', `/v1/customers/w${number}`, { city: 'Oslo' });
      if (answer.status === 503) refused += 1;
      return answer;
    };
    writing = Promise.all(Array.from({ length: WRITES }, (_, number) => ask(number)));
    await until('some are refused while the others wait', () => refused > 0);
  });
  const answers = await writing;
  const { 200: accepted = [], 503: unavailable = [], ...others } = byStatus(answers);
  expect(others).toEqual({});
  expect(unavailable.length).toBe(refused);
  expect(accepted.length).toBeGreaterThanOrEqual(500);
  for (const answer of unavailable) {
    expect(answer.body).toMatchObject({ code: 'unavailable' });
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.headers['x-request-id']).toBeDefined();
  }
  const [row] = await service.strata.database.query<{ count: string }>({
    text: `select count(*) from customers where external_id like 'w%'`,
  });
  expect(Number(row?.count)).toBe(accepted.length); // each accepted write is there, and none that was refused
});

test('reads beyond the bound are refused at once', async () => {
  const paid = { status: 'paid', currency: 'USD', total: 1, placedAt: '2026-01-01T00:00:00Z', items: [] };
  await service.call('PUT', '/v1/orders/o', { customerId: 'w0', ...paid });
  let refused = 0;
  let reading: Promise<Answer[]> = Promise.resolve([]);
  await whileLocked('orders', async () => {
    const ask = async () => {
      const answer = await service.call('GET', '/v1/orders/o');
      if (answer.status === 503) refused += 1;
      return answer;
    };
    reading = Promise.all(Array.from({ length: READS }, ask));
    await until('some are refused while the others wait', () => refused > 0);
    const late = await service.call('GET', '/v1/orders/o');
    expect(late).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(late.headers['retry-after']).toBe('1');
    for (const path of ['/v1/orders/o?wait=30', '/v1/changes?wait=0']) expect((await service.call('GET', path)).status).toBe(503);
    expect((await service.call('GET', '/healthz')).status).toBe(200);
  });
  const { 200: accepted = [], 503: unavailable = [] } = byStatus(await reading);
  expect(accepted.length + unavailable.length).toBe(READS);
  expect(accepted.length).toBeGreaterThanOrEqual(500);
  expect((await service.call('GET', '/v1/orders/o')).status).toBe(200); // and the bound is free again
  expect((await service.call('PUT', '/v1/customers/w0', { city: 'Rome' })).status).toBe(200);
});

test('bodies that never come hold nothing', async () => {
  const PUT = `${head('PUT /v1/customers/slow', 'Content-Type: application/json', 'Content-Length: 100')}\r\n`;
  await whileSent(PUT, 1000, 1000, async () => {
    expect((await service.call('PUT', '/v1/customers/w0', { city: 'Bonn' })).status).toBe(200);
  });
});

test('answers that are not taken hold nothing', async () => {
  const GET = `${head('GET /v1/customers/w0')}\r\n`;
  const first = `${head('GET /v1/changes?wait=30')}\r\n`; // answers leave in order, so those to the others wait for this one
  await whileSent(first + GET.repeat(50), 20, 20 * 51, async () => {
    const isAnswered = async () => (await service.call('GET', '/v1/customers/w0')).status === 200;
    await until('all others were answered', isAnswered, 10_000);
  });
});

test('work goes on when its callers hang up', async () => {
  const GET = `${head('GET /v1/orders/o')}\r\n`;
  const { server } = service.app;
  const countOpen = () =>
    new Promise<number>((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  const FULL = { status: 503, body: { detail: expect.stringContaining('More requests arrive') } };
  await whileLocked('orders', async () => {
    await whileSent(GET.repeat(100), 20, 2000, async () => {
      expect(await service.call('GET', '/v1/orders/o')).toMatchObject(FULL);
    });
    await until('all have hung up', async () => (await countOpen()) === 0);
    expect(await service.call('GET', '/v1/orders/o')).toMatchObject(FULL);
  });
  await until('all work has ended', async () => (await service.call('GET', '/v1/orders/o')).status === 200);
});

test('GraphQL beyond the bound says when again', async () => {
  let reading: Promise<Answer[]> = Promise.resolve([]);
  await whileLocked('orders', async () => {
    let refused = 0;
    const ask = async () => {
      const answer = await service.call('POST', '/graphql', { query: '{ order(id: "o") { id } }' });
      if (answer.status === 503) refused += 1;
      return answer;
    };
    reading = Promise.all(Array.from({ length: READS }, ask));
    await until('some are refused while the others wait', () => refused > 0);
  });
  const { 503: unavailable = [] } = byStatus(await reading);
  for (const answer of unavailable) {
    expect(answer.body.errors[0].extensions.code).toBe('unavailable');
    expect(answer.headers['retry-after']).toBe('1');
  }
});
