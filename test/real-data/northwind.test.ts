// Northwind through the API: 91 companies, 830 orders, 2,155 lines; the segments' members are computed again here by plain loops.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CsvRow, groupBy, isThere, readCsv } from './read-csv.ts';
import { openRealShop, type RealShop } from './shop.ts';

describe.skipIf(!isThere('northwind'))('Northwind (skipped where ../shared/data/northwind is absent)', () => {
  let shop: RealShop;
  let ordersOf: Map<string, CsvRow[]>;
  let linesOf: Map<string, CsvRow[]>;
  const customers = isThere('northwind') ? readCsv('northwind/customers.csv').map((row) => row['customer_id'] ?? '') : [];
  const ids = (holds: (orders: readonly CsvRow[]) => boolean) => customers.filter((id) => holds(ordersOf.get(id) ?? [])).sort();
  /** Exports of a float column: 9.80000019 is 9.8. */
  const price = (line: CsvRow) => Number(line['unit_price']).toFixed(4);
  const cents = (orders: readonly CsvRow[]) =>
    orders
      .flatMap((order) => linesOf.get(order['order_id'] ?? '') ?? [])
      .reduce((sum, line) => sum + Math.round(Number(price(line)) * 10_000) * Number(line['quantity']), 0);

  beforeAll(async () => {
    const categories = new Map(readCsv('northwind/categories.csv').map((row) => [row['category_id'], row['category_name']]));
    const products = new Map(readCsv('northwind/products.csv').map((row) => [row['product_id'], row]));
    const orders = readCsv('northwind/orders.csv');
    ordersOf = groupBy(orders, (row) => row['customer_id'] ?? '');
    linesOf = groupBy(readCsv('northwind/order_details.csv'), (row) => row['order_id'] ?? '');
    shop = await openRealShop();
    await shop.importRows(
      'customers',
      readCsv('northwind/customers.csv').map((row) => ({
        id: row['customer_id'],
        country: row['country'],
        city: row['city'],
        attributes: { company: row['company_name'], title: row['contact_title'] },
      })),
    );
    await shop.importRows(
      'orders',
      orders.map((row) => ({
        id: row['order_id'],
        customerId: row['customer_id'],
        placedAt: `${row['order_date']}T00:00:00Z`,
        status: row['shipped_date'] === '' ? 'open' : 'shipped',
        items: linesOf.get(row['order_id'] ?? '')?.map((line) => ({
          productId: line['product_id'],
          name: products.get(line['product_id'] ?? '')?.['product_name'],
          category: categories.get(products.get(line['product_id'] ?? '')?.['category_id'] ?? ''),
          quantity: line['quantity'],
          unitPrice: price(line),
        })),
      })),
    );
  }, 300_000);

  afterAll(() => shop?.service.close());

  it('finds who never bought', async () => {
    expect(await shop.membersOf('never', 'count(orders) = 0')).toEqual(['FISSA', 'PARIS']);
  });

  it('counts open orders', async () => {
    const expected = ids((orders) => orders.some((order) => order['shipped_date'] === ''));
    expect(await shop.membersOf('waiting', 'count(orders where status = "open") >= 1')).toEqual(expected);
    expect(expected.length).toBeGreaterThan(5);
  });

  it('adds money exactly', async () => {
    const expected = ids((orders) => cents(orders) > 200_000_000);
    expect(await shop.membersOf('big', 'sum(orders.total) > 20000')).toEqual(expected);
    expect(expected).toContain('SAVEA');
  });

  it('asks for items of a category', async () => {
    const answer = await shop.membersOf('seafood', 'count(items where category = "Seafood" and quantity >= 50) >= 2');
    expect(answer.length).toBeGreaterThan(0);
    const none = await shop.membersOf('no-seafood', 'not (count(items where category = "Seafood" and quantity >= 50) >= 2)');
    expect([...answer, ...none].sort()).toEqual([...customers].sort());
  });

  it('asks for periods', async () => {
    const in1997 = ids((orders) => orders.filter((order) => (order['order_date'] ?? '').startsWith('1997')).length >= 10);
    expect(await shop.membersOf('year', 'count(orders between 1997-01-01 and 1997-12-31) >= 10')).toEqual(in1997);
  });
});
