// Defaults in files of orders: what a line says counts before them, wherever in its order it stands.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ImportService, startImportService } from './service.ts';

let service: ImportService;
beforeAll(async () => {
  service = await startImportService();
});
afterAll(() => service.close());

const read = (id: string) =>
  service.rows(`
    select c.external_id as who, o.status, o.channel, o.placed_at, o.total,
      (select array_agg(i.category order by i.line) from order_items i where i.customer_id = o.customer_id and i.order_id = o.id) as categories
    from orders o join customers c on c.id = o.customer_id where o.id = '${id}'`);

const DEFAULTS = { 'default.status': 'paid', 'default.placedAt': '2020-01-01', 'default.customerId': 'guest', 'default.channel': 'shop' };

test('the first line counts before a default', async () => {
  const file = 'id,customerId,status,placedAt,items.sku\nf1,ann,refunded,2026-03-01,A\nf1,,,,B\n';
  expect(await service.csv('orders', file, DEFAULTS)).toMatchObject({ accepted: 2, rejected: 0 });
  expect(await read('f1')).toMatchObject([{ who: 'ann', status: 'refunded', channel: 'shop', placed_at: Date.UTC(2026, 2, 1) }]);
});

test('so does a later one', async () => {
  const file = 'id,customerId,status,placedAt,items.sku\nl1,,,,A\nl1,ann,refunded,2026-03-01,B\n';
  expect(await service.csv('orders', file, { ...DEFAULTS, atomic: 'true' })).toMatchObject({ accepted: 2, rejected: 0 });
  expect(await read('l1')).toMatchObject([{ who: 'ann', status: 'refunded', placed_at: Date.UTC(2026, 2, 1) }]);
});

test('what no line says has the default', async () => {
  const file = 'id,customerId,status,placedAt,items.sku\nn1,,,,A\nn1,,,,B\nn2,,\\N,,A\n';
  expect(await service.csv('orders', file, DEFAULTS)).toMatchObject({ accepted: 3, rejected: 0 });
  expect(await read('n1')).toMatchObject([{ who: 'guest', status: 'paid', placed_at: Date.UTC(2020, 0, 1) }]);
  expect(await read('n2')).toMatchObject([{ who: 'guest', status: null }]); // a line clears it
});

test('a default currency has its lines’ rate', async () => {
  const file = 'id,customerId,exchangeRate,items.quantity,items.unitPrice\nr1,ann,1.5,1,10\nr1,,,1,10\n';
  expect(await service.csv('orders', file, { 'default.currency': 'EUR' })).toMatchObject({ accepted: 2, rejected: 0 });
  expect(await read('r1')).toMatchObject([{ total: '300000' }]);
});

test('a default that is wrong is told', async () => {
  const { errors } = await service.csv('orders', 'id,customerId,status\nw1,ann,paid\n', { 'default.total': 'much' });
  expect(errors).toMatchObject([{ line: 2, column: 'total', code: 'invalid_number' }]);
});

test('lines in NDJSON are no different', async () => {
  const lines = [
    { no: 'j1', who: 'ann', state: 'refunded', sku: 'A' },
    { no: 'j1', who: 'ann', state: '', sku: 'B' },
    { no: 'j1', sku: 'C' },
  ];
  const map = { 'map.id': 'no', 'map.customerId': 'who', 'map.status': 'state', 'map.items.sku': 'sku', 'default.items.category': 'X' };
  const file = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  expect(await service.ndjson('orders', file, { ...map, ...DEFAULTS })).toMatchObject({ accepted: 3, rejected: 0 });
  expect(await read('j1')).toMatchObject([{ who: 'ann', status: 'refunded', categories: ['X', 'X', 'X'] }]);
});

test('each item of an order is filled', async () => {
  const items = [{ sku: 'A' }, { sku: 'B', category: 'Y' }, { sku: 'C', category: '' }];
  const file = `${JSON.stringify({ id: 'i1', customerId: 'ann', items })}\n${JSON.stringify({ id: 'i2', customerId: 'ann', total: 5 })}\n`;
  expect(await service.ndjson('orders', file, { 'default.items.category': 'X' })).toMatchObject({ accepted: 2 });
  expect(await read('i1')).toMatchObject([{ categories: ['X', 'Y', 'X'] }]);
  expect(await read('i2')).toMatchObject([{ categories: null }]);
});
