// A segment's life over HTTP: diff and impact before publishing, pause, resume, archive, with If-Match on every edit.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { afterRuns, built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/customers', {
    data: ['a', 'b', 'c', 'd', 'e'].map((id, index) => ({ id, country: index < 3 ? 'CN' : 'GB' })),
  });
  for (const [key, rule] of [
    ['china', 'country = "CN"'],
    ['elsewhere', 'not in segment "china"'],
  ]) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, key ?? '');
  }
});
afterAll(() => service.close());

const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  service.call(method, `/v1/segments/${path}`, body, headers);

describe('before publishing', () => {
  test('a diff tells conditions', async () => {
    await call('POST', 'china/versions', { rule: 'country in ("CN", "GB") and age > 18' });
    expect((await call('GET', 'china/versions/2/diff')).body).toEqual({
      against: 1,
      added: [{ text: 'age > 18' }],
      removed: [],
      changed: [{ before: 'country = "CN"', after: 'country in ("CN", "GB")' }],
    });
    expect((await call('GET', 'china/versions/1/diff?against=2')).body.removed).toEqual([{ text: 'age > 18' }]);
    expect((await call('GET', 'china/versions/2/diff?against=9')).status).toBe(404);
    expect((await call('GET', 'china/versions/2/diff?against=x')).status).toBe(400);
  });

  test('an impact tells customers', async () => {
    await call('POST', 'china/versions', { rule: 'country = "GB"' });
    expect((await call('GET', 'china/versions/3/impact?sample=1')).body).toMatchObject({
      entering: 2,
      leaving: 3,
      staying: 0,
      sampleEntering: ['d'],
      sampleLeaving: ['a'],
      dependents: [{ key: 'elsewhere', name: 'elsewhere', entering: 3, leaving: 2 }],
      changes: 10,
      rulesDiff: { against: 1, changed: [{ before: 'country = "CN"', after: 'country = "GB"' }] },
    });
    expect((await call('GET', 'china/versions/3/impact?against=3')).body.changes).toBe(0);
    expect((await call('GET', 'nobody/versions/1/impact')).status).toBe(404);
  });
});

describe('the life of a segment', () => {
  test('what others name is protected', async () => {
    for (const [method, path] of [
      ['POST', 'china/pause'],
      ['DELETE', 'china'],
    ] as const) {
      const answer = await call(method, path);
      expect(answer).toMatchObject({ status: 409, body: { code: 'in_use', errors: [{ code: 'in_use', segment: 'elsewhere' }] } });
      expect(answer.body.detail).toContain('elsewhere');
    }
  });

  test('pause and resume', async () => {
    expect(await call('POST', 'elsewhere/pause')).toMatchObject({ status: 200, body: { status: 'paused', memberCount: 2 } });
    const warned = await service.call('POST', '/v1/rules/check', { rule: 'in segment "elsewhere"' });
    expect(warned.body.warnings).toMatchObject([{ code: 'paused_segment' }]);
    const resumed = await call('POST', 'elsewhere/resume');
    expect(resumed).toMatchObject({ status: 202, body: { run: { segment: 'elsewhere', cause: 'refresh' } } });
    expect((await built(service, 'elsewhere')).body.status).toBe('active');
    expect((await call('POST', 'elsewhere/resume')).body.code).toBe('conflict');
    const run = await service.call('GET', `/v1/runs/${resumed.body.run.id}`);
    expect(run.body).toMatchObject({ status: 'done', done: 5, total: 5, secondsLeft: null });
  });

  test('archive and publish again', async () => {
    const archived = await call('DELETE', 'elsewhere');
    expect(archived).toMatchObject({ status: 202, body: { run: { cause: 'archive' } } });
    await afterRuns(service, '/v1/segments/elsewhere', ({ status, memberCount }) => status !== 'archiving' && memberCount === 0);
    const exits = async () => {
      const { data } = (await service.call('GET', '/v1/changes?segment=elsewhere&limit=1000')).body;
      const archived = data.filter(({ cause }: { cause: string }) => cause === 'archive');
      return archived.map(({ customerId, type }: { customerId: string; type: string }) => `${customerId} ${type}`).sort();
    };
    await expect.poll(exits).toEqual(['d exited', 'e exited']); // the feed has them some time after the run
    expect((await call('GET', 'elsewhere')).body).toMatchObject({ status: 'archived', memberCount: 0 });
    const again = await service.call('POST', '/v1/segments', { key: 'elsewhere', name: 'Again', kind: 'manual' });
    expect(again.body).toMatchObject({
      code: 'already_exists',
      detail: expect.stringContaining('publishing one of its versions brings it back'),
    });
    expect((await call('POST', 'elsewhere/resume')).body.detail).toContain('Publishing one of its versions brings it back.');
    expect((await call('GET', 'elsewhere/versions')).body.data).toHaveLength(1);
    expect((await call('POST', 'elsewhere/versions/1/publish')).status).toBe(202);
    expect((await built(service, 'elsewhere')).body).toMatchObject({ status: 'active' });
  });

  test('every edit takes If-Match', async () => {
    const stale = { 'if-match': '"stale"' };
    const edits = [
      ['PATCH', 'china', { name: 'x' }],
      ['POST', 'china/versions', { rule: 'everyone' }],
      ['POST', 'china/versions', { rule: 'everyone', publish: true }],
      ['POST', 'china/versions/1/publish', undefined],
      ['POST', 'china/pause', undefined],
      ['POST', 'china/resume', undefined],
      ['DELETE', 'china', undefined],
    ] as const;
    for (const [method, path, body] of edits) {
      const answer = await call(method, path, body, stale);
      expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 412, 'version_conflict']);
    }
    expect((await call('GET', 'china/versions')).body.data).toHaveLength(3);
    const etag = String((await call('GET', 'china')).headers['etag']);
    const published = await call('POST', 'china/versions/3/publish', undefined, { 'if-match': etag });
    expect(published.status).toBe(202);
    expect((await call('POST', 'china/versions/1/publish', undefined, { 'if-match': etag })).status).toBe(412);
    await built(service, 'china');
    const next = String(published.headers['etag']); // a run that ends is no edit
    expect((await call('POST', 'china/versions/1/publish', undefined, { 'if-match': next })).status).toBe(202);
    await built(service, 'china');
  });
});

test('a closed circle is printed', async () => {
  const answer = await call('POST', 'china/versions', { rule: 'in segment "elsewhere"', publish: true });
  expect(answer.body.errors).toMatchObject([
    { code: 'cycle', detail: 'the segments form a cycle: china → elsewhere → china', pointer: '/rule' },
  ]);
});
