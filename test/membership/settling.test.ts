// What is published of late is asked in a statement of its own, until connections have the one of all segments planned.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { settleProgram } from '../../src/evaluation/settle-program.ts';
import { openStrataUnderTest, order, type StrataUnderTest } from './strata-under-test.ts';

const ORDERS = { profile: false, orders: true, events: new Set<string>() };

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.define('bought', 'count(orders) >= 1');
  await shop.define('twice', 'count(orders) >= 2');
});
afterAll(() => shop.drop());

function parts(): readonly (readonly number[])[] {
  const program = shop.strata.programs.get();
  return program.inParts(program.touchedBy(ORDERS));
}

async function settle(): Promise<boolean> {
  await shop.strata.programs.reload(); // the end of the last run is known to the next write only
  return settleProgram(shop.strata.database, shop.strata.programs, 'UTC');
}

it('asks a new segment apart until settled', async () => {
  await settle();
  expect(parts()).toEqual([[1, 2]]);
  await shop.define('thrice', 'count(orders) >= 3');
  expect(parts()).toEqual([[1, 2], [3]]);
  await shop.write({ orders: ['a', 'b', 'c'].map((id) => order(id, 'both')) });
  expect(await shop.segmentsOf('both')).toEqual(['bought', 'thrice', 'twice']);
  expect(await settle()).toBe(true);
  expect(parts()).toEqual([[1, 2, 3]]);
  expect(await settle()).toBe(false);
});

it('asks together what names what', async () => {
  await settle();
  await shop.define('loyal', 'in segment "thrice" or count(orders) >= 5');
  expect(parts()).toEqual([[1, 2, 3, 4]]);
  await shop.write({ orders: ['d', 'e', 'f'].map((id) => order(id, 'named')) });
  expect(await shop.segmentsOf('named')).toEqual(['bought', 'loyal', 'thrice', 'twice']);
});
