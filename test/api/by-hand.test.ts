// Pins, manual segments, moves and groups over HTTP.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { afterRuns, built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/customers', {
    data: ['a', 'b', 'c', 'd', 'e'].map((id, index) => ({ id, country: index < 3 ? 'CN' : 'GB' })),
  });
  for (const [key, rule] of [
    ['chinese', 'country = "CN"'],
    ['british', 'country = "GB"'],
    ['everyone', 'everyone'],
  ]) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  }
  await service.call('POST', '/v1/segments', { key: 'guests', name: 'Guests', kind: 'manual' });
  for (const key of ['chinese', 'british', 'everyone', 'guests']) await built(service, key);
});
afterAll(() => service.close());

const segmentsOf = async (id: string) =>
  (await service.call('GET', `/v1/customers/${id}/segments`)).body.segments.map((segment: { key: string }) => segment.key);
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();

describe('pins', () => {
  test('a pin in shows at once', async () => {
    const pinned = await service.call('PUT', '/v1/segments/british/members/a', { reason: 'moved there', until: tomorrow() });
    expect(pinned).toMatchObject({ status: 200, body: { customerId: 'a', segments: ['british', 'chinese', 'everyone'], changes: 1 } });
    const { body } = await service.call('GET', '/v1/segments/british/members');
    const sources = body.data.map(({ customerId, source }: { customerId: string; source: string }) => [customerId, source]);
    expect(sources.sort()).toEqual([
      ['a', 'pin'],
      ['d', 'rule'],
      ['e', 'rule'],
    ]);
  });

  test('a reason may stand in the query', async () => {
    const out = await service.call('DELETE', '/v1/segments/chinese/members/b?reason=asked%20to');
    expect(out).toMatchObject({ status: 200, body: { segments: ['everyone'], changes: 1 } });
    const { body } = await service.call('GET', '/v1/segments/chinese/pins?include=false');
    expect(body).toMatchObject({
      data: [{ customerId: 'b', include: false, reason: 'asked to', until: null, actor: 'admin' }],
      next: null,
    });
  });

  test('releasing gives the word back', async () => {
    const released = await service.call('DELETE', '/v1/segments/chinese/pins/b', { reason: 'again' });
    expect(released).toMatchObject({ status: 200, body: { segments: ['chinese', 'everyone'], changes: 1 } });
    const { body } = await service.call('GET', '/v1/segments/chinese/pins');
    expect(body.data).toEqual([]);
  });

  test('a manual segment is filled by hand', async () => {
    expect((await service.call('PUT', '/v1/segments/guests/members/e')).body.segments).toContain('guests');
    const found = (await service.call('GET', '/v1/customers/e/segments')).body.segments;
    expect(found.find((segment: { key: string }) => segment.key === 'guests')).toMatchObject({ source: 'manual', group: null });
    expect((await service.call('DELETE', '/v1/segments/guests/members/e')).body.segments).not.toContain('guests');
  });

  test('a pin needs no body', async () => {
    expect((await service.call('PUT', '/v1/segments/british/members/c')).status).toBe(200);
    expect((await service.call('DELETE', '/v1/segments/british/pins/c')).body.changes).toBe(1);
  });

  test('the feed says pin and unpin', async () => {
    const { body: released } = await service.call('DELETE', '/v1/segments/british/pins/a');
    const { body } = await service.call('GET', '/v1/changes?segment=british&customer=a', undefined, { 'strata-token': released.token });
    expect(body.data.map(({ type, cause }: { type: string; cause: string }) => [type, cause])).toEqual([
      ['entered', 'pin'],
      ['exited', 'unpin'],
    ]);
  });

  test.each([
    ['unknown customer', 'PUT', '/v1/segments/british/members/nobody', {}, 404, 'not_found'],
    ['unknown segment', 'PUT', '/v1/segments/nothing/members/a', {}, 404, 'not_found'],
    ['past until', 'PUT', '/v1/segments/british/members/a', { until: '2020-01-01T00:00:00Z' }, 422, 'invalid_fields'],
    ['unknown field', 'PUT', '/v1/segments/british/members/a', { note: 'x' }, 422, 'invalid_fields'],
    ['reason twice', 'DELETE', '/v1/segments/british/members/a?reason=x', { reason: 'y' }, 400, 'invalid_request'],
    ['until for nobody', 'DELETE', '/v1/segments/guests/members/a', { until: '2199-01-01T00:00:00Z' }, 422, 'invalid_fields'],
    ['rule of a manual one', 'POST', '/v1/segments', { key: 'm', name: 'm', kind: 'manual', rule: 'everyone' }, 422, 'invalid_fields'],
    ['version of a manual one', 'POST', '/v1/segments/guests/versions', { rule: 'everyone' }, 409, 'conflict'],
  ])('%s is refused', async (_, method, path, body, status, code) => {
    const answer = await service.call(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('drafts take no pins', async () => {
    await service.call('POST', '/v1/segments', { key: 'sketch', name: 'sketch', kind: 'rule', rule: 'everyone' });
    expect((await service.call('PUT', '/v1/segments/sketch/members/a')).body.code).toBe('conflict');
  });
});

describe('moves', () => {
  test('all or nobody', async () => {
    const answer = await service.call('POST', '/v1/moves', { customerIds: ['a', 'd', 'x'], from: 'chinese', to: 'guests' });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code: 'not_a_member',
        errors: [
          { pointer: '/customerIds/1', code: 'not_a_member' },
          { pointer: '/customerIds/2', code: 'not_found' },
        ],
      },
    });
    expect(await segmentsOf('a')).toEqual(['chinese', 'everyone']);
  });

  test('partial in the body is told apart', async () => {
    const { body } = await service.call('POST', '/v1/moves', { customerIds: ['a'], from: 'chinese', to: 'guests', partial: true });
    expect(body.errors).toMatchObject([{ pointer: '/partial', hint: 'It is a parameter of the URL: `?partial=…`.' }]);
  });

  test('partial moves whom it can', async () => {
    const answer = await service.call('POST', '/v1/moves?partial=true', { customerIds: ['a', 'd'], from: 'chinese', to: 'guests' });
    expect(answer).toMatchObject({ status: 200, body: { moved: 1, skipped: [{ customerId: 'd', code: 'not_a_member' }], changes: 2 } });
    expect(await segmentsOf('a')).toEqual(['everyone', 'guests']);
    await service.call('DELETE', '/v1/segments/chinese/pins/a');
    await service.call('DELETE', '/v1/segments/guests/members/a');
    expect(await segmentsOf('a')).toEqual(['chinese', 'everyone']);
  });

  test('members of a rule move as a run', async () => {
    const answer = await service.call('POST', '/v1/moves', {
      from: 'everyone',
      to: 'guests',
      where: 'in segment "british"',
      reason: 'home',
    });
    expect(answer).toMatchObject({ status: 202, body: { run: { cause: 'move', segment: 'guests' } } });
    const { body } = await afterRuns(service, `/v1/runs/${answer.body.run.id}`, ({ status }) => status === 'done');
    expect(body).toMatchObject({ done: 5, total: 5, changes: 4 });
    expect(await segmentsOf('d')).toEqual(['british', 'guests']);
    expect(await segmentsOf('a')).toEqual(['chinese', 'everyone']);
  });

  test.each([
    ['to where they are', { customerIds: ['a'], from: 'guests', to: 'guests' }, 422, 'invalid_fields'],
    ['of nobody', { customerIds: [], from: 'chinese', to: 'guests' }, 422, 'invalid_fields'],
    [
      'of more than a thousand',
      { customerIds: Array.from({ length: 1001 }, (_, n) => `c${n}`), from: 'chinese', to: 'guests' },
      422,
      'invalid_fields',
    ],
    ['of named ones by a rule', { customerIds: ['a'], where: 'everyone', from: 'chinese', to: 'guests' }, 422, 'invalid_fields'],
    ['by a broken rule', { where: 'contry = "CN"', from: 'chinese', to: 'guests' }, 422, 'invalid_rule'],
    ['from nowhere', { customerIds: ['a'], from: 'nowhere', to: 'guests' }, 404, 'not_found'],
  ])('a move %s is refused', async (_, body, status, code) => {
    const answer = await service.call('POST', '/v1/moves', body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    if (code === 'invalid_rule') expect(answer.body.errors[0].pointer).toMatch(/^\/where/);
  });
});

describe('groups', () => {
  const settled = (key: string) => afterRuns(service, `/v1/groups/${key}`, ({ status }) => status === 'active');

  test('a group is built, read and listed', async () => {
    for (const [key, rule] of [
      ['first', 'country = "CN"'],
      ['second', 'everyone'],
    ]) {
      await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
      await built(service, key as string);
    }
    const created = await service.call('POST', '/v1/groups', { key: 'place', name: 'Place', segments: ['first', 'second'] });
    expect(created).toMatchObject({ status: 201, body: { key: 'place', version: 1, segments: ['first', 'second'], otherwise: null } });
    await settled('place');
    expect(await segmentsOf('b')).toEqual(['chinese', 'everyone', 'first']);
    const { body } = await service.call('GET', '/v1/customers/b/segments');
    expect(body.segments.at(-1)).toMatchObject({ key: 'first', group: 'place', source: 'rule' });
    expect((await service.call('GET', '/v1/groups')).body.data).toMatchObject([{ key: 'place' }]);
  });

  test('a move inside a group pins the target', async () => {
    const answer = await service.call('POST', '/v1/moves', { customerIds: ['b'], from: 'first', to: 'second' });
    expect(answer).toMatchObject({ status: 200, body: { moved: 1, changes: 2 } });
    expect(await segmentsOf('b')).toEqual(['chinese', 'everyone', 'second']);
    expect((await service.call('PUT', '/v1/segments/first/members/b')).body.code).toBe('pinned_elsewhere');
    expect((await service.call('PUT', '/v1/segments/first/members/b', { replace: true })).body.segments).toContain('first');
  });

  test('edits take If-Match and make versions', async () => {
    const { headers } = await service.call('GET', '/v1/groups/place');
    const tag = { 'if-match': String(headers['etag']) };
    const changed = { name: 'Place', segments: ['second', 'first'] };
    expect(await service.call('PUT', '/v1/groups/place', changed, tag)).toMatchObject({ status: 200, body: { version: 2 } });
    expect((await service.call('PUT', '/v1/groups/place', changed, tag)).body.code).toBe('version_conflict');
    await settled('place');
    expect((await service.call('GET', '/v1/groups/place/versions')).body.data).toMatchObject([
      { number: 2, segments: ['second', 'first'], author: 'admin' },
      { number: 1, segments: ['first', 'second'] },
    ]);
  });

  test.each([
    ['of unknown segments', { segments: ['nothing'] }, 422, 'invalid_fields'],
    ['of one segment twice', { segments: ['chinese', 'chinese'] }, 422, 'invalid_fields'],
    ['over a segment of another', { segments: ['first'] }, 409, 'in_use'],
    ['with a key that is taken', { key: 'place', segments: ['chinese'] }, 409, 'already_exists'],
  ])('a group %s is refused', async (_, more, status, code) => {
    const answer = await service.call('POST', '/v1/groups', { key: 'other', name: 'Other', ...more });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    if (code === 'in_use') expect(answer.body.errors).toEqual([expect.objectContaining({ pointer: '/segments/0', group: 'place' })]);
  });

  test('deleting it lets everybody go', async () => {
    expect((await service.call('DELETE', '/v1/groups/place')).body).toEqual({ key: 'place', segments: ['second', 'first'] });
    for (const key of ['first', 'second']) await built(service, key);
    expect(await segmentsOf('c')).toEqual(['chinese', 'everyone', 'first', 'second']);
    expect((await service.call('GET', '/v1/groups/place')).status).toBe(404);
  });
});
