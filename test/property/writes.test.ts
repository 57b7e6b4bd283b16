// Random writes at a clock that moves by seconds: the tables of facts must hold what the oracle's model of a write says. It is mostly about
// times that are sent again, a little ahead of the clock or no longer.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { write } from '../../src/pipeline.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryFacts, factsAt, SAME_TIMES } from '../oracle/arbitrary-shop.ts';
import { facts } from '../oracle/hand-made-shop.ts';
import { apply, EMPTY_SHOP, type Shop } from '../oracle/shop.ts';
import { CATALOG } from '../oracle/world.ts';
import { compareFacts } from './compare-facts.ts';
import { openEmpty } from './open-empty.ts';
import { holdAlways, propertySettings } from './settings.ts';

const START_MS = Date.parse('2026-03-10T12:00:00Z');

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('writes', 50);
const steps = fc.array(
  fc.tuple(fc.constantFrom(0, 1_000, 3_000, 4_000, 86_400_000), arbitraryFacts({ customers: 4, orders: 8, events: 6 }, SAME_TIMES)),
  {
    minLength: 2,
    maxLength: 6,
    size: 'max',
  },
);

it('stores what the model of a write says', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(steps, async (drawn) => {
    const clock = new TestClock(START_MS);
    const strata = await openEmpty(testDatabase.database, clock, 'UTC');
    let shop: Shop = { ...EMPTY_SHOP, catalog: CATALOG };
    const story: string[] = [];
    for (const [waitMs, batch] of drawn) {
      clock.advance(waitMs);
      const written = factsAt(batch, { nowMs: clock.nowMs(), startMs: START_MS, timeZone: 'UTC' });
      story.push(`${new Date(clock.nowMs()).toISOString()} ${JSON.stringify(written)}`);
      await write(strata, written);
      shop = apply(shop, written, clock.nowMs());
    }
    await compareFacts(testDatabase.database, shop, story.join('\n'));
    await strata.close();
  });
  await holdAlways(property, settings);
});

it('leaves a future time sent again alone', async () => {
  const clock = new TestClock(START_MS);
  const strata = await openEmpty(testDatabase.database, clock, 'UTC');
  const at = new Date(START_MS + 8_000).toISOString();
  const written = facts({ customers: [{ id: 'x', createdAt: at }], orders: [{ id: 'o', of: 'x', at }] });
  await write(strata, written);
  clock.advance(4_000); // now the time is no more than 5 s ahead
  await write(strata, written);
  const [order] = await testDatabase.database.query({ text: 'select o.placed_at from orders as o' });
  const [customer] = await testDatabase.database.query({ text: 'select c.created_at from customers as c' });
  await strata.close();
  expect([order?.['placed_at'], customer?.['created_at']]).toEqual([START_MS + 8_000, START_MS + 8_000]);
});
