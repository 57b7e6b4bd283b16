// What an endpoint is sent, step by step on a standing clock: order, batches, filters, retries with the same content, three days of them.
import { Webhook as Verifier } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ADMIN } from '../../src/access/caller.ts';
import { changeOut } from '../../src/api/rest/change-schema.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { writePin } from '../../src/membership/write-pins.ts';
import { listDeliveries } from '../../src/webhooks/deliveries.ts';
import { changeWebhook } from '../../src/webhooks/webhooks.ts';
import { customer, DAY_MS, START_MS } from '../membership/strata-under-test.ts';
import { openWebhookShop, type WebhookShop } from './webhook-shop.ts';

let shop: WebhookShop;

beforeEach(async () => {
  shop = await openWebhookShop();
});
afterEach(async () => {
  vi.useRealTimers();
  await shop.drop();
});

const database = () => shop.strata.database;
const record = () => shop.strata.webhooks.record;
const log = (webhookId: string) => listDeliveries(database(), { webhookId, limit: 200 });

describe('a delivery', () => {
  test('is signed as Standard Webhooks says', async () => {
    vi.setSystemTime(START_MS); // of the verifier, who refuses old timestamps
    const { secret } = await shop.hook();
    await shop.enter('äda "1"', 'ben');
    expect(await shop.deliver()).toBe(1);
    const [message] = shop.receiver.received;
    expect(secret).toMatch(/^whsec_/);
    expect(new Verifier(secret).verify(message?.body ?? '', message?.headers ?? {})).toEqual(message?.json);
    expect(() => new Verifier(secret).verify(`${message?.body} `, message?.headers ?? {})).toThrow();
    expect(message?.headers).toMatchObject({ 'webhook-timestamp': String(START_MS / 1000), 'content-type': 'application/json' });
    expect(message?.json).toMatchObject({ type: 'segment.membership.changed', timestamp: '2026-06-15T12:00:00.000Z' });
    expect(message?.json.data.changes).toEqual([
      {
        id: '1',
        position: 1,
        type: 'entered',
        segment: 'china',
        customerId: 'äda "1"',
        version: 1,
        cause: 'data',
        at: '2026-06-15T12:00:00.000Z',
        actor: null,
        reason: null,
      },
      expect.objectContaining({ position: 2, customerId: 'ben' }),
    ]);
  });

  test('begins at the end of the feed', async () => {
    await shop.enter('ada');
    const hook = await shop.hook();
    expect(hook).toMatchObject({ position: '1', behind: '0', status: 'active' });
    expect(await shop.deliver()).toBe(0);
    await shop.enter('ben');
    await shop.deliver();
    expect(shop.receiver.positions()).toEqual([2]);
    expect(await shop.read(hook.id)).toMatchObject({ position: '2', behind: '0', deliveredAtMs: START_MS });
  });

  test('comes in batches, in order', async () => {
    await shop.enter(...Array.from({ length: 7 }, (_, n) => `c${n}`));
    await shop.hook({ batchSize: 3, from: { position: '0' } });
    expect(await shop.deliver()).toBe(3);
    expect(shop.receiver.received.map(({ json }) => json.data.changes.length)).toEqual([3, 3, 1]);
    expect(shop.receiver.positions()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(shop.receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
  });

  test('holds what the filter lets through', async () => {
    await shop.define('young', 'country = "CN" and city = "X"');
    const all = await shop.hook({ segments: ['young'], changeTypes: ['exited'] });
    await shop.write({ customers: [customer('ada', { profile: { country: 'CN', city: 'X' } })] });
    await shop.publish();
    expect(await shop.deliver()).toBe(0);
    expect(await shop.read(all.id)).toMatchObject({ position: '2', behind: '0' });
    await shop.write({ customers: [customer('ada', { profile: { city: 'Y' } })] });
    await shop.publish();
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => json.data.changes)).toEqual([
      [expect.objectContaining({ segment: 'young', type: 'exited', customerId: 'ada' })],
    ]);
  });
});

