// The leading process trims the log and notices on its own and marks the log, including what was numbered before it led; notices get their
// place.
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { openStrata } from '../../src/open-strata.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';

const OLD = 6000;
const NEW = 5000;
let own: TestDatabase;
let strata: Strata;

beforeAll(async () => {
  own = await createTestDatabase();
  const { database } = own;
  await database.query({
    text: `
      insert into segments (key, name, kind, status, created_at, updated_at)
      values ('all', 'All', 'rule', 'draft', clock_timestamp(), clock_timestamp())`,
  });
  for (const [decision, age, entries] of [
    [1, '60 hours', 1],
    [2, '49 hours', OLD - 1],
    [3, '47 hours', NEW],
  ]) {
    await database.query({
      text: `
        insert into outbox (decision, ordinal, customer_id, segment_id, type, version, cause, at)
        select $1, g, g, s.id, 'entered', 1, 'data', date_trunc('minute', clock_timestamp()) - $2::interval -- all in one quarter of an hour
        from generate_series(1, $3::integer) as g
        cross join segments as s`,
      values: [decision, age, entries],
    });
  }
  while ((await moveOutbox(database.pool)) > 0);
  await database.query({
    text: `
      insert into notices (id, type, segment_id, data, at, decision, after_position)
      select n.id, 'run.finished', s.id, '{}', clock_timestamp() - n.age, n.decision, n.after_position
      from (values (1, interval '49 hours', 2, ${OLD}), (2, interval '47 hours', 2, ${OLD}), (3, interval '0', 3, null)) as n (id, age, decision, after_position)
      cross join segments as s`,
  });
  await database.query({ text: 'update notice_count set last_id = 3' });
  const settings = { cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD', log: pino({ level: 'silent' }) };
  strata = await openStrata({ database, clock: systemClock, ...settings, historyDays: 2, background: true });
});
afterAll(async () => {
  await strata.close();
  await own.drop();
});

test('the log is marked and trimmed', async () => {
  const look = async () => {
    const rows = await own.database.query({
      text: `
        select t.position, (select count(*) from changes) as kept, (select count(*) from segment_quarters) as quarters,
          (select sum(z.member_count) from segment_sizes as z) as members, (select sum(d.entered) from segment_days as d) as entered,
          (select max(k.position) from change_marks as k) > t.position as marked
        from trimmed as t`,
    });
    return rows[0];
  };
  const all = String(OLD + NEW);
  // the quarter that the cut lies in stays whole
  const trimmed = { position: String(OLD), kept: String(NEW), quarters: '2', members: all, entered: all, marked: true };
  await expect.poll(look, { interval: 50 }).toEqual(trimmed);
  const notices = () => own.database.query({ text: 'select n.id, n.after_position from notices as n order by n.id' });
  const kept = [
    { id: '2', after_position: String(OLD) },
    { id: '3', after_position: all },
  ];
  await expect.poll(notices, { interval: 50 }).toEqual(kept);
});
