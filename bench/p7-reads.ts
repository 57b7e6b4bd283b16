// P7: the segments of a customer, random ids, 64 connections, against a bare Fastify + pg route with one named statement over the same rows.
import { SeededRandom } from '../src/base/seeded-random.ts';
import type { Bench } from './bench.ts';
import { startChild } from './child.ts';
import { median } from './figure.ts';
import type { LoadOutcome } from './load-client.ts';
import { pressBeside, type Way } from './press-beside.ts';

const CLIENTS = 64;
const ROUNDS = 3;
const SECONDS = 4;
const WARM_UP_SECONDS = 2;
const MOST_PER_SECOND = 25_000;

export async function measureReads(bench: Bench): Promise<void> {
  const service = await bench.service();
  const { server, shop } = bench;
  const child = startChild('reference-server.ts');
  try {
    const { port } = await child.ask<{ port: number }>({ databaseUrl: server.urlOf(bench.strataDatabase) });
    const random = new SeededRandom(bench.seed + 29);
    const way = (name: string, place: Pick<Way, 'host' | 'port' | 'pid'>, prefix: string): Way => ({
      ...place,
      name,
      key: service.key,
      take: (count) =>
        Array.from({ length: count }, () => [
          'GET',
          `${prefix}/customers/${shop.customerId(random.integer(0, shop.size.customers - 1))}/segments`,
          '',
        ]),
      expected: '"segments":[',
    });
    const { hostname, port: servicePort } = new URL(service.url);
    const ways = [
      way('strata', { host: hostname, port: Number(servicePort), pid: service.pid }, '/v1'),
      way('reference', { host: '127.0.0.1', port, pid: child.pid }, ''),
    ] as const;
    const plan = { clients: CLIENTS, seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS, rounds: ROUNDS, mostPerSecond: MOST_PER_SECOND };
    const { strata, reference, detail } = await pressBeside(bench, 'the segments of a customer', ways, plan);
    const of = (outcomes: readonly LoadOutcome[], what: 'perSecond' | 'p99Ms') => median(outcomes.map((each) => each[what]));
    bench.report({
      id: 'P7',
      what: `segments of a customer, random ids, ${CLIENTS} connections`,
      value: of(strata, 'perSecond'),
      unit: 'requests/s',
      reference: { what: 'bare Fastify + pg, requests/s', value: of(reference, 'perSecond') },
      ratio: of(strata, 'perSecond') / of(reference, 'perSecond'),
      target: { sense: '>=', value: 1.2 },
      detail,
    });
    bench.report({
      id: 'P7-p99',
      what: 'p99 of it',
      value: of(strata, 'p99Ms'),
      unit: 'ms',
      reference: { what: 'bare Fastify + pg, ms', value: of(reference, 'p99Ms') },
      ratio: of(strata, 'p99Ms') / of(reference, 'p99Ms'),
      target: { sense: '<=', value: 1 },
      detail: {},
    });
  } finally {
    await child.stop();
  }
}