describe('a failure', () => {
  test('is retried with the same id and body', async () => {
    await shop.enter('ada', 'ben');
    shop.receiver.behave(200, 500);
    const hook = await shop.hook({ from: { position: '0' } });
    expect(await shop.deliver()).toBe(1);
    await shop.enter('cleo'); // not in the batch that is under way
    expect(await shop.read(hook.id)).toMatchObject({ position: '0', failures: 1, failingSinceMs: START_MS });
    expect(await shop.deliver()).toBe(0);
    shop.clock.advance(10_000);
    expect(await shop.deliver()).toBe(2);
    const [first, again, after] = shop.receiver.received;
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.body).toBe(first?.body);
    expect(again?.headers['webhook-timestamp']).not.toBe(first?.headers['webhook-timestamp']);
    expect(after?.json.data.changes).toMatchObject([{ position: 3 }]);
    expect(await shop.read(hook.id)).toMatchObject({ position: '3', failures: 0, failingSinceMs: null, nextAttemptAtMs: null });
    expect(await log(hook.id)).toMatchObject([
      { number: '3', succeeded: true, status: 200, attempt: 1, after: '2', through: '3' },
      { number: '2', succeeded: true, status: 200, attempt: 2, after: '0', through: '2', answer: 'status 200' },
      { number: '1', succeeded: false, status: 500, attempt: 1, error: 'answered 500', answer: 'status 500' },
    ]);
  });

  test('keeps its batch when the filter changes', async () => {
    await shop.enter('ada', 'ben', 'cleo');
    shop.receiver.behave(200, 503);
    const hook = await shop.hook({ from: { position: '0' }, batchSize: 2 });
    await shop.deliver();
    await changeWebhook(record(), hook.id, { changeTypes: ['exited'], batchSize: 500 });
    expect(await shop.deliver()).toBe(1); // an edit tries at once
    const [first, again, ...more] = shop.receiver.received;
    expect([again?.headers['webhook-id'], again?.body, more]).toEqual([first?.headers['webhook-id'], first?.body, []]);
    expect(await shop.read(hook.id)).toMatchObject({ position: '3' });
  });

  test('is tried for three days, then disables', async () => {
    await shop.enter('ada');
    shop.receiver.behave(500);
    const hook = await shop.hook({ from: { position: '0' } });
    let attempts = await shop.deliver();
    for (;;) {
      const { nextAttemptAtMs, status } = await shop.read(hook.id);
      if (status !== 'active' || nextAttemptAtMs === null) break;
      shop.clock.set(nextAttemptAtMs - 1);
      expect(await shop.deliver()).toBe(0);
      shop.clock.set(nextAttemptAtMs);
      attempts += await shop.deliver();
    }
    expect(attempts).toBe(15);
    const days = (shop.clock.nowMs() - START_MS) / DAY_MS;
    expect(days).toBeGreaterThan(2);
    expect(days).toBeLessThan(4);
    const disabled = await shop.read(hook.id);
    expect(disabled).toMatchObject({ status: 'disabled', position: '0', disabled: { code: 'failing', atMs: shop.clock.nowMs() } });
    expect(disabled.disabled?.detail).toContain('answered 500');
    expect(new Set(shop.receiver.received.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size).toBe(1);
    shop.receiver.behave(200);
    await changeWebhook(record(), hook.id, { status: 'active' });
    expect(await shop.deliver()).toBe(1);
    expect(await shop.read(hook.id)).toMatchObject({ status: 'active', disabled: null, failures: 0, position: '1' });
    expect(shop.receiver.received[0]?.headers['webhook-id']).toBe(shop.receiver.received.at(-1)?.headers['webhook-id']);
  });

  test('resuming and another URL count failures anew', async () => {
    await shop.enter('ada');
    shop.receiver.behave(500, 410);
    const hook = await shop.hook({ from: { position: '0' } });
    const failOnce = async () => {
      expect(await shop.deliver()).toBe(1);
      return shop.read(hook.id);
    };
    expect(await failOnce()).toMatchObject({ status: 'disabled', failures: 1 });
    await changeWebhook(record(), hook.id, { status: 'paused' });
    shop.clock.advance(3 * DAY_MS);
    await changeWebhook(record(), hook.id, { status: 'active' });
    expect(await failOnce()).toMatchObject({ status: 'active', failures: 1, failingSinceMs: shop.clock.nowMs() });
    await changeWebhook(record(), hook.id, { description: 'for the shop' });
    expect(await failOnce()).toMatchObject({ failures: 2 });
    await changeWebhook(record(), hook.id, { url: `${shop.receiver.url}/moved` });
    shop.clock.advance(1);
    expect(await failOnce()).toMatchObject({ failures: 1, failingSinceMs: shop.clock.nowMs() });
  });

  test('410 disables at once', async () => {
    await shop.enter('ada');
    shop.receiver.behave(410);
    const hook = await shop.hook({ from: { position: '0' } });
    expect(await shop.deliver()).toBe(1);
    expect(await shop.read(hook.id)).toMatchObject({ status: 'disabled', disabled: { code: 'gone' } });
    shop.clock.advance(10 * DAY_MS);
    expect(await shop.deliver()).toBe(0);
  });

  test('a redirect is not followed', async () => {
    await shop.enter('ada');
    shop.receiver.behave((_request, response) => response.writeHead(301, { location: '/elsewhere' }).end());
    const hook = await shop.hook({ from: { position: '0' } });
    expect(await shop.deliver()).toBe(1);
    expect(shop.receiver.received).toHaveLength(1);
    expect(await log(hook.id)).toMatchObject([{ succeeded: false, status: 301, error: 'answered 301: redirects are not followed' }]);
  });

  test('waits as long as the receiver asks', async () => {
    await shop.enter('ada');
    shop.receiver.behave((_request, response) => response.writeHead(429, { 'retry-after': '1800' }).end());
    const hook = await shop.hook({ from: { position: '0' } });
    await shop.deliver();
    expect(await shop.read(hook.id)).toMatchObject({ nextAttemptAtMs: START_MS + 1_800_000 });
  });

  test('of one endpoint holds up no other', async () => {
    shop.receiver.behave(500);
    const failing = await shop.hook();
    const other = await shop.hook({ types: ['segment.membership.changed'], changeTypes: ['exited'] });
    await shop.enter('ada', 'ben');
    await shop.deliver();
    expect([await shop.read(failing.id), await shop.read(other.id)]).toMatchObject([{ behind: '2' }, { behind: '0' }]);
  });
});

test('a body says what the feed says', async () => {
  await shop.enter('ada');
  const said = { segment: 'china', replace: false, actor: 'me', reason: 'a "reason"\n', untilMs: null } as const;
  await writePin(shop.strata, { ...said, customerId: 'ada', wish: 'remove' });
  await shop.publish();
  await shop.hook({ from: { position: '0' } });
  await shop.deliver();
  const changes = await readChanges(database(), { afterPosition: '0', limit: 10 });
  expect(shop.receiver.received.flatMap(({ json }) => json.data.changes)).toEqual(changes.map((change) => changeOut(change, ADMIN)));
});
