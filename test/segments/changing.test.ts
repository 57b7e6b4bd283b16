// How definitions change: while evaluations go on until the very end, one change at a time, and with the next program ready.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { asQueryable, openDatabase, pipeline } from '../../src/db/database.ts';
import { endWith, inTransaction } from '../../src/db/transaction.ts';
import { CurrentProgram } from '../../src/evaluation/current-program.ts';
import { inDecision } from '../../src/membership/in-decision.ts';
import { changeDefinitions, SHARE_DEFINITIONS } from '../../src/segments/change-definitions.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { loadDefinitions, readDefinitions } from '../../src/segments/definitions.ts';
import { pauseSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { addPublishedVersion } from '../../src/segments/versions.ts';
import { openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('bought', 'count(orders) >= 1');
});
afterAll(() => shop.drop());

const create = (key: string, rule: string) => {
  const { database, clock } = shop.strata;
  return createSegment(database, clock, { key, name: key, kind: 'rule', rule, publish: true, author: null });
};

/** Holds what an evaluation holds, until `work` has returned. */
async function besideAnEvaluation(work: () => Promise<void>): Promise<void> {
  await inTransaction(shop.strata.database, async (client) => {
    await pipeline(client, [SHARE_DEFINITIONS]);
    await work();
  });
}

/** `work` of the change has been called so often. */
function countCalls(times: number) {
  let calls = 0;
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return {
    reached,
    call: () => {
      calls += 1;
      if (calls === times) reach();
    },
  };
}

/** Until somebody waits for a lock, or nobody does. */
async function somebodyWaits(waits: boolean): Promise<void> {
  while ((await isAnybodyWaiting()) !== waits);
}

async function isAnybodyWaiting(): Promise<boolean> {
  const text = `
    select a.pid
    from pg_stat_activity as a
    where a.datname = current_database() and a.wait_event_type = 'Lock'`;
  return (await shop.strata.database.query({ text })).length > 0;
}

it('works beside an evaluation, waiting at its end', async () => {
  const before = await loadDefinitions(shop.strata.database);
  const counted = countCalls(2); // its waiting for the lock has run out
  let change: Promise<number> | undefined;
  await besideAnEvaluation(async () => {
    change = changeDefinitions(shop.strata.database, shop.clock, async (client) => {
      const { rowCount } = await client.query(`update segments set name = name || '!' where key = 'bought'`);
      counted.call();
      return endWith([], rowCount ?? 0);
    });
    await counted.reached;
    for (const waits of [true, false, true]) await somebodyWaits(waits); // runs out again, and what it has done stands
    expect(await loadDefinitions(shop.strata.database)).toEqual(before);
  });
  expect(await change).toBe(1);
  const after = await loadDefinitions(shop.strata.database);
  expect([after.epoch, after.names.get(1)?.name]).toEqual([String(BigInt(before.epoch) + 1n), 'bought!']);
});

it('comes to its turn though writers overlap', async () => {
  const writers = openDatabase(shop.strata.database.url);
  const begin = async () => {
    const client = await writers.pool.connect();
    await pipeline(client, [{ name: 'begin', text: 'begin' }, SHARE_DEFINITIONS]);
    return async () => {
      await client.query('commit');
      client.release();
    };
  };
  let isChanged = false;
  let end = await begin();
  const change = changeDefinitions(shop.strata.database, shop.clock, async () => endWith([], undefined)).finally(() => {
    isChanged = true;
  });
  while (!isChanged) {
    if (!(await isAnybodyWaiting())) continue;
    const next = begin(); // behind the change, until its waiting runs out
    await Promise.race([next, systemClock.sleep(300)]); // nobody evaluates for longer
    await end();
    end = await next;
  }
  await end();
  await change;
  await writers.close();
});

it('has the program before the first write', async () => {
  const { database, clock, programs } = shop.strata;
  const isReady = async () => {
    const { definitions } = programs.get();
    expect(definitions).toEqual(await loadDefinitions(database));
    return definitions.live.map(({ key, version, building }) => `${key} ${version}${building ? ' building' : ''}`);
  };
  await create('twice', 'count(orders) >= 2 and count(events "never-sent" where properties.size > 1) = 0');
  expect(await isReady()).toEqual(['bought 1', 'twice 1 building']);
  await addPublishedVersion(database, clock, 'twice', { rule: 'count(orders) >= 3', author: null });
  expect(await isReady()).toEqual(['bought 1', 'twice 2 building']);
  await pauseSegment(database, clock, 'twice');
  expect(await isReady()).toEqual(['bought 1']);
  await resumeSegment(database, clock, 'twice');
  expect(await isReady()).toEqual(['bought 1', 'twice 2 building']);
});

it('keeps the program where nothing is committed', async () => {
  const { database, clock, programs } = shop.strata;
  const before = programs.get();
  const failing = changeDefinitions(database, clock, async (client) => {
    await client.query(`update segments set status = 'paused' where key = 'bought'`);
    return endWith([{ name: 'fails_at_last', text: 'select 1 / (select 0)' }], undefined);
  });
  await expect(failing).rejects.toThrow('division by zero');
  expect(programs.get()).toBe(before);
  await inDecision(shop.strata, async ({ program }) => expect(program).toBe(before));
});

it('meets what another process has changed', async () => {
  const { strata } = shop;
  const other = openDatabase(strata.database.url);
  try {
    const before = strata.programs.get();
    await createSegment(other, shop.clock, {
      key: 'thrice',
      name: 'thrice',
      kind: 'rule',
      rule: 'count(orders) >= 3',
      publish: true,
      author: null,
    });
    expect(strata.programs.get()).toBe(before);
    await shop.write({ orders: ['a', 'b', 'c'].map((id) => order(id, 'both')) });
    expect(await shop.segmentsOf('both')).toContain('thrice');
  } finally {
    await other.close();
  }
});

it('changes one after the other', async () => {
  const told: string[] = [];
  let second: Promise<void> | undefined;
  const change = (name: string, inside: () => Promise<void>) =>
    changeDefinitions(shop.strata.database, shop.clock, async () => {
      told.push(`${name} begins`);
      await inside();
      told.push(`${name} ends`);
      return endWith([], undefined);
    });
  await change('one', () => {
    second = change('two', async () => {});
    return somebodyWaits(true);
  });
  await second;
  expect(told).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
});

it('believes an epoch of its own once committed', async () => {
  const { database } = shop.strata;
  const programs = await CurrentProgram.load(database);
  const before = programs.get();
  const epoch = String(BigInt(before.definitions.epoch) + 1n);
  const expected = async (isCommitted: boolean) => {
    let tell = (_committed: boolean) => {};
    const committed = new Promise<boolean>((resolve) => {
      tell = resolve;
    });
    programs.expect({ ...before.definitions, epoch, live: [] }, committed);
    const asked = programs.of(epoch);
    expect(programs.get()).toBe(before);
    tell(isCommitted);
    return (await asked)?.all;
  };
  expect(await expected(false)).toBeUndefined();
  expect(programs.get()).toBe(before);
  expect(await expected(true)).toEqual([]);
  expect(programs.get().definitions.epoch).toBe(epoch);
});

it('tells why the definitions cannot be read', async () => {
  const client = await shop.strata.database.pool.connect();
  try {
    await client.query('begin');
    await client.query('alter table registered_types rename to elsewhere');
    // not 25P02, which the statements behind it fail with: a deadlock would not be repeated, and a cancelled one be taken for a bug
    await expect(readDefinitions(asQueryable(client), undefined)).rejects.toMatchObject({ code: '42P01' });
  } finally {
    await client.query('rollback');
    client.release();
  }
});
