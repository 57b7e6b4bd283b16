// Keys as their owners see them: made, shown once, rotated, revoked, never stronger than whoever makes them; recognised without a query.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashOfSecret } from '../../src/access/key-secret.ts';
import { KnownKeys } from '../../src/access/known-keys.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type Answer, type Service, startService } from '../api/service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
let service: Service;
let clock: TestClock;

beforeAll(async () => {
  clock = new TestClock(START_MS);
  service = await startService({ clock, background: false });
  for (const key of ['one', 'two'])
    expect((await service.call('POST', '/v1/segments', { key, name: key, kind: 'manual' })).status).toBe(201);
});
afterAll(() => service.close());

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const make = (body: object, secret?: string): Promise<Answer> =>
  service.call('POST', '/v1/keys', body, secret === undefined ? {} : bearer(secret));
const find = (keys: KnownKeys, secret: string) => keys.find(secret.slice(7, 19), hashOfSecret(secret));
const use = async (secret: string) => (await service.call('GET', '/v1/segments', undefined, bearer(secret))).status;

test('a key is shown once and works', async () => {
  const made = await make({ name: 'reader', scopes: ['segments:read'] });
  expect(made.status).toBe(201);
  const { secret, ...key } = made.body;
  expect(secret).toMatch(new RegExp(`^strata_${key.id}_[A-Za-z0-9_-]{43}$`));
  expect(key).toMatchObject({ name: 'reader', scopes: ['segments:read'], segments: null, createdBy: 'admin', lastUsedAt: null });
  expect(await use(secret)).toBe(200);
  const read = await service.call('GET', `/v1/keys/${key.id}`);
  expect(read.status).toBe(200);
  expect((await service.call('GET', '/v1/keys')).text).not.toContain(secret.slice(20));
  const [row] = await service.strata.database.query<{ row: string }>({
    text: 'select k::text as row from api_keys as k where k.id = $1',
    values: [key.id],
  });
  expect(row?.row).not.toContain(secret.slice(20));
});

test('a key with a name taken since works', async () => {
  const { id, secret } = (await make({ name: 'older', scopes: ['segments:read'] })).body;
  await service.strata.database.query({ text: `update api_keys as k set name = 'many' where k.id = $1`, values: [id] });
  expect(await use(secret)).toBe(200);
  const rotated = await service.call('POST', `/v1/keys/${id}/rotate`, { graceSeconds: 0 });
  expect(rotated).toMatchObject({ status: 200, body: { name: 'many' } });
  expect(await use(rotated.body.secret)).toBe(200);
  expect((await service.call('DELETE', `/v1/keys/${id}`)).status).toBe(200);
});

test('it signs what is done with it', async () => {
  const { secret } = (await make({ name: 'editor', scopes: ['segments:read', 'segments:write'] })).body;
  await service.call(
    'POST',
    '/v1/segments',
    { key: 'edited', name: 'Edited', kind: 'rule', rule: 'everyone', publish: false },
    bearer(secret),
  );
  expect((await service.call('GET', '/v1/segments/edited/versions/1')).body.author).toBe('editor');
});

describe('refused when made', () => {
  test.each([
    ['a name that lives', { name: 'READER', scopes: ['ingest'] }, 409],
    ['the name of the admin', { name: 'Admin', scopes: ['ingest'] }, 409],
    ['the name of customer tokens', { name: 'customer token', scopes: ['ingest'] }, 409],
    ['the name of stream tokens', { name: 'Stream Token', scopes: ['ingest'] }, 409],
    ['the name of many refused', { name: 'many', scopes: ['ingest'] }, 409],
    ['the name of the command line', { name: 'command line', scopes: ['ingest'] }, 409],
    ['no scope', { name: 'x', scopes: [] }, 422],
    ['an unknown scope', { name: 'x', scopes: ['everything'] }, 422],
    ['no segment at all', { name: 'x', scopes: ['ingest'], segments: [] }, 422],
    ['an unknown segment', { name: 'x', scopes: ['ingest'], segments: ['three'] }, 422],
    ['a time that is over', { name: 'x', scopes: ['ingest'], expiresAt: '2026-06-15T12:00:00Z' }, 422],
  ])('%s', async (_title, body, status) => {
    expect((await make(body)).status).toBe(status);
  });
});

