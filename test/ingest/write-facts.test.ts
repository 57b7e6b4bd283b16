// Facts on a real Postgres: merging, replacing, moving, deleting, times ahead of the clock, and many writers at once.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { AS_OF_MS, customer, event, items, order, readEverything, writeFacts } from './shop-database.ts';

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  database = test.database;
});
afterAll(() => test.drop());
beforeEach(() => database.query({ text: 'truncate customers, orders, order_items, order_owners, events, registered_types' }));

async function customerRow(id: string) {
  const [row] = await database.query({ text: 'select * from customers where id = $1', values: [customerKey(id)] });
  return row;
}

async function ordersOf(id: string) {
  const rows = await database.query<{ text: string }>({
    text: `
      select o.id || ':' || coalesce(string_agg(i.product_id, '+' order by i.line), '') as text
      from orders as o
      left join order_items as i on i.customer_id = o.customer_id and i.order_id = o.id
      where o.customer_id = $1
      group by o.id
      order by o.id`,
    values: [customerKey(id)],
  });
  return rows.map((row) => row.text);
}

describe('customers', () => {
  it('merges what is given, clears nulls', async () => {
    const attributes = { tier: 'gold', points: 1, gone: 'x' };
    await writeFacts(database, {
      customers: [
        customer('a', {
          profile: { email: 'a@x', city: 'Oslo', birthday: '2000-02-29' },
          tags: ['t'],
          attributes,
          consents: { email: true, sms: false },
        }),
      ],
    });
    await writeFacts(database, {
      customers: [
        customer('a', {
          profile: { city: null, country: 'NO', birthday: '2001-01-01' },
          attributes: { points: 2.5, gone: null },
          consents: { sms: null },
        }),
      ],
    });
    expect(await customerRow('a')).toMatchObject({
      external_id: 'a',
      email: 'a@x',
      city: null,
      country: 'NO',
      birthday: '2001-01-01',
      tags: ['t'],
      attributes: { tier: 'gold', points: 2.5 },
      consents: { email: true },
      created_at: AS_OF_MS,
      created_at_given: null,
    });
  });

  it('drops nulls of a new customer', async () => {
    await writeFacts(database, { customers: [customer('a', { profile: { city: null }, attributes: { x: null }, consents: { y: null } })] });
    expect(await customerRow('a')).toMatchObject({ city: null, attributes: {}, consents: {} });
  });

  it('keeps nulls inside opaque lists', async () => {
    const attributes = { list: [{ a: null }] };
    await writeFacts(database, { customers: [customer('a', { attributes })] });
    await writeFacts(database, { customers: [customer('a', { attributes: { x: 1 } })] });
    expect((await customerRow('a'))?.['attributes']).toEqual({ ...attributes, x: 1 });
  });

  it('takes a slightly early time once', async () => {
    const createdAtMs = AS_OF_MS + 4000;
    await writeFacts(database, { customers: [customer('a', { createdAtMs })] });
    const first = await customerRow('a');
    expect(first).toMatchObject({ created_at: AS_OF_MS, created_at_given: createdAtMs });
    await writeFacts(database, { customers: [customer('a', { createdAtMs })] }, AS_OF_MS + 3_600_000);
    expect(await customerRow('a')).toMatchObject({ created_at: AS_OF_MS, created_at_given: createdAtMs });
    await writeFacts(database, { customers: [customer('a', { createdAtMs: createdAtMs + 1 })] }, AS_OF_MS + 3_600_000);
    expect(await customerRow('a')).toMatchObject({ created_at: createdAtMs + 1, created_at_given: null });
  });

  it('keeps a time further ahead', async () => {
    await writeFacts(database, { customers: [customer('a', { createdAtMs: AS_OF_MS + 5001 })] });
    expect(await customerRow('a')).toMatchObject({ created_at: AS_OF_MS + 5001, created_at_given: null });
  });

  it('dates a customer by its first rows', async () => {
    const orders = [
      order('1', 'a', { placedAtMs: AS_OF_MS - 50 }),
      order('2', 'a', { placedAtMs: AS_OF_MS - 90 }),
      order('3', 'b', { placedAtMs: AS_OF_MS + 90_000 }),
    ];
    await writeFacts(database, { orders, events: [event('1', 'c', { occurredAtMs: null })] });
    expect((await customerRow('a'))?.['created_at']).toBe(AS_OF_MS - 90);
    expect((await customerRow('b'))?.['created_at']).toBe(AS_OF_MS);
    expect((await customerRow('c'))?.['created_at']).toBe(AS_OF_MS);
    await writeFacts(database, { orders: [order('4', 'a', { placedAtMs: 0 })] }, AS_OF_MS + 1);
    expect((await customerRow('a'))?.['created_at']).toBe(AS_OF_MS - 90);
  });

  it('raises the revision with every lock', async () => {
    await writeFacts(database, { customers: [customer('a')] });
    const first = BigInt((await customerRow('a'))?.['revision'] as string);
    await writeFacts(database, { orders: [order('1', 'a')] });
    expect(BigInt((await customerRow('a'))?.['revision'] as string)).toBe(first + 1n);
    expect(first).toBeGreaterThan(1_700_000_000_000_000n);
  });

  it('refuses two ids of one key', async () => {
    await writeFacts(database, { customers: [customer('a', { profile: { city: 'Oslo' } })] });
    const impostor = { ...customer('b'), key: customerKey('a') };
    await expect(writeFacts(database, { customers: [impostor] })).rejects.toMatchObject({ code: 'id_collision', message: /"b"/ });
    await expect(writeFacts(database, { customers: [customer('a'), impostor] })).rejects.toMatchObject({ code: 'id_collision' });
    expect(await customerRow('a')).toMatchObject({ external_id: 'a', city: 'Oslo' });
  });
});

