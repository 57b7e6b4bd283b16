// Erasure on a database whose clock stands still: what is left of a person, what consumers still read, and what happens if the person comes
// back.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { blankDueExits, findReceipts, hashOf, readReceipt } from '../../src/changes/erasures.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { readHistory } from '../../src/changes/read-history.ts';
import { countMembersAt, readCustomerSegmentsAt } from '../../src/changes/read-past.ts';
import { readMembersAt } from '../../src/changes/read-snapshot.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import { settlePending } from '../../src/membership/settle-pending.ts';
import { writePin } from '../../src/membership/write-pins.ts';
import { erase, evaluatePending, writeDeferred } from '../../src/pipeline.ts';
import { refreshSegment } from '../../src/segments/lifecycle.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { findTraces } from './dump-database.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from './strata-under-test.ts';

let shop: StrataUnderTest;

beforeEach(async () => {
  shop = await openStrataUnderTest();
  await shop.define('china', 'country = "CN"');
  await shop.define('recent', 'count(orders in the last 30 days) >= 1');
  await shop.define('regular', 'count(orders) >= 1 and in segment "china"');
});

afterEach(() => shop.drop());

const ANN = { id: 'ann-73', email: 'ann.secret@example.org', orders: ['ann-order-1', 'ann-order-2'] };
const TRACES = [ANN.id, ANN.email, ...ANN.orders, customerKey(ANN.id), 'ann-said', 'ann-event'];

async function writeAnn(): Promise<void> {
  const event = { id: 'ann-event-1', customerId: ANN.id, customerKey: customerKey(ANN.id), name: 'view', occurredAtMs: START_MS };
  await shop.write({
    customers: [customer(ANN.id, { profile: { country: 'CN', email: ANN.email }, attributes: { nickname: 'ann-said' } })],
    orders: ANN.orders.map((id) => order(id, ANN.id, { items: [item('ann-said')] })),
    events: [{ ...event, properties: { path: 'ann-said' } }],
  });
}

function item(name: string) {
  return { productId: null, sku: null, name, category: null, brand: null, quantity: '10000', unitPrice: '1000000' };
}

function feed() {
  return readChanges(shop.strata.database, { afterPosition: '0', limit: 1000 });
}

const segmentId = async (key: string) => (await getSegment(shop.strata.database, key)).id;
const size = async (key: string) => (await getSegment(shop.strata.database, key)).memberCount;

async function expectNoOrphans(): Promise<void> {
  const tables = ['orders', 'order_items', 'events', 'memberships', 'rechecks', 'pending', 'pins', 'pin_log', 'order_owners'];
  for (const table of tables) {
    const rows = await shop.strata.database.query({
      text: `select t.* from ${table} as t where not exists (select from customers as c where c.id = t.customer_id)`,
    });
    expect([table, rows]).toEqual([table, []]);
  }
}

