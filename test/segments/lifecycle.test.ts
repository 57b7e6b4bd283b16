// The life of a segment: pause, resume, archive and back; segments that name it protect it; in races between owners one of them is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readChanges } from '../../src/changes/read-changes.ts';
import { AppError } from '../../src/errors.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { archiveSegment, cancelRun, pauseSegment, refreshSegment, resumeSegment } from '../../src/segments/lifecycle.ts';
import { getRun } from '../../src/segments/runs.ts';
import { getSegment, listSegments } from '../../src/segments/segments.ts';
import { addPublishedVersion, addVersion, listVersions, publishVersion } from '../../src/segments/versions.ts';
import { customer, openStrataUnderTest, order, type StrataUnderTest } from '../membership/strata-under-test.ts';

let shop: StrataUnderTest;

beforeAll(async () => {
  shop = await openStrataUnderTest();
  await shop.write({
    customers: ['a', 'b', 'c'].map((id) => customer(id, { profile: { country: id === 'c' ? 'GB' : 'CN' } })),
    orders: [order('1', 'a')],
  });
});
afterAll(() => shop.drop());

const database = () => shop.strata.database;
const never = new AbortController().signal;

async function runAll(): Promise<void> {
  while (await runOpenRuns(shop.strata, never));
}

async function statusOf(key: string): Promise<string> {
  return (await getSegment(database(), key)).status;
}

async function membersOf(key: string): Promise<string[]> {
  const rows = await database().query<{ external_id: string }>({
    text: `
      select c.external_id
      from memberships as m
      join segments as s on s.id = m.segment_id
      join customers as c on c.id = m.customer_id
      where s.key = $1
      order by c.external_id`,
    values: [key],
  });
  return rows.map((row) => row.external_id);
}

async function changesOf(key: string): Promise<string[]> {
  await shop.publish();
  const { id } = await getSegment(database(), key);
  const changes = await readChanges(database(), { afterPosition: '0', limit: 1000, segmentIds: [id] });
  return changes.map((change) => `${change.customerId} ${change.type} ${change.cause} ${change.version}`);
}

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error('it was not refused', { cause: error });
}

describe('pausing', () => {
  it('keeps the members and evaluates nobody', async () => {
    await shop.define('buyers', 'count(orders) >= 1');
    const segment = await pauseSegment(database(), shop.clock, 'buyers');
    expect(segment.status).toBe('paused');
    await shop.write({ orders: [order('2', 'b')], deletedOrderIds: ['1'] });
    expect(await membersOf('buyers')).toEqual(['a']);
    expect((await pauseSegment(database(), shop.clock, 'buyers')).status).toBe('paused');
  });

  it('ends by resuming, which evaluates everybody', async () => {
    const runId = await resumeSegment(database(), shop.clock, 'buyers');
    expect(await statusOf('buyers')).toBe('building');
    expect(await resumeSegment(database(), shop.clock, 'buyers')).toBe(runId);
    await runAll();
    expect(await statusOf('buyers')).toBe('active');
    expect((await changesOf('buyers')).sort()).toEqual(['a entered definition 1', 'a exited refresh 1', 'b entered refresh 1']);
    expect(await membersOf('buyers')).toEqual(['b']);
    expect((await refusal(resumeSegment(database(), shop.clock, 'buyers'))).code).toBe('conflict');
  });

  it('ends also by publishing', async () => {
    await pauseSegment(database(), shop.clock, 'buyers');
    await addPublishedVersion(database(), shop.clock, 'buyers', { rule: 'count(orders) >= 5', author: null });
    await runAll();
    expect([await statusOf('buyers'), await membersOf('buyers')]).toEqual(['active', []]);
  });

  it('cancels the run under way', async () => {
    const { runId } = await publishVersion(database(), shop.clock, 'buyers', 1);
    await pauseSegment(database(), shop.clock, 'buyers');
    expect((await getRun(database(), runId)).status).toBe('cancelled');
    expect(await runOpenRuns(shop.strata, never)).toBe(false);
    await resumeSegment(database(), shop.clock, 'buyers');
    await runAll();
    expect(await membersOf('buyers')).toEqual(['b']);
    expect((await changesOf('buyers')).at(-1)).toBe('b entered definition 1'); // the publish had not come to its end
  });
});

