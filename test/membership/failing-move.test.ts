// Moves of all members beside what cannot be computed: a segment that fails, a machine that is busy, a rule of the move itself.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { resumeSegment } from '../../src/segments/lifecycle.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { getRun } from '../../src/segments/runs.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { breakDivision } from './break-division.ts';
import { defineManual } from './by-hand.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

const CUSTOMERS = { DE: 60, FR: 60, CN: 10 };

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest({ limits: { customersTimeoutMs: 9_000 } });
  const people = Object.entries(CUSTOMERS).flatMap(([country, count]) =>
    Array.from({ length: count }, (_, n) => ({ country, id: `${country}${n}` })),
  );
  await shop.write({
    customers: people.map(({ id, country }) => customer(id, { profile: { country } })),
    orders: people.map(({ id }) => order(`order-${id}`, id)),
  });
  for (const country of Object.keys(CUSTOMERS)) await shop.define(country.toLowerCase(), `country = "${country}"`);
  await defineManual(shop.strata, 'called');
  await shop.define('dear', 'in segment "called" and sum(orders.total) / count(orders) > 10');
});
afterAll(() => shop.drop());

/** Of the statements that have the whole time, those are cancelled for which `condition` holds; `times`: the divisions of the statement until now. */
async function cancelWhere(condition: string): Promise<void> {
  await shop.strata.database.query({
    text: `
      create or replace function strata_divide(a numeric, b numeric) returns numeric language plpgsql as $$
      declare
        started text := statement_timestamp()::text;
        divided text[] := string_to_array(coalesce(current_setting('test.divided', true), ''), '/');
        times integer := case when divided[1] = started then divided[2]::integer + 1 else 1 end;
      begin
        if current_setting('statement_timeout') = '9s' and (${condition}) then
          raise exception 'canceling statement due to statement timeout' using errcode = '57014';
        end if;
        perform set_config('test.divided', started || '/' || times, false);
        return a / nullif(b, 0);
      end $$`,
  });
}

async function moveAll(from: string, { to = 'called', rule = null }: { readonly to?: string; readonly rule?: string | null } = {}) {
  const { database, clock } = shop.strata;
  const runId = await queueMove(database, clock, { from, to, rule, actor: 'tester', reason: null, untilMs: null, replace: false });
  await finishRuns(shop.strata);
  return getRun(database, runId);
}

async function countCalled(): Promise<number> {
  await shop.publish();
  return (await getSegment(shop.strata.database, 'called')).memberCount;
}

it('goes on without a segment that fails', async () => {
  await breakDivision(shop.strata.database);
  expect(await moveAll('de')).toMatchObject({ status: 'done', done: CUSTOMERS.DE, failure: null });
  expect(await countCalled()).toBe(CUSTOMERS.DE);
  expect(await getSegment(shop.strata.database, 'dear')).toMatchObject({ status: 'failed', failure: 'this division is broken' });
});

it('moves fewer at a time where busy', async () => {
  await cancelWhere('false');
  await resumeSegment(shop.strata.database, shop.clock, 'dear');
  await finishRuns(shop.strata);
  await cancelWhere('times > 60'); // more than thirty customers: each is divided for twice, for the answer and for what is told of it
  expect(await moveAll('fr')).toMatchObject({ status: 'done', done: CUSTOMERS.FR, failure: null });
  expect(await countCalled()).toBe(CUSTOMERS.DE + CUSTOMERS.FR);
  expect((await getSegment(shop.strata.database, 'dear')).status).toBe('active');
});

it('fails by its own rule alone', async () => {
  const rule = 'sum(orders.total) / count(orders) > 1';
  await cancelWhere('true');
  expect(await moveAll('cn', { rule })).toMatchObject({
    status: 'failed',
    done: 0,
    failure: 'The rule of the move takes too long to compute over the facts there are.',
  });
  await breakDivision(shop.strata.database);
  expect((await moveAll('cn', { rule })).failure).toBe('The rule of the move cannot be computed over the facts there are.');
  expect((await getSegment(shop.strata.database, 'dear')).status).toBe('active');
  await cancelWhere('false');
  expect(await moveAll('cn', { rule })).toMatchObject({ status: 'done', done: CUSTOMERS.CN });
});

it('says truly what else cannot be computed', async () => {
  await cancelWhere('true');
  expect(await moveAll('called', { to: 'de' })).toMatchObject({
    status: 'failed',
    failure: 'The segments of the next 25 customers cannot be computed together: that takes too long.',
  });
});
