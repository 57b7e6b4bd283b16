// Whose turn it is when more endpoints wait than are sent to at once: those with nothing to send hold up nobody. On a standing clock.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Publisher } from '../../src/changes/publisher.ts';
import { Deliverer } from '../../src/webhooks/deliverer.ts';
import { releaseEndpoint, takeEndpoints } from '../../src/webhooks/lease.ts';
import { openWebhookShop, type WebhookShop } from './webhook-shop.ts';

/** As many as are sent to at once. */
const WORKERS = 64;

let shop: WebhookShop;

beforeEach(async () => {
  shop = await openWebhookShop();
});
afterEach(() => shop.drop());

const database = () => shop.strata.database;
const record = () => shop.strata.webhooks.record;

async function makeQuiet(count: number): Promise<void> {
  await shop.define('quiet', 'country = "NO"');
  for (let n = 0; n < count; n += 1) await shop.hook({ segments: ['quiet'] });
  shop.clock.advance(1); // ids are by time: whoever is made later comes behind them
}

test('whoever has waited longest comes next', async () => {
  for (let n = 0; n <= WORKERS; n += 1) await shop.hook();
  const take = () => takeEndpoints(database(), shop.clock, { fresh: WORKERS, failing: WORKERS }, []);
  const release = async (taken: Awaited<ReturnType<typeof take>>, position: string) => {
    for (const held of taken) await releaseEndpoint(database(), shop.clock, held, { position, noticeId: held.webhook.notice_id });
  };
  await shop.enter('ada');
  const first = await take();
  expect(first).toHaveLength(WORKERS);
  const had = new Set(first.map(({ webhook }) => webhook.id));
  await release(first, '1');
  await shop.enter('ben');
  shop.clock.advance(1);
  const second = await take();
  expect(second.filter(({ webhook }) => !had.has(webhook.id))).toHaveLength(1);
  await release(second, '2');
  await shop.enter('cyd');
  const third = await take();
  const waiting = new Set(third.map(({ webhook }) => webhook.id));
  for (const { webhook } of first) if (!second.some((held) => held.webhook.id === webhook.id)) expect(waiting).toContain(webhook.id);
});

test('quiet endpoints leave their place to others', async () => {
  await makeQuiet(WORKERS);
  await shop.hook();
  await shop.enter('ada');
  expect(await shop.deliver()).toBe(1);
  expect(shop.receiver.positions()).toEqual([1]);
});

test('after many quiet ones no second passes', async () => {
  await makeQuiet(2 * WORKERS);
  await shop.hook();
  const { database, webhookKey: key } = record();
  const deliverer = new Deliverer({ database, clock: shop.clock, key, log: pino({ level: 'silent' }), send: shop.strata.webhooks.send });
  deliverer.start({ onGrowth: () => () => {} } as unknown as Publisher);
  try {
    await shop.enter('ada');
    deliverer.ring();
    const endMs = shop.clock.nowMs() + 900; // less than the second after which it is looked anyway
    const moving = setInterval(() => shop.clock.set(Math.min(endMs, shop.clock.nowMs() + 5)), 1); // looks are some time apart
    await shop.receiver.count(1).finally(() => clearInterval(moving));
    expect(shop.receiver.positions()).toEqual([1]);
  } finally {
    await deliverer.stop();
  }
});
