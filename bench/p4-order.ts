// P4: one order over HTTP, answered with all memberships of its customer right, against one insert of the same row and nothing more; and how its
// time grows with the shop.

import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { type Bench, openBench } from './bench.ts';
import { median } from './figure.ts';
import type { LoadOutcome } from './load-client.ts';
import { checkMembers } from './p2-full.ts';
import { type InsertOutcome, pressInserts, pressService } from './press.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';
import { orderBody, type Shop, type ShopSize, SIZES } from './shop.ts';

const ROUNDS = 3;
const SECONDS = 6;
const WARM_UP_SECONDS = 3;
const MOST_PER_SECOND = 8000;
const TARGETS: readonly (readonly [clients: number, ratio: number])[] = [
  [8, 0.35],
  [64, 0.8],
];

type Pressed = LoadOutcome & { readonly postgresSeconds: number; readonly serviceSeconds: number };
type Inserted = InsertOutcome & { readonly postgresSeconds: number };

export async function measureOrder(bench: Bench): Promise<void> {
  const small = SIZES['small'] as ShopSize;
  const smallP50Ms = bench.size.orders > small.orders ? await measureSmall(bench, small) : undefined;
  const service = await bench.service();
  await bench.reference();
  const orders = new Orders(bench.shop, bench.seed);
  bench.say('single orders: warming up');
  await press(bench, service, orders, 8, WARM_UP_SECONDS);
  await pressInserts(bench.server, bench.referenceDatabase, 8, 1);
  for (const [clients, target] of TARGETS) {
    const strata: Pressed[] = [];
    const inserts: Inserted[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      bench.say(`single orders: ${clients} clients, round ${round} of ${ROUNDS}`);
      strata.push(await press(bench, service, orders, clients, SECONDS));
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
    if (clients === 8 && smallP50Ms !== undefined) {
      const p50Ms = median(strata.map((each) => each.p50Ms));
      bench.report({
        id: 'P4g',
        what: `p50 of one order, 8 clients, ${bench.size.customers} customers`,
        value: p50Ms,
        unit: 'ms',
        reference: { what: `ms at ${small.customers} customers`, value: smallP50Ms },
        ratio: p50Ms / smallP50Ms,
        target: { sense: '<=', value: 1.3 },
        detail: {},
      });
    }
  }
  await checkMembers(bench);
}

/** The same on a shop of 10,000 customers, with a service and databases of its own. → p50 in ms */
async function measureSmall(bench: Bench, size: ShopSize): Promise<number> {
  bench.say('single orders in a small shop');
  const small = openBench({ ...bench, size, databases: 'small' });
  try {
    const service = await small.service();
    const orders = new Orders(small.shop, bench.seed);
    await press(small, service, orders, 8, WARM_UP_SECONDS);
    const p50s: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) p50s.push((await press(small, service, orders, 8, SECONDS)).p50Ms);
    return median(p50s);
  } finally {
    await small.close();
  }
}

/** Fresh orders of the shop's buyers, placed now. */
class Orders {
  readonly #shop: Shop;
  readonly #random: SeededRandom;
  #count = 0;

  constructor(shop: Shop, seed: number) {
    this.#shop = shop;
    this.#random = new SeededRandom(seed + 7);
  }

  take(count: number): [string, string, string][] {
    return Array.from({ length: count }, () => {
      this.#count += 1;
      const order = this.#shop.drawOrder(this.#random, `single-${this.#count}`, systemClock.nowMs());
      return ['PUT', `/v1/orders/${order.id}`, JSON.stringify(orderBody(order, false, false))];
    });
  }
}

async function press({ server }: Bench, service: Service, orders: Orders, clients: number, seconds: number): Promise<Pressed> {
  const { hostname, port } = new URL(service.url);
  const requests = orders.take(MOST_PER_SECOND * seconds);
  const before = [server.cpuSeconds(), processSeconds(service.pid)] as const;
  const outcome = await pressService({ host: hostname, port: Number(port), key: service.key, clients, seconds, requests });
  if (!outcome.sample.includes('"segments"')) throw new Error(`an answer without segments: ${outcome.sample}`);
  return {
    ...outcome,
    postgresSeconds: Number((server.cpuSeconds() - before[0]).toFixed(2)),
    serviceSeconds: Number((processSeconds(service.pid) - before[1]).toFixed(2)),
  };
}

async function insert({ server, referenceDatabase }: Bench, clients: number): Promise<Inserted> {
  const before = server.cpuSeconds();
  const outcome = await pressInserts(server, referenceDatabase, clients, SECONDS);
  return { ...outcome, postgresSeconds: Number((server.cpuSeconds() - before).toFixed(2)) };
}

function perOrderCpuMs(strata: readonly Pressed[]): Readonly<Record<string, number>> {
  const per = (of: (each: Pressed) => number) => Number(median(strata.map((each) => (of(each) * 1000) / each.answered)).toFixed(3));
  return {
    postgres: per((each) => each.postgresSeconds),
    service: per((each) => each.serviceSeconds),
    client: per((each) => each.clientSeconds),
  };
}

function withoutSample({ sample, firstRefusal, ...rest }: Pressed): object {
  return rest;
}
