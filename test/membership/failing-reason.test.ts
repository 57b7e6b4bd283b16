// A rule that can be evaluated while its reasons cannot: its segment fails with what Postgres said, and the write goes through.
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { customer, openStrataUnderTest, order } from './strata-under-test.ts';

it('fails its segment, not the write', async () => {
  const test = await openStrataUnderTest();
  const { database: first } = test.strata;
  await test.define('spent', 'sum(orders.total) > 50');
  await test.define('everyone', 'everyone');
  await first.query({
    text: `
      create function public.trim_scale(numeric) returns numeric language plpgsql as $body$
      begin
        raise exception 'no reasons today' using errcode = '22023';
      end $body$`,
  });
  await first.query({
    text: `do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$`,
  });
  const database = openDatabase(first.url); // sessions opened from now on meet that function
  const strata = await openStrata({ ...test.strata, database, background: false });
  try {
    const facts = { customers: [customer('c')], orders: [order('o', 'c')], deletedOrderIds: [], events: [] };
    const { segments } = await write(strata, facts);
    expect([...segments.values()]).toEqual([['everyone']]);
    expect(await getSegment(database, 'spent')).toMatchObject({ status: 'failed', failure: 'no reasons today' });
  } finally {
    await strata.close();
    await database.close();
    await test.drop();
  }
});
