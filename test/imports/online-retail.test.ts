// A real file, unchanged: a year of a British wholesaler (UCI Online Retail), 541,909 lines. The counts are those of the data's own description.
import { createReadStream, existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImportSummary } from '../../src/ingest/imports/run-import.ts';
import { type ImportService, startImportService } from './service.ts';

const FILE = new URL('../../../shared/data/online-retail/online_retail.csv.gz', import.meta.url);

describe.skipIf(!existsSync(FILE))('Online Retail (skipped where ../shared/data/online-retail is absent)', () => {
  let service: ImportService;
  let summary: ImportSummary;
  beforeAll(async () => {
    service = await startImportService();
    summary = await importOrders();
  }, 300_000);
  afterAll(async () => {
    await service?.close();
  });

  const importOrders = () =>
    service.csv('orders', createReadStream(FILE), {
      'map.id': 'InvoiceNo',
      'map.customerId': 'CustomerID',
      'map.placedAt': 'InvoiceDate',
      'map.items.sku': 'StockCode',
      'map.items.name': 'Description',
      'map.items.quantity': 'Quantity',
      'map.items.unitPrice': 'UnitPrice',
      'default.status': 'paid',
      timeZone: 'Europe/London',
    });
  const one = async (text: string) => (await service.rows(text))[0];

  test('lines without a customer are rejected, no others', () => {
    expect(summary).toMatchObject({ rows: 541_909, accepted: 541_909 - 135_080, rejected: 135_080 });
    expect(summary.errors).toHaveLength(100);
    expect(summary.errors.every(({ column, code }) => column === 'CustomerID' && code === 'missing_field')).toBe(true);
    expect(summary.errors.map(({ line }) => line)).toEqual(summary.errors.map(({ line }) => line).sort((a, b) => (a ?? 0) - (b ?? 0)));
  });

  test('counts are those of the source', async () => {
    const good = `from order_items i join orders o on o.customer_id = i.customer_id and o.id = i.order_id
      join customers c on c.id = o.customer_id where i.quantity > 0 and i.unit_price > 0`;
    expect(await one('select count(*)::int as customers from customers')).toEqual({ customers: 4_372 });
    expect(
      await one(`
        select count(*)::int as rows, count(distinct c.id)::int as customers, count(distinct o.id)::int as invoices,
          sum(i.quantity::numeric * i.unit_price / 100000000)::float8 as money ${good}`),
    ).toEqual({ rows: 397_884, customers: 4_338, invoices: 18_532, money: 8_911_407.904 });
    expect(await one(`select placed_at from orders where id = '581587'`)).toEqual({ placed_at: Date.UTC(2011, 11, 9, 12, 50) });
  });

  test('the same file gives the customers', async () => {
    const parameters = { 'map.id': 'CustomerID', 'map.country': 'Country', timeZone: 'Europe/London' };
    expect(await service.csv('customers', createReadStream(FILE), parameters)).toMatchObject({ rows: 541_909, rejected: 135_080 });
    expect(
      await one(`
        select count(distinct c.id)::int as customers from order_items i join customers c on c.id = i.customer_id
        where i.quantity > 0 and i.unit_price > 0 and c.country = 'United Kingdom'`),
    ).toEqual({ customers: 3_920 });
  }, 300_000);
});
