// The statement of candidates on a small shop: exactly those who may be in some segments, nobody twice, nobody from another range.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emitCandidates } from '../../src/rules/emit-candidates.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { facts, type HandMadeFacts } from '../oracle/hand-made-shop.ts';
import { apply, EMPTY_SHOP } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, customerKeyOf } from '../oracle/world.ts';
import { checkText } from './check-text.ts';

const NOW = '2026-11-21T12:00:00.000Z';
/** in order of their keys */
const IDS = ['bob', 'eve', 'cleo', 'dan', 'ann'] as const;

const SHOP: HandMadeFacts = {
  customers: [
    { id: 'ann', profile: { country: 'CN' } },
    { id: 'bob', profile: { country: 'DE' } },
    { id: 'cleo', profile: { country: 'CN' } },
    { id: 'dan' },
    { id: 'eve', profile: { country: 'CN' } },
  ],
  orders: [
    { id: 'a1', of: 'ann', at: '2026-11-20T12:00:00Z', status: 'paid' },
    { id: 'a2', of: 'ann', at: '2026-11-19T12:00:00Z', status: 'paid' },
    { id: 'b1', of: 'bob', at: '2026-11-20T12:00:00Z', status: 'open' },
    { id: 'b2', of: 'bob', at: '2026-11-01T12:00:00Z', status: 'paid' },
    { id: 'c1', of: 'cleo', at: '2026-11-20T12:00:00Z', status: 'open' },
    { id: 'c2', of: 'cleo', at: '2026-12-24T12:00:00Z', status: 'open' }, // ahead
    { id: 'd1', of: 'dan', at: '2026-11-14T12:00:00Z', status: 'open' }, // seven days ago, to the millisecond
  ],
  events: [
    { of: 'dan', name: 'login', at: '2026-11-21T11:00:00Z' },
    { of: 'eve', name: 'page_view', at: '2026-11-21T11:00:00Z', properties: { path: '/home' } },
  ],
};

/** rules of segments → who may be in one of them */
const CANDIDATES: readonly (readonly [rules: readonly string[], ids: string])[] = [
  [['country = "CN"'], 'ann cleo eve'],
  [['country != "CN"'], 'bob dan'],
  [['country = "CN" and country != "DE" and age > 3'], 'ann cleo eve'],
  [['country = "CN" and country = "DE"'], ''],
  [['count(orders in the last 7 days) >= 1'], 'ann bob cleo dan'], // who leaves at this very moment too: it is about rows, not answers
  [['count(orders since 6 days ago) >= 1'], 'ann bob cleo'],
  [['count(orders in the last 7 days) >= 2'], 'ann cleo'],
  [['count(orders in the last 30 days) >= 3'], ''],
  [['count(orders where status = "paid" in the last 7 days) >= 1'], 'ann'],
  [['count(orders where not status = "paid" in the last 6 days) >= 1'], 'bob cleo'],
  [['country = "CN" and count(orders in the last 6 days) >= 1'], 'ann cleo'],
  [['count(events "login" in the last 7 days) >= 1'], 'dan'],
  [['count(events in the last 7 days) >= 1'], 'dan eve'],
  [['count(orders in the last 6 days) = 1 or count(events "login" in the last 7 days) = 1'], 'ann bob cleo dan'],
  [['country = "CN" and (count(orders in the last 6 days) = 1 or count(events "page_view" in the last 7 days) = 1)'], 'ann cleo eve'],
  [['country = "DE"', 'count(events "login" in the last 7 days) >= 1'], 'bob dan'],
  [['country = "DE"', 'country = "DE"', 'country = "CN"', 'id = "dan"'], 'ann bob cleo dan eve'],
];

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const client = await testDatabase.database.pool.connect();
  try {
    await storeShop(client, apply({ ...EMPTY_SHOP, catalog: CATALOG }, facts(SHOP), Date.parse(NOW)));
  } finally {
    client.release();
  }
});
afterAll(() => testDatabase.drop());

const EVERYBODY = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };

/** null: nobody can be told apart */
async function candidates(rules: readonly string[], pinned: readonly number[] = [], customers = EVERYBODY): Promise<string | null> {
  const segments = rules.map((text, place) => ({ id: place + 1, key: `s${place + 1}`, checked: checkText(text, CATALOG) }));
  const emitted = emitCandidates({ segments, pinned: new Set(pinned) });
  if (emitted === null) return null;
  const rows = await testDatabase.database.query<{ id: string }>({
    text: emitted.text,
    values: emitted.bind({ asOfMs: Date.parse(NOW), timeZone: 'UTC', customers }),
  });
  return rows
    .map((row) => IDS.find((id) => customerKeyOf(id) === row.id) ?? row.id)
    .sort()
    .join(' ');
}

describe('candidates', () => {
  it.each(CANDIDATES)('of %j are who may hold it', async (rules, ids) => {
    expect(await candidates(rules)).toBe(ids);
  });

  it.each([
    { rules: [] },
    { rules: ['everyone'] },
    { rules: ['country = "DE"', 'count(orders) = 0'] },
    { rules: Array.from({ length: 5 }, () => 'country = "DE"') },
  ])('of $rules are everybody', async ({ rules }) => {
    expect(await candidates(rules)).toBeNull();
  });

  it('are members and who is pinned too', async () => {
    const { database } = testDatabase;
    const [ann, cleo, eve] = ['ann', 'cleo', 'eve'].map(customerKeyOf);
    const rules = ['country = "DE"', 'country = "FR"'];
    await database.query({
      text: `insert into memberships (customer_id, segment_id, since, version) values ($1, 2, $3, 1), ($2, 9, $3, 1)`,
      values: [ann, eve, NOW],
    });
    await database.query({
      text: `insert into pins (customer_id, segment_id, include, actor, pinned_at) values ($1, 2, false, 'test', $3), ($2, 9, true, 'test', $3)`,
      values: [cleo, eve, NOW],
    });
    try {
      expect(await candidates(rules, [2])).toBe('ann bob cleo');
      expect(await candidates(rules, [2], { ...EVERYBODY, throughKey: customerKeyOf('cleo') })).toBe('bob cleo');
      expect(await candidates(rules, [2], { ...EVERYBODY, afterKey: customerKeyOf('cleo') })).toBe('ann');
    } finally {
      for (const table of ['memberships', 'pins']) await database.query({ text: `delete from ${table}` });
    }
  });

  it('are of the range alone', async () => {
    const customers = { afterKey: customerKeyOf('bob'), throughKey: customerKeyOf('cleo') };
    expect(await candidates(['country is missing or country is not missing'], [], customers)).toBe('cleo eve');
    expect(await candidates(['count(orders since 2020-01-01) >= 1'], [], customers)).toBe('cleo');
  });
});
