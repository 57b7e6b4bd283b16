// What is redone when the definitions are read again: the checks of rules and the statements of segments for which something has changed, no
// more.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Program } from '../../src/evaluation/program.ts';
import { declareField } from '../../src/segments/declare-field.ts';
import { openStrataUnderTest, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('bought', 'count(orders) >= 1');
  await shop.define('gold', 'city = "Gold"');
  await shop.define('both', 'in segment "bought" and in segment "gold"');
});
afterAll(() => shop.drop());

const checkOf = ({ definitions }: Program, key: string) => definitions.live.find((segment) => segment.key === key)?.checked;
const statementOf = (program: Program, ids: readonly number[]) => program.evaluation(ids, 'ids', ({ text }) => text);

it('keeps checks and statements beside a publish', async () => {
  const before = await shop.strata.programs.reload();
  const statement = statementOf(before, [1, 2]);
  await shop.define('twice', 'count(orders) >= 2');
  const after = await shop.strata.programs.reload();
  expect(after.definitions.epoch).not.toBe(before.definitions.epoch);
  for (const key of ['bought', 'gold', 'both']) expect([key, checkOf(after, key) === checkOf(before, key)]).toEqual([key, true]);
  expect(statementOf(after, [1, 2])).toBe(statement);
  expect(statementOf(after, [1, 4])).not.toBe(statement);
});

it('emits anew where segments got pins', async () => {
  const before = await shop.strata.programs.reload();
  const [plain, pinned] = [statementOf(before, [1]), statementOf(before, [2])];
  await shop.strata.database.query({ text: `update segments set has_pins = true where key = 'gold'` });
  const after = await shop.strata.programs.reload();
  expect(statementOf(after, [1])).toBe(plain);
  expect(statementOf(after, [2]).text).not.toBe(pinned.text);
});

it('checks anew what the catalog changes for', async () => {
  const before = await shop.strata.programs.reload();
  await declareField(shop.strata.database, shop.strata.clock, { event: null, name: 'visits', type: 'number' });
  const after = await shop.strata.programs.reload();
  for (const key of ['bought', 'both']) expect([key, checkOf(after, key) === checkOf(before, key)]).toEqual([key, false]);
});

it('checks anew who names what changed', async () => {
  await shop.define('alone', 'country = "CN"');
  await shop.define('names-alone', 'in segment "alone"');
  const before = await shop.strata.programs.reload();
  await shop.strata.database.query({ text: `update segments set status = 'paused' where key = 'alone'` });
  const after = await shop.strata.programs.reload();
  expect(checkOf(after, 'both')).toBe(checkOf(before, 'both'));
  expect(checkOf(after, 'names-alone')).not.toBe(checkOf(before, 'names-alone'));
});
