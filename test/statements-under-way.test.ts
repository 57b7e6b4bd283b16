// Several statements under way on one connection of which one fails: what is thrown, and what the connection remembers.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, deallocate, inOrder, pipeline } from '../src/db/database.ts';
import { inTransaction, sqlState } from '../src/db/transaction.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

it('throws the cause, whichever is heard first', async () => {
  const slowToTell = async (client: Client) => {
    try {
      return await pipeline(client, [{ text: 'select 1 / 0' }]);
    } finally {
      for (let tick = 0; tick < 10; tick += 1) await null; // as a caller that looks at its answer does
    }
  };
  const work = inTransaction(test.database, (client) => inOrder([slowToTell(client), pipeline(client, [{ text: 'select 1' }])] as const));
  expect(sqlState(await work.catch((error: unknown) => error))).toBe('22012');
});

it('remembers what it could not give back', async () => {
  const named = { name: 'kept', text: 'select 1 as one' };
  const client = await test.database.pool.connect();
  try {
    await client.query(named);
    await client.query('begin');
    await expect(inOrder([client.query('select 1 / 0'), deallocate(client, ['kept'])] as const)).rejects.toMatchObject({ code: '22012' });
    await client.query('rollback');
    expect((await client.query(named)).rows).toEqual([{ one: 1 }]);
    await deallocate(client, ['kept']);
    expect((await client.query(named)).rows).toEqual([{ one: 1 }]);
  } finally {
    client.release();
  }
});
