// What holds for every call: problems, keys, request ids, methods, encodings, limits of the body.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, type Service, startService } from './service.ts';

let service: Service;
const logged: string[] = [];

beforeAll(async () => {
  service = await startService({ background: false, log: (line) => logged.push(line) });
});
afterAll(() => service.close());

const LONG_ID = 'ü'.repeat(128); // 256 bytes, 768 characters percent-encoded

describe('refusals', () => {
  test.each([
    ['unknown path', 'GET', '/v1/nothing', 404, 'not_found'],
    ['unknown path outside v1', 'GET', '/nothing', 404, 'not_found'],
    ['empty key', 'GET', '/v1/segments/', 400, 'invalid_request'],
    ['broken escape in the path', 'GET', '/v1/customers/%zz', 400, 'invalid_request'],
    ['escape that is not UTF-8', 'GET', '/v1/customers/%ff', 400, 'invalid_request'],
    ['broken escape in the query', 'GET', '/v1/customers?email=%zz', 400, 'invalid_request'],
    ['query that is not UTF-8', 'GET', '/v1/customers?email=%ff', 400, 'invalid_request'],
    ['id too long', 'GET', `/v1/customers/${encodeURIComponent(`${LONG_ID}x`)}`, 400, 'invalid_request'],
    ['id far too long', 'GET', `/v1/customers/${'x'.repeat(5000)}`, 400, 'invalid_request'],
    ['id with NUL', 'GET', '/v1/customers/a%00b', 400, 'invalid_request'],
    ['id with a control character', 'GET', '/v1/customers/a%0Ab', 400, 'invalid_request'],
    ['id of one dot', 'GET', '/v1/orders/%2E', 400, 'invalid_request'],
    ['key with capitals', 'GET', '/v1/segments/VIP', 400, 'invalid_request'],
    ['limit of zero', 'GET', '/v1/segments?limit=0', 400, 'invalid_request'],
    ['limit too large', 'GET', '/v1/segments?limit=1001', 400, 'invalid_request'],
    ['limit with exponent', 'GET', '/v1/segments?limit=1e2', 400, 'invalid_request'],
    ['limit empty', 'GET', '/v1/segments?limit=', 400, 'invalid_request'],
    ['limit twice', 'GET', '/v1/segments?limit=1&limit=2', 400, 'invalid_request'],
    ['foreign cursor', 'GET', '/v1/segments?after=abc', 400, 'invalid_cursor'],
    ['cursor of another list', 'GET', `/v1/runs?after=${cursor('segments', 'a')}`, 400, 'invalid_cursor'],
    ['cursor with NUL', 'GET', `/v1/segments?after=${cursor('segments', 'a\u0000')}`, 400, 'invalid_cursor'],
    ['cursor past bigint', 'GET', `/v1/runs?after=${cursor('runs', '9999999999999999999')}`, 400, 'invalid_cursor'],
    [
      'cursor past the numbers of versions',
      'GET',
      `/v1/segments/vip/versions?after=${cursor('versions', '2147483648')}`,
      400,
      'invalid_cursor',
    ],
    [
      'cursor past the versions of a group',
      'GET',
      `/v1/groups/vip/versions?after=${cursor('group-versions', '2147483648')}`,
      400,
      'invalid_cursor',
    ],
    ['foreign token', 'GET', '/v1/segments?fresh=abc', 400, 'token_unknown'],
  ])('%s', async (_title, method, path, status, code) => {
    const answer = await service.call(method, path);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ type: `urn:strata:error:${code}`, status, title: expect.any(String), detail: expect.any(String) });
    expect(answer.body.instance).toBe(`urn:strata:request:${answer.headers['x-request-id']}`);
  });

  test('refuses places that a history cannot have', async () => {
    await service.call('PUT', '/v1/customers/ghost', {});
    const forged = cursor('history', '5', '9223372036854775807');
    const answer = await service.call('GET', `/v1/customers/ghost/history?after=${forged}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } });
  });

  test('unknown query parameters name the nearest', async () => {
    const { body } = await service.call('GET', '/v1/segments?limt=5&aftr=x');
    expect(body.errors).toEqual([
      { parameter: 'limt', code: 'unknown_parameter', detail: 'There is no parameter `limt` here.', hint: 'Did you mean `limit`?' },
      { parameter: 'aftr', code: 'unknown_parameter', detail: 'There is no parameter `aftr` here.', hint: 'Did you mean `after`?' },
    ]);
  });

  test('path, query and body mistakes come together', async () => {
    const { status, body } = await service.call('PATCH', '/v1/segments/A!?x=1', { nam: 'a', color: 5 });
    expect(status).toBe(400);
    expect(body.errors.map((error: { pointer?: string; parameter?: string }) => error.parameter ?? error.pointer).sort()).toEqual([
      '/color',
      '/nam',
      'key',
      'x',
    ]);
  });
});

describe('places that do not exist', () => {
  test.each([
    ['GET', '/segments', '/v1/segments'],
    ['PUT', '/customers/ada?x=1', '/v1/customers/ada'],
    ['GET', '/api/v1/segments', '/v1/segments'],
    ['GET', '/v2/segments', '/v1/segments'],
    ['GET', '/V1/Segments', '/v1/segments'],
    ['GET', '//v1//segments', '/v1/segments'],
    ['GET', '/v1/customers/ada/segments/', '/v1/customers/ada/segments'],
    ['GET', '/v1/segment', '/v1/segments'],
    ['GET', '/v1/overlap?segments=a,b', '/v1/reports/overlap'],
    ['POST', '/v1/preview', '/v1/rules/preview'],
    ['GET', '/v1/segments/vip/member', '/v1/segments/vip/members'],
    ['GET', '/v1/customers/Ada%20B/histroy', '/v1/customers/Ada%20B/history'],
    ['POST', '/v1/graphql', '/graphql'],
    ['GET', '/health', '/healthz'],
    ['DELETE', '/segments', '/v1/segments'],
  ])('%s %s is told of %s', async (method, path, meant) => {
    const { status, body } = await service.call(method, path);
    expect([status, body.code, body.detail]).toEqual([
      404,
      'not_found',
      `There is no ${method} ${path.split('?')[0]}. Did you mean ${meant}?`,
    ]);
  });

  test.each(['/v1/nothing', '/', '/v1', `/${'x/'.repeat(2000)}`])('nothing is near %s', async (path) => {
    const { body } = await service.call('POST', path, {});
    expect(body.detail).toContain('All calls are listed at /docs.');
  });

  test('a position is told from a cursor', async () => {
    for (const answer of [
      await service.call('GET', '/v1/changes?after=12'),
      await service.call('GET', '/v1/changes/stream', undefined, { 'last-event-id': '12' }),
    ])
      expect(answer).toMatchObject({
        status: 400,
        body: { code: 'invalid_cursor', detail: expect.stringMatching(/^A position is no cursor/) },
      });
  });

  test('an empty key is told from a list', async () => {
    const { body } = await service.call('GET', '/v1/segments/');
    expect(body.errors).toMatchObject([{ parameter: 'key', hint: expect.stringContaining('the list has no slash at its end') }]);
  });
});

describe('bodies', () => {
  const put = (body: unknown, headers?: Record<string, string>) => service.call('PUT', '/v1/customers/c', body, headers);

  test.each([
    ['not JSON', '{"email":', {}, 400, 'invalid_json'],
    ['two values', '{} {}', {}, 400, 'invalid_json'],
    ['NaN', '{"email": NaN}', {}, 400, 'invalid_json'],
    ['empty', '', {}, 400, 'invalid_json'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), {}, 400, 'invalid_encoding'],
    ['UTF-8 cut off', Buffer.from('{"email":"ü"}').subarray(0, 11), {}, 400, 'invalid_encoding'],
    ['form', 'email=a', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['plain text', 'x', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['nonsense type', '{}', { 'content-type': 'nonsense' }, 415, 'unsupported_media_type'],
    ['gzip', '{}', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ['too large', `{"email":"${'x'.repeat(17 * 1024 * 1024)}"}`, {}, 413, 'body_too_large'],
    ['very deep', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, {}, 422, undefined],
    ['a list', '[]', {}, 422, 'invalid_fields'],
    ['null', 'null', {}, 422, 'invalid_fields'],
  ])('%s', async (_title, body, headers, status, code) => {
    const answer = await put(body, headers);
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(answer.body.code).toBe(code);
    expect(answer.headers['x-request-id']).toBeTruthy();
  });

  test('a missing body is named', async () => {
    expect(await service.call('POST', '/v1/segments')).toMatchObject({ status: 400, body: { code: 'invalid_json' } });
  });

  test('__proto__ is an unknown field', async () => {
    const answer = await service.call('POST', '/v1/rules/check', '{"rule": "everyone", "__proto__": {"x": 1}}');
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_fields' } });
  });
});

describe('methods', () => {
  test('another method of a known path is 405', async () => {
    const answer = await service.call('DELETE', '/v1/segments');
    expect([answer.status, answer.body.code, answer.headers['allow']]).toEqual([405, 'method_not_allowed', 'POST, GET, HEAD, OPTIONS']);
  });

  test('a method of a sibling is named', async () => {
    const { body } = await service.call('PUT', '/v1/orders', {});
    expect(body.detail).toBe('PUT is not taken here; POST, OPTIONS are. There is PUT /v1/orders/{orderId}.');
  });

  test('405 comes before the body is read', async () => {
    expect((await service.call('PUT', '/v1/segments', 'not json')).status).toBe(405);
  });

  test('HEAD answers like GET without body', async () => {
    const answer = await service.call('HEAD', '/v1/segments');
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  test('OPTIONS lists the methods', async () => {
    const answer = await service.call('OPTIONS', '/v1/segments/x');
    expect([answer.status, answer.headers['allow']]).toEqual([204, 'GET, PATCH, DELETE, HEAD, OPTIONS']);
  });
});

describe('keys', () => {
  test.each([
    ['none', ''],
    ['another', 'Bearer other'],
    ['a prefix', `Bearer ${ADMIN_KEY.slice(0, -1)}`],
    ['basic', `Basic ${ADMIN_KEY}`],
    ['no scheme', ADMIN_KEY],
  ])('%s is 401', async (_title, authorization) => {
    const answer = await service.call('GET', '/v1/segments', undefined, { authorization });
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  });

  test('unknown paths are 401 without a key', async () => {
    expect((await service.call('GET', '/v1/nothing', undefined, { authorization: '' })).status).toBe(401);
  });

  test.each(['/healthz', '/readyz'])('%s needs none', async (path) => {
    expect(await service.call('GET', path, undefined, { authorization: '' })).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

describe('failures of our own', () => {
  test('say nothing of the inside and are logged', async () => {
    const { database } = service.strata;
    const query = database.query;
    Object.assign(database, { query: () => Promise.reject(new Error('secret inside')) });
    const answer = await service.call('GET', '/v1/segments').finally(() => Object.assign(database, { query }));
    expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
    expect(answer.text).not.toContain('secret');
    expect(logged.some((line) => line.includes('secret inside') && line.includes(String(answer.headers['x-request-id'])))).toBe(true);
  });

  test('an outage of the database is 503', async () => {
    const { database } = service.strata;
    const query = database.query;
    Object.assign(database, { query: () => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })) });
    const answers = await Promise.all([
      service.call('GET', '/v1/segments'),
      service.call('GET', '/readyz'),
      service.call('GET', '/healthz'),
    ]);
    Object.assign(database, { query });
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 200]);
    expect(answers[0].headers['retry-after']).toBe('1');
  });
});

function cursor(...parts: string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}
