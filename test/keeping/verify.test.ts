// `strata verify`: nothing differs on a store that has been through a life, each corruption is found by name, and what can be repaired is
// repaired.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trimHistory } from '../../src/changes/trim.ts';
import { verify } from '../../src/changes/verify.ts';
import { verifyCommand } from '../../src/cli/verify.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { erase, move, pin } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { createGroup } from '../../src/segments/groups.ts';
import { archiveSegment, pauseSegment } from '../../src/segments/lifecycle.ts';
import { addPublishedVersion } from '../../src/segments/versions.ts';
import { type Ran, runCommand } from '../cli/run-command.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

let under: StrataUnderTest;
const run = (text: string, values: readonly unknown[] = []) => under.strata.database.query<Record<string, unknown>>({ text, values });

beforeAll(async () => {
  under = await openStrataUnderTest();
  const { strata, clock } = under;
  const work = async () => {
    await finishRuns(strata);
  };
  await under.define('buyers', 'count(orders) >= 1');
  await under.define('fresh', 'count(orders in the last 30 days) >= 1');
  await under.define('stale', 'count(orders in the last 30 days) = 0');
  await under.define('gone', 'everyone');
  await under.define('paused', 'count(orders) = 0');
  await createSegment(strata.database, clock, { key: 'vip', name: 'VIP', kind: 'manual', rule: undefined, publish: true, author: null });
  await work();
  const ids = Array.from({ length: 30 }, (_, n) => `c${n}`);
  await under.write({ customers: ids.map((id) => customer(id)) });
  await under.write({
    orders: ids.slice(0, 20).map((id, n) => order(`o${n}`, id, { placedAtMs: START_MS - n * 3 * DAY_MS, items: [] })),
  });
  await createGroup(strata.database, clock, 'age', { name: 'Age', segments: ['fresh', 'stale'], otherwise: null }, null);
  await work();
  const byHand = { actor: 'admin', reason: null, untilMs: null, replace: false };
  await pin(strata, { ...byHand, segment: 'vip', customerId: 'c1', wish: 'add' });
  await move(strata, {
    customerIds: ['c2'],
    from: 'fresh',
    to: 'stale',
    actor: 'admin',
    reason: null,
    untilMs: null,
    partial: false,
    replace: false,
  });
  await pauseSegment(strata.database, clock, 'paused');
  await under.publish();
  await erase(strata, 'c3');
  await under.write({ customers: [customer('c3')] });
  await addPublishedVersion(strata.database, clock, 'buyers', { rule: 'count(orders) >= 1 or not in segment "vip"', author: null });
  await archiveSegment(strata.database, clock, 'gone');
  await work();
  await under.moveTo(START_MS + 5 * DAY_MS);
  await under.write({ orders: [order('o1', 'c25')] }); // moves to another customer, and waits in the outbox
});
afterAll(() => under.drop());

/** Names of the checks that found something, with how much and the first words. */
async function look(repair = false): Promise<Record<string, readonly string[]>> {
  const { outcomes, customers } = await verify(under.strata, { repair, samples: 3, onProgress: () => {}, onOutcome: () => {} });
  expect(customers).toBe(30);
  return Object.fromEntries(outcomes.filter(({ differences }) => differences > 0).map(({ name, samples }) => [name, samples]));
}

const key = (id: string) => customerKey(id);
const segmentId = async (name: string) => Number((await run('select s.id from segments as s where s.key = $1', [name]))[0]?.['id']);

test('a life leaves nothing to find', async () => {
  expect(await look()).toEqual({});
});

test('looking changes nothing', async () => {
  under.clock.advance(3 * DAY_MS); // some are due and stay so
  const state = () => run('select md5(string_agg(m::text, $1 order by m.customer_id, m.segment_id)) from memberships as m', [' ']);
  const before = await state();
  expect(await look()).toEqual({});
  expect(await state()).toEqual(before);
  await under.moveTo(under.clock.nowMs());
});