describe('what others name', () => {
  it('is neither paused nor archived', async () => {
    await shop.define('base', 'country = "CN"');
    await shop.define('user', 'in segment "base"');
    await shop.define('other', 'not in segment "base"');
    for (const attempt of [pauseSegment, archiveSegment]) {
      const refused = await refusal(attempt(database(), shop.clock, 'base'));
      expect(refused.code).toBe('in_use');
      expect(refused.message).toContain('other, user');
      expect(refused.errors.map((error) => error.detail)).toEqual([
        'The rule of segment “other” names it.',
        'The rule of segment “user” names it.',
      ]);
    }
    expect(await statusOf('base')).toBe('active');
  });

  it('is free once those are paused', async () => {
    await pauseSegment(database(), shop.clock, 'user');
    await pauseSegment(database(), shop.clock, 'other');
    expect((await pauseSegment(database(), shop.clock, 'base')).status).toBe('paused');
    const refused = await refusal(resumeSegment(database(), shop.clock, 'user'));
    expect(refused.errors[0]?.detail).toBe('the segment "base" is paused');
    for (const key of ['base', 'user', 'other']) await resumeSegment(database(), shop.clock, key);
    await runAll();
    expect(await membersOf('other')).toEqual(['c']);
  });

  it('races with a publish: one is refused', async () => {
    await shop.define('raced', 'everyone');
    for (let round = 0; round < 5; round += 1) {
      const key = `namer-${round}`;
      await createSegment(database(), shop.clock, {
        key,
        name: key,
        kind: 'rule',
        rule: 'in segment "raced"',
        publish: false,
        author: null,
      });
      const [paused, published] = await Promise.allSettled([
        pauseSegment(database(), shop.clock, 'raced'),
        publishVersion(database(), shop.clock, key, 1),
      ]);
      expect([paused.status, published.status].sort()).toEqual(['fulfilled', 'rejected']);
      if (published.status === 'fulfilled') await archiveSegment(database(), shop.clock, key);
      else await resumeSegment(database(), shop.clock, 'raced');
      await runAll();
    }
  });

  it('closes no cycle, also at once', async () => {
    await shop.define('left', 'everyone');
    await shop.define('right', 'everyone');
    await addVersion(database(), shop.clock, 'left', { rule: 'in segment "right"', author: null });
    await addVersion(database(), shop.clock, 'right', { rule: 'in segment "left"', author: null });
    const outcomes = await Promise.allSettled([
      publishVersion(database(), shop.clock, 'left', 2),
      publishVersion(database(), shop.clock, 'right', 2),
    ]);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason as AppError);
    expect(refused.map((error) => error.code)).toEqual(['invalid_rule']);
    expect(refused[0]?.message).toMatch(/the segments form a cycle: (left → right → left|right → left → right)/);
    await runAll();
  });
});

