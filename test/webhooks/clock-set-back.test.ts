// An endpoint that failed, or was held, while the clock ran an hour ahead does not wait for that hour once the clock is right again.
import { expect, it } from 'vitest';
import { setEndpointsBack } from '../../src/webhooks/clock-set-back.ts';
import { openWebhookShop } from './webhook-shop.ts';

const HOUR_MS = 3_600_000;

it('waits no longer than without the jump', async () => {
  const shop = await openWebhookShop();
  const { database } = shop.strata;
  try {
    await shop.hook();
    await shop.enter('ada');
    shop.receiver.behave(200, 503);
    expect(await shop.deliver()).toBe(1);
    const ahead = `update webhooks set retry_at = retry_at + interval '1 hour', leased_until = retry_at + interval '1 hour'`;
    await database.query({ text: ahead });
    await shop.moveTo(shop.clock.nowMs() + 10_000);
    expect(await shop.deliver()).toBe(0);
    await setEndpointsBack(database, shop.clock, HOUR_MS);
    await shop.moveTo(shop.clock.nowMs() + 10_000);
    expect(await shop.deliver()).toBe(1);
    expect(shop.receiver.positions()).toEqual([1, 1]);
  } finally {
    await shop.drop();
  }
});
