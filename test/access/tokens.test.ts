// Tokens for browsers: minted by keys, for one customer or one reader, for segments that the key may see, valid for minutes; and CORS for them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { type Service, startService } from '../api/service.ts';

const SHOP = 'https://shop.example';
let service: Service;
let clock: TestClock;

beforeAll(async () => {
  clock = new TestClock(Date.parse('2026-06-15T12:00:00.000Z'));
  service = await startService({ clock, background: false, corsOrigins: [SHOP, 'https://m.shop.example'] });
  for (const key of ['one', 'two']) await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' });
  for (const id of ['ada', 'bob']) await service.call('PUT', `/v1/customers/${id}`, { email: `${id}@example.com` });
  for (const key of ['one', 'two']) await service.call('PUT', `/v1/segments/${key}/members/ada`);
});
afterAll(() => service.close());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const mint = async (body: object, secret?: string) =>
  service.call('POST', '/v1/customer-tokens', body, secret === undefined ? {} : bearer(secret));
const get = (path: string, headers: Record<string, string> = {}) => service.call('GET', path, undefined, { authorization: '', ...headers });
const anonymous = async (path: string, headers: Record<string, string> = {}, method: 'GET' | 'OPTIONS' = 'GET') => {
  const answer = await service.app.inject({ method, url: path, headers });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body };
};
const keysIn = (text: string) => JSON.parse(text).segments.map(({ key }: { key: string }) => key);

describe('a customer token', () => {
  test('reads the segments of its customer', async () => {
    const { body, status } = await mint({ customerId: 'ada', minutes: 5 });
    expect([status, body.expiresAt]).toEqual([201, '2026-06-15T12:05:00.000Z']);
    const read = await get('/v1/customers/ada/segments', bearer(body.token));
    expect([read.status, keysIn(read.text)]).toEqual([200, ['one', 'two']]);
    const inUrl = await anonymous(`/v1/customers/ada/segments?access_token=${body.token}`);
    expect([inUrl.status, keysIn(inUrl.text)]).toEqual([200, ['one', 'two']]);
  });

  test('reads nobody else and nothing else', async () => {
    const { token } = (await mint({ customerId: 'ada', minutes: 5 })).body;
    for (const path of [
      '/v1/customers/bob/segments',
      '/v1/customers/ada',
      '/v1/customers/ada/history',
      '/v1/segments',
      '/v1/changes?customer=bob',
    ])
      expect([path, (await get(path, bearer(token))).status]).toEqual([path, 403]);
    expect((await service.call('POST', '/v1/customer-tokens', { customerId: 'bob', minutes: 5 }, bearer(token))).status).toBe(403);
  });

  test('shows only the segments it names', async () => {
    const { token } = (await mint({ customerId: 'ada', minutes: 5, segments: ['two'] })).body;
    expect(keysIn((await get('/v1/customers/ada/segments', bearer(token))).text)).toEqual(['two']);
  });

  test('ends to the millisecond', async () => {
    const { token, expiresAt } = (await mint({ customerId: 'ada', minutes: 1 })).body;
    clock.set(Date.parse(expiresAt) - 1);
    expect((await get('/v1/customers/ada/segments', bearer(token))).status).toBe(200);
    clock.advance(1);
    expect((await get('/v1/customers/ada/segments', bearer(token))).status).toBe(401);
  });

  test('is of the segments of its key', async () => {
    const { secret } = (await service.call('POST', '/v1/keys', { name: 'front', scopes: ['members:read'], segments: ['one'] })).body;
    const { token } = (await mint({ customerId: 'ada', minutes: 5 }, secret)).body;
    expect(keysIn((await get('/v1/customers/ada/segments', bearer(token))).text)).toEqual(['one']);
    expect((await mint({ customerId: 'ada', minutes: 5, segments: ['two'] }, secret)).status).toBe(403);
  });

  test('ends with the key that minted it', async () => {
    const made = await service.call('POST', '/v1/keys', { name: 'shop', scopes: ['members:read'] });
    const { token } = (await mint({ customerId: 'ada', minutes: 5 }, made.body.secret)).body;
    const stream = (await service.call('POST', '/v1/stream-tokens', { minutes: 5 }, bearer(made.body.secret))).body.token;
    const statuses = async () => [
      (await get('/v1/customers/ada/segments', bearer(token))).status,
      (await anonymous(`/v1/changes?access_token=${stream}`)).status,
    ];
    expect(await statuses()).toEqual([200, 200]);
    await service.call('POST', `/v1/keys/${made.body.id}/rotate`, { graceSeconds: 0 });
    expect(await statuses()).toEqual([200, 200]);
    await service.call('DELETE', `/v1/keys/${made.body.id}`);
    expect(await statuses()).toEqual([401, 401]);
  });

  test('lives no longer than its key', async () => {
    const expiresAt = new Date(clock.nowMs() + 90_000).toISOString();
    const { secret } = (await service.call('POST', '/v1/keys', { name: 'brief', scopes: ['members:read'], expiresAt })).body;
    expect((await mint({ customerId: 'ada', minutes: 5 }, secret)).body.expiresAt).toBe(expiresAt);
  });

  test.each([
    ['no minutes', { customerId: 'ada' }],
    ['too many minutes', { customerId: 'ada', minutes: 1441 }],
    ['an unknown segment', { customerId: 'ada', minutes: 1, segments: ['three'] }],
    ['no segment', { customerId: 'ada', minutes: 1, segments: [] }],
  ])('is not minted with %s', async (_title, body) => {
    expect((await mint(body)).status).toBe(422);
  });
});

