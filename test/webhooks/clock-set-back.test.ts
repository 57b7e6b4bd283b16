// An endpoint that failed, or was held, while the clock ran an hour ahead does not wait for that hour once the clock is right again.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { HOUR_MS } from '../../src/base/durations.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { setEndpointsBack } from '../../src/webhooks/clock-set-back.ts';
import { createWebhook } from '../../src/webhooks/webhooks.ts';
import { createTestDatabase, SECRET_KEY } from '../database.ts';
import { customer } from '../membership/strata-under-test.ts';
import { startReceiver } from './receiver.ts';
import { openWebhookShop, TO_US } from './webhook-shop.ts';

it('waits no longer than without the jump', async () => {
  const shop = await openWebhookShop();
  const { database } = shop.strata;
  try {
    await shop.hook();
    await shop.enter('ada');
    shop.receiver.behave(200, 503);
    expect(await shop.deliver()).toBe(1);
    const ahead = `update webhooks set retry_at = retry_at + interval '1 hour', lease_id = id, leased_until = retry_at + interval '1 hour'`;
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

it('an endpoint that nobody holds is free', async () => {
  const shop = await openWebhookShop();
  const { database } = shop.strata;
  try {
    await shop.hook();
    await shop.enter('ada');
    expect(await shop.deliver()).toBe(1);
    await database.query({ text: `update webhooks set leased_until = leased_until + interval '1 hour'` }); // the last turn, by the clock that ran ahead
    await shop.enter('ben');
    expect(await shop.deliver()).toBe(1);
    expect(shop.receiver.positions()).toEqual([1, 2]);
  } finally {
    await shop.drop();
  }
});

it('a sender whose own clock jumps goes on', async () => {
  const test = await createTestDatabase();
  const receiver = await startReceiver();
  let aheadMs = HOUR_MS;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
  const place = { database: test.database, clock, cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD' };
  const strata = await openStrata({ ...place, ...TO_US, log: pino({ level: 'silent' }), background: true });
  const enter = (id: string) => write(strata, { ...NO_FACTS, customers: [customer(id, { profile: { country: 'CN' } })] });
  try {
    const china = { key: 'china', name: 'china', kind: 'rule' as const, rule: 'country = "CN"', publish: true, author: null };
    await createSegment(test.database, clock, china);
    strata.runsWaiting.ring();
    const content = { description: null, types: ['segment.membership.changed'], segments: null, changeTypes: null, batchSize: 1 } as const;
    await createWebhook(strata.webhooks.record, { url: receiver.url, ...content, author: 'test' });
    await enter('ada');
    await receiver.count(1);
    aheadMs = 0;
    await enter('ben');
    await enter('cyd');
    await receiver.until(() => receiver.positions().includes(3));
  } finally {
    await strata.close();
    await receiver.close();
    await test.drop();
  }
});
