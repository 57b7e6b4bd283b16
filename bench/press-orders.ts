// In charge of pressing the service with single orders, each answered with its customer's segments, and of what each costs.
import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import type { Bench } from './bench.ts';
import { median } from './figure.ts';
import type { LoadOutcome } from './load-client.ts';
import { pressService } from './press.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';
import { orderBody, type Shop } from './shop.ts';

const MOST_PER_SECOND = 8000;

export type Pressed = LoadOutcome & { readonly postgresSeconds: number; readonly serviceSeconds: number };

/** Fresh orders of the shop's buyers, placed now. */
export class Orders {
  readonly #shop: Shop;
  readonly #random: SeededRandom;
  readonly #name: string;
  #count = 0;

  /** `name`: the prefix of the orders' ids. */
  constructor(shop: Shop, seed: number, name: string) {
    this.#shop = shop;
    this.#random = new SeededRandom(seed + 7);
    this.#name = name;
  }

  take(count: number): [string, string, string][] {
    return Array.from({ length: count }, () => {
      this.#count += 1;
      const order = this.#shop.drawOrder(this.#random, `${this.#name}-${this.#count}`, systemClock.nowMs());
      return ['PUT', `/v1/orders/${order.id}`, JSON.stringify(orderBody(order, false, false))];
    });
  }
}

export async function pressOrders({ server }: Bench, service: Service, orders: Orders, clients: number, seconds: number): Promise<Pressed> {
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

export function perOrderCpuMs(strata: readonly Pressed[]): Readonly<Record<string, number>> {
  const per = (of: (each: Pressed) => number) => Number(median(strata.map((each) => (of(each) * 1000) / each.answered)).toFixed(3));
  return {
    postgres: per((each) => each.postgresSeconds),
    service: per((each) => each.serviceSeconds),
    client: per((each) => each.clientSeconds),
  };
}

/** The processor time of Postgres and the service, for each order. */
export function totalCpuMs({ postgresSeconds, serviceSeconds, answered }: Pressed): number {
  return ((postgresSeconds + serviceSeconds) * 1000) / answered;
}
