// What a caller is told if the database gives up on a request: to try again, and nothing about the inside.
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { logFailure } from '../../src/api/rest/log-failure.ts';
import { describeOutage, isOutage } from '../../src/api/rest/outage.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type Service, startService } from './service.ts';

let service: Service;
const logged: string[] = [];

beforeAll(async () => {
  service = await startService({ background: false, log: (line) => logged.push(line) });
});
afterAll(() => service.close());

it('a cancelled statement is an outage', async () => {
  const { pool } = service.strata.database;
  const holder = await pool.connect();
  try {
    await holder.query('begin; lock table customers in access exclusive mode');
    const written = service.call('PUT', '/v1/customers/c1', { country: 'DE' });
    const cancelled = `
      select pg_cancel_backend(l.pid)
      from pg_locks as l
      where not l.granted and l.relation = 'customers'::regclass and l.database = (select d.oid from pg_database as d where d.datname = current_database())`;
    while ((await holder.query(cancelled)).rowCount === 0);
    let isOver = false;
    void written.finally(() => {
      isOver = true;
    });
    while (!isOver) await holder.query(cancelled); // also the search for a segment to blame, which waits as well
    expect(await written).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } });
  } finally {
    await holder.query('rollback');
    holder.release();
  }
});

const full = Object.assign(new Error('could not extend file'), { code: '53100' });

it('a full disk is told as one', () => {
  expect([isOutage(full), describeOutage(full)]).toEqual([true, expect.stringMatching(/^The disk of the database is full/)]);
});

it('many failures are one line without stack', async () => {
  logged.length = 0;
  const connect = vi.spyOn(service.strata.database.pool, 'connect').mockRejectedValue(full as never);
  for (const id of ['a', 'b', 'c']) expect((await service.call('PUT', `/v1/customers/${id}`, {})).status).toBe(503);
  connect.mockRestore();
  expect(logged.map((line) => JSON.parse(line))).toMatchObject([{ code: '53100', unlogged: 0, msg: 'unavailable' }]);
  expect(logged[0]).not.toContain('stack');
});

it('the next line counts what had none', () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => lines.push(line) });
  const clock = new TestClock(0);
  const gone = Object.assign(new Error('connect'), { code: 'EHOSTUNREACH' });
  for (let count = 0; count < 3; count += 1) logFailure(log, gone, {}, 'unavailable', clock);
  clock.advance(1000);
  logFailure(log, gone, {}, 'unavailable', clock);
  logFailure(log, new TypeError('a bug'), {}, 'internal_error', clock);
  logFailure(log, new TypeError('a bug'), {}, 'internal_error', clock);
  expect(lines.map((line) => JSON.parse(line).unlogged)).toEqual([0, 2, undefined, undefined]);
});
