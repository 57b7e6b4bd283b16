// Groups: a customer is in at most one segment, the first whose rule holds; pins, moves and segments that stand still are taken into account.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDifferences } from '../../src/evaluation/find-differences.ts';
import { archiveSegment, pauseSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import type { Strata } from '../../src/strata.ts';
import { changesOf, defineManual, dropGroup, move, pin, putGroup, reorder } from './by-hand.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

let test: StrataUnderTest;
let strata: Strata;

beforeAll(async () => {
  test = await openStrataUnderTest();
  strata = test.strata;
  await test.define('gold', 'sum(orders.total) >= 300');
  await test.define('silver', 'sum(orders.total) >= 200');
  await test.define('bronze', 'sum(orders.total) >= 100');
  await defineManual(strata, 'others');
  await test.define('precious', 'in segment "gold" or in segment "silver"');
  for (const [id, spent] of [
    ['three', 3],
    ['two', 2],
    ['one', 1],
  ] as const) {
    await test.write({ orders: Array.from({ length: spent }, (_, n) => order(`${id}${n}`, id)) });
  }
  await test.write({ customers: [customer('none')] });
});
afterAll(() => test.drop());

const everybody = async () => Promise.all(['three', 'two', 'one', 'none'].map((id) => test.segmentsOf(id)));

it('gives the first that holds, and the rest', async () => {
  await putGroup(strata, 'value', ['gold', 'silver', 'bronze'], 'others');
  expect(await everybody()).toEqual([['gold', 'precious'], ['precious', 'silver'], ['bronze'], ['others']]);
  expect((await changesOf(strata, 'three')).slice(-2)).toMatchObject([
    { type: 'exited', segment: 'silver', cause: 'group' },
    { type: 'exited', segment: 'bronze', cause: 'group' },
  ]);
});

it('follows what is written', async () => {
  await test.write({ orders: [order('none0', 'none')] });
  expect(await test.segmentsOf('none')).toEqual(['bronze']);
  await test.write({ deletedOrderIds: ['none0'] });
  expect(await test.segmentsOf('none')).toEqual(['others']);
});

it('lets a pin in win over the order', async () => {
  await pin(strata, 'add', 'bronze', 'three');
  expect(await test.segmentsOf('three')).toEqual(['bronze']);
  await expect(pin(strata, 'add', 'silver', 'three')).rejects.toMatchObject({ code: 'pinned_elsewhere' });
  await pin(strata, 'add', 'silver', 'three', { replace: true });
  expect(await test.segmentsOf('three')).toEqual(['precious', 'silver']);
  await pin(strata, 'release', 'silver', 'three');
  expect(await test.segmentsOf('three')).toEqual(['gold', 'precious']);
});

it('passes a pin out on to the next', async () => {
  await pin(strata, 'remove', 'gold', 'three');
  expect(await test.segmentsOf('three')).toEqual(['precious', 'silver']);
  await pin(strata, 'remove', 'others', 'none');
  expect(await test.segmentsOf('none')).toEqual([]);
  await pin(strata, 'release', 'gold', 'three');
  await pin(strata, 'release', 'others', 'none');
  expect(await everybody()).toEqual([['gold', 'precious'], ['precious', 'silver'], ['bronze'], ['others']]);
});

it('moves by pinning the target', async () => {
  const untilMs = test.clock.nowMs() + DAY_MS;
  await move(strata, 'gold', 'bronze', ['three'], { untilMs, reason: 'a test' });
  expect(await test.segmentsOf('three')).toEqual(['bronze']);
  expect((await changesOf(strata, 'three')).slice(-3)).toMatchObject([
    { type: 'exited', segment: 'gold', cause: 'move', reason: 'a test', actor: 'tester' },
    { type: 'exited', segment: 'precious', cause: 'move', reason: 'a test' },
    { type: 'entered', segment: 'bronze', cause: 'move', reason: 'a test' },
  ]);
  await test.moveTo(untilMs);
  expect(await test.segmentsOf('three')).toEqual(['gold', 'precious']);
});

it('takes a new order', async () => {
  await reorder(strata, 'value', ['bronze', 'silver', 'gold'], 'others');
  expect(await everybody()).toEqual([['bronze'], ['bronze'], ['bronze'], ['others']]);
  await reorder(strata, 'value', ['gold', 'silver', 'bronze']);
  expect(await everybody()).toEqual([['gold', 'precious'], ['precious', 'silver'], ['bronze'], []]);
  await reorder(strata, 'value', ['gold', 'silver', 'bronze'], 'others');
});

it('follows a rule that is published', async () => {
  const number = await addVersion(strata.database, strata.clock, 'gold', { rule: 'sum(orders.total) >= 200', author: null });
  await publishVersion(strata.database, strata.clock, 'gold', number);
  await finishRuns(strata);
  expect(await everybody()).toEqual([['gold', 'precious'], ['gold', 'precious'], ['bronze'], ['others']]);
  await publishVersion(strata.database, strata.clock, 'gold', 1);
  await finishRuns(strata);
  expect(await test.segmentsOf('two')).toEqual(['precious', 'silver']);
});

it('leaves members of a paused segment there alone', async () => {
  await test.define('grouped-apart', 'everyone'); // so that pausing is refused to nobody
  const number = await addVersion(strata.database, strata.clock, 'precious', { rule: 'in segment "gold"', author: null });
  await publishVersion(strata.database, strata.clock, 'precious', number);
  await pauseSegment(strata.database, strata.clock, 'silver');
  await finishRuns(strata);
  await test.write({ orders: [order('two-more', 'two')] });
  expect(await test.segmentsOf('two')).toEqual(['grouped-apart', 'silver']);
  await expect(pin(strata, 'add', 'gold', 'two')).rejects.toMatchObject({ code: 'conflict' });
  await resumeSegment(strata.database, strata.clock, 'silver');
  await finishRuns(strata);
  expect(await test.segmentsOf('two')).toEqual(['gold', 'grouped-apart', 'precious']);
});

it('keeps a segment to one group', async () => {
  await expect(putGroup(strata, 'second', ['gold', 'precious'])).rejects.toMatchObject({ code: 'in_use' });
  await expect(archiveSegment(strata.database, strata.clock, 'bronze')).rejects.toMatchObject({ code: 'in_use' });
});

it('refuses cycles over the order', async () => {
  const rule = 'in segment "precious"';
  const number = await addVersion(strata.database, strata.clock, 'bronze', { rule: 'everyone', author: null });
  await expect(publishVersion(strata.database, strata.clock, 'bronze', number)).resolves.toBeDefined();
  await expect(addVersion(strata.database, strata.clock, 'bronze', { rule, author: null })).rejects.toMatchObject({
    errors: [{ code: 'cycle', detail: 'the segments form a cycle: bronze → precious → gold → bronze' }],
  });
  await expect(addVersion(strata.database, strata.clock, 'bronze', { rule: 'in segment "gold"', author: null })).rejects.toMatchObject({
    errors: [{ code: 'cycle' }],
  });
  await test.define('from-precious', rule);
  await expect(reorder(strata, 'value', ['gold', 'from-precious'])).rejects.toMatchObject({
    code: 'conflict',
    errors: [{ code: 'cycle' }],
  });
  await publishVersion(strata.database, strata.clock, 'bronze', 1);
  await finishRuns(strata);
});

it('chooses among rules too wide for one look', async () => {
  const wide = (from: number, least: number) =>
    Array.from({ length: 140 }, (_, n) => `count(orders where total > ${from + n}) >= ${least}`).join(' and ');
  const keys = ['wide-a', 'wide-b', 'wide-c', 'wide-d', 'wide-e'];
  for (const [place, key] of keys.entries()) await test.define(key, wide(1_000 * place, 1));
  await test.define('of-wide', 'in segment "wide-b" or in segment "wide-e"');
  await test.write({ orders: [order('wide0', 'wide', { total: '50000000' }), order('wide1', 'slim', { total: '15000000' })] });
  await putGroup(strata, 'widths', [...keys].reverse(), 'wide-a');
  expect(await test.segmentsOf('wide')).toEqual(expect.arrayContaining(['of-wide', 'wide-e']));
  expect((await test.segmentsOf('wide')).filter((key) => key.startsWith('wide'))).toEqual(['wide-e']);
  expect((await test.segmentsOf('slim')).filter((key) => key.startsWith('wide'))).toEqual(['wide-b']);
  await pin(strata, 'remove', 'wide-b', 'slim');
  expect((await test.segmentsOf('slim')).filter((key) => key.startsWith('wide'))).toEqual(['wide-a']);
  await pin(strata, 'add', 'wide-d', 'slim');
  expect((await test.segmentsOf('slim')).filter((key) => key.startsWith('wide'))).toEqual(['wide-d']);
});

it('equals a full evaluation', async () => {
  const program = await strata.programs.reload();
  const client = await strata.database.pool.connect();
  const customers = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
  const { differences } = await findDifferences(client, program, program.all, { asOfMs: test.clock.nowMs(), timeZone: 'UTC', customers });
  client.release();
  expect(differences).toEqual([]);
});

it('lets everybody go when it is deleted', async () => {
  await dropGroup(strata, 'value');
  expect((await getSegment(strata.database, 'gold')).status).toBe('active');
  expect(await test.segmentsOf('three')).toEqual(expect.arrayContaining(['bronze', 'gold', 'silver']));
  expect(await test.segmentsOf('none')).not.toContain('others');
});
