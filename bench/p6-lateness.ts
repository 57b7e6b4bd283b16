// P6l: how late looks come in the service as people start it, at 1,000 flips a second: customers each with one order, which leaves its window at
// an instant of its own. In a separate database, the same at every size. What looks cost: p6-due.ts.
import type pg from 'pg';
import { systemClock } from '../src/base/clock.ts';
import { type Bench, startBenchService } from './bench.ts';
import { short } from './figure.ts';
import { settle } from './server.ts';
import { defineSegments } from './service.ts';

const FLIPS_PER_SECOND = 1000;
const FLIP_SECONDS = 10;
/** The time until the first flip, for building the segment. */
const LEAD_MS = 8_000;
const DAY_MS = 86_400_000;
const WINDOW_DAYS = 7;
/** How long after the last flip it may take until all are in the feed: on a busy machine they are late, which is what is measured. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;

export async function measureLateness(bench: Bench): Promise<void> {
  const { server, say } = bench;
  const name = 'lateness';
  say(`the clock: ${FLIPS_PER_SECOND} flips a second`);
  await server.createMigrated(name);
  const service = await startBenchService(server, name);
  const client = await server.connect(name);
  try {
    const firstMs = systemClock.nowMs() + LEAD_MS;
    const count = FLIPS_PER_SECOND * FLIP_SECONDS;
    await client.query(
      `insert into customers (id, external_id, revision, created_at)
       select n, 'flip-' || n, 1, $1::timestamptz from generate_series(1, ${count}) as n`,
      [new Date(firstMs - 400 * DAY_MS)],
    );
    await client.query(
      `insert into orders (customer_id, id, status, currency, total, placed_at)
       select n, 'flip-' || n, 'paid', 'USD', 100000, $1::timestamptz + n * interval '1 millisecond' from generate_series(1, ${count}) as n`,
      [new Date(firstMs - WINDOW_DAYS * DAY_MS)],
    );
    await settle(server, name);
    await defineSegments(service, [{ key: 'recent', rule: `count(orders in the last ${WINDOW_DAYS} days) >= 1` }]);
    if (systemClock.nowMs() >= firstMs) throw new Error('the segment was built only after the first flip');
    const lastMs = firstMs + FLIP_SECONDS * 1000;
    await systemClock.sleep(lastMs - systemClock.nowMs());
    while (systemClock.nowMs() < lastMs + PATIENCE_MS && (await countFlips(client)) < count) await systemClock.sleep(LOOK_MS);
    const { rows } = await client.query<{ flips: number; p50: number; p99: number; most: number }>(
      `select count(*)::integer as flips,
         percentile_cont(0.5) within group (order by f.late) as p50,
         percentile_cont(0.99) within group (order by f.late) as p99,
         max(f.late) as most
       from (
         select extract(epoch from x.at - o.placed_at - interval '${WINDOW_DAYS * 24} hours')::double precision as late
         from changes as x
         join orders as o on o.customer_id = x.customer_id
         where x.type = 'exited' and x.cause = 'time'
       ) as f`,
    );
    const [late] = rows;
    if (late === undefined || late.flips !== count) throw new Error(`${late?.flips} of ${count} flips are in the feed`);
    bench.report({
      id: 'P6l',
      what: `p99 of how late a look is, ${FLIPS_PER_SECOND} flips/s`,
      value: late.p99,
      unit: 's',
      reference: null,
      ratio: null,
      target: { sense: '<=', value: 1 },
      detail: { flips: late.flips, p50Ms: short(late.p50 * 1000), p99Ms: short(late.p99 * 1000), mostMs: short(late.most * 1000) },
    });
  } finally {
    await service.stop();
    await client.end();
    await server.dropDatabase(name);
  }
}

async function countFlips(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::integer as count from changes as x where x.type = 'exited' and x.cause = 'time'`,
  );
  return rows[0]?.count ?? 0;
}
