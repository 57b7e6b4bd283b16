// P3: publishing one new segment, against the select of the matching customers that one would tune by hand: the one evaluates, records changes
// with their reasons and plans next looks, the other only finds customers.
import type pg from 'pg';
import { type Bench, drainOutbox } from './bench.ts';
import { median } from './figure.ts';
import { waitForRuns } from './p2-full.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';

const ROUNDS = 3;
/** Processor time is counted in hundredths of a second. */
const SELECTS = 10;

interface Rule {
  readonly id: string;
  readonly what: string;
  readonly rule: string;
  /** ids of the members, the most selective condition first */
  readonly select: string;
  readonly most: number;
}

const RULES: readonly Rule[] = [
  {
    id: 'P3',
    what: 'without time',
    rule: 'country = "DE" and count(orders where status = "paid") >= 12',
    select: `
      select o.customer_id
      from customers as c
      join orders as o on o.customer_id = c.id
      where c.country = 'DE' and o.status = 'paid'
      group by o.customer_id
      having count(*) >= 12`,
    most: 2,
  },
  {
    id: 'P3t',
    what: 'with time',
    rule: 'count(orders in the last 30 days) >= 3',
    select: `
      select o.customer_id
      from orders as o
      where o.placed_at > now() - interval '720 hours' and o.placed_at <= now()
      group by o.customer_id
      having count(*) >= 3`,
    most: 4,
  },
];

export async function measurePublish(bench: Bench): Promise<void> {
  const service = await bench.service();
  const client = await bench.server.connect(bench.strataDatabase);
  try {
    for (const rule of RULES) await measureRule(bench, service, client, rule);
  } finally {
    await client.end();
  }
}

async function measureRule(bench: Bench, service: Service, client: pg.Client, { id, what, rule, select, most }: Rule): Promise<void> {
  const { server, say } = bench;
  const publishes: number[] = [];
  const selects: number[] = [];
  const seconds: number[] = [];
  let members = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`publishing one segment ${what}, round ${round} of ${ROUNDS}`);
    await drainOutbox(server, bench.strataDatabase);
    const key = `publish-${id.toLowerCase()}-${round}`;
    const startMs = performance.now();
    const cpu = () => server.cpuSeconds() + processSeconds(service.pid);
    const before = cpu();
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await waitForRuns(client);
    publishes.push(cpu() - before);
    seconds.push(Number(((performance.now() - startMs) / 1000).toFixed(2)));
    const from = cpu();
    for (let time = 0; time < SELECTS; time += 1) members = (await client.query(select)).rowCount ?? 0;
    selects.push((cpu() - from) / SELECTS);
    await checkMembers(client, key, members);
    await service.call('DELETE', `/v1/segments/${key}`);
    await waitForRuns(client);
  }
  await drainOutbox(server, bench.strataDatabase);
  bench.report({
    id,
    what: `publishing one segment ${what}`,
    value: median(publishes),
    unit: 'CPU s',
    reference: { what: 'the hand-tuned select of its members', value: median(selects) },
    ratio: median(publishes) / median(selects),
    target: { sense: '<=', value: most },
    detail: { members, publishes, selects, seconds },
  });
}

async function checkMembers(client: pg.Client, key: string, selected: number): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::integer as count
     from memberships as m
     join segments as s on s.id = m.segment_id
     where s.key = $1`,
    [key],
  );
  if (rows[0]?.count !== selected) throw new Error(`${rows[0]?.count} members of ${key}, by hand ${selected}`);
}