describe('orders', () => {
  it('replaces an order whole', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x', 'y', 'z'), status: 'paid' })] });
    await writeFacts(database, {
      orders: [order('1', 'a', { items: items('q', 'y'), status: 'refunded', total: '-500', placedAtMs: AS_OF_MS - 9 })],
    });
    expect(await ordersOf('a')).toEqual(['1:q+y']);
    const rows = await database.query({ text: 'select distinct status, placed_at from order_items' });
    expect(rows).toEqual([{ status: 'refunded', placed_at: AS_OF_MS - 9 }]);
  });

  it('keeps the first time of an order', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { placedAtMs: null, items: items('x') })] });
    await writeFacts(database, { orders: [order('1', 'b', { placedAtMs: null, items: items('x') })] }, AS_OF_MS + 60_000);
    const rows = await database.query({
      text: 'select o.placed_at, i.placed_at as item from orders as o, order_items as i where i.customer_id = o.customer_id',
    });
    expect(rows).toEqual([{ placed_at: AS_OF_MS, item: AS_OF_MS }]);
  });

  it('takes an early order time once', async () => {
    const early = order('1', 'a', { placedAtMs: AS_OF_MS + 5000, items: items('x') });
    await writeFacts(database, { orders: [early] });
    const before = await readEverything(database);
    await writeFacts(database, { orders: [early] }, AS_OF_MS + 60_000);
    expect(await readEverything(database)).toEqual(before);
    expect(before['orders']).toMatchObject([{ placed_at: '2026-06-01T12:00:00+00:00', placed_at_given: '2026-06-01T12:00:05+00:00' }]);
  });

  it('moves an order and locks both', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x', 'y') }), order('2', 'a')] });
    const locked = await writeFacts(database, { orders: [order('1', 'b', { items: items('z') })] });
    expect(new Set(locked)).toEqual(new Set([customerKey('a'), customerKey('b')]));
    expect(await ordersOf('a')).toEqual(['2:']);
    expect(await ordersOf('b')).toEqual(['1:z']);
  });

  it('moves an order twice in one batch', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x') })] });
    await writeFacts(database, {
      orders: [order('1', 'b', { items: items('y') }), order('1', 'c', { items: items('z') }), order('2', 'd'), order('2', 'e')],
    });
    expect([await ordersOf('a'), await ordersOf('b'), await ordersOf('c')]).toEqual([[], [], ['1:z']]);
    expect([await ordersOf('d'), await ordersOf('e')]).toEqual([[], ['2:']]);
    const ids = await database.query<{ external_id: string }>({ text: 'select external_id from customers order by 1' });
    expect(ids.map((row) => row.external_id)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('moves there and back in one batch', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x', 'y') })] });
    await writeFacts(database, { orders: [order('1', 'b'), order('1', 'a', { items: items('z') })] });
    expect([await ordersOf('a'), await ordersOf('b')]).toEqual([['1:z'], []]);
  });

  it('deletes orders, known or not', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x') }), order('2', 'a', { items: items('y') })] });
    const locked = await writeFacts(database, { deletedOrderIds: ['1', 'unknown'] });
    expect(locked).toEqual([customerKey('a')]);
    expect(await ordersOf('a')).toEqual(['2:y']);
    expect((await readEverything(database))['order_owners']).toHaveLength(1);
  });

  it('writes a deleted order anew', async () => {
    await writeFacts(database, { orders: [order('1', 'a', { items: items('x', 'y') })] });
    await writeFacts(database, { deletedOrderIds: ['1'] });
    await writeFacts(database, { orders: [order('1', 'b', { items: items('z') })] });
    expect([await ordersOf('a'), await ordersOf('b')]).toEqual([[], ['1:z']]);
    await writeFacts(database, { deletedOrderIds: ['1'], orders: [order('1', 'b', { placedAtMs: null })] }, AS_OF_MS + 7);
    expect(await ordersOf('b')).toEqual(['1:']);
    expect((await database.query({ text: 'select placed_at from orders' }))[0]).toEqual({ placed_at: AS_OF_MS + 7 });
    await writeFacts(database, { deletedOrderIds: ['1'], orders: [order('1', 'a', { items: items('q') })] });
    expect([await ordersOf('a'), await ordersOf('b')]).toEqual([['1:q'], []]);
  });
});

