// What goes to Postgres comes back as it was: lists of all kinds of elements that statements carry, and instants that are only shown.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isoOfText } from '../src/db/instant-text.ts';
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

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('a list', () => {
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

describe('an instant', () => {
  it('as text becomes what the API says', async () => {
    const instants = ['1900-01-01T00:00:00.000Z', '2026-11-21T10:00:00.100Z', '2026-11-21T23:59:59.120Z', '2199-12-31T23:59:59.999Z'];
    const rows = await database.database.query<{ text: string }>({
      text: 'select u.at::timestamptz(3)::text as text from unnest($1::text[]) with ordinality as u (at, place) order by u.place',
      values: [instants],
    });
    expect(rows.map(({ text }) => isoOfText(text))).toEqual(instants);
  });

  it('of a session in another zone is refused', () => {
    expect(() => isoOfText('2026-11-21 10:00:00.5+01')).toThrow('not an instant of a session in UTC');
  });
});
