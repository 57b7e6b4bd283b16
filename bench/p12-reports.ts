// P12: reports one at a time, wall time and processor time, compared with one pass over all orders by customer on the same database in the same
// run: no report on what customers spend can do without that. The segment report is held to its second only at L.
import type pg from 'pg';
import { systemClock } from '../src/base/clock.ts';
import type { Bench } from './bench.ts';
import { median } from './figure.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';
import { SIZES } from './shop.ts';

const ROUNDS = 3;
/** A report that takes longer is measured only once: it is far from its second, and the others need their turn. */
const SLOW_S = 2;
const REPORT_S = 1;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIELDS = 'gender,age,country,city,language,source,attributes.tier';
const PARTS = ['profile', 'value', 'goods', 'engagement', 'mix'];
const PASS = `
  select count(*), sum(t.orders), sum(t.revenue)
  from (select o.customer_id, count(*) as orders, sum(o.total) as revenue from orders as o group by o.customer_id) as t`;

interface Timed {
  readonly seconds: number;
  readonly postgres: number;
  readonly service: number;
}

export async function measureReports(bench: Bench): Promise<void> {
  const service = await bench.service();
  const { data } = (await service.call('GET', '/v1/segments?limit=1000')) as { data: { key: string; memberCount: number }[] };
  const bySize = data.filter(({ memberCount }) => memberCount > 0).sort((a, b) => a.memberCount - b.memberCount);
  const middle = bySize[bySize.length >> 1];
  if (middle === undefined) throw new Error('no segment has members');
  const pass = await timePass(bench, service);
  const report = async (id: string, what: string, path: string, mostSeconds: number | null) => {
    bench.say(what);
    const { seconds, postgres, service: own } = await time(bench, service, () => service.call('GET', path));
    bench.report({
      id,
      what,
      value: seconds,
      unit: 's',
      reference: { what: 'one pass over all orders, s', value: pass.seconds },
      ratio: mostSeconds === null ? seconds / pass.seconds : null, // a plain limit is judged by the value
      target: mostSeconds === null ? null : { sense: '<=', value: mostSeconds },
      detail: { postgres, service: own, postgresOfReference: pass.postgres },
    });
  };
  const whole = `report of a segment of ${middle.memberCount} members, all parts`;
  const path = `/v1/segments/${middle.key}/report?by=${FIELDS}`;
  await report('P12', whole, path, bench.size === SIZES['L'] ? REPORT_S : null);
  const paths = pathsOf(
    middle.key,
    bySize.map(({ key }) => key),
  );
  for (const [what, path] of Object.entries(paths)) await report(`P12-${what.replaceAll(' ', '-')}`, what, path, null);
}

/** `names`: of segments, the largest last. */
function pathsOf(segment: string, names: readonly string[]): Readonly<Record<string, string>> {
  const before = (ms: number) => new Date(systemClock.nowMs() - ms).toISOString();
  const ten = names.slice(-10).join(',');
  const report = `/v1/segments/${segment}/report`;
  return {
    ...Object.fromEntries(PARTS.map((part) => [part, `${report}?parts=${part}`])),
    'value of paid orders': `${report}?parts=value&statuses=paid`,
    'goods of two years': `${report}?parts=goods&days=730`,
    overlap: `/v1/reports/overlap?segments=${names.slice(-20).join(',')}`,
    comparison: `/v1/reports/comparison?segments=${ten}`,
    'flows of a second': `/v1/reports/flows?segments=${ten}&from=${before(1000)}`,
    'flows of all changes': `/v1/reports/flows?segments=${ten}&from=${before(12 * HOUR_MS)}`,
    sizes: `/v1/reports/sizes?segments=${names.join(',')}`,
    'outcome before anybody was a member': `/v1/reports/outcome?segment=${segment}&at=${before(31 * DAY_MS)}&days=30&against=others`,
    'value grid': '/v1/reports/value-grid',
    rfm: '/v1/reports/rfm',
    cohorts: '/v1/reports/cohorts',
    'new and returning': '/v1/reports/new-and-returning?unit=day',
  };
}

/** With the settings of a report: hashes in memory, two workers. */
async function timePass(bench: Bench, service: Service): Promise<Timed> {
  const client: pg.Client = await bench.server.connect(bench.strataDatabase);
  try {
    await client.query(`set work_mem = '64MB'; set max_parallel_workers_per_gather = 2`);
    return await time(bench, service, () => client.query(PASS));
  } finally {
    await client.end();
  }
}

/** The median of three; for a slow report the first. */
async function time({ server }: Bench, service: Service, work: () => Promise<unknown>): Promise<Timed> {
  const rounds: Timed[] = [];
  while (rounds.length < ROUNDS && !rounds.some(({ seconds }) => seconds > SLOW_S)) {
    const before = { postgres: server.cpuSeconds(), service: processSeconds(service.pid), at: performance.now() };
    await work();
    rounds.push({
      seconds: (performance.now() - before.at) / 1000,
      postgres: server.cpuSeconds() - before.postgres,
      service: processSeconds(service.pid) - before.service,
    });
  }
  const of = (what: keyof Timed) => median(rounds.map((each) => each[what]));
  return { seconds: of('seconds'), postgres: of('postgres'), service: of('service') };
}
