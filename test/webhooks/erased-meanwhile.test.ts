// A receiver that repeats what it was sent, and answers while the person in it is erased.
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { erase } from '../../src/pipeline.ts';
import { findTraces } from '../membership/dump-database.ts';
import { customer } from '../membership/strata-under-test.ts';
import { openWebhookShop } from './webhook-shop.ts';

const PAUSE = 4711;

test('an answer beside an erasure is not kept', async () => {
  const shop = await openWebhookShop({ startMs: systemClock.nowMs() }); // Postgres says when it was read
  const { database } = shop.strata;
  await shop.hook({ from: { position: '0' } });
  await shop.enter('ann-73');
  await shop.write({ customers: [customer('ann-73', { profile: { country: 'GB' } })] }); // in no segment: nothing of hers is blanked later
  await shop.publish();
  shop.receiver.behave(200, (_request, response) => response.end('we know ann-73 well'));
  await database.query({
    text: `create function pause() returns trigger language plpgsql as $$ begin
      perform set_config('lock_timeout', '0', true), pg_advisory_xact_lock(${PAUSE});
      return null;
    end $$`,
  });
  await database.query({
    text: 'create constraint trigger pause after insert on erasures deferrable initially deferred for each row execute function pause()',
  });
  const client = await database.pool.connect();
  await client.query(`select pg_advisory_lock(${PAUSE})`);
  const erasing = erase(shop.strata, 'ann-73');
  const waiting = { text: `select from pg_stat_activity as a where a.wait_event_type = 'Lock' and a.datname = current_database()` };
  await vi.waitUntil(async () => (await database.query(waiting)).length === 1, 30_000); // all is done but the commit
  const delivering = shop.deliver();
  await vi.waitUntil(() => shop.receiver.received.length === 1, 30_000);
  await Promise.race([delivering, vi.waitUntil(async () => (await database.query(waiting)).length === 2, 20_000)]);
  await client.query(`select pg_advisory_unlock(${PAUSE})`);
  client.release();
  await erasing;
  await delivering;
  await shop.publish();
  expect(await findTraces(database, ['ann-73'])).toEqual([]);
  await shop.drop();
});
