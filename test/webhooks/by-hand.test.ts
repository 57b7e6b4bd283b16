// What somebody does to a webhook by hand, and what it is sent besides memberships, step by step on a standing clock.
import { Webhook as Verifier } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { placeNotices } from '../../src/changes/place-notices.ts';
import { endWith } from '../../src/db/transaction.ts';
import { changeDefinitions } from '../../src/segments/change-definitions.ts';
import { failSegments } from '../../src/segments/failures.ts';
import { pauseSegment } from '../../src/segments/lifecycle.ts';
import { getSegment } from '../../src/segments/segments.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import { changeWebhook, replayWebhook, rotateSecret } from '../../src/webhooks/webhooks.ts';
import { START_MS } from '../membership/strata-under-test.ts';
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

describe('by hand', () => {
  test('a paused one waits and misses nothing', async () => {
    const hook = await shop.hook();
    await changeWebhook(record(), hook.id, { status: 'paused' });
    await shop.enter('ada', 'ben');
    expect(await shop.deliver()).toBe(0);
    await changeWebhook(record(), hook.id, { status: 'active' });
    await shop.deliver();
    expect(shop.receiver.positions()).toEqual([1, 2]);
  });

  test('a replay brings the notices of its place', async () => {
    await placeNotices(database()); // those of the segment that the shop has already
    const hook = await shop.hook({ types: ['segment.membership.changed', 'run.finished'] });
    await shop.enter('ada');
    expect(await shop.deliver()).toBe(1);
    await shop.define('all', 'country = "CN"'); // a change, and the notice behind it
    await shop.publish();
    await shop.deliver();
    const { position } = await shop.read(hook.id);
    shop.receiver.received.length = 0;
    await replayWebhook(record(), hook.id, { position }); // all that a consumer has stored: it may have died between the two
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => json.type)).toEqual(['run.finished']);
  });

  test('a replay sends again, with new ids', async () => {
    const hook = await shop.hook();
    await shop.enter('ada', 'ben');
    await shop.deliver();
    shop.clock.advance(60_000);
    await shop.enter('cleo');
    await shop.deliver();
    await replayWebhook(record(), hook.id, { position: '1' });
    await shop.deliver();
    await replayWebhook(record(), hook.id, { atMs: START_MS + 1 });
    await shop.deliver();
    expect(shop.receiver.positions()).toEqual([1, 2, 3, 2, 3, 3]);
    expect(new Set(shop.receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    await expect(replayWebhook(record(), hook.id, { position: '4' })).rejects.toMatchObject({ code: 'invalid_fields' });
  });

  test('a rotation signs with both secrets', async () => {
    vi.setSystemTime(START_MS);
    const hook = await shop.hook();
    const { secret } = await rotateSecret(record(), hook.id, { overlapMs: 3_600_000 });
    const verifies = (by: string, index: number) => {
      const message = shop.receiver.received[index];
      try {
        return new Verifier(by).verify(message?.body ?? '', message?.headers ?? {}) !== null;
      } catch {
        return false;
      }
    };
    await shop.enter('ada');
    await shop.deliver();
    expect(shop.receiver.received[0]?.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    expect([verifies(hook.secret, 0), verifies(secret, 0)]).toEqual([true, true]);
    shop.clock.advance(3_600_000);
    vi.setSystemTime(shop.clock.nowMs());
    await shop.enter('ben');
    await shop.deliver();
    expect([verifies(hook.secret, 1), verifies(secret, 1)]).toEqual([false, true]);
    const { secret: third } = await rotateSecret(record(), hook.id, { overlapMs: 0 });
    await shop.enter('cleo');
    await shop.deliver();
    expect([verifies(secret, 2), verifies(third, 2)]).toEqual([false, true]);
  });

  test('types begun during a request begin there', async () => {
    await shop.enter('ada', 'ben');
    const hook = await shop.hook({ types: ['segment.published'], from: { position: '0' } });
    shop.receiver.behave(200, (_request, response) => {
      changeWebhook(record(), hook.id, { types: ['segment.published', 'segment.membership.changed'] }).then(() => response.end('taken'));
    });
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => json.type)).toEqual(['segment.published']);
    await shop.enter('cleo');
    await shop.deliver();
    expect(shop.receiver.positions()).toEqual([3]);
  });

  test('secrets are encrypted at rest', async () => {
    const hook = await shop.hook();
    await rotateSecret(record(), hook.id, { overlapMs: 1000 });
    const [row] = await database().query<{ secret: Buffer; previous: Buffer; text: string }>({
      text: 'select w.secret, w.previous_secret as previous, w::text as text from webhooks as w',
    });
    const plain = Buffer.from(hook.secret.slice('whsec_'.length), 'base64');
    expect([row?.secret.includes(plain), row?.previous.includes(plain)]).toEqual([false, false]);
    expect(row?.text).not.toContain(hook.secret.slice('whsec_'.length, -2));
    await database().query({ text: 'update webhooks set secret = $1', values: [row?.previous.fill(7)] });
    await shop.enter('ada');
    expect(await shop.deliver()).toBe(0);
    expect(await shop.read(hook.id)).toMatchObject({ status: 'disabled', disabled: { code: 'secret_unreadable' } });
  });
});