test('stream tokens read their part', async () => {
  const { token } = (await service.call('POST', '/v1/stream-tokens', { minutes: 5, segments: ['one'] })).body;
  expect((await get('/v1/changes', bearer(token))).status).toBe(200);
  expect((await get('/v1/changes?segment=two', bearer(token))).status).toBe(403);
  expect((await get('/v1/customers/ada/segments', bearer(token))).status).toBe(403);
});

describe('a URL carries', () => {
  test('no key', async () => {
    const { secret } = (await service.call('POST', '/v1/keys', { name: 'any', scopes: ['members:read'] })).body;
    for (const key of [secret, 'test-admin-key'])
      expect((await anonymous(`/v1/customers/ada/segments?access_token=${key}`)).status).toBe(401);
  });

  test('no token where none is taken', async () => {
    const { token } = (await mint({ customerId: 'ada', minutes: 5 })).body;
    expect((await anonymous(`/v1/customers/ada?access_token=${token}`)).status).toBe(401);
    expect((await service.call('GET', `/v1/customers/ada?access_token=${token}`)).status).toBe(400);
  });

  test('no second credentials', async () => {
    const { token } = (await mint({ customerId: 'ada', minutes: 5 })).body;
    expect((await get(`/v1/customers/ada/segments?access_token=${token}`, bearer(token))).status).toBe(400);
    expect((await anonymous(`/v1/customers/ada/segments?access_token=${token}&access_token=${token}`)).status).toBe(400);
  });
});

describe('CORS', () => {
  const preflight = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };

  test('lets known origins read with tokens', async () => {
    const asked = await anonymous('/v1/customers/ada/segments', { origin: SHOP, ...preflight }, 'OPTIONS');
    expect([asked.status, asked.headers['access-control-allow-origin'], asked.headers['access-control-allow-methods']]).toEqual([
      204,
      SHOP,
      'GET, HEAD',
    ]);
    expect(asked.headers['access-control-allow-headers']).toContain('Authorization');
    const refused = await anonymous('/v1/customers/ada/segments', { origin: SHOP });
    expect([refused.status, refused.headers['access-control-allow-origin'], refused.headers['vary']]).toEqual([401, SHOP, 'Origin']);
    expect(refused.headers['access-control-allow-credentials']).toBeUndefined();
  });

  test.each([
    ['other origins', '/v1/customers/ada/segments', 'https://shop.example.evil.example'],
    ['other routes', '/v1/customers/ada', SHOP],
    ['the null origin', '/v1/customers/ada/segments', 'null'],
  ])('refuses %s', async (_title, path, origin) => {
    for (const method of ['GET', 'OPTIONS'] as const) {
      const { headers } = await anonymous(path, { origin, ...preflight }, method);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});
