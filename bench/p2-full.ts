// P2: all segments evaluated for everybody with nothing changed, against refreshing a hand-written materialized view for each; P2b: against one
// hand-written pass that only counts. And the check that the hand-written forms mean the same as the rules.
import type pg from 'pg';
import { systemClock } from '../src/base/clock.ts';
import type { Bench } from './bench.ts';
import { onePassSql, VIEW_SCHEMA, type ViewForm, viewName, viewSql } from './by-hand.ts';
import { median } from './figure.ts';
import { processSeconds } from './processes.ts';
import type { Service } from './service.ts';

const POLL_MS = 20;
const FORMS: readonly ViewForm[] = ['plain', 'narrow'];

interface Cost {
  readonly seconds: number;
  readonly postgresSeconds: number;
  readonly serviceSeconds: number;
}

export async function measureFull(bench: Bench): Promise<void> {
  const { server, say, segments } = bench;
  const service = await bench.service();
  const client = await server.connect(bench.strataDatabase);
  try {
    say('writing the views');
    await createViews(client, bench);
    await checkMeaning(client, bench);
    const isLarge = bench.size.customers > 300_000;
    const rounds = isLarge ? 1 : 2;
    const costs = { strata: [] as Cost[], pass: [] as Cost[], plain: [] as Cost[], narrow: [] as Cost[] };
    for (let round = 1; round <= rounds; round += 1) {
      say(`full evaluation, round ${round} of ${rounds}`);
      for (const form of round === 1 ? FORMS : (['plain'] as const)) {
        costs.strata.push(await cost(bench, service, () => evaluateAll(client)));
        costs.pass.push(await cost(bench, service, async () => void (await client.query(onePassSql(segments)))));
        costs[form].push(await cost(bench, service, () => refreshViews(client, bench, form)));
      }
    }
    const cpu = (of: readonly Cost[]) => median(of.map(({ postgresSeconds }) => postgresSeconds));
    const strataCpu = median(costs.strata.map(({ postgresSeconds, serviceSeconds }) => postgresSeconds + serviceSeconds));
    const against = (id: string, what: string, seconds: number, most: number | null) =>
      bench.report({
        id,
        what: 'full evaluation of 50 segments, nothing changed',
        value: strataCpu,
        unit: 'CPU s',
        reference: { what, value: seconds },
        ratio: strataCpu / seconds,
        target: most === null ? null : { sense: '<=', value: most },
        detail: id === 'P2' ? costs : {},
      });
    against('P2', '50 × refresh materialized view concurrently', cpu(costs.plain), 0.05);
    against('P2n', 'the same, each view reading only the orders it needs', cpu(costs.narrow), null);
    against('P2b', 'one hand-written pass that only counts', cpu(costs.pass), 2);
  } finally {
    await client.query(`drop schema if exists ${VIEW_SCHEMA} cascade`);
    await client.end();
  }
}

async function createViews(client: pg.Client, { segments }: Bench): Promise<void> {
  await client.query(`create schema ${VIEW_SCHEMA}`);
  for (const form of FORMS) {
    for (const segment of segments) {
      await client.query(`create materialized view ${viewName(segment.key, form)} as ${viewSql(segment, form)}`);
      await client.query(`create unique index on ${viewName(segment.key, form)} (customer_id)`);
    }
  }
}

async function refreshViews(client: pg.Client, { segments }: Bench, form: ViewForm): Promise<void> {
  for (const { key } of segments) await client.query(`refresh materialized view concurrently ${viewName(key, form)}`);
}

/** All runs are queued in one statement, so that the service takes them together; through HTTP the first would run ahead of the others. */
async function evaluateAll(client: pg.Client): Promise<void> {
  await client.query(
    `insert into runs (segment_id, version, cause, status, total, queued_at)
     select s.id, s.version, 'refresh', 'queued', 0, date_trunc('milliseconds', clock_timestamp())
     from segments as s
     where s.status = 'active'
     order by s.id`,
  );
  await waitForRuns(client);
}

/** Until no run is open, asked of the database: listing the segments again and again would be half of what is measured. */
export async function waitForRuns(client: pg.Client): Promise<void> {
  const open = `select count(*)::integer as count from runs as r where r.status in ('queued', 'running')`;
  while ((await client.query<{ count: number }>(open)).rows[0]?.count !== 0) await systemClock.sleep(POLL_MS);
}

/** Counts of each segment by Strata, by its view, and by the one pass must be equal, or the references measure something else. */
async function checkMeaning(client: pg.Client, bench: Bench): Promise<void> {
  const members = await countMembers(client, bench);
  const { rows } = await client.query<Record<string, string>>(onePassSql(bench.segments));
  const wrong: string[] = [];
  for (const { key, rule } of bench.segments) {
    const counts: Record<string, number> = { strata: members.get(key) ?? 0, pass: Number(rows[0]?.[key]) };
    for (const form of FORMS) {
      const { rows: viewed } = await client.query<{ count: string }>(`select count(*) from ${viewName(key, form)}`);
      counts[form] = Number(viewed[0]?.count);
    }
    if (new Set(Object.values(counts)).size > 1) wrong.push(`${key} (${rule}): ${JSON.stringify(counts)}`);
  }
  if (wrong.length > 0) throw new Error(`rules and hand-written SQL differ:\n${wrong.join('\n')}`);
}

/** The same after writes: the views are of before, the one pass counts now. */
export async function checkMembers(bench: Bench): Promise<void> {
  const client = await bench.server.connect(bench.strataDatabase);
  try {
    const members = await countMembers(client, bench);
    const { rows } = await client.query<Record<string, string>>(onePassSql(bench.segments));
    const wrong = bench.segments.filter(({ key }) => (members.get(key) ?? 0) !== Number(rows[0]?.[key]));
    if (wrong.length === 0) return;
    throw new Error(
      `memberships differ from the hand-written SQL:\n${wrong.map(({ key, rule }) => `${key} (${rule}): ${members.get(key)} instead of ${rows[0]?.[key]}`).join('\n')}`,
    );
  } finally {
    await client.end();
  }
}

async function countMembers(client: pg.Client, { segments }: Bench): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ key: string; count: string }>(
    `select s.key, count(*) as count
     from memberships as m
     join segments as s on s.id = m.segment_id
     where s.key = any($1::text[])
     group by s.key`,
    [segments.map(({ key }) => key)],
  );
  return new Map(rows.map(({ key, count }) => [key, Number(count)]));
}

async function cost(bench: Bench, service: Service, work: () => Promise<void>): Promise<Cost> {
  const read = () => [bench.server.cpuSeconds(), processSeconds(service.pid)] as const;
  const before = read();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const after = read();
  return {
    seconds: Number(seconds.toFixed(3)),
    postgresSeconds: Number((after[0] - before[0]).toFixed(2)),
    serviceSeconds: Number((after[1] - before[1]).toFixed(2)),
  };
}
