// Who may send: leases on endpoints and how they fence off others, and the log of attempts. On a standing clock.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listDeliveries } from '../../src/webhooks/deliveries.ts';
import { fixBatch, LEASE_MS, recordSuccess, releaseEndpoint, takeEndpoints } from '../../src/webhooks/lease.ts';
import type { Batch } from '../../src/webhooks/webhook.ts';
import { replayWebhook } from '../../src/webhooks/webhooks.ts';
import { START_MS } from '../membership/strata-under-test.ts';
import { openWebhookShop, type WebhookShop } from './webhook-shop.ts';

let shop: WebhookShop;

beforeEach(async () => {
  shop = await openWebhookShop();
});
afterEach(() => shop.drop());

const database = () => shop.strata.database;
const record = () => shop.strata.webhooks.record;

describe('a lease', () => {
  const batch: Batch = { id: 'msg_1', atMs: START_MS, kind: 'changes', after: '0', through: '1', segmentIds: null, changeTypes: null };
  const outcome = { succeeded: true, status: 200, error: null, answer: '', latencyMs: 1, retryAfterSeconds: null };
  const attempt = { batch, changes: 1, attempt: 1, readAtMs: START_MS, outcome };
  const take = () => takeEndpoints(database(), shop.clock, { fresh: 9, failing: 9 }, []);

  test('is had by one at a time', async () => {
    await shop.hook({ from: { position: '0' } });
    await shop.enter('ada', 'ben');
    const taken = await Promise.all([take(), take(), take()]);
    expect(taken.flat()).toHaveLength(1);
    expect(await shop.deliver()).toBe(0);
  });

  test('that ran out moves nothing any more', async () => {
    const hook = await shop.hook({ from: { position: '0' }, batchSize: 1 });
    await shop.enter('ada', 'ben');
    const [held] = await take();
    if (held === undefined) throw new Error('nothing was taken');
    shop.clock.advance(LEASE_MS);
    expect(await shop.deliver()).toBe(2); // somebody else goes on
    const place = { position: '1', noticeId: '0' };
    expect(await recordSuccess(database(), shop.clock, held, attempt, place, null)).toBe('lost');
    expect(await fixBatch(database(), held, place, batch)).toBe(false);
    await releaseEndpoint(database(), shop.clock, held, place);
    expect(await shop.read(hook.id)).toMatchObject({ position: '2' });
    expect(await listDeliveries(database(), { webhookId: hook.id, limit: 9 })).toHaveLength(2);
  });

  test('leaves a place that was replayed alone', async () => {
    const hook = await shop.hook({ from: { position: '0' } });
    await shop.enter('ada', 'ben');
    const [held] = await take();
    if (held === undefined) throw new Error('nothing was taken');
    expect(await fixBatch(database(), held, { position: '0', noticeId: '0' }, batch)).toBe(true);
    await replayWebhook(record(), hook.id, { position: '1' });
    expect(await recordSuccess(database(), shop.clock, held, attempt, { position: '2', noticeId: '0' }, null)).toBe('edited');
    expect(await shop.read(hook.id)).toMatchObject({ position: '1' });
  });

  test('of a dead process brings the same again', async () => {
    const hook = await shop.hook({ from: { position: '0' } });
    await shop.enter('ada', 'ben');
    const [held] = await take();
    if (held === undefined) throw new Error('nothing was taken');
    await fixBatch(database(), held, { position: '0', noticeId: '0' }, batch); // it dies while it sends
    expect(await shop.deliver()).toBe(0);
    shop.clock.advance(LEASE_MS);
    expect(await shop.deliver()).toBe(2);
    expect(shop.receiver.received[0]?.headers['webhook-id']).toBe('msg_1');
    expect(shop.receiver.received.map(({ json }) => json.data.changes.length)).toEqual([1, 1]);
    expect(await shop.read(hook.id)).toMatchObject({ position: '2' });
  });
});

test('rings hold the last attempts of each kind', async () => {
  const hook = await shop.hook({ batchSize: 1 });
  shop.receiver.behave(200, 500);
  await shop.enter('c');
  await shop.deliver();
  shop.clock.advance(10_000);
  for (let n = 0; n < 105; n += 1) await shop.enter(`c${n}`);
  await shop.deliver();
  const log = await listDeliveries(database(), { webhookId: hook.id, limit: 300 });
  expect(log.map(({ number }) => Number(number))).toEqual([...Array.from({ length: 100 }, (_, n) => 107 - n), 1]);
  expect(log.at(-1)).toMatchObject({ succeeded: false, status: 500 });
});
