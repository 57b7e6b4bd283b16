// What keeps Citus possible, as far as that can be tested without one: the step that distributes the tables, on a database that only claims to
// be Citus, the numbering that is used there, and every statement of the examples' story checked against Citus' rules.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { startExamples, tellExamples } from '../api/tell-examples.ts';
import { createPretendedCitus, type TestDatabase } from '../database.ts';
import { verify } from '../faults/checks.ts';
import { judgeTree, type PlacesOf } from './citus-planner.ts';
import { DISTRIBUTED, judgeStatement } from './judge-statement.ts';
import { TreeReader } from './query-tree.ts';

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
let trees: TreeReader;
const told = async () =>
  (await pretended.database.query<{ told: string }>({ text: 'select d.told from pg_dist_partition as d order by d.place' })).map(
    (row) => row.told,
  );

beforeAll(async () => {
  pretended = await createPretendedCitus();
  await migrate(pretended.database);
  trees = await TreeReader.open(pretended.url);
});
afterAll(async () => {
  await trees.close();
  await pretended.drop();
});

describe('spreading the tables', () => {
  test('puts what belongs to customers together', async () => {
    const tables = (await told()).filter((what) => what.includes(' by '));
    expect(tables).toEqual(
      Object.entries(DISTRIBUTED).map(
        ([name, key]) => `${name} by ${key} beside ${['customers', 'order_owners'].includes(name) ? 'none' : 'customers'}`,
      ),
    );
  });

  test('happens once', async () => {
    const before = await told();
    await migrate(pretended.database);
    expect(await told()).toEqual(before);
  });
});

