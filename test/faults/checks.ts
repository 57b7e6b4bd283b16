// In charge of what must hold after every fault: what was acknowledged is there, nothing is half there, the memberships equal an evaluation of
// everybody, and the feed, replayed from empty, produces them. Every violation is a sentence.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../../src/base/clock.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { CurrentProgram } from '../../src/evaluation/current-program.ts';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { sizeOf } from '../../src/segments/segment-size.ts';
import { CREWS, crewOf } from './hands.ts';
import type { Ledger } from './ledger.ts';
import type { FeedReader } from './readers.ts';
import { LAUNCHER } from './service-process.ts';
import { until } from './until.ts';

/** Until nothing is left to do: no look is due soon, no run open, no debt of an import, nothing without its position. → milliseconds */
export function untilSettled(database: Database): Promise<number> {
  return until(
    'the service has settled',
    async () => {
      const [row] = await database.query<{ waiting: number }>({
        text: `
          select ((select count(*) from outbox) + (select count(*) from pending)
            + (select count(*) from runs as r where r.status in ('queued', 'running'))
            + (select count(*) from segments as s where s.status in ('building', 'archiving', 'failed'))
            + (select count(*) from rechecks as r where r.due_at < clock_timestamp() + interval '1 minute'))::integer as waiting`,
      });
      return row?.waiting === 0;
    },
    120_000,
  );
}

export async function findViolations(database: Database, ledger: Ledger, reader: FeedReader): Promise<string[]> {
  return [
    ...(await verify(database)),
    ...ledger.check(await readMarks(database)),
    ...(await findDifferent(database)),
    ...(await replay(database, reader)),
    ...(await findBroken(database)),
  ];
}

/** `strata verify`, as people run it. */
export async function verify(database: Database): Promise<string[]> {
  const environment = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.url };
  const run = spawn(process.execPath, [LAUNCHER, 'verify'], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk) => (said += chunk));
  const [code] = await once(run, 'close');
  return code === 0 ? [] : [`strata verify ended with ${code}: ${said}`];
}

/** What the ledger's things hold now. */
async function readMarks(database: Database): Promise<Map<string, string>> {
  const rows = await database.query<{ thing: string; mark: string }>({
    text: `
      select 'order ' || o.id as thing, o.channel as mark from orders as o
      union all
      select 'customer ' || c.external_id, c.city from customers as c where c.city is not null
      union all
      select 'event ' || e.id, e.properties ->> 'mark' from events as e where e.properties ? 'mark'
      union all
      select 'once ' || (e.properties ->> 'once'), count(*)::text from events as e where e.properties ? 'once' group by 1
      union all
      select 'member ' || s.key || ' ' || c.external_id, 'in'
      from memberships as m
      join segments as s on s.id = m.segment_id and s.key = 'chosen'
      join customers as c on c.id = m.customer_id
      union all
      select 'version ' || s.key, v.note
      from segments as s
      join segment_versions as v on v.segment_id = s.id and v.number = s.version
      where v.note is not null
      union all
      select 'paused ' || s.key, 'paused' from segments as s where s.status = 'paused'
      union all
      select 'archived ' || s.key, 'archived' from segments as s where s.status = 'archived'
      union all
      select 'described ' || t.name, t.description from registered_types as t where t.description is not null
      union all
      select 'group ' || g.key, g.name from segment_groups as g where g.deleted_at is null`,
  });
  const marks = new Map(rows.map(({ thing, mark }) => [thing, mark]));
  const sides = await database.query<{ customer: string; side: string }>({
    text: `
      select c.external_id as customer, string_agg(s.key, '+' order by s.key) as side
      from memberships as m
      join segments as s on s.id = m.segment_id and s.key in ('left', 'right')
      join customers as c on c.id = m.customer_id
      group by c.external_id`,
  });
  const sideOf = new Map(sides.map(({ customer, side }) => [customer, side]));
  for (let crew = 0; crew < CREWS; crew += 1) {
    marks.set(`crew ${crew}`, [...new Set(crewOf(crew).map((id) => sideOf.get(id) ?? 'nowhere'))].join(' and '));
  }
  return marks;
}

/** Against an evaluation of everybody from the facts, on connections of the test's own. */
async function findDifferent(database: Database): Promise<string[]> {
  const own = openDatabase(database.url, { connections: 4, applicationName: 'faults' });
  const client = await own.pool.connect();
  try {
    const program = (await CurrentProgram.load(own)).get();
    const customers = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
    const input = { asOfMs: systemClock.nowMs(), timeZone: 'UTC', customers };
    const { differences } = await findDifferences(client, program, program.all, input);
    return differences.map((difference) => `evaluated anew it differs: ${JSON.stringify(difference)}`);
  } finally {
    client.release();
    await own.close();
  }
}

