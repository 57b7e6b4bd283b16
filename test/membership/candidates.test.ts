// A segment that is built is asked only about customers who can be in it: who these are, whose looks are stored, and that members, pins, later
// orders and reasons are not forgotten along with the others.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';
import { narrowToCandidates } from '../../src/evaluation/find-candidates.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { pin } from './by-hand.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

const RULE = (country: string) => `country = "${country}" and count(orders in the last 30 days) >= 3`;
const BUYERS: readonly (readonly [id: string, country: string, orders: number, ahead: number])[] = [
  ['often', 'DE', 3, 0],
  ['later', 'DE', 2, 1],
  ['once', 'DE', 1, 0],
  ['never', 'DE', 0, 0],
  ['abroad', 'FR', 3, 0],
  // so many others that candidates are few
  ...Array.from({ length: 10 }, (_, place) => [`other-${place}`, 'US', 1, 0] as const),
];

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('all', 'everyone');
  const orders = BUYERS.flatMap(([id, , past, ahead]) => [
    ...Array.from({ length: past }, (_, place) => order(`${id}-${place}`, id, { placedAtMs: START_MS - (place + 1) * DAY_MS })),
    ...Array.from({ length: ahead }, (_, place) => order(`${id}-ahead-${place}`, id, { placedAtMs: START_MS + DAY_MS })),
  ]);
  await shop.write({ customers: BUYERS.map(([id, country]) => customer(id, { profile: { country } })), orders });
  await shop.define('often', RULE('DE'));
});
afterAll(() => shop.drop());

async function members(): Promise<string[]> {
  const rows = await shop.strata.database.query<{ id: string }>({
    text: `
      select c.external_id as id
      from memberships as m
      join segments as s on s.id = m.segment_id and s.key = 'often'
      join customers as c on c.id = m.customer_id
      order by c.external_id`,
  });
  return rows.map(({ id }) => id);
}

async function looks(): Promise<string[]> {
  const rows = await shop.strata.database.query<{ id: string; due_at: number }>({
    text: 'select c.external_id as id, r.due_at from rechecks as r join customers as c on c.id = r.customer_id order by c.external_id',
  });
  return rows.map((row) => `${row.id} ${(row.due_at - START_MS) / DAY_MS}`);
}

async function publishRule(rule: string): Promise<void> {
  const { database } = shop.strata;
  await publishVersion(database, shop.clock, 'often', await addVersion(database, shop.clock, 'often', { rule, author: null }));
  await finishRuns(shop.strata);
}

/** → the customers that are evaluated of a range that has so many; null: the range itself */
async function narrowed(key: string, customers: number): Promise<readonly string[] | null> {
  const program = shop.strata.programs.get();
  const ids = program.definitions.live.filter((segment) => segment.key === key).map(({ id }) => id);
  const range = { asOfMs: START_MS, timeZone: 'UTC', customers: { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' } };
  const found = await inTransaction(shop.strata.database, (client) => narrowToCandidates(client, program, ids, range, customers));
  if (found === range) return null;
  const keys = 'keys' in found.customers ? found.customers.keys : [];
  expect(found).toEqual({ ...range, customers: { keys } });
  return BUYERS.map(([id]) => id).filter((id) => keys.includes(customerKey(id)));
}

it('evaluates candidates alone where they are few', async () => {
  expect(await narrowed('often', BUYERS.length)).toEqual(['often', 'later']);
  expect(await narrowed('often', 5)).toEqual(['often', 'later']); // two of five: four tenths
  expect(await narrowed('often', 4)).toBeNull();
  expect(await narrowed('all', BUYERS.length)).toBeNull();
  expect(await members()).toEqual(['often']);
});

it('owes looks to members and orders ahead', async () => {
  // orders that are ahead had their look before, from when they were written
  expect(await looks()).toEqual(['later 1', 'often 27']);
});

it('tells the reasons', async () => {
  const rows = await shop.strata.database.query<{ seen: unknown }>({
    text: `select o.seen from outbox as o where o.segment_id = (select s.id from segments as s where s.key = 'often')`,
  });
  expect(rows).toEqual([
    {
      seen: { at: START_MS, saw: [['DE'], ['3']] },
    },
  ]);
});

it('lets members leave that cannot be in it', async () => {
  await pin(shop.strata, 'add', 'often', 'never');
  await publishRule(RULE('FR'));
  expect(await members()).toEqual(['abroad', 'never']);
});

it('keeps out who is pinned out', async () => {
  await pin(shop.strata, 'remove', 'often', 'abroad');
  await publishRule('country in ("FR", "XX")');
  expect(await members()).toEqual(['never']);
  await publishRule(RULE('DE'));
  expect(await members()).toEqual(['never', 'often']);
});

it('flips nobody too late', async () => {
  expect(await shop.moveTo(START_MS + DAY_MS)).toBe(1);
  expect(await members()).toEqual(['later', 'never', 'often']);
  await shop.moveTo(START_MS + 27 * DAY_MS);
  expect(await members()).toEqual(['later', 'never']);
});