describe('nobody gives more than they have', () => {
  const later = new Date(START_MS + 3_600_000).toISOString();
  let limited: string;
  beforeAll(async () => {
    limited = (await make({ name: 'limited', scopes: ['keys', 'segments:read'], segments: ['one'], expiresAt: later })).body.secret;
  });

  test.each([
    ['another scope', { scopes: ['ingest'], segments: ['one'], expiresAt: later }],
    ['admin', { scopes: ['admin'], segments: ['one'], expiresAt: later }],
    ['another segment', { scopes: ['keys'], segments: ['one', 'two'], expiresAt: later }],
    ['an unknown segment', { scopes: ['keys'], segments: ['three'], expiresAt: later }],
    ['all segments', { scopes: ['keys'], expiresAt: later }],
    ['more time', { scopes: ['keys'], segments: ['one'], expiresAt: '2027-01-01T00:00:00Z' }],
    ['all time', { scopes: ['keys'], segments: ['one'] }],
  ])('%s', async (_title, body) => {
    const answer = await make({ name: 'stronger', ...body }, limited);
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
  });

  test('nor manages stronger ones', async () => {
    const strong = (await make({ name: 'strong', scopes: ['admin'] })).body;
    const rotated = await service.call('POST', `/v1/keys/${strong.id}/rotate`, { graceSeconds: 0 }, bearer(limited));
    expect([rotated.status, (await service.call('DELETE', `/v1/keys/${strong.id}`, undefined, bearer(limited))).status]).toEqual([
      404, 404,
    ]);
    expect(await use(strong.secret)).toBe(200);
    const listed = (await service.call('GET', '/v1/keys', undefined, bearer(limited))).body.data;
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(['limited']);
  });

  test('but the same or less', async () => {
    const answer = await make({ name: 'less', scopes: ['segments:read'], segments: ['one'], expiresAt: later }, limited);
    const { id } = (await make({ name: 'longer', scopes: ['segments:read'], segments: ['one'] })).body;
    const rotated = await service.call('POST', `/v1/keys/${id}/rotate`, { graceSeconds: 0 }, bearer(limited));
    expect([rotated.status, rotated.body.code]).toEqual([403, 'forbidden']); // nor by the secret of one that has more time
    expect([answer.status, answer.body.createdBy]).toEqual([201, 'limited']);
  });
});

test('rotation lets the old secret live its grace', async () => {
  const first = (await make({ name: 'rotating', scopes: ['segments:read'] })).body;
  const second = (await service.call('POST', `/v1/keys/${first.id}/rotate`, { graceSeconds: 60 })).body;
  expect([await use(first.secret), await use(second.secret)]).toEqual([200, 200]);
  clock.advance(59_999);
  expect(await use(first.secret)).toBe(200);
  clock.advance(1);
  expect([await use(first.secret), await use(second.secret)]).toEqual([401, 200]);
  const third = (await service.call('POST', `/v1/keys/${first.id}/rotate`, { graceSeconds: 0 })).body;
  expect([await use(second.secret), await use(third.secret)]).toEqual([401, 200]);
});

test('expiry and revocation end it', async () => {
  const brief = (await make({ name: 'brief', scopes: ['segments:read'], expiresAt: new Date(clock.nowMs() + 5000).toISOString() })).body;
  clock.advance(4999);
  expect(await use(brief.secret)).toBe(200);
  clock.advance(1);
  expect(await use(brief.secret)).toBe(401);
  const lost = (await make({ name: 'lost', scopes: ['segments:read'] })).body;
  expect(await use(lost.secret)).toBe(200);
  expect((await service.call('DELETE', `/v1/keys/${lost.id}`)).body.revokedAt).not.toBeNull();
  expect(await use(lost.secret)).toBe(401);
  expect((await service.call('POST', `/v1/keys/${lost.id}/rotate`, { graceSeconds: 0 })).status).toBe(409);
  expect((await make({ name: 'lost', scopes: ['segments:read'] })).status).toBe(201); // the name is free again
});

test('its use is noted once a minute', async () => {
  const { id, secret } = (await make({ name: 'noted', scopes: ['segments:read'] })).body;
  const usedAt = async () => {
    await service.strata.keys.close(); // what is to be written has been
    return (await service.call('GET', `/v1/keys/${id}`)).body.lastUsedAt;
  };
  await use(secret);
  const first = await usedAt();
  expect(first).toBe(new Date(clock.nowMs()).toISOString());
  clock.advance(59_000);
  await use(secret);
  expect(await usedAt()).toBe(first);
  clock.advance(1000);
  await use(secret);
  expect(await usedAt()).toBe(new Date(clock.nowMs()).toISOString());
});

describe('another process', () => {
  test('meets a revocation within a second', async () => {
    const { database, log } = service.strata;
    const other = new KnownKeys(database, clock, log);
    const { id, secret } = (await make({ name: 'shared', scopes: ['ingest'] })).body;
    expect((await find(other, secret))?.actor).toBe('shared');
    await service.call('DELETE', `/v1/keys/${id}`);
    clock.advance(1000);
    expect(await find(other, secret)).toBeNull();
  });

  test('asks the database once a second at most', async () => {
    const { database, log } = service.strata;
    let queries = 0;
    const counted: typeof database = {
      ...database,
      query: (statement) => {
        queries += 1;
        return database.query(statement);
      },
    };
    const other = new KnownKeys(counted, clock, log);
    const known = (await make({ name: 'counted', scopes: ['ingest'] })).body.secret;
    for (let n = 0; n < 500; n += 1) await find(other, `strata_${String(n).padStart(12, '0')}_${'a'.repeat(43)}`);
    await Promise.all(Array.from({ length: 500 }, () => find(other, known)));
    await other.close();
    expect(queries).toBe(3); // the revision, the keys, the use
    clock.advance(1000);
    await Promise.all(Array.from({ length: 500 }, () => find(other, known)));
    expect(queries).toBe(4);
  });
});
