// A connection that breaks while somebody holds it and asks nothing: the holder is told, the process goes on, and the pool replaces it. One on which
// no transaction begins: nothing is done on it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../src/db/database.ts';
import { inTransaction } from '../src/db/transaction.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

it('ends neither the process nor the pool', async () => {
  const { pool } = test.database;
  const held = await pool.connect();
  expect(held.listenerCount('error')).toBeGreaterThan(0); // without one, Node ends the process
  const { rows } = await held.query('select pg_backend_pid() as pid');
  const ended = new Promise<void>((resolve) => held.once('end', resolve));
  await test.database.query({ text: 'select pg_terminate_backend($1)', values: [rows[0].pid] });
  await ended;
  await expect(held.query('select 1')).rejects.toThrow();
  held.release(new Error('broken'));
  expect(await test.database.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }]);
});

it('does nothing where no transaction begins', async () => {
  const database = openDatabase(test.url, { connections: 1 });
  await database.query({ text: 'create table written (n integer)' });
  const write = (n: number) => inTransaction(database, (client) => client.query('insert into written (n) values ($1)', [n]));
  await write(1);
  await database.query({ text: 'deallocate begin' }); // as if it were cancelled at that moment
  await expect(write(2)).rejects.toThrow('begin');
  expect(await database.query({ text: 'select w.n from written as w' })).toEqual([{ n: 1 }]);
  await database.close();
});