test('each session changes places in order', async () => {
  const session = new pg.Client({ connectionString: pretended.url });
  await session.connect();
  const { rows } = await session.query('show citus.multi_shard_modify_mode');
  await session.end();
  expect(rows).toEqual([{ 'citus.multi_shard_modify_mode': 'sequential' }]);
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

test.each([
  [
    'select u.id from unnest($1::bigint[]) as u (id) where exists (select from rechecks as r where r.customer_id = u.id) or u.id = 1',
    'asks many places for each row of what lies in none',
  ],
  [
    'select (select k.external_id from customers as k where k.id = c.customer_id) from changes as c',
    'asks many places for each row of what lies in none',
  ],
  [
    'update audit_payloads as p set salt = null where not exists (select from customers as c where c.id = p.customer_id)',
    'asks many places for each row of what lies in none',
  ],
  [
    'select l.id from pin_log as l where not exists (select from changes as c where c.pin_log_id = l.id)',
    'asks what lies elsewhere for each row',
  ],
  ['delete from outbox as o where o.customer_id = $1 returning o.at::text', 'asks the session about what it returns'],
  [
    'update customers set birthday = case when $2 then (customers.attributes ->> $3)::date end where customers.id = $1',
    'asks the session within a case or coalesce',
  ],
  [
    'update customers as c set created_at = u.at from (select e.id, e.said::timestamptz as at from unnest($1::bigint[], $2::text[]) as e (id, said)) as u where c.id = u.id',
    'asks the session about columns',
  ],
  [
    'insert into orders (customer_id, id, currency, total, placed_at) select u.c, u.id, u.id, 0, p.placed_at from unnest($1::bigint[], $2::text[]) as u (c, id) left join orders as p on p.customer_id = u.c and p.id = u.id',
    'fetches all of orders for an outer join',
  ],
  ['select o.id from order_owners as w join orders as o on o.id = w.order_id', 'joins tables by something else than their places'],
  [
    'with recursive owing as (select 0::bigint as id union all select (select min(p.import_id) from pending as p where p.import_id > o.id) from owing as o where o.id is not null) select o.id from owing as o',
    'recurses over what lies in many places',
  ],
  [
    'update segments as s set has_pins = exists (select from pins as p where p.segment_id = s.id)',
    'changes what is everywhere by what is not',
  ],
] as const)('sees that Citus refuses %s', async (text, says) => {
  const tree = await trees.read(text);
  expect(tree === null ? [] : judgeTree(tree, await trees.readVolatilities())).toContain(says);
});

test('lets what goes to one place pass', async () => {
  const known = await trees.readVolatilities();
  const tree = await trees.read(
    'select (select count(*) from memberships as m where m.customer_id = any($1::bigint[])) from customers as c where c.id = any($1::bigint[]) group by grouping sets ((c.id), ())',
  );
  const judged = (places: readonly string[]) => (tree === null ? null : judgeTree(tree, known, () => new Set(places)));
  expect(judged(['1'])).toEqual([]);
  expect(judged(['1', '2'])).toEqual(['groups by sets over many places']);
});

describe('statements', () => {
  /** each with the numbers of its parameters that named customers, or orders, of several places */
  const sent = new Map<string, Set<number>>();
  const { submit } = pg.Query.prototype;
  const { query } = pg.Connection.prototype as unknown as { query(text: string): void };

  const note = (text: string, values: readonly unknown[] = []) => {
    const scattered = sent.get(text) ?? new Set();
    sent.set(text, scattered);
    for (const [index, value] of values.entries()) if (placesIn(value) > 1) scattered.add(index + 1);
  };

  beforeAll(async () => {
    // where a statement is written to the connection, alone or in a batch
    pg.Query.prototype.submit = function (this: pg.Query & { text: string; values?: readonly unknown[] }, connection) {
      note(this.text, this.values);
      return submit.call(this, connection);
    };
    Object.assign(pg.Connection.prototype, {
      query(this: pg.Connection, text: string) {
        note(text);
        return query.call(this, text);
      },
    });
    const service = await startExamples(pretended);
    const story = await tellExamples(service);
    expect(story.filter(({ route, answer }) => !(answer.status in route.answers)).map(({ request }) => request.operationId)).toEqual([]);
    pg.Query.prototype.submit = submit;
    Object.assign(pg.Connection.prototype, { query });
    await service.app.close();
    await service.strata.close();
  });

  test('break no rule of Citus', () => {
    const broken = [...sent.keys()].flatMap((text) =>
      judgeStatement(text)
        .filter((says) => !ALLOWED.some((allowed) => allowed.says === says && text.includes(allowed.in)))
        .map((says) => `${says}: ${text}`),
    );
    expect(sent.size).toBeGreaterThan(200);
    expect(broken).toEqual([]);
  });

  test('are such as Citus can plan', async () => {
    const known = await trees.readVolatilities();
    const refused: string[] = [];
    let judged = 0;
    for (const [text, scattered] of sent) {
      if (/pg_dist_partition|get_shard_id/.test(text)) continue; // the pretence's own
      const tree = await trees.read(text);
      if (tree === null) continue;
      judged += 1;
      const placesOf: PlacesOf = (_, parameter) => (scattered.has(parameter) ? null : new Set(['one']));
      const says = judgeTree(tree, known, placesOf);
      refused.push(...says.map((each) => `${each}: ${text}`));
    }
    expect(judged).toBeGreaterThan(200);
    expect(refused).toEqual([]);
  });

  test('in that form do the same', async () => {
    expect([...sent.keys()].filter((text) => /delete from outbox as o\s+using unnest/.test(text))).toHaveLength(1);
    expect(await verify(pretended.database)).toEqual([]);
  });
});

/** How many places the keys of an array lie in, as the pretence has it; of texts, in which a key may be an order's, each in its own. */
function placesIn(value: unknown): number {
  const keys =
    typeof value === 'string' && value.startsWith('{')
      ? value.slice(1, -1).replaceAll('"', '').split(',')
      : Array.isArray(value)
        ? value
        : [];
  return new Set(keys.map((key) => (/^-?\d+$/.test(String(key)) ? BigInt(key) & 3n : key))).size;
}
