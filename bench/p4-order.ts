// P4: one order over HTTP, answered with all memberships of its customer right, against one insert of the same row and nothing more; and how its
// time grows with the shop.

import { type Bench, openBench } from './bench.ts';
import { median } from './figure.ts';
import { checkMembers } from './p2-full.ts';
import { type InsertOutcome, pressInserts } from './press.ts';
import { Orders, type Pressed, perOrderCpuMs, pressOrders, totalCpuMs } from './press-orders.ts';
import { type ShopSize, SIZES } from './shop.ts';

const ROUNDS = 3;
const SECONDS = 5;
const WARM_UP_SECONDS = 3;
const GROWTH_CLIENTS = 8;
const MOST_GROWTH = 1.3;
const TARGETS: readonly (readonly [clients: number, ratio: number])[] = [
  [8, 0.35],
  [64, 0.8],
];

type Inserted = InsertOutcome & { readonly postgresSeconds: number };

export async function measureOrder(bench: Bench): Promise<void> {
  const sizes = [SIZES['small'] as ShopSize, SIZES['S'] as ShopSize].filter((size) => size.customers < bench.size.customers);
  if (sizes.length === 0)
    bench.leaveOut('P4g, P4c', `there is no shop smaller than one of ${bench.size.customers} customers to compare with`);
  const smaller: Smaller[] = [];
  for (const size of sizes) smaller.push(await openSmaller(bench, size));
  const service = await bench.service();
  await bench.reference();
  const orders = new Orders(bench.shop, bench.seed, 'single');
  bench.say('single orders: warming up');
  await pressOrders(bench, service, orders, 8, WARM_UP_SECONDS);
  await pressInserts(bench.server, bench.referenceDatabase, 8, 1);
  for (const [clients, target] of TARGETS) {
    const strata: Pressed[] = [];
    const inserts: Inserted[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      bench.say(`single orders: ${clients} clients, round ${round} of ${ROUNDS}`);
      strata.push(await pressOrders(bench, service, orders, clients, SECONDS));
      if (clients === GROWTH_CLIENTS) for (const shop of smaller) await shop.press();
      inserts.push(await insert(bench, clients));
    }
    const perSecond = median(strata.map((each) => each.perSecond));
    const reference = median(inserts.map((each) => each.perSecond));
    bench.report({
      id: `P4-${clients}`,
      what: `one order over HTTP, ${clients} clients`,
      value: perSecond,
      unit: 'orders/s',
      reference: { what: `plain insert by ${inserts[0]?.with}, tps`, value: reference },
      ratio: perSecond / reference,
      target: { sense: '>=', value: target },
      detail: {
        perOrderCpuMs: perOrderCpuMs(strata),
        strata: strata.map(withoutSample),
        inserts,
        answer: (strata[0] as Pressed).sample.slice(0, 600),
      },
    });
    if (clients !== GROWTH_CLIENTS) continue;
    const costs: OrderCost[] = [];
    for (const shop of smaller) costs.push(await shop.close());
    reportGrowth(bench, costs, costOf(bench.size, strata));
  }
  await checkMembers(bench);
}

interface OrderCost {
  readonly customers: number;
  readonly p50Ms: number;
  readonly cpuMs: number;
}

function costOf({ customers }: ShopSize, pressed: readonly Pressed[]): OrderCost {
  return { customers, p50Ms: median(pressed.map((each) => each.p50Ms)), cpuMs: median(pressed.map(totalCpuMs)) };
}

/** The law: an order costs the same whatever the shop's size. */
function reportGrowth(bench: Bench, smaller: readonly OrderCost[], own: OrderCost): void {
  for (const cost of smaller) {
    const growth = (id: string, what: string, unit: string, of: 'p50Ms' | 'cpuMs') =>
      bench.report({
        id,
        what: `${what} of one order, ${GROWTH_CLIENTS} clients, ${own.customers} customers`,
        value: own[of],
        unit,
        reference: { what: `${unit} at ${cost.customers} customers`, value: cost[of] },
        ratio: own[of] / cost[of],
        target: { sense: '<=', value: MOST_GROWTH },
        detail: {},
      });
    growth('P4g', 'p50', 'ms', 'p50Ms');
    growth('P4c', 'processor time', 'CPU ms', 'cpuMs');
  }
}

interface Smaller {
  press(): Promise<void>;
  close(): Promise<OrderCost>;
}

/** The same on a smaller shop, with a service and databases of its own, to be pressed in turns with the other. */
async function openSmaller(bench: Bench, size: ShopSize): Promise<Smaller> {
  bench.say(`single orders in a shop of ${size.customers} customers`);
  const small = openBench({ ...bench, size, databases: `smaller_${size.customers}` });
  const service = await small.service();
  const orders = new Orders(small.shop, bench.seed, 'single');
  await pressOrders(small, service, orders, GROWTH_CLIENTS, WARM_UP_SECONDS);
  const pressed: Pressed[] = [];
  return {
    press: async () => {
      pressed.push(await pressOrders(small, service, orders, GROWTH_CLIENTS, SECONDS));
    },
    close: async () => {
      await small.close();
      await bench.server.dropDatabase(small.strataDatabase);
      return costOf(size, pressed);
    },
  };
}

async function insert({ server, referenceDatabase }: Bench, clients: number): Promise<Inserted> {
  const before = server.cpuSeconds();
  const outcome = await pressInserts(server, referenceDatabase, clients, SECONDS);
  return { ...outcome, postgresSeconds: Number((server.cpuSeconds() - before).toFixed(2)) };
}

function withoutSample({ sample, firstRefusal, ...rest }: Pressed): object {
  return rest;
}
