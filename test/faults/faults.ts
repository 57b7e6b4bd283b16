// THE FAULTS: what happens while the load goes on, a row each. A fault ends what it began: from there the service has to recover on its own.
import type { PoolClient } from 'pg';
import { systemClock } from '../../src/base/clock.ts';
import { fillDisk } from './full-disk.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

export interface Fault {
  readonly name: string;
  /** processes of the service that it needs */
  readonly services: number;
  /** absent: a Postgres that the test started */
  readonly place?: 'embedded' | 'small disk';
  inject(world: World): Promise<void>;
}

const sleep = (durationMs: number) => systemClock.sleep(durationMs);

export const FAULTS: readonly Fault[] = [
  { name: 'service killed', services: 1, inject: killService },
  { name: 'Postgres killed', services: 1, inject: killPostgres },
  { name: 'a backend killed', services: 1, inject: killBackend },
  { name: 'Postgres restarted', services: 1, inject: restartPostgres },
  { name: 'connections cut', services: 1, inject: cutConnections },
  { name: 'statements cancelled', services: 1, inject: cancelStatements },
  { name: 'statements too slow', services: 1, inject: slowStatements },
  { name: 'serialization failures', services: 1, inject: (world) => failRows(world, '40001') },
  { name: 'deadlocks reported', services: 1, inject: (world) => failRows(world, '40P01') },
  { name: 'deadlocks', services: 1, inject: deadlock },
  { name: 'clock set forwards', services: 1, inject: (world) => setClock(world, 3_600_000) },
  { name: 'clock set back', services: 1, inject: (world) => setClock(world, -3_600_000) },
  { name: 'one of two services killed', services: 2, inject: killService },
  { name: 'one of three services killed', services: 3, inject: killService },
  { name: 'the leader killed', services: 3, inject: killLeader },
  { name: 'answers lost', services: 2, inject: loseAnswers },
  { name: 'everything killed', services: 2, inject: killEverything },
  { name: 'disk full', services: 1, place: 'small disk', inject: fillDisk },
  { name: 'the embedded Postgres killed', services: 1, place: 'embedded', inject: killPostgres },
  { name: 'a service with its Postgres killed', services: 1, place: 'embedded', inject: killService },
];

async function killService({ services, random }: World): Promise<void> {
  const service = random.pick(services);
  await service.kill();
  await sleep(random.below(services.length === 1 ? 300 : 2000));
  service.start();
}

/** The one whose connection holds the lock. */
async function killLeader(world: World): Promise<void> {
  await world.database.query({
    text: `select pg_terminate_backend(a.pid) from pg_stat_activity as a where a.application_name = 'strata leader' and a.state is not null`,
  });
  await killService(world);
}

async function killPostgres({ postgres, random }: World): Promise<void> {
  await postgres.kill();
  await sleep(random.below(1000));
  await postgres.startAgain();
}

/** Postgres ends all sessions and recovers, as after any crash of one of its processes. */
async function killBackend({ postgres, random }: World): Promise<void> {
  for (let n = 0; n < 2; n += 1) {
    const backends = postgres.backends();
    if (backends.length > 0) process.kill(random.pick(backends), 'SIGKILL');
    await sleep(random.below(1500));
  }
}

async function restartPostgres({ postgres, random }: World): Promise<void> {
  await postgres.stop();
  await sleep(random.below(1000));
  await postgres.startAgain();
}

async function killEverything({ postgres, services, random }: World): Promise<void> {
  await Promise.all([postgres.kill(), ...services.map((service) => service.kill())]);
  await sleep(random.below(500));
  for (const service of services) service.start(); // they meet no Postgres at first
  await sleep(random.below(1500));
  await postgres.startAgain();
}

/** Every time a part of them, at any place of what they do. */
async function cutConnections(world: World): Promise<void> {
  await often(
    world,
    `select pg_terminate_backend(a.pid) from pg_stat_activity as a where a.application_name like 'strata%' and random() < 0.4`,
    12,
  );
}

/** What they answer is done: most of it commits. */
async function loseAnswers({ loseAnswers }: World): Promise<void> {
  loseAnswers(true);
  await sleep(3000);
  loseAnswers(false);
}

async function cancelStatements(world: World): Promise<void> {
  await often(
    world,
    `select pg_cancel_backend(a.pid) from pg_stat_activity as a where a.application_name = 'strata' and a.state = 'active' and random() < 0.5`,
    60,
  );
}

async function often({ database, random }: World, text: string, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    await database.query({ text });
    await sleep(random.below(2 * (3000 / times)));
  }
}

/** Somebody else holds the tables that every evaluation reads, longer than a statement may take. */
async function slowStatements({ database }: World): Promise<void> {
  const client = await database.pool.connect();
  try {
    for (let isHeld = false; !isHeld; ) {
      await client.query('begin');
      isHeld = await lockAll(client);
      if (isHeld) await sleep(2500);
      await client.query('rollback');
    }
  } finally {
    client.release();
  }
}

/** → false: it met a writer in a circle, and was the one to give way */
async function lockAll(client: PoolClient): Promise<boolean> {
  try {
    await client.query('lock table order_items, events in access exclusive mode');
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === '40P01')) throw error;
    return false;
  }
}

/** Some rows of every table that a decision writes are refused with that state, as Postgres does where transactions meet. */
async function failRows({ database }: World, state: string): Promise<void> {
  const tables = [
    'customers',
    'orders',
    'outbox',
    'memberships',
    'rechecks',
    'runs',
    'pending',
    'changes',
    'segments',
    'pins',
    'definitions',
  ];
  await database.query({
    text: `
      create or replace function fail_some() returns trigger language plpgsql as $body$
      begin
        if random() < 0.02 then raise exception 'injected' using errcode = '${state}'; end if;
        return null;
      end $body$`,
  });
  for (const table of tables) {
    const text = `create or replace trigger fail_some after insert or update or delete on ${table} for each statement execute function fail_some()`;
    await database.query({ text });
  }
  await sleep(3000);
  for (const table of tables) await database.query({ text: `drop trigger if exists fail_some on ${table}` });
}

/** Real ones: two customers are locked against the order of the service, again and again. */
async function deadlock({ database, random }: World): Promise<void> {
  for (let n = 0; n < 4; n += 1) {
    const client = await database.pool.connect();
    try {
      await client.query(`begin; set local deadlock_timeout = '3s'`); // the service notices first, after one
      const { rows } = await client.query('select c.id from customers as c order by c.id desc');
      for (const { id } of rows) {
        await client.query('select from customers as c where c.id = $1 for update', [id]);
        await sleep(random.below(30));
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === '40P01')) throw error;
    } finally {
      await client.query('rollback');
      client.release();
    }
  }
}

async function setClock(world: World, byMs: number): Promise<void> {
  await world.shiftClock(byMs);
  await sleep(2500);
  await world.shiftClock(0);
}

/** Resolves when every process that should be up says that it can serve. → milliseconds */
export function untilReady({ services }: World, patienceMs: number): Promise<number> {
  return until(
    'every service is ready',
    async () => (await Promise.all(services.map((service) => service.isReady()))).every(Boolean),
    patienceMs,
  );
}