describe('notices', () => {
  test('come behind the changes they are about', async () => {
    await shop.enter('ada', 'ben');
    await shop.hook({ types: ['segment.membership.changed', 'segment.published', 'run.finished'], batchSize: 1 });
    const number = await addVersion(database(), shop.clock, 'china', { rule: 'country = "XX"', author: null });
    await publishVersion(database(), shop.clock, 'china', number);
    expect(await shop.deliver()).toBe(1);
    await shop.define('other', 'country = "CN"'); // runs what is open, too
    await pauseSegment(database(), shop.clock, 'other');
    await shop.publish();
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => [json.type, json.data.segment])).toEqual([
      ['segment.published', 'china'],
      ...Array.from({ length: 4 }, () => ['segment.membership.changed', undefined]),
      ['segment.published', 'other'],
      ['run.finished', 'china'],
      ['run.finished', 'other'],
    ]);
  });

  test('wait for changes that have no number', async () => {
    await shop.enter('ada');
    await shop.hook({ types: ['segment.membership.changed', 'run.finished'] });
    await shop.define('other', 'country = "CN"');
    await shop.deliver();
    expect(shop.receiver.received).toEqual([]);
    await shop.publish();
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => json.type)).toEqual(['segment.membership.changed', 'run.finished']);
    expect(shop.receiver.received[1]?.json.data).toMatchObject({
      segment: 'other',
      status: 'done',
      cause: 'definition',
      changes: 1,
      done: 1,
    });
  });

  test('tell of every end, and of failures', async () => {
    await shop.hook({ types: ['segment.failed', 'run.finished'] });
    const { id } = await getSegment(database(), 'china');
    const publish = async () => publishVersion(database(), shop.clock, 'china', 1);
    await publish();
    await publish(); // takes the place of the first
    const failures = new Map([[id, { version: 1, reason: 'the statement took too long' }]]);
    await changeDefinitions(database(), shop.clock, async (client) =>
      endWith(await failSegments(client, failures, shop.clock.nowMs()), undefined),
    );
    await publish();
    await pauseSegment(database(), shop.clock, 'china');
    await shop.publish();
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => [json.type, json.data.status ?? json.data.failure])).toEqual([
      ['run.finished', 'superseded'],
      ['segment.failed', 'the statement took too long'],
      ['run.finished', 'failed'],
      ['run.finished', 'cancelled'],
    ]);
    expect(shop.receiver.received[1]?.json.data).toMatchObject({
      segment: 'china',
      version: 1,
      failures: 1,
      retryAt: '2026-06-15T12:01:00.000Z',
    });
  });

  test('alone need no place in the feed', async () => {
    const hook = await shop.hook({ types: ['run.finished'], segments: ['china'] });
    await shop.enter('ada');
    await shop.define('other', 'country = "CN"');
    expect(await shop.deliver()).toBe(0);
    const rows = await database().query<{ notice_id: string; last_id: string }>({
      text: 'select w.notice_id, k.last_id from webhooks as w cross join notice_count as k where w.id = $1::uuid',
      values: [hook.id],
    });
    expect(rows[0]?.notice_id).toBe(rows[0]?.last_id);
  });
});
