// What is kept for webhooks, and what about persons is not: trimming and its gaps, erasure, lag. On a standing clock.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { blankDueExits } from '../../src/changes/erasures.ts';
import { placeNotices } from '../../src/changes/place-notices.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { trimHistory } from '../../src/changes/trim.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { erase } from '../../src/pipeline.ts';
import { listDeliveries } from '../../src/webhooks/deliveries.ts';
import { readPassedPosition, readWebhookLag, trimNotices } from '../../src/webhooks/places.ts';
import { changeWebhook, deleteWebhook, replayWebhook } from '../../src/webhooks/webhooks.ts';
import { findTraces } from '../membership/dump-database.ts';
import { DAY_MS, START_MS } from '../membership/strata-under-test.ts';
import { openWebhookShop, type WebhookShop } from './webhook-shop.ts';

let shop: WebhookShop;

beforeEach(async () => {
  shop = await openWebhookShop();
});
afterEach(() => shop.drop());

const database = () => shop.strata.database;
const record = () => shop.strata.webhooks.record;
const trim = (throughPosition: string | null) => trimHistory(database(), shop.clock.nowMs(), 100, throughPosition);

describe('trimming', () => {
  test('leaves what a webhook has not had', async () => {
    const hook = await shop.hook({ batchSize: 1 });
    await shop.enter('ada', 'ben');
    await shop.deliver();
    await changeWebhook(record(), hook.id, { status: 'paused' });
    await shop.hook({ types: ['run.finished'] }); // is sent no changes
    await shop.enter('cleo', 'dan');
    shop.clock.advance(1);
    expect(await readPassedPosition(database())).toBe('2');
    expect(await trim(await readPassedPosition(database()))).toBe(2);
    expect((await readChanges(database(), { afterPosition: '0', limit: 9 })).map((change) => change.position)).toEqual(['3', '4']);
    await changeWebhook(record(), hook.id, { status: 'active' });
    await shop.deliver();
    expect(shop.receiver.positions()).toEqual([1, 2, 3, 4]);
    expect(await shop.read(hook.id)).toMatchObject({ gap: null, position: '4' });
  });

  test('of what one has not had is told', async () => {
    const hook = await shop.hook({ from: { position: '0' } });
    shop.receiver.behave(200, 500);
    await shop.enter('ada', 'ben');
    await shop.deliver(); // fixed, and failed
    shop.clock.advance(1);
    await trim(null);
    await shop.enter('cleo');
    shop.clock.advance(10_000);
    await shop.deliver();
    expect(await shop.read(hook.id)).toMatchObject({
      gap: { after: '0', through: '2', atMs: START_MS + 10_001 },
      position: '3',
      status: 'active',
    });
    const [failed, sent] = shop.receiver.received;
    expect(sent?.headers['webhook-id']).not.toBe(failed?.headers['webhook-id']);
    expect(shop.receiver.positions()).toEqual([1, 2, 3]);
    await expect(replayWebhook(record(), hook.id, { position: '1' })).rejects.toMatchObject({ code: 'history_trimmed' });
    expect(await replayWebhook(record(), hook.id, { position: '0' })).toMatchObject({ position: '2' });
  });
});

describe('trimming notices', () => {
  const DAY = { olderThanMs: START_MS + 1, waitMs: DAY_MS };
  const place = () => placeNotices(database());
  const kept = async () => (await database().query({ text: 'select n.id from notices as n order by n.id' })).map(({ id }) => id);

  test('leaves the newest of an endless log', async () => {
    const { length: told } = await kept();
    await shop.define('other', 'country = "DE"'); // published, and a run finished
    const all = await kept();
    expect(all).toHaveLength(told + 2);
    const forEver = { olderThanMs: null, waitMs: DAY_MS };
    expect(await trimNotices(database(), shop.clock, forEver, { kept: 1, atOnce: 99 })).toBe(0); // without a place none goes
    await place();
    expect(await trimNotices(database(), shop.clock, forEver)).toBe(0);
    expect(await trimNotices(database(), shop.clock, forEver, { kept: 1, atOnce: told })).toBe(told);
    expect(await trimNotices(database(), shop.clock, forEver, { kept: 1, atOnce: told })).toBe(1);
    expect(await kept()).toEqual(all.slice(-1));
  });

  test('takes them with their part of the log', async () => {
    await place();
    await shop.enter('ada', 'ben');
    await shop.define('other', 'country = "DE"');
    await place();
    const told = await kept();
    shop.clock.advance(1);
    await trim('1');
    expect(await trimNotices(database(), shop.clock, DAY)).toBe(told.length - 2);
    await trim(null);
    expect(await trimNotices(database(), shop.clock, { ...DAY, olderThanMs: START_MS })).toBe(0);
    expect(await trimNotices(database(), shop.clock, DAY)).toBe(2);
    expect(await kept()).toEqual([]);
  });

  test('of what one has not had is told', async () => {
    const types = ['run.finished'] as const;
    await place();
    const [waiting, elsewhere] = [await shop.hook({ types }), await shop.hook({ types, segments: ['china'] })];
    for (const { id } of [waiting, elsewhere]) await changeWebhook(record(), id, { status: 'paused' });
    await shop.enter('ada', 'ben');
    await shop.define('other', 'country = "DE"');
    await place();
    shop.clock.advance(1);
    await trim(null);
    const told = await kept();
    expect(await trimNotices(database(), shop.clock, DAY)).toBe(told.length - 2);
    expect(await trimNotices(database(), shop.clock, { ...DAY, waitMs: 0 })).toBe(2);
    expect((await shop.read(waiting.id)).gap).toEqual({ after: '2', through: '2', atMs: START_MS + 1 });
    expect((await shop.read(elsewhere.id)).gap).toBeNull();
    await changeWebhook(record(), waiting.id, { status: 'active' });
    await shop.define('third', 'country = "FR"');
    await shop.deliver();
    expect(shop.receiver.received).toHaveLength(1);
  });
});

