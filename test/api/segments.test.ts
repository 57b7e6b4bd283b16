// Segments over HTTP: define, version, publish, edit with If-Match, members, runs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/customers', {
    data: ['a', 'b', 'c', 'd', 'e'].map((id, index) => ({ id, country: index < 3 ? 'CN' : 'GB' })),
  });
});
afterAll(() => service.close());

const define = (key: string, rule: unknown, more: object = {}) =>
  service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true, ...more });

describe('defining', () => {
  test('a published segment is built and counted', async () => {
    const created = await define('chinese', 'country = "CN"');
    expect(created).toMatchObject({ status: 201, body: { key: 'chinese', kind: 'rule', version: 1, draft: null } });
    expect(created.headers['location']).toBe('/v1/segments/chinese');
    const { body } = await built(service, 'chinese');
    expect(body).toMatchObject({ status: 'active', run: { status: 'done', done: 5, total: 5 } });
  });

  test('a draft waits for publishing', async () => {
    expect(await define('draft', 'everyone', { publish: false })).toMatchObject({
      status: 201,
      body: { status: 'draft', version: null, draft: 1 },
    });
    const published = await service.call('POST', '/v1/segments/draft/versions/1/publish');
    expect(published).toMatchObject({ status: 202, body: { run: { segment: 'draft', version: 1, cause: 'definition' } } });
    expect((await built(service, 'draft')).body).toMatchObject({ status: 'active', version: 1, draft: null });
  });

  test('JSON rules are kept as text too', async () => {
    await define('json', { op: '=', left: { field: 'country' }, right: 'GB' });
    const { body } = await service.call('GET', '/v1/segments/json/versions/1');
    expect(body).toMatchObject({
      number: 1,
      text: 'country = "GB"',
      json: { op: '=', left: { field: 'country' }, right: 'GB' },
      author: 'admin',
    });
  });

  test.each([
    ['taken key', { key: 'chinese' }, 409, 'already_exists', undefined],
    ['key with capitals', { key: 'Big' }, 422, 'invalid_fields', '/key'],
    ['key too long', { key: 'x'.repeat(65) }, 422, 'invalid_fields', '/key'],
    ['empty name', { name: '' }, 422, 'invalid_fields', '/name'],
    ['NUL in the name', { name: 'a\u0000b' }, 422, 'invalid_fields', '/name'],
    ['lone surrogate in the name', { name: 'a\ud800' }, 422, 'invalid_fields', '/name'],
    ['no rule', { rule: undefined }, 422, 'invalid_fields', '/rule'],
    ['null rule', { rule: null }, 422, 'invalid_fields', '/rule'],
    ['unknown kind', { kind: 'magic' }, 422, 'invalid_fields', '/kind'],
    ['rule of a manual one', { kind: 'manual' }, 422, 'invalid_fields', '/rule'],
    ['unknown field', { colour: 'red' }, 422, 'invalid_fields', '/colour'],
    ['text for a flag', { publish: 'yes' }, 422, 'invalid_fields', '/publish'],
    ['rule with a syntax error', { rule: 'country = ' }, 422, 'invalid_rule', undefined],
    ['rule over an unknown segment', { rule: 'in segment "nope"' }, 422, 'invalid_rule', undefined],
    ['rule over itself', { key: 'self', rule: 'in segment "self"' }, 422, 'invalid_rule', undefined],
  ])('%s is refused', async (_title, change, status, code, pointer) => {
    const answer = await service.call('POST', '/v1/segments', { key: 'new', name: 'New', kind: 'rule', rule: 'everyone', ...change });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    if (pointer !== undefined) expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
  });

  test('every mistake of a rule is told', async () => {
    const { body } = await define('wrong', 'contry = "CN" and age = "x"');
    expect(body.errors).toEqual([
      expect.objectContaining({ code: 'unknown_field', span: expect.objectContaining({ start: 0, end: 6, line: 1 }) }),
      expect.objectContaining({ code: 'type_mismatch' }),
    ]);
  });
});

