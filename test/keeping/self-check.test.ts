// The self-check: what was corrupted behind Strata's back is found, reported and repaired with cause `repair`; what is merely late is not a
// mismatch.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkNext } from '../../src/changes/self-check.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { evaluatePending, writeDeferred } from '../../src/pipeline.ts';
import { pauseSegment, queueConstantFlips } from '../../src/segments/lifecycle.ts';
import { sizeOf } from '../../src/segments/segment-size.ts';
import { addPublishedVersion } from '../../src/segments/versions.ts';
import { customer, DAY_MS, openStrataUnderTest, order, START_MS, type StrataUnderTest } from '../membership/strata-under-test.ts';

let under: StrataUnderTest;

beforeAll(async () => {
  under = await openStrataUnderTest();
  await under.define('buyers', 'count(orders) >= 1');
  await under.define('fresh', 'count(orders in the last 30 days) >= 1');
  await under.define('both', 'in segment "buyers" and in segment "fresh"');
  await under.define('from-july', 'today >= 2026-07-01');
  await under.write({ customers: ['ann', 'bob', 'cyd', 'dan'].map((id) => customer(id)) });
  await under.write({ orders: [order('a', 'ann'), order('b', 'bob', { placedAtMs: START_MS - 40 * DAY_MS })] });
  await under.publish();
});
afterAll(() => under.drop());
beforeEach(async () => {
  await walk(); // whatever the test before left
});

/** One walk through everybody, in steps of two. */
async function walk() {
  const mismatches = [];
  for (let ended = false; !ended; ) {
    const report = await checkNext(under.strata, 2);
    mismatches.push(...report.mismatches);
    ended = report.ended;
  }
  return mismatches;
}

const run = (text: string, values: readonly unknown[] = []) => under.strata.database.query<Record<string, unknown>>({ text, values });
const segmentId = async (key: string) => Number((await run('select s.id from segments as s where s.key = $1', [key]))[0]?.['id']);

async function lastChanges(id: string) {
  await under.publish();
  const rows = await run(
    `select c.type, s.key, c.cause from changes as c join segments as s on s.id = c.segment_id
     where c.customer_id = $1::bigint and c.cause = 'repair' order by c.position`,
    [customerKey(id)],
  );
  return rows.map((row) => `${row['type']} ${row['key']} ${row['cause']}`);
}

test('what is right is left alone', async () => {
  const before = await run('select c.id, c.revision from customers as c order by c.id');
  expect(await walk()).toEqual([]);
  expect(await run('select c.id, c.revision from customers as c order by c.id')).toEqual(before);
});

test('a lost membership comes back', async () => {
  await run('delete from memberships where customer_id = $1::bigint and segment_id = $2', [customerKey('ann'), await segmentId('fresh')]);
  const found = await walk();
  expect(found).toContainEqual({ kind: 'member', customerId: 'ann', segment: 'fresh', detail: 'belongs to it and is no member' });
  expect(await under.segmentsOf('ann')).toEqual(['both', 'buyers', 'fresh']);
  expect(await lastChanges('ann')).toEqual(['exited fresh repair', 'entered fresh repair']);
  expect(await walk()).toEqual([]); // sizes and feed included
});

test('a membership from nowhere goes', async () => {
  await run(`insert into memberships (customer_id, segment_id, since, version) values ($1::bigint, $2, '2026-01-01Z', 1)`, [
    customerKey('cyd'),
    await segmentId('buyers'),
  ]);
  const found = await walk();
  expect(found.map(({ kind, customerId, segment }) => [kind, customerId, segment])).toContainEqual(['member', 'cyd', 'buyers']);
  expect(await under.segmentsOf('cyd')).toEqual([]);
  expect(await lastChanges('cyd')).toEqual(['entered buyers repair', 'exited buyers repair']);
  expect(await walk()).toEqual([]);
});

test('facts that changed unseen are caught up', async () => {
  await run('delete from orders where id = $1', ['b']);
  await walk();
  expect(await under.segmentsOf('bob')).toEqual([]);
  expect(await lastChanges('bob')).toEqual(['exited buyers repair']);
  await under.write({ orders: [order('b', 'bob', { placedAtMs: START_MS - 40 * DAY_MS })] });
  expect(await walk()).toEqual([]);
});

test('a feed that forgot is told again', async () => {
  await under.publish();
  await run(`delete from changes where customer_id = $1::bigint and type = 'entered' and cause = 'data'`, [customerKey('bob')]);
  const found = await walk();
  expect(found).toContainEqual({
    kind: 'log',
    customerId: 'bob',
    segment: 'buyers',
    detail: 'is a member and the feed has no entry of it',
  });
  expect((await lastChanges('bob')).at(-1)).toBe('entered buyers repair');
  expect(await walk()).toEqual([]);
});

test('a missing or late look is set again', async () => {
  const looks = () => run('select r.due_at from rechecks as r where r.customer_id = $1::bigint', [customerKey('ann')]);
  const before = await looks();
  expect(before).toHaveLength(1);
  await run('delete from rechecks where customer_id = $1::bigint', [customerKey('ann')]);
  expect((await walk()).map(({ kind, customerId }) => [kind, customerId])).toEqual([['look', 'ann']]);
  expect(await looks()).toEqual(before);
  await run(`update rechecks set due_at = '2030-01-01Z' where customer_id = $1::bigint`, [customerKey('ann')]);
  expect((await walk()).map(({ kind, customerId }) => [kind, customerId])).toEqual([['look', 'ann']]);
  expect(await looks()).toEqual(before);
});

test('a wrong size is counted anew', async () => {
  await under.publish(); // which counts what has been numbered before
  await run('update segment_sizes set member_count = member_count + 5 where segment_id = $1', [await segmentId('buyers')]);
  expect(await walk()).toEqual([{ kind: 'size', customerId: null, segment: 'buyers', detail: 'kept as 7, counted 2' }]);
  expect(await run(`select ${sizeOf('$1::integer')} as member_count`, [await segmentId('buyers')])).toEqual([{ member_count: '2' }]);
});

test('who is owed or due is not wrong', async () => {
  await writeDeferred(under.strata, { ...NO_FACTS, orders: [order('c', 'cyd', { placedAtMs: START_MS })] }, '77');
  expect(await walk()).toEqual([]);
  under.clock.set(START_MS + 31 * DAY_MS); // everybody's window has moved on, and `today` passed a date
  const seen = await walk();
  expect(seen).toEqual([]);
  await under.publish();
  const causes = await run(`select distinct c.cause from changes as c where c.at > $1::timestamptz and c.cause <> 'repair'`, [
    new Date(START_MS).toISOString(),
  ]);
  expect(causes).toEqual([]); // whoever is to look at them does, and counts it
  await evaluatePending(under.strata, '77');
  await under.moveTo(under.clock.nowMs());
  expect(await walk()).toEqual([]);
});

test('segments on their way are not judged', async () => {
  const { strata, clock } = under;
  await queueConstantFlips(strata.database, clock, clock.nowMs());
  expect(await walk()).toEqual([]); // the run of `from-july` has not been anywhere
  await addPublishedVersion(strata.database, clock, 'buyers', { rule: 'not everyone', author: null });
  expect(await walk()).toEqual([]);
  while (await runOpenRuns(strata, new AbortController().signal));
  await pauseSegment(strata.database, clock, 'from-july');
  await run('delete from memberships where segment_id = $1 and customer_id = $2::bigint', [
    await segmentId('from-july'),
    customerKey('dan'),
  ]);
  const found = await walk();
  expect(found.filter(({ kind }) => kind === 'member')).toEqual([]); // what a paused one holds, no rule says
});
