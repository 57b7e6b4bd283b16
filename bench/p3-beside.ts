// P3b: how long single writes take while a segment that most customers enter is being built, against the same writes with nothing else going on;
// and how long reasons take. Not of how long the publish takes.
import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { type Bench, drainOutbox } from './bench.ts';
import { median } from './figure.ts';
import type { LoadOutcome } from './load-client.ts';
import { waitForRuns } from './p2-full.ts';
import { pressService } from './press.ts';
import type { Service } from './service.ts';
import { orderBody } from './shop.ts';

const CLIENTS = 4;
/** Four clients that rest send some eighty orders a second: a shop's day, not all that the machine can do, which a run could only halve. */
const REST_MS = 40;
const SECONDS = 8;
const WARM_UP_SECONDS = 2;
const ROUNDS = 2;
const MOST_PER_SECOND = 2000;
/** Nearly every buyer enters. */
const BIG_RULE = 'count(orders in the last 700 days) >= 1';
const EXPLAIN_SECONDS = 5;

export async function measureBeside(bench: Bench): Promise<void> {
  const service = await bench.service();
  const writes = new Writes(bench);
  bench.say('single orders beside a publish: warming up');
  await writes.press(service, WARM_UP_SECONDS);
  const alone: LoadOutcome[] = [];
  const beside: LoadOutcome[] = [];
  let published = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    bench.say(`single orders alone, round ${round} of ${ROUNDS}`);
    alone.push(await writes.press(service, SECONDS));
    bench.say(`single orders beside a publish, round ${round} of ${ROUNDS}`);
    const stopping = new AbortController();
    const pressed = writes.press(service, SECONDS).finally(() => stopping.abort());
    const [outcome, count] = await Promise.all([pressed, publishAgain(bench, service, round, stopping.signal)]);
    beside.push(outcome);
    published += count;
    await drainOutbox(bench.server, bench.strataDatabase);
  }
  const of = (outcomes: readonly LoadOutcome[], what: 'p50Ms' | 'p95Ms' | 'p99Ms' | 'perSecond') =>
    median(outcomes.map((each) => each[what]));
  for (const what of ['p50Ms', 'p99Ms'] as const) {
    const name = what.slice(0, 3);
    bench.report({
      id: what === 'p50Ms' ? 'P3b' : 'P3b-p99',
      what: `${name} of one order beside a publish, ${CLIENTS} clients`,
      value: of(beside, what),
      unit: 'ms',
      reference: { what: 'ms with nothing beside', value: of(alone, what) },
      ratio: of(beside, what) / of(alone, what),
      target: { sense: '<=', value: 2 }, // meanwhile the run has one of the two processors
      detail: {
        published,
        perSecond: { alone: of(alone, 'perSecond'), beside: of(beside, 'perSecond') },
        p95Ms: { alone: of(alone, 'p95Ms'), beside: of(beside, 'p95Ms') },
      },
    });
  }
  await measureReasons(bench, service);
}

/** Publishes a new segment again and again, each when the last is built, and archives them at the end. → how many */
async function publishAgain(bench: Bench, service: Service, round: number, signal: AbortSignal): Promise<number> {
  const keys: string[] = [];
  const client = await bench.server.connect(bench.strataDatabase);
  try {
    while (!signal.aborted) {
      const key = `beside-${round}-${keys.length}`;
      await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule: BIG_RULE, publish: true });
      await waitForRuns(client);
      keys.push(key);
    }
    for (const key of keys) await service.call('DELETE', `/v1/segments/${key}`);
    await waitForRuns(client);
  } finally {
    await client.end();
  }
  return keys.length;
}

/** Fresh orders of the shop's buyers, placed now. */
class Writes {
  readonly #bench: Bench;
  readonly #random: SeededRandom;
  #count = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#random = new SeededRandom(bench.seed + 19);
  }

  press(service: Service, seconds: number): Promise<LoadOutcome> {
    const requests = Array.from({ length: MOST_PER_SECOND * seconds }, (): [string, string, string] => {
      this.#count += 1;
      const order = this.#bench.shop.drawOrder(this.#random, `beside-${this.#count}`, systemClock.nowMs());
      return ['PUT', `/v1/orders/${order.id}`, JSON.stringify(orderBody(order, false, false))];
    });
    return pressService({ ...placeOf(service), clients: CLIENTS, seconds, requests, restMs: REST_MS });
  }
}

async function measureReasons(bench: Bench, service: Service): Promise<void> {
  bench.say('reasons');
  const random = new SeededRandom(bench.seed + 23);
  const requests = Array.from({ length: MOST_PER_SECOND * EXPLAIN_SECONDS }, (): [string, string, string] => {
    const customer = bench.shop.customerId(bench.shop.drawBuyer(random));
    const { key } = random.pick(bench.segments);
    return ['GET', `/v1/customers/${customer}/segments/${key}/explanation`, ''];
  });
  const { p50Ms, p95Ms, p99Ms, perSecond } = await pressService({
    ...placeOf(service),
    clients: CLIENTS,
    seconds: EXPLAIN_SECONDS,
    requests,
  });
  bench.report({
    id: 'P3e',
    what: `p99 of one explanation, ${CLIENTS} clients`,
    value: p99Ms,
    unit: 'ms',
    reference: null,
    ratio: null,
    target: null,
    detail: { p50Ms, p95Ms, perSecond },
  });
}

function placeOf({ url, key }: Service) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), key };
}
