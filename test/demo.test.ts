// The demo: its shop is the same for the same seed and end, grows by a day without rewriting what was there, and fills a Strata over HTTP.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../src/base/clock.ts';
import { DAY_MS } from '../src/base/durations.ts';
import { openApi } from '../src/cli/api-client.ts';
import { makeDemoShop } from '../src/cli/demo-shop.ts';
import { printSegments } from '../src/cli/demo-table.ts';
import { fillDemo } from '../src/cli/fill-demo.ts';
import { ADMIN_KEY, type Service, startService } from './api/service.ts';

const END_MS = Date.UTC(2026, 5, 15);
/** Filled twice at one instant: in the seconds between, an order may leave a rule's window by the clock alone. */
const NOON_MS = END_MS + DAY_MS / 2;

describe('the shop', () => {
  const shop = makeDemoShop({ seed: 1, endMs: END_MS, customers: 1000 });
  const idsOf = (rows: readonly object[]) => rows.map((row) => (row as { id: string }).id);

  it('is the same for the same seed', () => {
    expect(makeDemoShop({ seed: 1, endMs: END_MS, customers: 1000 })).toEqual(shop);
  });

  it('is another for another seed', () => {
    expect(makeDemoShop({ seed: 2, endMs: END_MS, customers: 1000 })).not.toEqual(shop);
  });

  it('names everything once', () => {
    for (const rows of [shop.customers, shop.orders, shop.events]) expect(new Set(idsOf(rows)).size).toBe(rows.length);
  });

  it('ends where it is told to', () => {
    const times = [...shop.orders.map((order) => order.placedAt), ...shop.events.map((event) => event.occurredAt)];
    expect(times.filter((time) => Date.parse(time) >= END_MS)).toEqual([]);
  });

  it('only adds when a day passes', () => {
    const later = makeDemoShop({ seed: 1, endMs: END_MS + DAY_MS, customers: 1000 });
    const kept = new Set(idsOf(later.customers));
    const laterOrders = new Map(later.orders.map((order) => [order.id, order.placedAt]));
    const laterEvents = new Map(later.events.map((event) => [event.id, event]));
    const orders = shop.orders.filter((order) => kept.has(order.customerId));
    const events = shop.events.filter((event) => kept.has(event.customerId));
    expect(orders.length).toBeGreaterThan(1000);
    expect(orders.filter((order) => laterOrders.get(order.id) !== order.placedAt)).toEqual([]);
    expect(events.map((event) => laterEvents.get(event.id))).toEqual(events);
  });

  it('sells most before Christmas', () => {
    const sold = (month: string) => shop.orders.filter((order) => order.placedAt.startsWith(month)).length;
    expect(sold('2025-12')).toBeGreaterThan(2 * sold('2026-01'));
  });

  it('has amounts that add up', () => {
    for (const { total, discount, items } of shop.orders) {
      const gross = (items as { quantity: number; unitPrice: string }[]).reduce(
        (sum, item) => sum + item.quantity * Number(item.unitPrice),
        0,
      );
      expect(Number(total)).toBeCloseTo(gross - Number(discount), 6);
    }
  });
});

describe('the table', () => {
  it('fits 80 columns', () => {
    const rule = 'count(orders where status = "paid" in the last 365 days) >= 4 and last(orders.placed_at) in the last 90 days';
    const table = printSegments([{ name: 'Loyal', rule, members: 5000 }], 5000, { columns: 80, styled: false });
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(table).toContain('100.0 %');
  });
});

describe('filling a Strata', () => {
  let service: Service;
  let url: string;

  beforeAll(async () => {
    service = await startService({ clock: { ...systemClock, nowMs: () => NOON_MS, fixedMs: () => NOON_MS } });
    url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => service.close());

  it('gives every segment members, and again changes nothing', async () => {
    const shop = makeDemoShop({ seed: 1, endMs: END_MS, customers: 2000 });
    const api = openApi(url, ADMIN_KEY);
    const said: string[] = [];
    const first = await fillDemo(api, shop, systemClock, (text) => said.push(text));
    expect(said).toHaveLength(4);
    expect(first.segments.filter((segment) => segment.members === 0).map(({ key }) => key)).toEqual([]);
    const again = await fillDemo(api, shop, systemClock, () => {});
    expect(again).toEqual({ ...first, changes: 0 });
  });
});
