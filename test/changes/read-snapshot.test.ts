// What paging through the members at a position or an instant costs during a mass publish, and that it stays exact: over more customers than are
// held, and over changes that come between the pages.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readMembersAt, readMembersAtPosition } from '../../src/changes/read-snapshot.ts';
import type { Queryable, Statement } from '../../src/db/database.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { type Service, startService } from '../api/service.ts';

const CAME = 3000;
const LEFT = 3000;
const STAYED = 3000;
const PAGE = 500;
const SINCE = '2026-01-01T00:00:00.000Z';

let service: Service;
let segmentId: number;
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
const came = ids('came', CAME);
const left = ids('left', LEFT);
const stayed = ids('stayed', STAYED);

beforeAll(async () => {
  service = await startService({ background: false });
  await service.call('POST', '/v1/segments', { key: 'hand', name: 'By hand', kind: 'manual' });
  segmentId = (await query<{ id: number }>('select s.id from segments as s'))[0]?.id ?? 0;
  const all = [...came, ...left, ...stayed];
  await query(
    'insert into customers (id, external_id, revision, created_at) select u.id, u.name, 1, clock_timestamp() from unnest($1::bigint[], $2::text[]) as u (id, name)',
    [all.map(customerKey), all],
  );
  await query(
    'insert into memberships (customer_id, segment_id, since, version) select u.id, $2::integer, $3::timestamptz, 1 from unnest($1::bigint[]) as u (id)',
    [[...came, ...stayed].map(customerKey), segmentId, SINCE],
  );
  await change('entered', came);
  await change('exited', left);
});
afterAll(() => service.close());

function query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
  return service.strata.database.query<Row & Record<string, unknown>>({ text, values: [...values] });
}

async function change(type: 'entered' | 'exited', customers: readonly string[]): Promise<void> {
  await query(
    `
      insert into changes (position, type, segment_id, customer_id, version, cause, at, since, since_version)
      select f.position + u.n, $2, $3::integer, u.id, 1, 'data', clock_timestamp(), case when $2 = 'exited' then $4::timestamptz end,
        case when $2 = 'exited' then 1 end
      from feed as f, unnest($1::bigint[]) with ordinality as u (id, n)`,
    [customers.map(customerKey), type, segmentId, SINCE],
  );
  await query('update feed set position = (select max(c.position) from changes as c)');
}

/** Counts what is asked, and how many changes are read for it. */
function counting(): Queryable & { statements: number; changesRead: number } {
  const counted = {
    statements: 0,
    changesRead: 0,
    isOnCitus: () => service.strata.database.isOnCitus(),
    async query<Row extends Record<string, unknown>>(statement: Statement): Promise<Row[]> {
      counted.statements += 1;
      const rows = await service.strata.database.query<Row>(statement);
      if (statement.name === 'read_changes_to_undo') counted.changesRead += rows.length;
      return rows;
    },
  };
  return counted;
}

const atBeginning = (database: Queryable, mostHeld?: number): ReadPage => {
  return (range) => readMembersAtPosition(database, segmentId, '0', { ...range, asOfIso: null }, mostHeld);
};
type ReadPage = (range: { readonly afterKey?: string; readonly limit: number }) => ReturnType<typeof readMembersAtPosition>;

/** Everybody who was in at the beginning, as pages tell it; `between` happens behind each page. */
async function readAll(read: ReadPage, between: (page: number) => Promise<void> = async () => undefined) {
  const found: string[] = [];
  let afterKey: string | undefined;
  for (let page = 0; ; page += 1) {
    const members = await read({ ...(afterKey === undefined ? {} : { afterKey }), limit: PAGE });
    found.push(...members.map(({ customerId }) => customerId));
    expect(members.every(({ sinceMs, version }) => sinceMs === Date.parse(SINCE) && version === 1)).toBe(true);
    if (members.length < PAGE) return { found, pages: page + 1 };
    afterKey = members.at(-1)?.customerKey;
    await between(page);
  }
}

/** In order of their keys, each once. */
const expected = [...left, ...stayed].sort((a, b) => (BigInt(customerKey(a)) < BigInt(customerKey(b)) ? -1 : 1));

test('all pages read each change once', async () => {
  const database = counting();
  const { found, pages } = await readAll(atBeginning(database));
  expect(found).toEqual(expected);
  expect(database.changesRead).toBe(CAME + LEFT);
  expect(database.statements).toBeLessThan(5 * pages + 20);
});

test('pages of an instant read each change once', async () => {
  const database = counting();
  const atMs = Date.parse(SINCE) + 1;
  const { found, pages } = await readAll((range) => readMembersAt(database, segmentId, atMs, range));
  expect(found).toEqual(expected);
  expect(database.changesRead).toBe(CAME + LEFT);
  expect(database.statements).toBeLessThan(6 * pages + 20);
  const other = counting();
  const held: ReadPage = (range) => readMembersAt(other, segmentId, atMs, range, 2500);
  expect((await readAll(held)).found).toEqual(expected);
  expect(await readMembersAt(database, segmentId, service.strata.clock.nowMs(), { limit: 3 })).toHaveLength(3);
  expect(database.changesRead).toBe(CAME + LEFT); // none is later
});

test('more customers than are held are read again', async () => {
  const database = counting();
  expect((await readAll(atBeginning(database, 2500))).found).toEqual(expected);
  expect(database.changesRead).toBeGreaterThan(CAME + LEFT);
  expect(database.changesRead).toBeLessThan(5 * (CAME + LEFT));
});

test('changes between pages leave them whole', async () => {
  const database = counting();
  const { found } = await readAll(atBeginning(database), async (page) => {
    const gone = stayed.slice(page * 200, page * 200 + 200);
    await query('delete from memberships as m where m.customer_id = any($1::bigint[])', [gone.map(customerKey)]);
    await change('exited', gone);
    await change('entered', left.slice(page * 50, page * 50 + 50));
  });
  expect(found).toEqual(expected);
});

test('who was erased between pages is left out', async () => {
  const database = counting();
  const [first, second] = expected.slice(PAGE, PAGE + 2);
  const { found } = await readAll(atBeginning(database), async (page) => {
    if (page > 0) return;
    const keys = [first, second].map((id) => customerKey(String(id)));
    await query(
      `update changes as c set type = 'erased', segment_id = null, customer_id = null, version = null, cause = null, since = null,
         since_version = null where c.customer_id = any($1::bigint[])`,
      [keys],
    );
    await query('delete from memberships as m where m.customer_id = any($1::bigint[])', [keys]);
    await query('delete from customers as c where c.id = $1::bigint', [keys[0]]); // the second has come again
  });
  expect(found).toEqual(expected.filter((id) => id !== first && id !== second));
});