describe('archiving', () => {
  it('lets the members leave, then is archived', async () => {
    await shop.define('gone', 'country = "CN"');
    const { segment, runId } = await archiveSegment(database(), shop.clock, 'gone');
    expect(segment.status).toBe('archiving');
    await shop.write({ customers: [customer('d', { profile: { country: 'CN' } })] });
    await runAll();
    expect([await statusOf('gone'), await membersOf('gone')]).toEqual(['archived', []]);
    expect((await changesOf('gone')).slice(-2).sort()).toEqual(['a exited archive 1', 'b exited archive 1']);
    expect((await getSegment(database(), 'gone')).memberCount).toBe(0);
    expect(await getRun(database(), runId ?? '')).toMatchObject({ cause: 'archive', status: 'done', done: 2, total: 2, changes: 2 });
    expect((await archiveSegment(database(), shop.clock, 'gone')).runId).toBeNull();
  });

  it('keeps the key and the versions', async () => {
    const again = createSegment(database(), shop.clock, {
      key: 'gone',
      name: 'again',
      kind: 'rule',
      rule: 'everyone',
      publish: true,
      author: null,
    });
    expect((await refusal(again)).code).toBe('already_exists');
    expect(await listVersions(database(), 'gone', { limit: 10 })).toHaveLength(1);
    expect((await listSegments(database(), { limit: 1000 })).map((segment) => segment.key)).toContain('gone');
    for (const attempt of [pauseSegment, resumeSegment, refreshSegment]) {
      expect((await refusal(attempt(database(), shop.clock, 'gone') as Promise<unknown>)).code).toBe('conflict');
    }
  });

  it('is taken back by publishing', async () => {
    await publishVersion(database(), shop.clock, 'gone', 1);
    await runAll();
    expect([await statusOf('gone'), await membersOf('gone')]).toEqual(['active', ['a', 'b', 'd']]);
    const { runId } = await archiveSegment(database(), shop.clock, 'gone');
    await publishVersion(database(), shop.clock, 'gone', 1);
    expect((await getRun(database(), runId ?? '')).status).toBe('superseded');
    await runAll();
    expect(await membersOf('gone')).toEqual(['a', 'b', 'd']);
  });

  it('of a draft needs no run', async () => {
    const draft = { key: 'sketch', name: 'sketch', kind: 'rule', rule: 'everyone', publish: false, author: null } as const;
    await createSegment(database(), shop.clock, draft);
    expect(await archiveSegment(database(), shop.clock, 'sketch')).toMatchObject({ segment: { status: 'archived' }, runId: null });
  });
});

describe('cancelling', () => {
  it('pauses a segment that is building', async () => {
    await shop.define('stopped', 'country = "CN"');
    const { runId } = await addPublishedVersion(database(), shop.clock, 'stopped', { rule: 'country = "GB"', author: null });
    expect(await cancelRun(database(), shop.clock, runId)).toMatchObject({ status: 'cancelled' });
    expect(await statusOf('stopped')).toBe('paused');
    expect((await refusal(cancelRun(database(), shop.clock, runId))).code).toBe('conflict');
    await runAll();
    expect(await membersOf('stopped')).toEqual(['a', 'b', 'd']);
    await publishVersion(database(), shop.clock, 'stopped', 1);
    await runAll();
    expect([await statusOf('stopped'), await membersOf('stopped')]).toEqual(['active', ['a', 'b', 'd']]);
  });

  it('merely stops a refresh', async () => {
    const runId = await refreshSegment(database(), shop.clock, 'stopped');
    await cancelRun(database(), shop.clock, runId);
    expect(await statusOf('stopped')).toBe('active');
  });

  it('is refused while others name it', async () => {
    await shop.define('follower', 'in segment "stopped"');
    const { runId } = await publishVersion(database(), shop.clock, 'stopped', 2);
    expect((await refusal(cancelRun(database(), shop.clock, runId))).code).toBe('in_use');
    await runAll();
    expect(await membersOf('follower')).toEqual(['c']);
  });

  it('leaves the rest of an archived one in', async () => {
    await archiveSegment(database(), shop.clock, 'follower');
    const { run } = await getSegment(database(), 'follower');
    await cancelRun(database(), shop.clock, run?.id ?? '');
    expect([await statusOf('follower'), await membersOf('follower')]).toEqual(['paused', ['c']]);
  });
});

it('stores and publishes both or neither', async () => {
  await shop.define('whole', 'everyone');
  const refused = addPublishedVersion(database(), shop.clock, 'whole', { rule: 'in segment "follower"', author: null });
  expect((await refusal(refused)).message).toContain('is paused');
  expect(await listVersions(database(), 'whole', { limit: 10 })).toHaveLength(1);
});

it('sees a flip that passed during its run', async () => {
  await shop.define('later', 'today >= 2026-06-16');
  await publishVersion(database(), shop.clock, 'later', 1);
  await shop.strata.programs.reload();
  const [started] = await database().query<{ started_at: number }>({
    text: `update runs set started_at = '2026-06-15T12:00:00Z' where status = 'queued' returning started_at`,
  });
  expect(started).toBeDefined();
  shop.clock.set(Date.parse('2026-06-16T00:00:01.000Z'));
  await runAll();
  const [row] = await database().query<{ due_at: number | null }>({ text: `select due_at from segments where key = 'later'` });
  expect(row?.due_at).toBe(Date.parse('2026-06-16T00:00:00.000Z'));
});