describe('editing', () => {
  test('If-Match lets one of two editors through', async () => {
    await define('edited', 'everyone');
    const etag = String((await service.call('GET', '/v1/segments/edited')).headers['etag']);
    const first = await service.call(
      'PATCH',
      '/v1/segments/edited',
      { name: 'First', reviewAt: '2027-01-01T00:00:00+01:00' },
      { 'if-match': etag },
    );
    expect(first).toMatchObject({ status: 200, body: { name: 'First', reviewAt: '2026-12-31T23:00:00.000Z' } });
    const rule = await service.call('PATCH', '/v1/segments/edited', { rule: 'everyone' });
    expect(rule.body.errors).toMatchObject([{ pointer: '/rule', hint: expect.stringContaining('a new version') }]);
    const second = await service.call('PATCH', '/v1/segments/edited', { name: 'Second' }, { 'if-match': etag });
    expect([second.status, second.body.code]).toEqual([412, 'version_conflict']);
    const third = await service.call('PATCH', '/v1/segments/edited', { name: 'Third' }, { 'if-match': String(first.headers['etag']) });
    expect(third).toMatchObject({ status: 200, body: { name: 'Third' } });
  });

  test('null clears, absent stays', async () => {
    await define('cleared', 'everyone', { description: 'd', color: 'red' });
    expect((await service.call('PATCH', '/v1/segments/cleared', { color: null })).body).toMatchObject({ description: 'd', color: null });
  });

  test('versions are numbered and roll back', async () => {
    await define('rolled', 'country = "CN"');
    expect(await service.call('POST', '/v1/segments/rolled/versions', { rule: 'country = "GB"', note: 'try' })).toMatchObject({
      status: 201,
      body: { number: 2, note: 'try', publishedAt: null },
    });
    expect((await service.call('GET', '/v1/segments/rolled')).body).toMatchObject({ version: 1, draft: 2 });
    await service.call('POST', '/v1/segments/rolled/versions/2/publish');
    await built(service, 'rolled');
    expect(await memberIds('rolled')).toEqual(['d', 'e']);
    await service.call('POST', '/v1/segments/rolled/versions/1/publish');
    await built(service, 'rolled');
    expect(await memberIds('rolled')).toEqual(['a', 'b', 'c']);
    expect((await service.call('GET', '/v1/segments/rolled')).body).toMatchObject({ version: 1, draft: null }); // what was taken back is no draft
    const { body } = await service.call('GET', '/v1/segments/rolled/versions?limit=1');
    expect(body.data.map((version: { number: number }) => version.number)).toEqual([2]);
    const rest = await service.call('GET', `/v1/segments/rolled/versions?after=${body.next}`);
    expect([rest.body.data.length, rest.body.next]).toEqual([1, null]);
  });
});

describe('reading', () => {
  test('members are paged without loss', async () => {
    await define('paged', 'everyone');
    await built(service, 'paged');
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const { body } = await service.call('GET', `/v1/segments/paged/members?limit=2${after}`);
      seen.push(...body.data.map((member: { customerId: string }) => member.customerId));
      expect(body.data.every((member: { source: string; version: number }) => member.source === 'rule' && member.version === 1)).toBe(true);
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(seen.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('segments are listed in order of key', async () => {
    const { body } = await service.call('GET', '/v1/segments?limit=1000');
    const keys = body.data.map((segment: { key: string }) => segment.key);
    expect(keys).toEqual([...keys].sort());
  });

  test('runs are listed, read and not cancelled twice', async () => {
    await built(service, 'paged');
    const refreshed = await service.call('POST', '/v1/segments/paged/refresh');
    expect(refreshed).toMatchObject({ status: 202, body: { run: { cause: 'refresh', segment: 'paged' } } });
    const { id } = refreshed.body.run;
    expect((await service.call('GET', '/v1/runs?segment=paged&limit=1')).body.data[0].id).toBe(id);
    await service.call('POST', `/v1/runs/${id}/cancel`);
    expect((await service.call('POST', `/v1/runs/${id}/cancel`)).body.code).toBe('conflict');
    expect(['done', 'cancelled']).toContain((await service.call('GET', `/v1/runs/${id}`)).body.status);
  });

  test.each([
    ['GET', '/v1/segments/nope'],
    ['PATCH', '/v1/segments/nope'],
    ['GET', '/v1/segments/nope/members'],
    ['GET', '/v1/segments/nope/versions'],
    ['GET', '/v1/segments/paged/versions/99'],
    ['POST', '/v1/segments/nope/versions/1/publish'],
    ['POST', '/v1/segments/nope/refresh'],
    ['GET', '/v1/runs/999999'],
    ['GET', '/v1/customers/nope'],
    ['GET', '/v1/customers/nope/segments'],
    ['GET', '/v1/orders/nope'],
    ['DELETE', '/v1/orders/nope'],
  ])('%s %s is 404', async (method, path) => {
    const answer = await service.call(method, path, method === 'PATCH' ? { name: 'x' } : undefined);
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
  });
});

async function memberIds(key: string): Promise<string[]> {
  const { body } = await service.call('GET', `/v1/segments/${key}/members`);
  return body.data.map((member: { customerId: string }) => member.customerId).sort();
}
