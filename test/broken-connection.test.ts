// A connection that breaks while somebody holds it and asks nothing: the holder is told, the process goes on, and the pool replaces it.
import { afterAll, beforeAll, expect, it } from 'vitest';
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
