// P5: a batch of 1,000 orders, answered with all memberships right, against inserting the same facts and nothing more.
import type pg from 'pg';
import { systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { type Bench, drainOutbox } from './bench.ts';
import { median } from './figure.ts';
import { checkMembers } from './p2-full.ts';
import { processSeconds } from './processes.ts';
import { type BenchOrder, orderBody } from './shop.ts';

const BATCH = 1000;
const ROUNDS = 20;
const WARM_UP_ROUNDS = 3;

interface Cost {
  readonly ms: number;
  readonly postgresSeconds: number;
  readonly serviceSeconds: number;
}

export async function measureBatch(bench: Bench): Promise<void> {
  const service = await bench.service();
  await bench.reference();
  const { server, shop } = bench;
  await drainOutbox(server, bench.strataDatabase);
  const client = await server.connect(bench.referenceDatabase);
  const random = new SeededRandom(bench.seed + 11);
  const strata: Cost[] = [];
  const inserts: Cost[] = [];
  const cost = async (work: () => Promise<unknown>): Promise<Cost> => {
    const before = [server.cpuSeconds(), processSeconds(service.pid)] as const;
    const startMs = performance.now();
    await work();
    const ms = performance.now() - startMs;
    return { ms, postgresSeconds: server.cpuSeconds() - before[0], serviceSeconds: processSeconds(service.pid) - before[1] };
  };
  bench.say(`batches of ${BATCH} orders`);
  let changes = 0;
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
    const orders = Array.from({ length: BATCH }, (_, index) => shop.drawOrder(random, `batch-${round}-${index}`, systemClock.nowMs()));
    const body = { data: orders.map((order) => orderBody(order, true, true)) };
    const own = await cost(async () => {
      const answer = await service.call('POST', '/v1/orders', body);
      if (answer['accepted'] !== BATCH) throw new Error(`the batch was not taken: ${JSON.stringify(answer).slice(0, 1000)}`);
      changes += Number(answer['changes']);
    });
    const reference = await cost(() => insertFacts(client, orders));
    if (round < WARM_UP_ROUNDS) continue;
    strata.push(own);
    inserts.push(reference);
  }
  await client.end();
  const mid = (of: readonly Cost[], what: keyof Cost) => median(of.map((each) => each[what]));
  const total = (of: readonly Cost[], what: keyof Cost) => Number((of.reduce((sum, each) => sum + each[what], 0) / of.length).toFixed(4));
  bench.report({
    id: 'P5',
    what: `batch of ${BATCH} orders over HTTP, 50 segments`,
    value: mid(strata, 'ms'),
    unit: 'ms',
    reference: { what: 'the same inserts alone, ms', value: mid(inserts, 'ms') },
    ratio: mid(strata, 'ms') / mid(inserts, 'ms'),
    target: { sense: '<=', value: 6 },
    detail: {
      changesPerBatch: Math.round(changes / (ROUNDS + WARM_UP_ROUNDS)),
      strataCpuSeconds: { postgres: total(strata, 'postgresSeconds'), service: total(strata, 'serviceSeconds') },
      insertCpuSeconds: { postgres: total(inserts, 'postgresSeconds') },
      ms: strata.map(({ ms }) => Math.round(ms)),
      insertMs: inserts.map(({ ms }) => Math.round(ms)),
    },
  });
  await checkMembers(bench);
}

/** Owners, orders and items, each in one statement, in one transaction: what anybody would have to write. */
async function insertFacts(client: pg.Client, orders: readonly BenchOrder[]): Promise<void> {
  const owners = orders.map(({ id, customerKey }) => ({ order_id: id, customer_id: customerKey }));
  const rows = orders.map((order) => ({
    customer_id: order.customerKey,
    id: order.id,
    status: order.status,
    channel: order.channel,
    currency: 'USD',
    total: order.totalCents * 100,
    discount: order.discountCents * 100,
    coupons: order.coupon === null ? [] : [order.coupon],
    item_count: order.items.reduce((sum, item) => sum + item.quantity, 0) * 10_000,
    placed_at: new Date(order.placedAtMs).toISOString(),
  }));
  const items = orders.flatMap((order) =>
    order.items.map((item, index) => ({
      customer_id: order.customerKey,
      order_id: order.id,
      line: index + 1,
      status: order.status,
      channel: order.channel,
      placed_at: new Date(order.placedAtMs).toISOString(),
      product_id: item.productId,
      category: item.category,
      brand: item.brand,
      quantity: item.quantity * 10_000,
      unit_price: item.unitPriceCents * 100,
    })),
  );
  await client.query('begin');
  for (const [table, given] of [
    ['order_owners', owners],
    ['orders', rows],
    ['order_items', items],
  ] as const) {
    const columns = Object.keys(given[0] as object).join(', ');
    const text = `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`;
    await client.query({ name: `insert_${table}`, text, values: [JSON.stringify(given)] });
  }
  await client.query('commit');
}
