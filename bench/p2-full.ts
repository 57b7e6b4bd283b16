// P2: all segments evaluated for everybody with nothing changed, against refreshing a hand-written materialized view for each; P2b: against one
// hand-written pass that only counts; P2n, only if named: against views that do not read orders in vain. And the check that all of them mean the
// same.
import type pg from 'pg';
import { systemClock } from '../src/base/clock.ts';
import type { Bench } from './bench.ts';
import { onePassSql, VIEW_SCHEMA, type ViewForm, viewName, viewSql } from './by-hand.ts';
import { median } from './figure.ts';
import { processSeconds } from './processes.ts';
import type { BenchSegment } from './segments.ts';
import type { Service } from './service.ts';

const POLL_MS = 20;

interface Cost {
  readonly seconds: number;
  readonly postgresSeconds: number;
  readonly serviceSeconds: number;
}

interface Costs {
  readonly strata: readonly Cost[];
  readonly pass: readonly Cost[];
  readonly views: Cost;
}

export async function measureFull(bench: Bench): Promise<void> {
  const costs = await compare(bench, 'plain');
  report(bench, 'P2', costs, '50 × refresh materialized view concurrently', costs.views.postgresSeconds, 0.05);
  report(
    bench,
    'P2b',
    costs,
    'one hand-written pass that only counts',
    median(costs.pass.map(({ postgresSeconds }) => postgresSeconds)),
    2,
  );
}

/** These views cost half as much to refresh, being written as somebody who tunes them by hand would; no target refers to them. */
export async function measureNarrow(bench: Bench): Promise<void> {
  const costs = await compare(bench, 'narrow');
  const { postgresSeconds } = costs.views;
  report(bench, 'P2n', costs, '50 × refresh, each view reading only the orders it needs', postgresSeconds, null);
}

/** Strata and the one pass are measured before and after the views, whose fifty refreshes are many measurements in themselves. */
async function compare(bench: Bench, form: ViewForm): Promise<Costs> {
  const { server, say, segments } = bench;
  const service = await bench.service();
  const client = await server.connect(bench.strataDatabase);
  try {
    say(`writing the ${form} views`);
    await createViews(client, bench, form);
    await checkMeaning(client, bench, form);
    const both = async () => ({
      strata: await cost(bench, service, () => evaluateAll(client)),
      pass: await cost(bench, service, async () => void (await client.query(onePassSql(segments)))),
    });
    say('full evaluation, before the views');
    const before = await both();
    say('refreshing the views');
    const views = await cost(bench, service, () => refreshViews(client, bench, form));
    say('full evaluation, behind the views');
    const after = await both();
    return { strata: [before.strata, after.strata], pass: [before.pass, after.pass], views };
  } finally {
    await client.query(`drop schema if exists ${VIEW_SCHEMA} cascade`);
    await client.end();
  }
}

function report(bench: Bench, id: string, costs: Costs, what: string, seconds: number, most: number | null): void {
  const strataCpu = median(costs.strata.map(({ postgresSeconds, serviceSeconds }) => postgresSeconds + serviceSeconds));
  bench.report({
    id,
    what: 'full evaluation of 50 segments, nothing changed',
    value: strataCpu,
    unit: 'CPU s',
    reference: { what, value: seconds },
    ratio: strataCpu / seconds,
    target: most === null ? null : { sense: '<=', value: most },
    detail: id === 'P2b' ? {} : { ...costs },
  });
}

/**
 * Views that name no other are made on two connections, since the machine has two processors and nothing is measured yet; the others after them
 * in their order.
 */
async function createViews(client: pg.Client, { server, strataDatabase, segments }: Bench, form: ViewForm): Promise<void> {
  await client.query(`create schema ${VIEW_SCHEMA}`);
  const create = async (by: pg.Client, { key }: BenchSegment, text: string) => {
    await by.query(`create materialized view ${viewName(key, form)} as ${text}`);
    await by.query(`create unique index on ${viewName(key, form)} (customer_id)`);
  };
  const alone = segments.filter(({ inside, outside }) => inside.length + outside.length === 0);
  const queue = [...alone];
  const second = await server.connect(strataDatabase);
  const drain = async (by: pg.Client) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await create(by, next, viewSql(next, form));
  };
  try {
    await Promise.all([drain(client), drain(second)]);
  } finally {
    await second.end();
  }
  for (const segment of segments) if (!alone.includes(segment)) await create(client, segment, viewSql(segment, form));
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

/** Waits until no run is open, asking the database: listing the segments over HTTP again and again would be half of what is measured. */
export async function waitForRuns(client: pg.Client): Promise<void> {
  const open = `select count(*)::integer as count from runs as r where r.status in ('queued', 'running')`;
  while ((await client.query<{ count: number }>(open)).rows[0]?.count !== 0) await systemClock.sleep(POLL_MS);
}

/** Counts of each segment by Strata, by its view, and by the one pass must be equal, or the references measure something else. */
async function checkMeaning(client: pg.Client, bench: Bench, form: ViewForm): Promise<void> {
  const members = await countMembers(client, bench);
  const { rows } = await client.query<Record<string, string>>(onePassSql(bench.segments));
  const wrong: string[] = [];
  for (const { key, rule } of bench.segments) {
    const { rows: viewed } = await client.query<{ count: string }>(`select count(*) from ${viewName(key, form)}`);
    const counts = { strata: members.get(key) ?? 0, pass: Number(rows[0]?.[key]), [form]: Number(viewed[0]?.count) };
    if (new Set(Object.values(counts)).size > 1) wrong.push(`${key} (${rule}): ${JSON.stringify(counts)}`);
  }
  if (wrong.length > 0) throw new Error(`rules and hand-written SQL differ:\n${wrong.join('\n')}`);
}

/** The same after writes: the views are from before, so the one pass counts now. */
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
