// Corrections through the write path: each re-derives exactly what it touches. For each, everything that the feed says is listed, and nobody
// else is even locked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import type { Facts } from '../../src/ingest/facts.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

const SEGMENTS: Readonly<Record<string, string>> = {
  paid: 'count(orders where status = "paid") >= 1',
  refunded: 'count(orders where status = "refunded") >= 1',
  big: 'sum(orders.total where status = "paid") >= 500',
  recent: 'count(orders in the last 30 days) >= 1',
  jeans: 'count(items where name = "jeans") >= 1',
  grown: 'age >= 18',
  gold: 'attributes.tier = "gold"',
  prospects: 'not in segment "paid"',
};

const OLD_MS = START_MS - 40 * DAY_MS;
const BYSTANDERS = ['bea', 'cid', 'dot'];

interface Correction {
  readonly title: string;
  readonly write: Partial<Facts>;
  /** sorted; ann and bob begin as `beforeAll` writes them, and go on as the corrections before leave them */
  readonly changes: readonly string[];
  readonly touched: readonly string[];
}

const CORRECTIONS: readonly Correction[] = [
  {
    title: 'a total that is corrected down',
    write: { orders: [order('1', 'ann', { total: '4000000', items: [item('jeans')] })] },
    changes: ['ann exited big'],
    touched: ['ann'],
  },
  {
    title: 'a total that is corrected up',
    write: { orders: [order('1', 'ann', { total: '9000000', items: [item('jeans')] })] },
    changes: ['ann entered big'],
    touched: ['ann'],
  },
  {
    title: 'a total that is corrected within its bounds',
    write: { orders: [order('1', 'ann', { total: '9500000', items: [item('jeans')] })] },
    changes: [],
    touched: ['ann'],
  },
  {
    title: 'an item that is taken back',
    write: { orders: [order('1', 'ann', { total: '9500000' })] },
    changes: ['ann exited jeans'],
    touched: ['ann'],
  },
  {
    title: 'a refund',
    write: { orders: [order('1', 'ann', { total: '9500000', status: 'refunded' })] },
    changes: ['ann entered prospects', 'ann entered refunded', 'ann exited big', 'ann exited paid'],
    touched: ['ann'],
  },
  {
    title: 'a refund that is taken back',
    write: { orders: [order('1', 'ann', { total: '9500000' })] },
    changes: ['ann entered big', 'ann entered paid', 'ann exited prospects', 'ann exited refunded'],
    touched: ['ann'],
  },
  {
    title: 'a time moved back out of the window',
    write: { orders: [order('1', 'ann', { total: '9500000', placedAtMs: OLD_MS })] },
    changes: ['ann exited recent'],
    touched: ['ann'],
  },
  {
    title: 'a time moved into the window',
    write: { orders: [order('1', 'ann', { total: '9500000', placedAtMs: START_MS - DAY_MS })] },
    changes: ['ann entered recent'],
    touched: ['ann'],
  },
  {
    title: 'a back-dated order of long ago',
    write: { orders: [order('2', 'ann', { placedAtMs: OLD_MS })] },
    changes: [],
    touched: ['ann'],
  },
  {
    title: 'an order that moves to another customer',
    write: { orders: [order('1', 'bob', { total: '9500000', placedAtMs: START_MS - DAY_MS })] },
    changes: ['ann exited big', 'ann exited recent', 'bob entered big', 'bob entered paid', 'bob entered recent', 'bob exited prospects'],
    touched: ['ann', 'bob'],
  },
  {
    title: 'an order that moves to somebody new',
    write: { orders: [order('1', 'eve', { total: '9500000', placedAtMs: START_MS - DAY_MS })] },
    changes: [
      'bob entered prospects',
      'bob exited big',
      'bob exited paid',
      'bob exited recent',
      'eve entered big',
      'eve entered paid',
      'eve entered recent',
    ],
    touched: ['bob', 'eve'],
  },
  {
    title: 'an order that is deleted',
    write: { deletedOrderIds: ['1'] },
    changes: ['eve entered prospects', 'eve exited big', 'eve exited paid', 'eve exited recent'],
    touched: ['eve'],
  },
  { title: 'an order that is deleted again', write: { deletedOrderIds: ['1'] }, changes: [], touched: [] },
  {
    title: 'a birthday that is changed',
    write: { customers: [customer('ann', { profile: { birthday: '2010-01-01' } })] },
    changes: ['ann exited grown'],
    touched: ['ann'],
  },
  {
    title: 'a birthday that is changed back',
    write: { customers: [customer('ann', { profile: { birthday: '1990-01-01' } })] },
    changes: ['ann entered grown'],
    touched: ['ann'],
  },
  {
    title: 'a birthday that is cleared',
    write: { customers: [customer('ann', { profile: { birthday: null } })] },
    changes: ['ann exited grown'],
    touched: ['ann'],
  },
  {
    title: 'an attribute that is changed',
    write: { customers: [customer('bob', { attributes: { tier: 'gold' } })] },
    changes: ['bob entered gold'],
    touched: ['bob'],
  },
  {
    title: 'an attribute that is cleared',
    write: { customers: [customer('ann', { attributes: { tier: null } }), customer('bob', { attributes: { tier: null } })] },
    changes: ['ann exited gold', 'bob exited gold'],
    touched: ['ann', 'bob'],
  },
];

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.strata.database.query({ text: `insert into registered_types (scope, name, type) values ('attribute', 'tier', 'string')` });
  for (const [key, rule] of Object.entries(SEGMENTS)) await shop.define(key, rule);
  const full = { profile: { birthday: '1990-01-01' }, attributes: { tier: 'gold' } };
  for (const id of ['ann', ...BYSTANDERS]) {
    const orderId = id === 'ann' ? '1' : `of-${id}`;
    await shop.write({ customers: [customer(id, full)], orders: [order(orderId, id, { total: '9000000', items: [item('jeans')] })] });
  }
  await shop.write({ customers: [customer('bob')] });
  await shop.publish();
});