interface StoredChange {
  readonly [column: string]: unknown;
  readonly position: string;
  readonly type: string;
  readonly segment: string | null;
  readonly customer: string | null;
  readonly cause: string | null;
}

async function replay(database: Database, reader: FeedReader): Promise<string[]> {
  const wrong: string[] = [];
  const changes = await database.query<StoredChange>({
    text: `
      select x.position, x.type, s.key as segment, x.cause, coalesce(c.external_id, e.external_id) as customer
      from changes as x
      left join segments as s on s.id = x.segment_id
      left join customers as c on c.id = x.customer_id
      left join erasures as e on e.id = x.erasure_id
      order by x.position`,
  });
  const pairs = new Set<string>();
  changes.forEach((change, index) => {
    const { position, type, segment, customer, cause } = change;
    if (Number(position) !== index + 1) wrong.push(`position ${position} stands in the place of ${index + 1}`);
    const read = reader.changes[index];
    if (read !== undefined && type !== 'erased' && (read.type !== type || read.segment !== segment)) {
      wrong.push(`position ${position} was read as ${JSON.stringify(read)} and is ${JSON.stringify(change)}`);
    }
    if (type === 'erased') return;
    const pair = `${segment} ${customer}`;
    if (cause === 'erasure' && !pairs.has(pair)) return; // its entry is a tombstone
    if (pairs.has(pair) === (type === 'entered')) wrong.push(`${pair} ${type} twice, at position ${position}`);
    if (type === 'entered') pairs.add(pair);
    else pairs.delete(pair);
  });
  if (reader.changes.length < changes.length) wrong.push(`the feed was read to ${reader.changes.length} of ${changes.length}`);
  const members = await database.query<{ pair: string }>({
    text: `
      select s.key || ' ' || c.external_id as pair
      from memberships as m
      join segments as s on s.id = m.segment_id
      join customers as c on c.id = m.customer_id`,
  });
  const stored = new Set(members.map(({ pair }) => pair));
  for (const pair of stored) if (!pairs.has(pair)) wrong.push(`a member that the feed does not know: ${pair}`);
  for (const pair of pairs) if (!stored.has(pair)) wrong.push(`the feed says so, and no member is there: ${pair}`);
  return wrong;
}

/** What no constraint of the schema can say. */
const BROKEN: Readonly<Record<string, string>> = {
  'in two segments of one group': `
    select m.customer_id
    from memberships as m
    join segments as s on s.id = m.segment_id
    where s.key = any('{gold,silver,bronze,guests}')
    group by m.customer_id
    having count(*) > 1`,
  'in neither half, or in both': `
    select c.external_id
    from customers as c
    where c.external_id like 'crowd-%' and (
      select count(*) from memberships as m join segments as s on s.id = m.segment_id where m.customer_id = c.id and s.key = any('{east,west}')
    ) <> 1`,
  'a member of a segment that is archived': `
    select m.customer_id
    from memberships as m
    join segments as s on s.id = m.segment_id
    where s.status = any('{archived,draft}')`,
  'a run that was told of twice, or not at all': `
    select r.id, count(n.id)
    from runs as r
    left join notices as n on n.type = 'run.finished' and n.data ->> 'runId' = r.id::text
    where r.finished_at is not null
    group by r.id
    having count(n.id) <> 1`,
  'an order without its owner, or an owner without the order': `
    with owners as materialized (select * from order_owners)
    select coalesce(o.id, w.order_id)
    from orders as o
    full join owners as w on w.order_id = o.id and w.customer_id = o.customer_id
    where o.id is null or w.order_id is null`,
  'rows of nobody': `
    select m.customer_id from memberships as m where not exists (select from customers as c where c.id = m.customer_id)
    union all
    select o.customer_id from orders as o where not exists (select from customers as c where c.id = o.customer_id)
    union all
    select e.customer_id from events as e where not exists (select from customers as c where c.id = e.customer_id)`,
  'an order whose items are not all there': `
    select o.id
    from orders as o
    where o.item_count <> (
      select coalesce(sum(i.quantity), 0) from order_items as i where i.customer_id = o.customer_id and i.order_id = o.id
    )`,
  'a counted size that is not the members': `
    select s.id
    from segments as s
    where ${sizeOf('s.id')} <> (select count(*) from memberships as m where m.segment_id = s.id)`,
};

async function findBroken(database: Database): Promise<string[]> {
  const wrong: string[] = [];
  for (const [what, text] of Object.entries(BROKEN)) {
    const rows = await database.query({ text });
    if (rows.length > 0) wrong.push(`${what}: ${JSON.stringify(rows.slice(0, 5))}`);
  }
  return wrong;
}
