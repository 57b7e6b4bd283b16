// Rules that only ask whether a property is there, published before anybody sends it: its first value gives it the type, whatever that is.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { prepareBatch } from '../../src/ingest/prepare-batch.ts';
import { openStrataUnderTest, type StrataUnderTest } from '../membership/strata-under-test.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { parse } from '../oracle/parse.ts';
import { apply, EMPTY_SHOP } from '../oracle/shop.ts';

let shop: StrataUnderTest;
beforeAll(async () => {
  shop = await openStrataUnderTest();
});
afterAll(() => shop.drop());

const RULES = {
  counted: 'count(events "checkout".properties.score) >= 1',
  filtered: 'count(events "checkout" where properties.score is not missing) >= 1',
  newest: 'last(events "checkout".properties.score) is not missing',
  'of-any': 'count(events.properties.score) >= 1',
  without: 'count(events "checkout" where properties.score is missing) >= 1',
};

it('a first number is taken and counts', async () => {
  for (const [key, rule] of Object.entries(RULES)) await shop.define(key, rule);
  const { strata, clock } = shop;
  let world = EMPTY_SHOP;
  const send = async (name: string, customerId: string, properties: object) => {
    const context = { ...strata, newEventId: () => `${name} ${customerId}` };
    const { facts, rejected } = await prepareBatch([{ customerId, name, properties }], 'events', context, { partial: false });
    expect(rejected).toEqual([]);
    await shop.write(facts);
    world = apply(world, facts, clock.nowMs());
  };
  await send('checkout', 'a', { score: 5 });
  await send('checkout', 'b', { page: 'x' });
  await send('survey', 'c', { score: 'high' });
  const expectMembers = async () => {
    world = { ...world, catalog: await loadCatalog(strata.database) };
    for (const one of world.customers) {
      const holds = (rule: string) => evaluateRule(parse(rule), one, world, clock.nowMs(), 'UTC', () => false);
      const keys = Object.entries(RULES).filter(([, rule]) => holds(rule));
      expect(await shop.segmentsOf(one.id)).toEqual(keys.map(([key]) => key));
    }
    expect(await shop.segmentsOf('a')).toEqual(['counted', 'filtered', 'newest', 'of-any']);
    expect(await shop.segmentsOf('b')).toEqual(['without']);
    expect(await shop.segmentsOf('c')).toEqual(['of-any']);
  };
  await expectMembers();
  // read again, now that the catalog has the types
  await strata.database.query({ text: 'update definitions set epoch = epoch + 1' });
  await strata.programs.reload();
  for (const id of ['a', 'b', 'c']) await send('other', id, {});
  await expectMembers();
});
