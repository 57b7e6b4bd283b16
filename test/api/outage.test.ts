// What a caller is told if the database gives up on a request: to try again, and nothing about the inside.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOutage, isOutage } from '../../src/api/rest/outage.ts';
import { type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService({ background: false });
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

it('a full disk is told as one', () => {
  const full = Object.assign(new Error('could not extend file'), { code: '53100' });
  expect([isOutage(full), describeOutage(full)]).toEqual([true, expect.stringMatching(/^The disk of the database is full/)]);
});
