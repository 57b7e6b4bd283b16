// Customers who cannot be evaluated with others, or not at all, though no segment is to blame: whoever else is owed a look or due gets it.
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { lead } from '../../src/lead.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import { settlePending } from '../../src/membership/settle-pending.ts';
import { writeDeferred } from '../../src/pipeline.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { DAY_MS, openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

const TOO_SLOW = '57014'; // statement_timeout's own
const OTHERS = Array.from({ length: 9 }, (_, n) => `c${n}`);

let shop: StrataUnderTest;

/**
 * Of the statements that have the whole time, those are cancelled that divide for more than three customers (twice for each, for the answer and
 * for what is told of it), or for the one with 13 in the numerator. Whoever looks for culprits has a quarter of the time, and finds none.
 */
beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { customersTimeoutMs: 9_000 } });
  await shop.define('dear', 'sum(orders.total) / count(orders in the last 2 days) > 5');
  await shop.strata.database.query({
    text: `
      create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql as $$
      declare
        started text := statement_timestamp()::text;
        divided text[] := string_to_array(coalesce(current_setting('test.divided', true), ''), '/');
        times integer := case when divided[1] = started then divided[2]::integer + 1 else 1 end;
      begin
        if current_setting('statement_timeout') = '9s' and (a = 13 or times > 6) then
          raise exception 'canceling statement due to statement timeout' using errcode = '${TOO_SLOW}';
        end if;
        perform set_config('test.divided', started || '/' || times, false);
        return a / nullif(b, 0);
      end $$`,
  });
});
afterAll(() => shop.drop());

const total = (units: number) => String(units * 10_000);

function owe(importId: string, ids: readonly string[]): Promise<number> {
  const orders = ids.map((id) => order(`${importId}-${id}`, id, { total: total(id === 'odd' ? 13 : 7) }));
  return writeDeferred(shop.strata, { ...NO_FACTS, orders }, importId);
}

async function owed(): Promise<string[]> {
  const rows = await shop.strata.database.query<{ told: string }>({
    text: `select p.import_id || ' ' || c.external_id as told from pending as p join customers as c on c.id = p.customer_id order by told`,
  });
  return rows.map(({ told }) => told);
}

async function members(): Promise<string[]> {
  const rows = await shop.strata.database.query<{ id: string }>({
    text: 'select c.external_id as id from memberships as m join customers as c on c.id = m.customer_id order by id',
  });
  return rows.map(({ id }) => id);
}

it('an import pays all whom it can', async () => {
  await owe('7', [...OTHERS, 'odd']);
  await expect(settlePending(shop.strata, '7')).rejects.toMatchObject({ code: TOO_SLOW });
  expect([await owed(), await members()]).toEqual([['7 odd'], OTHERS]);
  expect((await getSegment(shop.strata.database, 'dear')).status).toBe('active');
});

it('an import that fails holds up no other', async () => {
  await owe('8', ['late']);
  const connection = new pg.Client({ connectionString: shop.strata.database.url });
  await connection.connect();
  const term = new AbortController();
  const leading = lead(shop.strata, {}, connection, term.signal);
  try {
    await vi.waitFor(async () => expect(await owed()).toEqual(['7 odd']), 20_000);
  } finally {
    term.abort();
    await leading;
  }
  expect(await members()).toEqual([...OTHERS, 'late']);
  const { values } = await shop.strata.meters.failedWork.get();
  expect(values.map(({ labels, value }) => [labels.work, value])).toEqual([['imports', 1]]);
});

it('a look puts off whom it cannot judge', async () => {
  await shop.strata.database.query({ text: 'delete from pending' });
  await shop.strata.database.query({
    text: 'insert into rechecks (customer_id, due_at) values ($1::bigint, $2::timestamptz)',
    values: [customerKey('odd'), new Date(shop.clock.nowMs() + 2 * DAY_MS).toISOString()],
  });
  shop.clock.advance(2 * DAY_MS);
  const failed: string[] = [];
  const { customers } = await evaluateDue(shop.strata, { onFailure: (_error, key) => void failed.push(key) });
  expect([customers, failed, await members()]).toEqual([OTHERS.length + 2, [customerKey('odd')], []]);
});