describe('an erasure', () => {
  it('leaves nothing but the hash, in the end', async () => {
    const { database } = shop.strata;
    await writeAnn();
    await writePin(shop.strata, {
      segment: 'china',
      customerId: ANN.id,
      wish: 'add',
      replace: false,
      actor: 'ann-said',
      reason: 'ann-said',
      untilMs: null,
    });
    await shop.define('later', 'count(orders) >= 2');
    const runId = await refreshSegment(database, shop.clock, 'later');
    await database.query({ text: 'update runs set cursor = $2::bigint where id = $1::bigint', values: [runId, customerKey(ANN.id)] }); // it got so far
    await shop.publish();
    await shop.write({ deletedOrderIds: ['ann-order-2'] }); // stays in the outbox
    await writeDeferred(shop.strata, { ...NO_FACTS, orders: [order('ann-order-2', ANN.id)] }, '77');
    await stage('orders', 'ann-order-3', [{ customerId: ANN.id, id: 'ann-order-3' }, { id: 'ann-order-3' }]);
    await stage('customers', '', [{ id: ANN.id, email: ANN.email }]);
    expect(await findTraces(database, [...TRACES, 'ann-order-3'])).toEqual([
      'changes',
      'customers',
      'events',
      'import_lines',
      'memberships',
      'order_items',
      'order_owners',
      'orders',
      'outbox',
      'pending',
      'pin_log',
      'pins',
      'rechecks',
      'runs',
    ]);

    const { receipt } = await erase(shop.strata, ANN.id);
    expect(await findTraces(database, [...TRACES, 'ann-order-3'])).toEqual(['erasures']);
    await shop.publish();
    expect(await findTraces(database, [...TRACES, 'ann-order-3'])).toEqual(['erasures']);

    shop.clock.set(receipt.blankAtMs);
    expect(await blankDueExits(database, shop.clock)).toBe(1);
    expect(await findTraces(database, [...TRACES, 'ann-order-3'])).toEqual([]);
    expect(receipt.hash).toEqual(createHash('sha256').update(receipt.salt).update(ANN.id).digest());
    expect(await findTraces(database, [receipt.hash.toString('hex')])).toEqual(['erasures']);
  });

  it('is told to consumers as exits', async () => {
    await writeAnn();
    await shop.publish();
    await erase(shop.strata, ANN.id);
    await shop.publish();
    const changes = await feed();
    expect(changes.map(({ position, type, segment, customerId, cause }) => [position, type, segment, customerId, cause])).toEqual([
      ['1', 'erased', null, null, null],
      ['2', 'erased', null, null, null],
      ['3', 'erased', null, null, null],
      ['4', 'exited', 'china', ANN.id, 'erasure'],
      ['5', 'exited', 'recent', ANN.id, 'erasure'],
      ['6', 'exited', 'regular', ANN.id, 'erasure'],
    ]);
    const filter = { afterPosition: '0', limit: 2, customerKey: customerKey(ANN.id) };
    expect((await readChanges(shop.strata.database, filter)).map((change) => change.position)).toEqual(['4', '5']);
    const recent = { ...filter, segmentIds: [await segmentId('recent')] };
    expect((await readChanges(shop.strata.database, recent)).map((change) => change.position)).toEqual(['5']);
  });

  it('beside a run leaves no key in it', async () => {
    const ids = ['a', 'b', 'c', 'd'].sort((one, other) => (BigInt(customerKey(one)) < BigInt(customerKey(other)) ? -1 : 1));
    await shop.write({ customers: ids.map((id, n) => customer(id, { profile: { city: n === 0 ? 'Wien' : 'Linz' } })) });
    const [first = '', last = ''] = [ids.at(0), ids.at(-1)];
    const { database } = shop.strata;
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query('update customers set revision = revision where id = $1::bigint', [customerKey(first)]);
    const defined = shop.define('vienna', 'city = "Wien"'); // its only piece waits for the first customer, and ends with the last
    const waiting = { text: `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()` };
    await vi.waitUntil(async () => (await database.query(waiting)).length > 0, 30_000);
    await erase(shop.strata, last);
    await client.query('commit');
    client.release();
    await defined;
    expect(await findTraces(database, [customerKey(last)])).toEqual([]);
  });

  it('blanks its exits at their time', async () => {
    await writeAnn();
    await shop.publish();
    const { receipt } = await erase(shop.strata, ANN.id);
    await shop.publish();
    expect(receipt).toMatchObject({ changes: 3, erasedAtMs: START_MS, blankAtMs: START_MS + 7 * DAY_MS, blankedAtMs: null });
    shop.clock.set(receipt.blankAtMs - 1);
    expect(await blankDueExits(shop.strata.database, shop.clock)).toBe(0);
    shop.clock.set(receipt.blankAtMs);
    expect(await blankDueExits(shop.strata.database, shop.clock)).toBe(1);
    const changes = await feed();
    expect(changes.map(({ position, type }) => [position, type])).toEqual(['1', '2', '3', '4', '5', '6'].map((n) => [n, 'erased']));
    expect(await readReceipt(shop.strata.database, receipt.id)).toEqual({ ...receipt, blankedAtMs: receipt.blankAtMs });
    expect(changes.map(({ segment }) => segment)).toEqual([null, null, null, 'china', 'recent', 'regular']);
    expect(await blankDueExits(shop.strata.database, shop.clock)).toBe(0);
  });

  it('leaves readers of the segment a tombstone', async () => {
    await writeAnn();
    await shop.publish();
    const { receipt } = await erase(shop.strata, ANN.id);
    await shop.publish();
    const ofRecent = { afterPosition: '0', limit: 10, segmentIds: [await segmentId('recent')] };
    const told = async () =>
      (await readChanges(shop.strata.database, ofRecent)).map(({ position, type, customerId }) => [position, type, customerId]);
    expect(await told()).toEqual([['5', 'exited', ANN.id]]);
    shop.clock.set(receipt.blankAtMs);
    await blankDueExits(shop.strata.database, shop.clock);
    expect(await told()).toEqual([['5', 'erased', null]]);
    expect(await readChanges(shop.strata.database, { afterPosition: '0', limit: 10, customerKey: customerKey(ANN.id) })).toEqual([]);
    const history = { segmentId: await segmentId('recent'), limit: 10 };
    expect(await readHistory(shop.strata.database, history)).toEqual([]);
  });

  it('blanks no exit before it is numbered', async () => {
    await writeAnn();
    const { receipt } = await erase(shop.strata, ANN.id);
    shop.clock.set(receipt.blankAtMs);
    expect(await blankDueExits(shop.strata.database, shop.clock)).toBe(0);
    await shop.publish();
    expect(await blankDueExits(shop.strata.database, shop.clock)).toBe(1);
  });

  it('keeps sizes exact, numbered or not', async () => {
    await shop.write({ customers: [customer('bob', { profile: { country: 'CN' } })] });
    await writeAnn();
    await erase(shop.strata, ANN.id); // nothing of her has a number yet
    await shop.publish();
    expect(await size('china')).toBe(1);
    await writeAnn();
    await shop.publish();
    expect(await size('china')).toBe(2);
    await erase(shop.strata, ANN.id);
    await shop.publish();
    expect(await size('china')).toBe(1);
    await shop.publish(); // which counts what has been numbered
    expect(await size('china')).toBe(1);
    const [counted] = await shop.strata.database.query({
      text: 'select sum(q.entered)::integer as entered, sum(q.exited)::integer as exited from segment_quarters as q where q.segment_id = $1',
      values: [await segmentId('china')],
    });
    expect(counted).toEqual({ entered: 3, exited: 2 });
  });

  it('is in no answer about the past', async () => {
    const { database } = shop.strata;
    await shop.write({ customers: [customer('bob', { profile: { country: 'CN' } })] });
    await writeAnn();
    await shop.publish();
    const thenMs = START_MS + 1000;
    shop.clock.set(thenMs + 1000);
    await erase(shop.strata, ANN.id);
    const china = await segmentId('china');
    for (const _ of ['unpublished', 'published']) {
      const members = await readMembersAt(database, china, thenMs, { limit: 1 });
      expect(members.map((member) => member.customerId)).toEqual(['bob']);
      expect(await countMembersAt(database, china, thenMs)).toBe(1);
      expect(await countMembersAt(database, china, shop.clock.nowMs())).toBe(1);
      expect(await readCustomerSegmentsAt(database, customerKey(ANN.id), thenMs)).toBeNull();
      await shop.publish();
    }
    await writeAnn();
    await shop.publish();
    expect(await readCustomerSegmentsAt(database, customerKey(ANN.id), thenMs)).toEqual({ customerId: ANN.id, segments: [] });
    expect(await countMembersAt(database, china, thenMs)).toBe(1);
    expect(await countMembersAt(database, china, shop.clock.nowMs())).toBe(2);
    const history = await readHistory(database, { limit: 100, customerKey: customerKey(ANN.id) });
    expect(history.map(({ type, cause }) => [type, cause])).toEqual(Array.from({ length: 3 }, () => ['entered', 'data']));
    const ofSegment = await readHistory(database, { limit: 100, segmentId: china });
    expect(ofSegment.map(({ type, customerId }) => [type, customerId])).toEqual([
      ['entered', ANN.id],
      ['exited', null],
      ['entered', 'bob'],
    ]);
  });

  it('is refused for whom there is not', async () => {
    await expect(erase(shop.strata, 'nobody')).rejects.toMatchObject({ code: 'not_found' });
    await writeAnn();
    await erase(shop.strata, ANN.id);
    await expect(erase(shop.strata, ANN.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('of somebody in none is done at once', async () => {
    await shop.write({ customers: [customer('dan')] });
    const { receipt } = await erase(shop.strata, 'dan');
    expect(receipt).toMatchObject({ changes: 0, blankAtMs: START_MS, blankedAtMs: START_MS });
    expect(await findTraces(shop.strata.database, ['dan', customerKey('dan')])).toEqual([]);
  });

  it('touches nobody else', async () => {
    await shop.write({ orders: [order('bob-order', 'bob'), order('moved', ANN.id)] });
    await writeAnn();
    await shop.write({ orders: [order('moved', 'bob')] });
    await shop.publish();
    const before = await rowsOf('bob');
    await erase(shop.strata, ANN.id);
    expect(await rowsOf('bob')).toEqual(before);
    await expectNoOrphans();
  });
});

describe('an id that comes again', () => {
  it('is somebody new', async () => {
    await writeAnn();
    shop.clock.set(START_MS + 1000);
    await erase(shop.strata, ANN.id);
    shop.clock.set(START_MS + 2000);
    const outcome = await shop.write({ customers: [customer(ANN.id, { profile: { country: 'CN' } })] });
    expect(outcome.segments.get(customerKey(ANN.id))).toEqual(['china']);
    const [row] = await shop.strata.database.query({
      text: 'select c.created_at, c.email, c.attributes from customers as c where c.id = $1::bigint',
      values: [customerKey(ANN.id)],
    });
    expect(row).toEqual({ created_at: START_MS + 2000, email: null, attributes: {} });
    await shop.publish();
    const changes = await feed();
    expect(changes.map(({ type, segment, cause }) => [type, segment, cause])).toEqual([
      ...Array.from({ length: 3 }, () => ['erased', null, null]),
      ['exited', 'china', 'erasure'],
      ['exited', 'recent', 'erasure'],
      ['exited', 'regular', 'erasure'],
      ['entered', 'china', 'data'],
    ]);
  });

  it('stays when the old exits are blanked', async () => {
    await writeAnn();
    const first = await erase(shop.strata, ANN.id);
    await writeAnn();
    await shop.publish();
    shop.clock.set(first.receipt.blankAtMs);
    await blankDueExits(shop.strata.database, shop.clock);
    const changes = await feed();
    expect(changes.map((change) => change.customerId)).toEqual([...Array.from({ length: 6 }, () => null), ANN.id, ANN.id, ANN.id]);
    expect(await shop.segmentsOf(ANN.id)).toEqual(['china', 'recent', 'regular']);
  });

  it('has a receipt for each erasure', async () => {
    await writeAnn();
    const first = await erase(shop.strata, ANN.id);
    shop.clock.set(START_MS + 1);
    await writeAnn();
    const second = await erase(shop.strata, ANN.id);
    expect(second.receipt.hash).not.toEqual(first.receipt.hash);
    expect(hashOf(second.receipt.salt, ANN.id)).toEqual(second.receipt.hash);
    expect((await findReceipts(shop.strata.database, ANN.id)).map((receipt) => receipt.id)).toEqual([first.receipt.id, second.receipt.id]);
    expect(await findReceipts(shop.strata.database, 'somebody')).toEqual([]);
  });
});

describe('what was under way', () => {
  it('makes nobody by an evaluation', async () => {
    await writeAnn();
    await shop.strata.database.query({
      text: `insert into imports (kind, status, leased_until, started_at) values ('orders', 'running', 'infinity', 'epoch')`,
    });
    await writeDeferred(shop.strata, { ...NO_FACTS, orders: [order('owed', ANN.id)] }, '1');
    await erase(shop.strata, ANN.id);
    expect((await evaluatePending(shop.strata, '1')).changes).toBe(0);
    await shop.moveTo(START_MS + 40 * DAY_MS);
    await expectNoOrphans();
    expect(await findTraces(shop.strata.database, ['owed'])).toEqual([]);
  });

  it('settles debts and looks of nobody', async () => {
    await shop.strata.database.query({ text: `insert into pending (customer_id, import_id) values (5, 9)` });
    await shop.strata.database.query({ text: `insert into rechecks (customer_id, due_at) values (6, 'epoch')` });
    expect(await settlePending(shop.strata, '9')).toBe(0);
    await evaluateDue(shop.strata, { onFailure: () => {} });
    await expectNoOrphans();
  });

  it('lets an order of hers be written anew', async () => {
    await writeAnn();
    await erase(shop.strata, ANN.id);
    const outcome = await shop.write({ orders: [order('ann-order-1', 'bob')] });
    expect(outcome.segments.get(customerKey('bob'))).toEqual(['recent']);
    await expectNoOrphans();
  });
});

async function stage(kind: string, group: string, rows: readonly object[]): Promise<void> {
  const [{ id } = { id: '' }] = await shop.strata.database.query<{ id: string }>({
    text: `insert into imports (kind, status, leased_until, started_at) values ($1, 'failed', 'epoch', 'epoch') returning id`,
    values: [kind],
  });
  for (const [line, data] of rows.entries()) {
    await shop.strata.database.query({
      text: 'insert into import_lines (import_id, order_id, line, data) values ($1, $2, $3, $4)',
      values: [id, group, line, JSON.stringify(data)],
    });
  }
}

async function rowsOf(id: string): Promise<unknown[]> {
  const tables = ['orders', 'order_items', 'events', 'memberships', 'rechecks', 'order_owners', 'changes', 'outbox'];
  const found: unknown[] = [];
  for (const table of tables) {
    const text = `select * from ${table} as t where t.customer_id = $1::bigint order by t::text`;
    found.push([table, await shop.strata.database.query({ text, values: [customerKey(id)] })]);
  }
  return found;
}
