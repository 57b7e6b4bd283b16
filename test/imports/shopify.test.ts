// The example of docs/imports.md: an export of orders as Shopify writes it, with the columns that it has besides, is taken by the options told there.
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ImportService, startImportService } from './service.ts';

const EXPORT = `Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts Marketing,Currency,Subtotal,Shipping,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Street,Notes
#1001,ann@example.org,paid,2026-03-02 10:15:05 +0100,fulfilled,yes,USD,25.00,5.00,28.00,SPRING,2.00,2026-03-02 10:15:00 +0100,2,Shirt,10.00,S-1,"Street 1
Backyard",
#1001,ann@example.org,,,,,,,,,,,2026-03-02 10:15:00 +0100,1,Sock,5.00,S-2,,
`;

let service: ImportService;
beforeAll(async () => {
  service = await startImportService();
});
afterAll(() => service.close());

test('an export of Shopify is taken as documented', async () => {
  const page = await fs.readFile(path.join(import.meta.dirname, '..', '..', 'docs', 'imports.md'), 'utf8');
  const command = /import orders orders_export\.csv ([^`]*)```/.exec(page)?.[1] ?? '';
  const options = [...command.matchAll(/--map ([\w.]+)=("[^"]*"|\S+)/g)];
  const map = Object.fromEntries(options.map(([, field, column]) => [`map.${field}`, column?.replaceAll('"', '') ?? '']));
  expect(await service.csv('orders', EXPORT, map)).toMatchObject({ rows: 2, accepted: 2, errors: [] });
  const [order] = await service.rows(`
    select o.total, o.discount, o.coupons, o.item_count, o.placed_at, c.external_id as who
    from orders as o join customers as c on c.id = o.customer_id`);
  expect(order).toEqual({
    total: '280000',
    discount: '20000',
    coupons: ['SPRING'],
    item_count: '30000',
    placed_at: Date.parse('2026-03-02T09:15:00Z'),
    who: 'ann@example.org',
  });
});
