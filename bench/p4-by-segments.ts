// P4s: what one order costs with 1, 50 and 500 segments, each in a small shop with a service of its own (the shop's size does not matter: P4c),
// pressed in turns: one after the other they would measure the time of day. The 500 are drawn like the 50, from the same 35 aggregates with
// other thresholds and companions.
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
/** As few as suffice: everybody is in a quarter of 500 segments, and each of these entries goes through the feed before anything is measured. */
const SHOP: ShopSize = { customers: 3_000, orders: 30_000 };
const CLIENTS = 8;
const ROUNDS = 3;
const SECONDS = 3;
/** Counted in orders and not in time: with 500 segments there are half as many in a second, and the service's code would be half as warm. */
const WARM_UP_ORDERS = 2_500;
const MOST_GROWTH = 2.5;

export async function measureBySegments(bench: Bench): Promise<void> {
  const size = bench.size.customers < SHOP.customers ? bench.size : SHOP;
  const segments = drawSegments(bench.seed, Math.max(...COUNTS));
  const shops: SegmentedShop[] = [];
  try {
    for (const count of COUNTS) shops.push(await openShop(bench, size, segments.slice(0, count)));
    for (let round = 1; round <= ROUNDS; round += 1) {
      bench.say(`orders by segments: round ${round} of ${ROUNDS}`);
      for (const shop of shops) await shop.press();
    }
  } finally {
    for (const shop of shops) await shop.close();
  }
  const [one, fifty, most] = shops as [SegmentedShop, SegmentedShop, SegmentedShop];
  report(bench, fifty, one, null);
  report(bench, most, fifty, MOST_GROWTH);
}

interface SegmentedShop {
  readonly segments: readonly BenchSegment[];
  readonly pressed: readonly Pressed[];
  press(): Promise<void>;
  close(): Promise<void>;
}

async function openShop(bench: Bench, size: ShopSize, segments: readonly BenchSegment[]): Promise<SegmentedShop> {
  const own = openBench({ ...bench, size, databases: `by_segments_${segments.length}` });
  const { server } = bench;
  const what = `orders by segments, ${segments.length}`;
  bench.say(`${what}: loading ${size.customers} customers`);
  await server.createMigrated(own.strataDatabase);
  await loadShop(server, own.strataDatabase, own.shop);
  await settle(server, own.strataDatabase);
  const first = await startBenchService(server, own.strataDatabase);
  await registerAttributes(first).finally(() => first.stop());
  bench.say(`${what}: defining`);
  await createSegments(own, segments);
  bench.say(`${what}: building`);
  const service = await startBenchService(server, own.strataDatabase);
  await defineSegments(service, []); // waits for those that are being built
  await drainOutbox(server, own.strataDatabase);
  await settle(server, own.strataDatabase);
  const orders = new Orders(own.shop, bench.seed, 'by-segments');
  for (let warm = 0; warm < WARM_UP_ORDERS; ) warm += (await pressOrders(own, service, orders, CLIENTS, 1)).answered;
  const pressed: Pressed[] = [];
  return {
    segments,
    pressed,
    press: async () => {
      pressed.push(await pressOrders(own, service, orders, CLIENTS, SECONDS));
    },
    close: async () => {
      await service.stop();
      await server.dropDatabase(own.strataDatabase);
    },
  };
}

function report(bench: Bench, many: SegmentedShop, few: SegmentedShop, most: number | null): void {
  const cpuMs = ({ pressed }: SegmentedShop) => median(pressed.map(totalCpuMs));
  const count = many.segments.length;
  bench.report({
    id: `P4s-${count}`,
    what: `processor time of one order, ${CLIENTS} clients, ${count} segments`,
    value: cpuMs(many),
    unit: 'CPU ms',
    reference: { what: `CPU ms with ${few.segments.length}`, value: cpuMs(few) },
    ratio: cpuMs(many) / cpuMs(few),
    target: most === null ? null : { sense: '<=', value: most },
    detail: { aggregates: distinctAggregates(many.segments).length, perOrderCpuMs: perOrderCpuMs(many.pressed) },
  });
}

/** Not over HTTP: a running service compiles everything anew for each of 500. */
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
