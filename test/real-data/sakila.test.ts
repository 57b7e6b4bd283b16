// Sakila through the API: 599 customers, 16,049 payments as orders, 16,044 rentals as events; expected members by plain loops.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CsvRow, groupBy, isThere, readCsv } from './read-csv.ts';
import { openRealShop, type RealShop } from './shop.ts';

describe.skipIf(!isThere('sakila'))('Sakila (skipped where ../shared/data/sakila is absent)', () => {
  let shop: RealShop;
  let customers: CsvRow[];
  let rentalsOf: Map<string, CsvRow[]>;
  let paymentsOf: Map<string, CsvRow[]>;
  const ids = (holds: (id: string, row: CsvRow) => boolean) =>
    customers
      .filter((row) => holds(row['customer_id'] ?? '', row))
      .map((row) => row['customer_id'] ?? '')
      .sort();
  const instant = (local: string | undefined) => `${local?.replace(' ', 'T')}Z`;

  beforeAll(async () => {
    customers = readCsv('sakila/customer.csv');
    const rentals = readCsv('sakila/rental.csv');
    const payments = readCsv('sakila/payment.csv');
    const filmOf = new Map(readCsv('sakila/inventory.csv').map((row) => [row['inventory_id'], row['film_id']]));
    rentalsOf = groupBy(rentals, (row) => row['customer_id'] ?? '');
    paymentsOf = groupBy(payments, (row) => row['customer_id'] ?? '');
    shop = await openRealShop();
    await shop.importRows(
      'customers',
      customers.map((row) => ({
        id: row['customer_id'],
        email: row['email'],
        createdAt: `${row['create_date']}T00:00:00Z`,
        attributes: { active: row['activebool'] === 't' && row['active'] === '1', store: row['store_id'] },
      })),
    );
    await shop.importRows(
      'orders',
      payments.map((row) => ({
        id: row['payment_id'],
        customerId: row['customer_id'],
        placedAt: instant(row['payment_date']),
        total: row['amount'],
      })),
    );
    const started = rentals.map((row) => ({
      id: `s${row['rental_id']}`,
      name: 'rental_started',
      customerId: row['customer_id'],
      occurredAt: instant(row['rental_date']),
      properties: { film: filmOf.get(row['inventory_id'] ?? ''), staff: Number(row['staff_id']) },
    }));
    const returned = rentals
      .filter((row) => row['return_date'] !== '')
      .map((row) => ({
        id: `r${row['rental_id']}`,
        name: 'rental_returned',
        customerId: row['customer_id'],
        occurredAt: instant(row['return_date']),
      }));
    await shop.importRows('events', [...started, ...returned]);
  }, 240_000);

  afterAll(() => shop?.service.close());

  it('takes every row', async () => {
    const [row] = await shop.service.strata.database.query({
      text: `
        select (select count(*)::integer from customers) as customers, (select count(*)::integer from orders) as orders,
          (select sum(o.total) / 10000 from orders as o)::float8 as money, (select count(*)::integer from events) as events`,
    });
    expect(row).toEqual({ customers: 599, orders: 16_049, money: 67_416.51, events: 16_044 + 16_044 - 183 });
  });

  it('counts events', async () => {
    const expected = ids((id) => (rentalsOf.get(id) ?? []).length >= 40);
    expect(await shop.membersOf('busy', 'count(events "rental_started") >= 40')).toEqual(expected);
    expect(expected.length).toBeGreaterThan(1);
  });

  it('compares two kinds of events', async () => {
    const expected = ids((id) => (rentalsOf.get(id) ?? []).some((row) => row['return_date'] === ''));
    const rule = 'count(events "rental_started") > count(events "rental_returned")';
    expect(await shop.membersOf('owing', rule)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(100);
  });

  it('filters by property and window', async () => {
    const expected = ids(
      (id) =>
        (rentalsOf.get(id) ?? []).filter(
          (row) => row['staff_id'] === '2' && (row['rental_date'] ?? '') >= '2005-07-01' && (row['rental_date'] ?? '') < '2005-08-01',
        ).length >= 8,
    );
    const rule = 'count(events "rental_started" where properties.staff = 2 between 2005-07-01 and 2005-07-31) >= 8';
    expect(await shop.membersOf('july', rule)).toEqual(expected);
  });

  it('reads attributes and money', async () => {
    const cents = (id: string) => (paymentsOf.get(id) ?? []).reduce((sum, row) => sum + Math.round(Number(row['amount']) * 100), 0);
    const expected = ids((id, row) => row['active'] === '1' && row['activebool'] === 't' && cents(id) > 15_000);
    expect(await shop.membersOf('good', 'attributes.active = true and sum(orders.total) > 150')).toEqual(expected);
  });
});
