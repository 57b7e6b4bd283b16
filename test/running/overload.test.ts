// More requests than can be handled: refused at once and with a named reason, and what was accepted is answered and kept.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Service, startService } from '../api/service.ts';
import { until } from '../faults/until.ts';

const WRITES = 800;
const READS = 700;

let service: Service;

beforeAll(async () => {
  service = await startService();
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