/** What is corrupted, which checks find it, and whether it can be mended. */
const CORRUPTIONS: readonly (readonly [title: string, corrupt: () => Promise<unknown>, found: readonly string[], mended: boolean])[] = [
  [
    'a membership is deleted',
    async () => run('delete from memberships where customer_id = $1::bigint and segment_id = $2', [key('c4'), await segmentId('buyers')]),
    ['members', 'sizes', 'feed'],
    true,
  ],
  [
    'a membership is added',
    async () => run(`insert into memberships values ($1::bigint, $2, '2026-01-01Z', 1)`, [key('c28'), await segmentId('vip')]),
    ['members', 'sizes', 'feed'],
    true,
  ],
  [
    'somebody is in two of a group',
    async () => run(`insert into memberships values ($1::bigint, $2, '2026-01-01Z', 1)`, [key('c28'), await segmentId('fresh')]),
    ['members', 'sizes', 'feed', 'groups'],
    true,
  ],
  [
    'a membership has another since',
    async () =>
      run(`update memberships set since = '2020-01-01Z' where customer_id = $1::bigint and segment_id = $2`, [
        key('c5'),
        await segmentId('buyers'),
      ]),
    ['feed'],
    true,
  ],
  [
    'a size is broken',
    async () => run('update segment_sizes set member_count = 1000 where segment_id = $1', [await segmentId('vip')]),
    ['sizes', 'days'],
    true,
  ],
  ['a look is removed', async () => run('delete from rechecks where customer_id = $1::bigint', [key('c4')]), ['looks'], true],
  [
    'a look is put off',
    async () => run(`update rechecks set due_at = '2031-01-01Z' where customer_id = $1::bigint`, [key('c5')]),
    ['looks'],
    true,
  ],
  [
    'a position is wrong',
    async () => run('update changes set position = position + 1000000 where position = (select max(c.position) from changes as c)'),
    ['positions'],
    false,
  ],
  [
    'a change is lost',
    async () =>
      run(`delete from changes where position = (select max(c.position) from changes as c where c.customer_id = $1::bigint)`, [key('c6')]),
    ['feed', 'positions'],
    false,
  ],
  [
    'an exit became an entry',
    async () =>
      run(`update changes set type = 'entered' where position = (select max(c.position) from changes as c where c.type = 'exited')`),
    ['feed', 'turns'],
    false,
  ],
  [
    'a member is nobody',
    async () => run(`insert into memberships values (42, $1, '2026-01-01Z', 1)`, [await segmentId('vip')]),
    ['feed', 'orphaned memberships', 'sizes'],
    true,
  ],
  [
    'a segment is none',
    async () => run(`insert into memberships values ($1::bigint, 4242, '2026-01-01Z', 1)`, [key('c6')]),
    ['feed', 'orphaned memberships'],
    true,
  ],
  ['a look is of nobody', () => run(`insert into rechecks values (42, '2026-01-01Z')`), ['orphaned rechecks'], true],
  ['a debt is of nobody', () => run('insert into pending values (42, 1)'), ['orphaned pending'], true],
  ['an event is of nobody', () => run(`insert into events values (42, 'e', 'x', '2026-01-01Z')`), ['orphaned events'], false],
  ['an order has no owner', () => run(`delete from order_owners where order_id = 'o7'`), ['order owners'], true],
  ['an order has another owner', () => run(`update order_owners set customer_id = 42 where order_id = 'o8'`), ['order owners'], true],
  ['an owner has no order', () => run(`insert into order_owners values ('none', 42)`), ['order owners'], true],
  [
    'an item has another status',
    () =>
      run(
        `insert into order_items (customer_id, order_id, line, status, placed_at, quantity) select o.customer_id, o.id, 1, 'x', o.placed_at, 1 from orders as o where o.id = 'o9'`,
      ),
    ['order items'],
    false,
  ],
  [
    'a customer has another key',
    () => run(`update customers set external_id = 'somebody' where external_id = 'c29'`),
    ['customer keys'],
    false,
  ],
  [
    'pins are not asked for',
    async () => run(`update segments set has_pins = false where key = 'stale'`),
    ['members', 'pinned segments'],
    false,
  ],
];

test.each(CORRUPTIONS)('%s', async (_, corrupt, names, mended) => {
  await under.publish();
  const undo = await snapshot();
  await corrupt();
  try {
    const found = await look();
    expect(Object.keys(found).sort()).toEqual([...names].sort());
    for (const samples of Object.values(found)) expect(samples.length).toBeGreaterThan(0);
    if (mended) {
      await look(true);
      expect(await look()).toEqual({});
      await under.publish();
    }
  } finally {
    if (!mended) await undo();
  }
  expect(await look()).toEqual({}); // nor when what mending wrote has its numbers
});

/** Tables that the corruptions touch and nothing mends, to be put back. */
async function snapshot(): Promise<() => Promise<void>> {
  const tables = ['changes', 'events', 'order_items', 'customers'];
  for (const table of tables) {
    await run(`drop table if exists kept_${table}`);
    await run(`create table kept_${table} as table ${table}`);
  }
  return async () => {
    for (const table of tables) {
      await run(`truncate ${table}`);
      await run(`insert into ${table} select * from kept_${table}`);
    }
    await run('update segments as s set has_pins = true where exists (select from pins as p where p.segment_id = s.id)');
  };
}

test('a log that was trimmed is no loss', async () => {
  await under.publish();
  while ((await trimHistory(under.strata.database, under.clock.nowMs() - 4 * DAY_MS)) > 0);
  expect(await run('select t.position > 0 as is_trimmed from trimmed as t')).toEqual([{ is_trimmed: true }]);
  expect(await look()).toEqual({});
});

// ---------------------------------------------------------------- the command

function command(args: readonly string[], environment: Record<string, string> = { DATABASE_URL: under.strata.database.url }): Promise<Ran> {
  return runCommand((terminal) => verifyCommand(args, terminal), { environment });
}

test('the command tells and exits by it', async () => {
  const clean = await command([]); // on the real clock nearly everybody is due
  expect(clean).toMatchObject({ code: 0 });
  expect(clean.out).toMatch(/^ok {4}members: customers are in the segments that the rules say\n/);
  expect(clean.out).toMatch(/30 customers in \d+ s: nothing differs\.\n$/);
  await run('delete from memberships where customer_id = $1::bigint', [key('c1')]);
  const wrong = await command(['--samples', '1']);
  expect(wrong.code).toBe(3);
  expect(wrong.out).toMatch(/^WRONG members: \d \(customers are in the segments that the rules say\)\n {8}customer c1, segment stale: /m);
  expect(wrong.out).toContain('… and ');
  const mended = await command(['--repair']);
  expect(mended.code).toBe(0);
  expect(mended.out).toContain('looking again');
});

test('misuse and a missing store are told', async () => {
  expect(await command(['--everything'])).toMatchObject({ code: 2, told: expect.stringContaining('--everything') });
  expect(await command(['--samples', 'x'])).toMatchObject({ code: 2 });
  await expect(command([], { DATA_DIR: 'no-such-folder' })).rejects.toThrow(/^There is no data in .*no-such-folder/);
});
