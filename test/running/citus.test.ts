// What keeps Citus possible, as far as it shows without one: the step that spreads the tables on a database that only says it is Citus, the
// numbering that is used there, and every statement of the examples' story held against its rules.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.ts';
import { startExamples, tellExamples } from '../api/tell-examples.ts';
import { createEmptyDatabase, type TestDatabase } from '../database.ts';
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
});
