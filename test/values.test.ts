// What goes to Postgres comes back as it was: lists of all elements that statements carry.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.ts';

const LISTS: readonly (readonly [type: string, list: readonly unknown[]])[] = [
  ['text[]', []],
  ['text[]', ['plain', '', ' ', 'NULL', 'null', '{}', '{a,b}', 'a,b', '"', '\\', '\\"', 'a"b\\c', "'", 'é 😀', '\n\t']],
  ['text[]', [null, 'NULL', null]],
  ['integer[]', [1, -2, 0, null, 2_147_483_647, -2_147_483_648]],
  ['integer[]', []],
  ['bigint[]', ['-9223372036854775808', '9223372036854775807', '0', null]],
  ['boolean[]', [true, false, null]],
  ['double precision[]', [0.1, -1e-7, 1e21]],
];

describe('a list', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it.each(LISTS)('of %s comes back as it went: %j', async (type, list) => {
    const [row] = await database.database.query<{ list: unknown[] }>({ text: `select $1::${type} as list`, values: [list] });
    expect(row?.list).toEqual(list);
  });

  it('of lists comes back as it went', async () => {
    const list = [
      ['a"b', null],
      ['\\', 'c,d'],
    ];
    const [row] = await database.database.query<{ list: unknown[] }>({ text: 'select $1::text[] as list', values: [list] });
    expect(row?.list).toEqual(list);
  });
});