describe('an erasure', () => {
  const TRACES = ['ann-73', customerKey('ann-73')];

  test('leaves no trace with the webhooks', async () => {
    shop.receiver.behave((_request, response) => response.end('we know ann-73 well'));
    const hook = await shop.hook();
    await shop.enter('ann-73');
    await shop.deliver();
    const answers = async () => (await listDeliveries(database(), { webhookId: hook.id, limit: 9 })).map(({ answer }) => answer);
    expect(await answers()).toEqual(['we know ann-73 well']);
    const { receipt } = await erase(shop.strata, 'ann-73');
    expect(await answers()).toEqual([null]);
    await shop.publish();
    shop.clock.advance(1);
    await shop.deliver();
    expect(shop.receiver.received[1]?.json.data.changes).toMatchObject([{ type: 'exited', cause: 'erasure', customerId: 'ann-73' }]);
    expect(await answers()).toEqual(['we know ann-73 well', null]);
    shop.clock.set(receipt.blankAtMs);
    await blankDueExits(database(), shop.clock);
    expect(await findTraces(database(), TRACES)).toEqual([]);
  });

  test('is done with once webhooks passed', async () => {
    const hook = await shop.hook();
    await shop.enter('ann-73');
    await erase(shop.strata, 'ann-73');
    await shop.publish();
    const blank = async () => blankDueExits(database(), shop.clock, await readPassedPosition(database()));
    shop.clock.advance(DAY_MS);
    expect(await blank()).toBe(0); // it lags
    await shop.deliver();
    expect(await blank()).toBe(1);
    expect(await findTraces(database(), TRACES)).toEqual([]);
    await deleteWebhook(database(), hook.id);
  });

  test('waits a day for those who poll', async () => {
    await shop.hook();
    await shop.enter('ann-73');
    await erase(shop.strata, 'ann-73');
    await shop.publish();
    await shop.deliver();
    shop.clock.advance(DAY_MS - 1);
    expect(await blankDueExits(database(), shop.clock, await readPassedPosition(database()))).toBe(0);
    await changeWebhook(record(), (await readWebhookLag(database(), shop.clock))[0]?.id ?? '', { types: ['run.finished'] });
    shop.clock.advance(1);
    expect(await readPassedPosition(database())).toBeNull(); // without webhooks for the whole time
    expect(await blankDueExits(database(), shop.clock, null)).toBe(0);
  });

  test('makes a tombstone in what is retried', async () => {
    shop.receiver.behave(200, 500);
    await shop.hook();
    await shop.enter('ann-73', 'ben');
    await shop.deliver();
    await erase(shop.strata, 'ann-73');
    shop.clock.advance(10_000);
    await shop.deliver();
    const [first, again] = shop.receiver.received;
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.json.data.changes).toMatchObject([
      { position: 1, type: 'erased', customerId: null },
      { position: 2, customerId: 'ben' },
    ]);
  });

  test('may leave nothing to be retried', async () => {
    shop.receiver.behave(200, 500);
    const hook = await shop.hook({ segments: ['china'] });
    await shop.enter('ann-73');
    await shop.deliver();
    await erase(shop.strata, 'ann-73');
    await shop.publish();
    shop.clock.advance(10_000);
    await shop.deliver();
    expect(shop.receiver.received.map(({ json }) => json.data.changes)).toMatchObject([[{ type: 'entered' }], [{ cause: 'erasure' }]]);
    expect(await shop.read(hook.id)).toMatchObject({ position: '2', failures: 0 });
  });
});

test('lag tells how far behind, how long', async () => {
  shop.receiver.behave(500);
  const hook = await shop.hook();
  await shop.enter('ada', 'ben');
  await shop.deliver();
  shop.clock.advance(3000);
  expect(await readWebhookLag(database(), shop.clock)).toEqual([{ id: hook.id, status: 'active', behind: 2, seconds: 3, failures: 1 }]);
});
