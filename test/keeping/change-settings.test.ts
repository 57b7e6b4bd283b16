// `strata settings`: with another time zone everybody is judged again and sizes move to the new days; what cannot be changed is refused with the
// reason.
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { countNotedChanges } from '../../src/changes/count-noted-changes.ts';
import { verify } from '../../src/changes/verify.ts';
import { settingsCommand } from '../../src/cli/settings.ts';
import { openDatabase } from '../../src/db/database.ts';
import { keepSettings } from '../../src/db/settings.ts';
import { openStrata } from '../../src/open-strata.ts';
import { type Ran, runCommand } from '../cli/run-command.ts';
import { SECRET_KEY } from '../database.ts';
import { finishRuns, publishChanges } from '../membership/leader-by-hand.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

/** Sunday in UTC, Monday in Berlin. */
const LATE_MS = Date.parse('2026-06-14T22:30:00.000Z');
let under: StrataUnderTest;

beforeAll(async () => {
  under = await openStrataUnderTest({ startMs: LATE_MS });
  await keepSettings(under.strata.database, { timeZone: 'UTC', currency: 'USD' });
});

afterAll(() => under?.drop());

const database = () => under.strata.database;
const rows = (text: string) => database().query<Record<string, unknown>>({ text });

function command(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  const reach = { DATABASE_URL: database().url, ...environment };
  return runCommand((terminal) => settingsCommand(args, terminal), { environment: reach });
}

test('a currency is changed before any order', async () => {
  expect(await command(['set', 'CURRENCY=EUR'])).toMatchObject({ code: 0, out: 'TIME_ZONE=UTC\nCURRENCY=EUR\n' });
  expect(await command([])).toMatchObject({ code: 0, out: 'TIME_ZONE=UTC\nCURRENCY=EUR\n' });
});

test('another time zone judges everybody anew', async () => {
  await under.define('buyers', 'count(orders) >= 1');
  await under.define('sunday', 'count(orders where placed_at = 2026-06-14) >= 1');
  await under.define('from-monday', 'today >= 2026-06-15');
  await under.write({ orders: [order('o1', 'ada', { placedAtMs: LATE_MS })], customers: [customer('ben')] });
  await under.publish();
  await countNotedChanges(database().pool, 'UTC');
  expect(await under.segmentsOf('ada')).toEqual(['buyers', 'sunday']);

  const changed = await command(['set', 'TIME_ZONE=Europe/Berlin'], { TIME_ZONE: 'Europe/Berlin' });
  expect(changed).toMatchObject({
    code: 0,
    out: 'TIME_ZONE=Europe/Berlin\nCURRENCY=EUR\n3 segments are evaluated for everybody when the service starts.\n',
  });
  const clock = new TestClock(LATE_MS);
  const options = { database: database(), clock, log: pino({ level: 'silent' }), cluster: 'test', secretKey: SECRET_KEY };
  const restarted = await openStrata({ ...options, timeZone: 'Europe/Berlin', currency: 'EUR', background: false });
  await finishRuns(restarted);
  await publishChanges(restarted);
  await countNotedChanges(database().pool, 'Europe/Berlin');
  expect(await under.segmentsOf('ada')).toEqual(['buyers', 'from-monday']);
  expect(await under.segmentsOf('ben')).toEqual(['from-monday']);
  const { outcomes } = await verify(restarted, { repair: false, samples: 5, onProgress: () => {}, onOutcome: () => {} });
  expect(outcomes.filter(({ differences }) => differences > 0)).toEqual([]);
  await restarted.close();
});

test('sizes stand under the new days', async () => {
  const days = await rows(`
    select s.key, d.day::text, d.entered::integer, d.exited::integer, d.cause
    from segment_days as d join segments as s on s.id = d.segment_id order by s.key, d.cause`);
  expect(days).toEqual([
    { key: 'buyers', day: '2026-06-15', entered: 1, exited: 0, cause: 'data' },
    { key: 'from-monday', day: '2026-06-15', entered: 2, exited: 0, cause: 'refresh' },
    { key: 'sunday', day: '2026-06-15', entered: 1, exited: 0, cause: 'data' },
    { key: 'sunday', day: '2026-06-15', entered: 0, exited: 1, cause: 'refresh' },
  ]);
});

test('the audit is told of it', async () => {
  const told = await rows(`
    select i.actor, i.target, p.content::jsonb from audit_inbox as i join audit_payloads as p on p.entry_id = i.id
    where i.action = 'changeSettings' order by i.at`);
  expect(told.at(-1)).toEqual({
    actor: 'command line',
    target: 'settings',
    content: { before: { timeZone: 'UTC', currency: 'EUR' }, after: { timeZone: 'Europe/Berlin', currency: 'EUR' } },
  });
});

test('a currency with orders is refused', async () => {
  await expect(command(['set', 'CURRENCY=USD'])).rejects.toThrow('amounts are in EUR and would not be converted to USD');
});

test('a service that works is in the way', async () => {
  const service = openDatabase(database().url);
  await service.query({ text: 'select' });
  await expect(command(['set', 'TIME_ZONE=UTC'])).rejects.toThrow('Stop every process of it');
  await service.close();
});

test('nonsense is told with the help', async () => {
  for (const args of [['get'], ['set'], ['set', 'HOST=x'], ['set', 'TIME_ZONE'], ['--all']]) {
    expect(await command(args)).toMatchObject({ code: 2, out: '', told: expect.stringContaining('strata settings set') });
  }
  await expect(command(['set', 'TIME_ZONE=Mars/Olympus'])).rejects.toThrow('TIME_ZONE');
  expect(await command([])).toMatchObject({ out: 'TIME_ZONE=Europe/Berlin\nCURRENCY=EUR\n' });
});
