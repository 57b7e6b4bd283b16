// P6: what it costs when only the clock moves: customers whose look is due compared with customers of a batch that was written, an idle tick in
// a small and a large shop, and catching up after a standstill while customers are read. It runs the service's own parts in this process, on a
// clock that it moves, on the shop that all other figures used before: so it is the last of a run. How late looks come: p6-lateness.ts.
import { pino } from 'pino';
import { type Clock, systemClock } from '../src/base/clock.ts';
import { SeededRandom } from '../src/base/seeded-random.ts';
import { openDatabase } from '../src/db/database.ts';
import { NO_FACTS, type OrderFact } from '../src/ingest/facts.ts';
import { evaluateDue, nextDueMs } from '../src/membership/due.ts';
import { runOpenRuns } from '../src/membership/full-run.ts';
import { openStrata } from '../src/open-strata.ts';
import { readSegments, type Strata, write } from '../src/pipeline.ts';
import { createSegment } from '../src/segments/create-segment.ts';
import { declareField } from '../src/segments/declare-field.ts';
import type { Bench } from './bench.ts';
import { median, short } from './figure.ts';
import { loadShop, settle } from './server.ts';
import { type BenchOrder, Shop, type ShopSize, SIZES } from './shop.ts';

const DAY_MS = 86_400_000;
const BATCH = 1000;
const BATCHES = 12;
const WARM_UP_BATCHES = 3;
const TICKS = 3000;
const DOWN_DAYS = 3;
/** How often a customer is read while the service catches up. */
const READ_EVERY_MS = 20;
const WARM_UP_DUE_MS = 3_600_000;

export async function measureDue(bench: Bench): Promise<void> {
  const small = SIZES['small'] as ShopSize;
  const smallTickMs = bench.size.customers > small.customers ? await smallTickCpuMs(bench, small) : undefined;
  await bench.takeShop();
  await onStillShop(bench, bench.strataDatabase, bench.shop, async (still) => {
    const tickMs = await tickCpuMs(still);
    if (smallTickMs === undefined)
      bench.leaveOut('P6i', `there is no shop smaller than one of ${bench.size.customers} customers to compare with`);
    else reportTick(bench, tickMs, smallTickMs);
    const touchedMs = await touchedCpuMs(still);
    await measureCatchUp(bench, still, touchedMs);
  });
}

async function smallTickCpuMs(bench: Bench, size: ShopSize): Promise<number> {
  const name = `due_${size.customers}`;
  const shop = new Shop(size, bench.seed, bench.shop.anchorMs);
  bench.say(`the clock: loading ${size.customers} customers`);
  await bench.server.createMigrated(name);
  await loadShop(bench.server, name, shop);
  await settle(bench.server, name);
  try {
    return await onStillShop(bench, name, shop, async (still) => {
      await buildSegments(still);
      return tickCpuMs(still);
    });
  } finally {
    await bench.server.dropDatabase(name);
  }
}

/** A Strata in which nothing happens in the background, on a clock that stands until it is moved. */
interface StillStrata {
  readonly bench: Bench;
  readonly shop: Shop;
  readonly strata: Strata;
  /** when the clock began to stand */
  readonly startMs: number;
  moveTo(atMs: number): void;
}

async function onStillShop<Value>(bench: Bench, name: string, shop: Shop, work: (still: StillStrata) => Promise<Value>): Promise<Value> {
  const database = openDatabase(bench.server.urlOf(name));
  const startMs = systemClock.nowMs();
  let nowMs = startMs;
  const clock: Clock = { nowMs: () => nowMs, fixedMs: () => nowMs, sleep: systemClock.sleep };
  const settings = { cluster: 'bench', timeZone: 'UTC', currency: 'USD', secretKey: 'b'.repeat(32) };
  const strata = await openStrata({ ...settings, database, clock, log: pino({ level: 'silent' }), background: false });
  const moveTo = (atMs: number) => {
    nowMs = atMs;
  };
  try {
    return await work({ bench, shop, strata, startMs, moveTo });
  } finally {
    await strata.close();
    await database.close();
  }
}

