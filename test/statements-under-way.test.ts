// Several statements under way on one connection, one of which fails: what is thrown, and what the connection remembers.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, deallocate, inOneBatch, inOrder, pipeline } from '../src/db/database.ts';
import { inTransaction, inTransactionWith, sqlState } from '../src/db/transaction.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const one = { name: 'batch_one', text: 'select $1::integer as one', values: [1] };
const broken = { name: 'batch_broken', text: 'select 1 / $1::integer as broken', values: [0] };
const after = { name: 'batch_after', text: 'select $1::text as after', values: ['x'] };

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

it('throws the cause, whichever was asked first', async () => {
  const work = inTransaction(test.database, (client) =>
    inOneBatch(client, () => inOrder([pipeline(client, [one]), client.query('select 1 / 0')] as const)),
  );
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

it('knows what a broken batch had prepared', async () => {
  const broke = inTransaction(test.database, (client) => pipeline(client, [one, broken, after]));
  await expect(broke).rejects.toMatchObject({ code: '22012' });
  const works = (client: Client) => pipeline(client, [one, { ...broken, values: [1] }, after]);
  const lanes = Array.from({ length: 3 }, () => inTransaction(test.database, works)); // on the connection of before, and on others
  for (const rows of await Promise.all(lanes)) expect(rows).toEqual([[{ one: 1 }], [{ broken: 1 }], [{ after: 'x' }]]);
});

it('gives each part of a batch its own', async () => {
  const parts = await inTransaction(test.database, (client) =>
    inOneBatch(client, () => inOrder([pipeline(client, [one]), pipeline(client, []), pipeline(client, [after, one])] as const)),
  );
  expect(parts).toEqual([[[{ one: 1 }]], [], [[{ after: 'x' }], [{ one: 1 }]]]);
});

it('commits nothing where the last statements fail', async () => {
  await test.database.query({ text: 'create table kept (value integer)' });
  const store = (value: number, last: typeof one) =>
    inTransactionWith(test.database, [{ name: 'keep', text: 'insert into kept values ($1)', values: [value] }], async () => ({
      last: [last],
      value: ([rows]) => rows,
    }));
  await expect(store(1, broken)).rejects.toMatchObject({ code: '22012' });
  expect(await store(2, one)).toEqual([{ one: 1 }]);
  expect(await test.database.query({ text: 'select k.value from kept as k' })).toEqual([{ value: 2 }]);
});
