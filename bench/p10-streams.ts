// P10s: the feed as server-sent events to many readers at once: how many changes times readers the service sends per second of processor time.
// The same batches are written with and without readers; what the readers cost is the difference. Without a target.
import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { type Bench, drainOutbox } from './bench.ts';
import { type Child, startChild } from './child.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';
import { orderBody } from './shop.ts';
import type { ReadersQuestion } from './stream-readers.ts';

const READERS = 200;
const BATCHES = 8;
const BATCH = 1000;
const LOOK_MS = 20;
const PATIENCE_MS = 30_000;

export async function measureStreams(bench: Bench): Promise<void> {
  const service = await bench.service();
  const batches = new Batches(bench, service);
  bench.say('streams: warming up');
  await batches.write(2);
  bench.say('streams: batches without readers');
  const alone = await cost(bench, service, () => batches.write(BATCHES));
  const readers = startChild('stream-readers.ts');
  try {
    const { hostname, port } = new URL(service.url);
    const ask = <Answer>(question: ReadersQuestion) => readers.ask<Answer>(question);
    await ask({ kind: 'open', host: hostname, port: Number(port), key: service.key, connections: READERS });
    bench.say(`streams: batches with ${READERS} readers`);
    const read = await cost(bench, service, async () => {
      const changes = await batches.write(BATCHES);
      await waitUntilReceived(readers, changes * READERS);
      return changes;
    });
    const sent = read.changes * READERS;
    const extraSeconds = read.serviceSeconds - (alone.serviceSeconds * read.changes) / alone.changes;
    bench.report({
      id: 'P10s',
      what: `changes × ${READERS} readers of server-sent events, a second of the service's processor`,
      value: sent / Math.max(extraSeconds, 0.01),
      unit: 'events/CPU s',
      reference: null,
      ratio: null,
      target: null,
      detail: { sent, extraSeconds: Number(extraSeconds.toFixed(2)), alone, read, readerSeconds: processSeconds(readers.pid) },
    });
  } finally {
    await readers.stop();
  }
}

class Batches {
  readonly #bench: Bench;
  readonly #service: Service;
  readonly #random: SeededRandom;
  #count = 0;

  constructor(bench: Bench, service: Service) {
    this.#bench = bench;
    this.#service = service;
    this.#random = new SeededRandom(bench.seed + 41);
  }

  /** Waits until they are in the feed. → changes */
  async write(batches: number): Promise<number> {
    let changes = 0;
    for (let batch = 0; batch < batches; batch += 1) {
      const orders = Array.from({ length: BATCH }, () => {
        this.#count += 1;
        return this.#bench.shop.drawOrder(this.#random, `streamed-${this.#count}`, systemClock.nowMs());
      });
      const answer = await this.#service.call('POST', '/v1/orders', { data: orders.map((order) => orderBody(order, true, false)) });
      changes += Number(answer['changes']);
    }
    await drainOutbox(this.#bench.server, this.#bench.strataDatabase);
    return changes;
  }
}

interface Cost {
  readonly changes: number;
  readonly serviceSeconds: number;
  readonly postgresSeconds: number;
}

async function cost({ server }: Bench, service: Service, work: () => Promise<number>): Promise<Cost> {
  const before = [processSeconds(service.pid), server.cpuSeconds()] as const;
  const changes = await work();
  if (changes === 0) throw new Error('the batches changed nothing');
  return {
    changes,
    serviceSeconds: Number((processSeconds(service.pid) - before[0]).toFixed(2)),
    postgresSeconds: Number((server.cpuSeconds() - before[1]).toFixed(2)),
  };
}

async function waitUntilReceived(readers: Child, expected: number): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { received } = await readers.ask<{ received: number }>({ kind: 'count' } satisfies ReadersQuestion);
    if (received === expected) return;
    if (received > expected || performance.now() > untilMs) throw new Error(`${received} of ${expected} events came`);
    await systemClock.sleep(LOOK_MS);
  }
}