afterAll(() => shop.drop());

describe('re-derives exactly', () => {
  it.each(CORRECTIONS)('$title', async ({ write, changes, touched }) => {
    const [before, position] = [await revisions(), await end()];
    const outcome = await shop.write(write);
    await shop.publish();
    const found = await readChanges(shop.strata.database, { afterPosition: position, limit: 1000 });
    expect(found.map(({ customerId, type, segment }) => `${customerId} ${type} ${segment}`).sort()).toEqual(changes);
    expect(found.map((change) => change.cause)).toEqual(found.map(() => 'data'));
    expect(outcome.changes).toBe(changes.length);
    const after = await revisions();
    const moved = [...after.keys()].filter((id) => after.get(id) !== before.get(id));
    expect(moved.sort()).toEqual(touched);
  });

  it('and the clock counts from what was corrected', async () => {
    await shop.write({ orders: [order('3', 'bob', { placedAtMs: START_MS - 10 * DAY_MS })] });
    await shop.write({ orders: [order('3', 'bob', { placedAtMs: START_MS - 20 * DAY_MS })] });
    await shop.moveTo(START_MS + 10 * DAY_MS - 1);
    expect(await shop.segmentsOf('bob')).toContain('recent');
    await shop.moveTo(START_MS + 10 * DAY_MS);
    expect(await shop.segmentsOf('bob')).not.toContain('recent');
    await shop.publish();
    const [last] = (await readChanges(shop.strata.database, { afterPosition: '0', limit: 1000, customerKey: customerKey('bob') })).slice(
      -1,
    );
    expect(last).toMatchObject({ type: 'exited', segment: 'recent', cause: 'time', atMs: START_MS + 10 * DAY_MS });
  });
});

function item(name: string) {
  return { productId: null, sku: null, name, category: null, brand: null, quantity: '10000', unitPrice: '1000000' };
}

/** Grows with every lock. */
async function revisions(): Promise<ReadonlyMap<string, string>> {
  const rows = await shop.strata.database.query<{ external_id: string; revision: string }>({
    text: 'select c.external_id, c.revision from customers as c',
  });
  return new Map(rows.map((row) => [row.external_id, row.revision]));
}

async function end(): Promise<string> {
  const [row] = await shop.strata.database.query<{ position: string }>({ text: 'select f.position from feed as f' });
  return row?.position ?? '0';
}
