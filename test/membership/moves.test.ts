// Moves of named customers and of all members of a segment: one transaction, or a run that goes on where it was.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { SHARE_DEFINITIONS } from '../../src/segments/change-definitions.ts';
import { cancelRun, pauseSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { getRun } from '../../src/segments/runs.ts';
import { addVersion, publishVersion } from '../../src/segments/versions.ts';
import type { Strata } from '../../src/strata.ts';
import { changesOf, defineManual, move, pin } from './by-hand.ts';
import { finishRuns } from './leader-by-hand.ts';
import { customer, DAY_MS, openStrataUnderTest, type StrataUnderTest } from './strata-under-test.ts';

const MANY = 1_200;

let test: StrataUnderTest;
let strata: Strata;

beforeAll(async () => {
  test = await openStrataUnderTest();
  strata = test.strata;
  await test.write({ customers: ['a', 'b', 'c'].map((id) => customer(id, { profile: { country: 'CN' } })) });
  const many = Array.from({ length: MANY }, (_, n) => customer(`m${n}`, { profile: { country: n % 2 === 0 ? 'GB' : 'DE' } }));
  await test.write({ customers: many.slice(0, 600) });
  await test.write({ customers: many.slice(600) });
  await test.define('chinese', 'country = "CN"');
  await test.define('foreign', 'not in segment "chinese"');
  for (const key of ['asked', 'called', 'islanders']) await defineManual(strata, key);
});
afterAll(() => test.drop());

const moveAll = (more: object = {}) =>
  queueMove(strata.database, strata.clock, {
    ...{ from: 'foreign', to: 'islanders', rule: null, actor: 'tester', reason: 'many', untilMs: null, replace: false },
    ...more,
  });
const membersOf = async (key: string): Promise<number> => {
  const [row] = await strata.database.query<{ count: number }>({
    text: 'select count(*)::integer as count from memberships as m join segments as s on s.id = m.segment_id where s.key = $1',
    values: [key],
  });
  return row?.count ?? -1;
};

/** Runs come to their end while the change of definitions waits for a writer. → the change's own end */
async function asItWaits(change: () => Promise<unknown>): Promise<unknown> {
  const writer = await strata.database.pool.connect();
  let changed: Promise<unknown> = Promise.resolve();
  try {
    await writer.query('begin');
    await writer.query(SHARE_DEFINITIONS.text);
    changed = change();
    changed.catch(() => {});
    const waiting = `select from pg_locks as l where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and not l.granted
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())`;
    while ((await writer.query(waiting)).rowCount === 0);
    await finishRuns(strata);
  } finally {
    await writer.query('rollback');
    writer.release();
  }
  return changed;
}

const noticesOf = (runId: string) =>
  strata.database.query({
    text: `select n.data ->> 'status' as status from notices as n where n.type = 'run.finished' and n.data ->> 'runId' = $1`,
    values: [runId],
  });

it('leaves and enters in one decision', async () => {
  const { moved, changes } = await move(strata, 'chinese', 'asked', ['a', 'b'], { reason: 'they said so' });
  expect([moved, changes]).toEqual([2, 6]);
  expect(await test.segmentsOf('a')).toEqual(['asked', 'foreign']);
  expect(await changesOf(strata, 'a')).toMatchObject([
    { type: 'entered', segment: 'chinese', cause: 'definition' },
    { type: 'exited', segment: 'chinese', cause: 'move', reason: 'they said so', actor: 'tester' },
    { type: 'entered', segment: 'foreign', cause: 'move' },
    { type: 'entered', segment: 'asked', cause: 'move' },
  ]);
});

it('moves nobody where one cannot be', async () => {
  await expect(move(strata, 'chinese', 'asked', ['c', 'a', 'nobody'])).rejects.toMatchObject({
    code: 'not_a_member',
    errors: [
      { pointer: '/customerIds/1', code: 'not_a_member' },
      { pointer: '/customerIds/2', code: 'not_found' },
    ],
  });
  expect(await test.segmentsOf('c')).toEqual(['chinese']);
});

it('moves on between manual segments', async () => {
  await move(strata, 'asked', 'called', ['a', 'a']);
  expect(await test.segmentsOf('a')).toEqual(['called', 'foreign']);
  const pins = await strata.database.query({
    text: `select s.key from pins as p join segments as s on s.id = p.segment_id join customers as c on c.id = p.customer_id
      where c.external_id = 'a' order by s.key`,
  });
  expect(pins).toEqual([{ key: 'called' }, { key: 'chinese' }]);
});

it('ends both halves at its time', async () => {
  const untilMs = test.clock.nowMs() + DAY_MS;
  await move(strata, 'chinese', 'called', ['c'], { untilMs });
  await test.moveTo(untilMs - 1);
  expect(await test.segmentsOf('c')).toEqual(['called', 'foreign']);
  await test.moveTo(untilMs);
  expect(await test.segmentsOf('c')).toEqual(['chinese']);
});

it('goes on where a stopped run was', async () => {
  const runId = await moveAll({ rule: 'country = "GB"' });
  const stopping = new AbortController();
  let asked = 0;
  const fixedMs = () => {
    asked += 1;
    if (asked === 4) stopping.abort(); // behind its first pieces, however quick it is
    return test.clock.fixedMs();
  };
  const clock: Clock = { nowMs: () => test.clock.nowMs(), sleep: (ms, signal) => test.clock.sleep(ms, signal), fixedMs };
  await runOpenRuns({ ...strata, clock }, stopping.signal);
  const stopped = await getRun(strata.database, runId);
  expect(stopped).toMatchObject({ status: 'running', cause: 'move' });
  expect(stopped.done).toBeGreaterThan(0);
  expect(stopped.done).toBeLessThan(MANY);
  await finishRuns(strata);
  expect(await getRun(strata.database, runId)).toMatchObject({ status: 'done', done: MANY + 2, changes: MANY });
  expect([await membersOf('islanders'), await membersOf('foreign')]).toEqual([MANY / 2, MANY / 2 + 2]);
});

it('outlives a publish of the target', async () => {
  const runId = await moveAll({ from: 'islanders', to: 'foreign' });
  const number = await addVersion(strata.database, strata.clock, 'foreign', { rule: 'country != "CN"', author: null });
  await publishVersion(strata.database, strata.clock, 'foreign', number);
  await finishRuns(strata);
  expect((await getRun(strata.database, runId)).status).toBe('done');
  expect([await membersOf('islanders'), await membersOf('foreign')]).toEqual([0, MANY]);
});

it('stops when it is cancelled', async () => {
  const runId = await moveAll();
  expect((await cancelRun(strata.database, strata.clock, runId)).status).toBe('cancelled');
  await finishRuns(strata);
  expect(await membersOf('islanders')).toBe(0);
});

it('is told once where a pause meets it', async () => {
  const runId = await moveAll();
  await asItWaits(() => pauseSegment(strata.database, strata.clock, 'islanders'));
  expect(await noticesOf(runId)).toEqual([{ status: 'done' }]);
  await resumeSegment(strata.database, strata.clock, 'islanders');
  await finishRuns(strata);
  const back = await moveAll({ from: 'islanders', to: 'foreign' });
  await finishRuns(strata);
  expect((await getRun(strata.database, back)).status).toBe('done');
});

it('is only done where a cancel comes late', async () => {
  const runId = await moveAll();
  const cancelled = asItWaits(() => cancelRun(strata.database, strata.clock, runId));
  await expect(cancelled).rejects.toMatchObject({ code: 'conflict', message: `Run ${runId} is already done.` });
  expect((await getRun(strata.database, runId)).status).toBe('done');
  expect(await noticesOf(runId)).toEqual([{ status: 'done' }]);
  await moveAll({ from: 'islanders', to: 'foreign' });
  await finishRuns(strata);
});

it('fails where a segment is not live', async () => {
  const runId = await moveAll();
  await pauseSegment(strata.database, strata.clock, 'foreign');
  await finishRuns(strata);
  expect(await getRun(strata.database, runId)).toMatchObject({ status: 'failed', failure: expect.stringContaining('“foreign” is paused') });
  expect(await membersOf('islanders')).toBe(0);
  await resumeSegment(strata.database, strata.clock, 'foreign');
  await finishRuns(strata);
  await expect(pin(strata, 'add', 'foreign', 'c')).resolves.toBeDefined();
});