async function buildSegments({ bench, strata }: StillStrata): Promise<void> {
  const { database, clock } = strata;
  await declareField(database, clock, { event: null, name: 'tier', type: 'string' });
  await declareField(database, clock, { event: null, name: 'visits', type: 'number' });
  for (const { key, rule } of bench.segments) {
    await createSegment(database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
  }
  await strata.programs.reload();
  while (await runOpenRuns(strata, new AbortController().signal));
  await database.query({ text: 'truncate outbox' }); // nobody publishes a feed here
  await settle(bench.server, new URL(database.url).pathname.slice(1));
}

interface Cpu {
  readonly postgresMs: number;
  readonly serviceMs: number;
}

function startCpu({ bench }: StillStrata): () => Cpu {
  const postgres = bench.server.cpuSeconds();
  const own = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(own);
    return { postgresMs: (bench.server.cpuSeconds() - postgres) * 1000, serviceMs: (user + system) / 1000 };
  };
}

const perCustomer = ({ postgresMs, serviceMs }: Cpu, customers: number) => ({
  postgres: short(postgresMs / customers),
  service: short(serviceMs / customers),
});

function fail(error: unknown): never {
  throw error;
}

/** What it costs to look when nobody is due. */
async function tickCpuMs(still: StillStrata): Promise<number> {
  const { strata, bench } = still;
  bench.say(`the clock: ${TICKS} idle ticks`);
  for (let tick = 0; tick < 100; tick += 1) await evaluateDue(strata, { onFailure: fail });
  const spent = startCpu(still);
  for (let tick = 0; tick < TICKS; tick += 1) {
    const { customers } = await evaluateDue(strata, { onFailure: fail });
    if (customers > 0) throw new Error('somebody was due in an idle tick');
    await nextDueMs(strata.database);
  }
  const { postgresMs, serviceMs } = spent();
  return (postgresMs + serviceMs) / TICKS;
}

function reportTick(bench: Bench, tickMs: number, smallTickMs: number): void {
  bench.report({
    id: 'P6i',
    what: `an idle tick, ${bench.size.customers} customers`,
    value: tickMs,
    unit: 'CPU ms',
    reference: { what: 'the same in the small shop', value: smallTickMs },
    ratio: tickMs / smallTickMs,
    target: { sense: '<=', value: 1.3 },
    detail: { ticks: TICKS },
  });
}

/** Batches of written orders: the CPU time of Postgres and service for each customer that they touch. */
async function touchedCpuMs(still: StillStrata): Promise<Cpu> {
  const { bench, shop, strata, startMs } = still;
  bench.say(`the clock: ${BATCHES} written batches`);
  const random = new SeededRandom(bench.seed + 13);
  const costs: Cpu[] = [];
  for (let batch = 0; batch < BATCHES + WARM_UP_BATCHES; batch += 1) {
    const orders = Array.from({ length: BATCH }, (_, index) => factOf(shop.drawOrder(random, `due-${batch}-${index}`, startMs)));
    const spent = startCpu(still);
    await write(strata, { ...NO_FACTS, orders });
    const { postgresMs, serviceMs } = spent();
    const customers = new Set(orders.map((order) => order.customerKey)).size;
    if (batch >= WARM_UP_BATCHES) costs.push({ postgresMs: postgresMs / customers, serviceMs: serviceMs / customers });
  }
  return { postgresMs: median(costs.map((cost) => cost.postgresMs)), serviceMs: median(costs.map((cost) => cost.serviceMs)) };
}

function factOf(order: BenchOrder): OrderFact {
  const scaled = (hundredths: number) => String(hundredths * 100);
  return {
    id: order.id,
    customerId: order.customerId,
    customerKey: order.customerKey,
    status: order.status,
    channel: order.channel,
    currency: 'USD',
    total: scaled(order.totalCents),
    discount: scaled(order.discountCents),
    coupons: order.coupon === null ? [] : [order.coupon],
    itemCount: String(order.items.reduce((sum, item) => sum + item.quantity, 0) * 10_000),
    placedAtMs: order.placedAtMs,
    exchangeRate: null,
    items: order.items.map(({ productId, category, brand, quantity, unitPriceCents }) => ({
      productId,
      sku: null,
      name: null,
      category,
      brand,
      quantity: String(quantity * 10_000),
      unitPrice: scaled(unitPriceCents),
    })),
  };
}

