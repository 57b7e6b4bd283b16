// P4s: what one order costs with 1, 50 and 500 segments, in a shop of 3,000 customers (its size is no matter: P4c) with a service of its own, so that
// building 500 does not take longer than measuring them. The 500 are drawn as the 50 are, from the same 35 aggregates and with other
// thresholds and companions.
import { systemClock } from '../src/base/clock.ts';
import { openDatabase } from '../src/db/database.ts';
import { createSegment } from '../src/segments/create-segment.ts';
import { type Bench, drainOutbox, openBench, registerAttributes, startBenchService } from './bench.ts';
import { distinctAggregates } from './by-hand.ts';
import { median } from './figure.ts';
import { Orders, type Pressed, perOrderCpuMs, pressOrders, totalCpuMs } from './press-orders.ts';
import { type BenchSegment, drawSegments } from './segments.ts';
import { loadShop, settle } from './server.ts';
import { defineSegments } from './service.ts';
import type { ShopSize } from './shop.ts';

const COUNTS = [1, 50, 500] as const;
/** Ten orders a customer, as everywhere; what the figure itself writes adds some four to each buyer. */
const SHOP: ShopSize = { customers: 3_000, orders: 30_000 };
const CLIENTS = 8;
const ROUNDS = 3;
const SECONDS = 3;
const WARM_UP_SECONDS = 2;
const MOST_GROWTH = 2.5;

export async function measureBySegments(bench: Bench): Promise<void> {
  const size = bench.size.customers < SHOP.customers ? bench.size : SHOP;
  const own = openBench({ ...bench, size, databases: 'by_segments' });
  const { server } = bench;
  bench.say(`orders by segments: loading ${size.customers} customers`);
  await server.createMigrated(own.strataDatabase);
  await loadShop(server, own.strataDatabase, own.shop);
  await settle(server, own.strataDatabase);
  let service = await startBenchService(server, own.strataDatabase);
  try {
    await registerAttributes(service);
    const segments = drawSegments(bench.seed, Math.max(...COUNTS));
    const orders = new Orders(own.shop, bench.seed, 'by-segments');
    const costs = new Map<number, readonly Pressed[]>();
    let defined = 0;
    for (const count of COUNTS) {
      bench.say(`orders by segments: building ${count}`);
      await service.stop();
      await createSegments(own, segments.slice(defined, count));
      defined = count;
      service = await startBenchService(server, own.strataDatabase);
      await defineSegments(service, []); // waits for those that are being built
      await drainOutbox(server, own.strataDatabase);
      await settle(server, own.strataDatabase);
      bench.say(`orders by segments: ${count}`);
      await pressOrders(own, service, orders, CLIENTS, WARM_UP_SECONDS);
      const pressed: Pressed[] = [];
      for (let round = 0; round < ROUNDS; round += 1) pressed.push(await pressOrders(own, service, orders, CLIENTS, SECONDS));
      costs.set(count, pressed);
    }
    const cpuMs = (count: number) => median((costs.get(count) ?? []).map(totalCpuMs));
    for (const [count, than, target] of [
      [50, 1, null],
      [500, 50, { sense: '<=', value: MOST_GROWTH }],
    ] as const) {
      bench.report({
        id: `P4s-${count}`,
        what: `processor time of one order, ${CLIENTS} clients, ${count} segments`,
        value: cpuMs(count),
        unit: 'CPU ms',
        reference: { what: `CPU ms with ${than}`, value: cpuMs(than) },
        ratio: cpuMs(count) / cpuMs(than),
        target,
        detail: { aggregates: distinctAggregates(segments.slice(0, count)).length, perOrderCpuMs: perOrderCpuMs(costs.get(count) ?? []) },
      });
    }
  } finally {
    await service.stop();
    await server.dropDatabase(own.strataDatabase);
  }
}

/** Past HTTP: a service that runs compiles everything anew for each of 500. */
async function createSegments({ server, strataDatabase }: Bench, segments: readonly BenchSegment[]): Promise<void> {
  const database = openDatabase(server.urlOf(strataDatabase));
  try {
    for (const { key, rule } of segments) {
      await createSegment(database, systemClock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
    }
  } finally {
    await database.close();
  }
}
