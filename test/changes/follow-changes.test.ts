// Single followers of the feed: what each says about how far it has come.
import { expect, test } from 'vitest';
import { EVERYTHING } from '../../src/changes/feed-filter.ts';
import { customer, openStrataUnderTest } from '../membership/strata-under-test.ts';

test('a place is told once passed on', async () => {
  const shop = await openStrataUnderTest();
  try {
    const { feedTail, publisher } = shop.strata;
    await shop.define('all', 'everyone');
    const first = feedTail.follow(EVERYTHING, '0');
    const second = feedTail.follow(EVERYTHING, '0');
    const toFirst = first.next(10).then(() => second.place); // between what the second is given and its reader
    const toSecond = second.next(10);
    await shop.write({ customers: [customer('ada')] });
    await shop.publish();
    publisher.tellGrowth();
    expect(await toFirst).toBe('0');
    expect((await toSecond).place).toBe('1');
    expect(second.place).toBe('0');
    await second.next(10, { timeoutMs: 0 });
    expect(second.place).toBe('1');
  } finally {
    shop.strata.feedTail.stop();
    await shop.drop();
  }
});