describe('events', () => {
  it('takes the first of an id', async () => {
    await writeFacts(database, {
      events: [event('1', 'a', { properties: { n: 1 } }), event('1', 'a', { properties: { n: 2 } }), event('1', 'b')],
    });
    await writeFacts(database, { events: [event('1', 'a', { name: 'other' })] });
    const rows = await database.query({ text: 'select name, properties from events where customer_id = $1', values: [customerKey('a')] });
    expect(rows).toEqual([{ name: 'page_view', properties: { n: 1 } }]);
  });
});

describe('the same facts twice', () => {
  it('change nothing', async () => {
    const facts = {
      customers: [
        customer('a', {
          profile: { email: 'a@x', birthday: '1990-01-01' },
          tags: ['t', 'u'],
          attributes: { n: 1.5, l: ['x'], o: [{ a: 1 }] },
          consents: { e: true },
          createdAtMs: 5,
        }),
      ],
      orders: [
        order('1', 'a', { items: items('x', 'y'), coupons: ['c'], exchangeRate: '1.10' }),
        order('2', 'b', { placedAtMs: null, items: items('x') }),
      ],
      events: [event('1', 'a', { properties: { p: 'q' } }), event('2', 'c', { occurredAtMs: null })],
    };
    await writeFacts(database, facts);
    const before = await readEverything(database);
    const stamps = await database.query({ text: 'select xmin::text from orders union all select xmin::text from order_items order by 1' });
    await writeFacts(database, facts, AS_OF_MS + 86_400_000);
    expect(await readEverything(database)).toEqual(before);
    expect(await database.query({ text: 'select xmin::text from orders union all select xmin::text from order_items order by 1' })).toEqual(
      stamps,
    );
  });
});

describe('hostile text', () => {
  it('stays text in every value', async () => {
    const evil = [
      `'; drop table customers; --`,
      `"}'), (1)`,
      '$1',
      '\\',
      '%s',
      '{"a":',
      `\u2028\u{1F600}é`,
      `{}`,
      `null`,
      `E'\\x'`,
      'a\tb\nc',
    ];
    for (const text of evil) {
      const id = `id ${text.replaceAll(/\s/g, '')}`;
      const item = { productId: text, sku: text, name: text, category: text, brand: text, quantity: '10000', unitPrice: null };
      await writeFacts(database, {
        customers: [
          customer(id, {
            profile: { email: text, last_name: text },
            tags: [text],
            attributes: { [text]: text, l: [text] },
            consents: { [text]: true },
          }),
        ],
        orders: [order(id, id, { status: text, channel: text, coupons: [text], items: [item] })],
        events: [event(id, id, { name: text, properties: { [text]: text } })],
      });
      await writeFacts(database, {
        customers: [customer(id, { profile: { city: text }, attributes: { other: text }, consents: { other: false } })],
      });
      expect(await customerRow(id)).toMatchObject({
        external_id: id,
        email: text,
        city: text,
        tags: [text],
        attributes: { [text]: text, l: [text], other: text },
        consents: { [text]: true, other: false },
      });
      const [row] = await database.query({
        text: 'select o.status, o.coupons, i.product_id, e.name, e.properties from orders as o join order_items as i on i.customer_id = o.customer_id and i.order_id = o.id join events as e on e.customer_id = o.customer_id and e.id = o.id where o.id = $1',
        values: [id],
      });
      expect(row).toEqual({ status: text, coupons: [text], product_id: text, name: text, properties: { [text]: text } });
    }
  });
});

describe('many writers at once', () => {
  it('leave each order with one owner', async () => {
    const ids = ['1', '2', '3', '4', '5', '6'];
    const people = ['a', 'b', 'c', 'd'];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const writers = Array.from({ length: 150 }, () => {
      const chosen = ids.filter(() => random(3) > 0).sort(() => random(3) - 1);
      const facts =
        random(4) === 0
          ? { deletedOrderIds: chosen }
          : {
              orders: chosen.map((id) => order(id, people[random(people.length)] as string, { items: items(...ids.slice(0, random(4))) })),
            };
      return writeFacts(database, facts);
    });
    await Promise.all(writers);
    const strays = await database.query({
      text: `
        with owners as materialized (select * from order_owners)
        select 'order or owner' as what, coalesce(o.id, w.order_id) as id
        from orders as o
        full join owners as w on w.order_id = o.id and w.customer_id = o.customer_id
        where o.id is null or w.order_id is null
        union all
        select 'item', i.order_id from order_items as i
        where not exists (select from orders as o where o.id = i.order_id and o.customer_id = i.customer_id)
        union all
        select 'customer', o.id from orders as o where not exists (select from customers as c where c.id = o.customer_id)`,
    });
    expect(strays).toEqual([]);
    const deadlocks = await database.query({ text: 'select deadlocks from pg_stat_database where datname = current_database()' });
    expect(deadlocks).toEqual([{ deadlocks: '0' }]);
  });
});