/** The clock jumps days ahead; everybody who fell due meanwhile is looked at, while customers are read. */
async function measureCatchUp(bench: Bench, still: StillStrata, touched: Cpu): Promise<void> {
  const { startMs: stoodMs, strata } = still;
  still.moveTo(stoodMs + WARM_UP_DUE_MS);
  await catchUp(strata);
  const ordersEach = await countOrdersOfDue(still);
  bench.say(`the clock: catching up ${DOWN_DAYS} days`);
  still.moveTo(stoodMs + DOWN_DAYS * DAY_MS);
  const stopping = new AbortController();
  const reading = readMeanwhile(still, stopping.signal);
  const spent = startCpu(still);
  const startMs = performance.now();
  const { customers, changes } = await catchUp(strata);
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = spent();
  stopping.abort();
  const readsMs = (await reading).sort((a, b) => a - b);
  const dueMs = (cpu.postgresMs + cpu.serviceMs) / customers;
  const touchedMs = touched.postgresMs + touched.serviceMs;
  const detail = { customers, changes, ordersEach, cpuMsEach: perCustomer(cpu, customers) };
  bench.report({
    id: 'P6',
    what: 'a customer whose look is due',
    value: dueMs,
    unit: 'CPU ms',
    reference: { what: `a customer of a batch of ${BATCH} written orders`, value: touchedMs },
    ratio: dueMs / touchedMs,
    target: { sense: '<=', value: 2 },
    detail: { ...detail, touchedCpuMsEach: perCustomer(touched, 1) },
  });
  const at = (share: number) => short(readsMs[Math.floor(readsMs.length * share)] ?? 0);
  bench.report({
    id: 'P6c',
    what: `catching up ${DOWN_DAYS} days while customers are read`,
    value: customers / seconds,
    unit: 'customers/s',
    reference: null,
    ratio: null,
    target: { sense: '>=', value: 10_000 },
    detail: { ...detail, seconds: short(seconds), reads: readsMs.length, readP50Ms: at(0.5), readP99Ms: at(0.99) },
  });
}

/**
 * How many orders customers have who fall due while the service stands still, and customers in general. Whoever has more orders is due more
 * often: each order leaves each window once. At S they have 19 where customers in general have 10, and it is like that in any shop in which some
 * buy more than others: a backlog of customers with as many orders as everybody would be easier, and does not exist.
 */
async function countOrdersOfDue({ startMs, strata }: StillStrata): Promise<{ readonly due: number; readonly all: number }> {
  const [row] = await strata.database.query<{ due: number; all: number }>({
    text: `
      select
        (
          select avg(o.orders)::float8
          from rechecks as r
          cross join lateral (select count(*) as orders from orders as s where s.customer_id = r.customer_id) as o
          where r.due_at <= $1::timestamptz
        ) as due,
        (select count(*) from orders)::float8 / (select count(*) from customers) as all`,
    values: [new Date(startMs + DOWN_DAYS * DAY_MS).toISOString()],
  });
  return { due: short(row?.due ?? 0), all: short(row?.all ?? 0) };
}

async function catchUp(strata: Strata): Promise<{ readonly customers: number; readonly changes: number }> {
  let customers = 0;
  let changes = 0;
  for (;;) {
    const report = await evaluateDue(strata, { onFailure: fail });
    if (report.customers === 0) return { customers, changes };
    customers += report.customers;
    changes += report.changes;
  }
}

/** → how long each read of one customer took, in ms */
async function readMeanwhile({ bench, shop, strata }: StillStrata, signal: AbortSignal): Promise<number[]> {
  const random = new SeededRandom(bench.seed + 17);
  const durations: number[] = [];
  while (!signal.aborted) {
    const startMs = performance.now();
    await readSegments(strata, shop.customerKey(shop.drawBuyer(random)));
    durations.push(performance.now() - startMs);
    await systemClock.sleep(READ_EVERY_MS, signal);
  }
  return durations;
}
