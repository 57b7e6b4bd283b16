// What keeps Citus possible, as far as it shows without one: the step that spreads the tables on a database that only says it is Citus, the
// numbering that is used there, and every statement of the examples' story held against its rules.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { startExamples, tellExamples } from '../api/tell-examples.ts';
import { createEmptyDatabase, type TestDatabase } from '../database.ts';
import { verify } from '../faults/checks.ts';
import { DISTRIBUTED, judgeStatement } from './judge-statement.ts';

/** What distribute.sql calls, told to a table. */
const PRETENCE = `
  create table pg_dist_partition (logicalrelid regclass primary key);
  create table asked (id integer generated always as identity, what text not null);
  create function create_distributed_table(name regclass, key text, colocate_with text default 'default') returns void
  language sql as $$
    insert into pg_dist_partition values (name);
    insert into asked (what) values (name || ' by ' || key || ' beside ' || colocate_with)
  $$;
  create function create_reference_table(name regclass) returns void
  language sql as $$
    insert into pg_dist_partition values (name);
    insert into asked (what) values (name || ' everywhere')
  $$;
  create function get_shard_id_for_distribution_column(name regclass, value bigint) returns bigint
  language sql immutable as $$ select value & 3 $$;
  create function create_distributed_function(name regprocedure) returns void
  language sql as $$ insert into asked (what) values (name::text) $$;
  insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (999999, 'citus', 10, 'public'::regnamespace, false, '14.1')`;

/** Parts that Citus fetches once and that are small whatever the number of customers, or that cost only a preview its time. */
const ALLOWED = [
  { says: 'uses a part twice that reads customers', in: 'with population as (' }, // a preview: ids of everybody come to the coordinator
  { says: 'fixes a part that reads customers', in: 'with later as materialized (' }, // changes since then, and the outbox, which is nearly empty
  { says: 'uses a part twice that reads customers', in: 'with later as materialized (' },
  { says: 'fixes a part that reads customers', in: 'with present as materialized (' }, // a page of members
  { says: 'uses a part twice that reads customers', in: 'with present as materialized (' },
  // reports: what they count from comes to the coordinator whole (docs/operations.md says so)
  ...['whom as', 'after_from as', 'people as', 'entrants as', 'begun as', 'spent as'].flatMap((part) => [
    { says: 'fixes a part that reads customers', in: `${part} materialized (` },
    { says: 'uses a part twice that reads customers', in: `${part} materialized (` },
  ]),
] as const;

let pretended: TestDatabase;
const asked = async () =>
  (await pretended.database.query<{ what: string }>({ text: 'select a.what from asked as a order by a.id' })).map((row) => row.what);

beforeAll(async () => {
  pretended = await createEmptyDatabase();
  await pretended.database.pool.query(PRETENCE);
  await migrate(pretended.database);
});
afterAll(() => pretended.drop());

describe('spreading the tables', () => {
  test('puts what belongs to customers together', async () => {
    const tables = (await asked()).filter((what) => what.includes(' by '));
    expect(tables).toEqual(
      Object.entries(DISTRIBUTED).map(
        ([name, key]) => `${name} by ${key} beside ${['customers', 'order_owners'].includes(name) ? 'none' : 'customers'}`,
      ),
    );
  });

  test('happens once', async () => {
    const before = (await asked()).filter((what) => / by | everywhere/.test(what));
    await migrate(pretended.database);
    expect((await asked()).filter((what) => / by | everywhere/.test(what))).toEqual(before);
  });
});

describe('the schema', () => {
  const ask = async (text: string) => (await pretended.database.query<{ name: string }>({ text })).map((row) => row.name);

  test('spreads every table keyed by customers', async () => {
    const keyed = await ask(`
      select c.conrelid::regclass::text as name
      from pg_constraint as c
      join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
      where c.contype = 'p' and c.connamespace = 'public'::regnamespace and a.attname = 'customer_id'`);
    expect(keyed.length).toBeGreaterThan(5);
    expect(keyed.filter((name) => !(name in DISTRIBUTED))).toEqual([]);
  });

  test('has the place in every unique key', async () => {
    const unique = await pretended.database.query<{ name: string; columns: string[] }>({
      text: `
        select i.indrelid::regclass::text as name, array_agg(a.attname::text) as columns
        from pg_index as i
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indisunique
        group by i.indexrelid, i.indrelid`,
    });
    const spread = unique.filter(({ name }) => name in DISTRIBUTED);
    expect(spread).toHaveLength(Object.keys(DISTRIBUTED).length);
    expect(spread.filter(({ name, columns }) => !columns.includes(DISTRIBUTED[name] ?? ''))).toEqual([]);
  });

  test('has no triggers, and no references of customers', async () => {
    const names = Object.keys(DISTRIBUTED);
    const bound = await ask(`
      select c.conrelid::regclass || ' to ' || c.confrelid::regclass as name from pg_constraint as c where c.contype = 'f'
      union all
      select t.tgrelid::regclass || ' by ' || t.tgname from pg_trigger as t where not t.tgisinternal`);
    expect(bound.length).toBeGreaterThan(0);
    expect(bound.filter((each) => each.includes(' by ') || each.split(' to ').some((name) => names.includes(name)))).toEqual([]);
  });
});

test.each([
  [
    'with moved as (delete from outbox as o returning o.*) insert into changes select * from moved',
    'changes rows in a part of a statement',
  ],
  ['select c.id from customers as c where c.created_at < now()', 'asks the session for its time or settings'],
  ['delete from outbox as o where o.ctid = any($1)', 'uses the place of a row'],
  ['with all_of as materialized (select * from memberships as m) select * from all_of as a', 'fixes a part that reads customers'],
  ['with few as (select * from orders as o) select * from few as a join few as b on true', 'uses a part twice that reads customers'],
  ['select c.id from customers as c where c.id = $1 for update', 'locks rows that it reads'],
  ['update rechecks as r set due_at = clock_timestamp() where r.customer_id = $1', 'sets something volatile'],
  ['update outbox as o set customer_id = 0 where o.customer_id = $1', 'moves a row to another place'],
  ['select * from (select o.id from orders as o offset 0) as f', 'fences rows of many places'],
] as const)('judges %s', (text, says) => {
  expect(judgeStatement(text)).toEqual([says]);
});

describe('statements', () => {
  const sent = new Set<string>();
  const query = pg.Client.prototype.query;

  beforeAll(async () => {
    pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
      const [config] = given;
      const text = typeof config === 'string' ? config : (config as { text?: string }).text;
      if (text !== undefined) sent.add(text);
      return (query as (...all: unknown[]) => unknown).apply(this, given);
    } as typeof query;
    const service = await startExamples(pretended);
    const story = await tellExamples(service);
    expect(story.filter(({ route, answer }) => !(answer.status in route.answers)).map(({ request }) => request.operationId)).toEqual([]);
    pg.Client.prototype.query = query;
    await service.app.close();
    await service.strata.close();
  });

  test('break no rule of Citus', () => {
    const broken = [...sent].flatMap((text) =>
      judgeStatement(text)
        .filter((says) => !ALLOWED.some((allowed) => allowed.says === says && text.includes(allowed.in)))
        .map((says) => `${says}: ${text}`),
    );
    expect(sent.size).toBeGreaterThan(200);
    expect(broken).toEqual([]);
  });

  test('in that form do the same', async () => {
    expect([...sent].filter((text) => /delete from outbox as o\s+using unnest/.test(text))).toHaveLength(1);
    expect(await verify(pretended.database)).toEqual([]);
  });
});
