// Idempotency keys over HTTP: once is once, however often, however many at once, and whatever breaks in between.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chainAudit } from '../../src/access/chain-audit.ts';
import { Claims, KEPT_HOURS, LEASE_MS, trimKeys } from '../../src/access/claims.ts';
import { verifyAudit } from '../../src/access/verify-audit.ts';
import { buildApp } from '../../src/app.ts';
import { type Clock, TestClock } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/db/database.ts';
import { openStrata } from '../../src/open-strata.ts';
import { erase } from '../../src/pipeline.ts';
import { findTraces } from '../membership/dump-database.ts';
import { entriesAfter, lastPosition } from './audit-entries.ts';
import { ADMIN_KEY, type Answer, AUTHORIZED, type Service, startService } from './service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const HOUR_MS = 3_600_000;
const DEFINITIONS_LOCK = '7310589412002';

let service: Service;
let clock: TestClock;
let key = '';
let numbers = 0;

beforeAll(async () => {
  clock = new TestClock(START_MS);
  service = await startService({ clock, background: false });
});
beforeEach(() => {
  numbers += 1;
  key = `key ${numbers}`;
});
afterAll(() => service.close());

function post(path: string, body: unknown, own: string = key): Promise<Answer> {
  return service.call('POST', path, body, { 'idempotency-key': own });
}

function events(count: number): { readonly data: readonly object[] } {
  return { data: Array.from({ length: count }, () => ({ customerId: `c${numbers}`, name: 'view', properties: {} })) };
}

async function countEvents(): Promise<number> {
  const { body } = await service.call('GET', `/v1/customers/c${numbers}/events`);
  return body.status === 404 ? 0 : body.data.length;
}

const segment = () => ({ key: `s${numbers}`, name: 'Some', kind: 'rule', rule: 'country = "CN"', publish: false });

/** Runs `meanwhile` while nothing that evaluates can go on. */
async function whileLocked<Value>(meanwhile: () => Promise<Value>): Promise<Value> {
  const client = await service.strata.database.pool.connect();
  try {
    await client.query(`select pg_advisory_lock(${DEFINITIONS_LOCK})`);
    return await meanwhile();
  } finally {
    await client.query(`select pg_advisory_unlock(${DEFINITIONS_LOCK})`);
    client.release();
  }
}

/** Until that many keys are claimed and not done. */
async function untilRunning(count: number): Promise<void> {
  for (;;) {
    const [row] = await service.strata.database.query<{ running: number }>({
      text: 'select count(*)::integer as running from idempotency_keys as k where k.done_at is null',
    });
    if (row?.running === count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a key that comes again', () => {
  test('gets the same answer, and nothing is done', async () => {
    const first = await post('/v1/events', events(2));
    const second = await post('/v1/events', events(2));
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(second).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
    expect({ ...second.body, token: '' }).toEqual({ ...first.body, token: '' });
    expect(await countEvents()).toBe(2);
  });

  test('gets a token that reads the write', async () => {
    await post('/v1/events', events(1));
    const { body } = await post('/v1/events', events(1));
    const read = await service.call('GET', `/v1/customers/c${numbers}/events`, undefined, { 'strata-token': body.token });
    expect(read.status).toBe(200);
  });

  test('gets status and headers of a definition', async () => {
    const first = await post('/v1/segments', segment());
    const second = await post('/v1/segments', segment());
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect([second.headers.etag, second.headers.location]).toEqual([first.headers.etag, `/v1/segments/s${numbers}`]);
  });

  test('with another body is refused', async () => {
    await post('/v1/events', events(1));
    expect(await post('/v1/events', events(2))).toMatchObject({ status: 422, body: { code: 'key_reused' } });
    expect(await post('/v1/events?partial=true', events(1))).toMatchObject({ status: 422, body: { code: 'key_reused' } });
    expect(await countEvents()).toBe(1);
  });

  test('for another thing is refused, not answered', async () => {
    await post('/v1/segments', segment(), `${key} a`);
    await post('/v1/segments', { ...segment(), key: `t${numbers}` }, `${key} b`);
    expect((await post(`/v1/segments/s${numbers}/versions/1/publish`, undefined)).status).toBe(202);
    expect(await post(`/v1/segments/t${numbers}/versions/1/publish`, undefined)).toMatchObject({
      status: 422,
      body: { code: 'key_reused' },
    });
  });

  test('on another route is another key', async () => {
    await post('/v1/events', events(1));
    expect((await post('/v1/customers', { data: [{ id: 'x' }] })).status).toBe(200);
  });

  test('holds for PUT and DELETE too', async () => {
    const headers = { 'idempotency-key': key };
    const order = { customerId: `c${numbers}`, total: '5' };
    const first = await service.call('PUT', `/v1/orders/o${numbers}`, order, headers);
    expect(first.status).toBe(200);
    expect((await service.call('DELETE', `/v1/orders/o${numbers}`, undefined, headers)).status).toBe(200);
    const again = await service.call('DELETE', `/v1/orders/o${numbers}`, undefined, headers);
    expect(again).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
    const put = await service.call('PUT', `/v1/orders/o${numbers}`, order, headers);
    expect(put.headers['idempotency-replayed']).toBe('true');
    expect((await service.call('GET', `/v1/orders/o${numbers}`)).status).toBe(404); // it was not written again
  });

  test('a day later is a new one', async () => {
    await post('/v1/events', events(1));
    clock.advance(KEPT_HOURS * 3_600_000);
    expect((await post('/v1/events', events(2))).status).toBe(200);
    expect(await countEvents()).toBe(3);
    clock.advance(KEPT_HOURS * 3_600_000 + 1);
    expect(await trimKeys(service.strata.database, clock.nowMs())).toBeGreaterThan(0);
    expect(await service.strata.database.query({ text: 'select k.id from idempotency_keys as k' })).toEqual([]);
  });
});

describe('a key that is none', () => {
  test.each(['', ' ', 'x'.repeat(256), 'tab\there', 'é'])('%j is refused', async (given) => {
    expect(await post('/v1/events', events(1), given)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ parameter: 'Idempotency-Key' }] },
    });
  });

  test('an import takes none', async () => {
    const headers = { 'idempotency-key': key, 'content-type': 'text/csv' };
    expect(await service.call('POST', '/v1/imports/customers', 'id\nc1\n', headers)).toMatchObject({ status: 400 });
  });

  test('a read makes nothing of it', async () => {
    expect((await post('/v1/rules/check', { rule: 'country = "CN"' })).status).toBe(200);
    expect((await post('/v1/rules/check', { rule: 'country = "DE"' })).status).toBe(200);
  });
});

describe('a refusal', () => {
  test('frees the key for a mended body', async () => {
    expect((await post('/v1/segments', { ...segment(), rule: 'nonsense =' })).status).toBe(422);
    expect((await post('/v1/segments', segment())).status).toBe(201);
  });

  test('of the first is not the second’s', async () => {
    const move = { customerIds: [`c${numbers}`], from: `s${numbers}`, to: `t${numbers}` };
    expect((await post('/v1/moves', move)).status).toBe(404);
    expect((await post('/v1/moves', move)).headers['idempotency-replayed']).toBeUndefined();
  });
});

describe('at once', () => {
  test('a hundred of one key write once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => post('/v1/events', events(1))));
    const done = answers.filter(({ status }) => status === 200);
    expect(done.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    for (const answer of answers) if (answer.status !== 200) expect(answer).toMatchObject({ status: 409, body: { code: 'in_progress' } });
    expect(await countEvents()).toBe(1);
  });

  test('two processes write each key once', async () => {
    const { strata } = service;
    const database = openDatabase(strata.database.url, { connections: 5 });
    const options = { database, clock, log: strata.log, cluster: strata.cluster, secretKey: strata.secretKey };
    const second = await openStrata({ ...options, timeZone: 'UTC', currency: 'USD', background: false });
    const app = await buildApp({ strata: second, adminKey: ADMIN_KEY });
    const before = await lastPosition(strata);
    const keys = Array.from({ length: 40 }, (_, place) => `${key} ${place}`);
    const statuses = await Promise.all(
      keys.flatMap((each) => [
        post('/v1/events', events(1), each).then(({ status }) => status),
        app
          .inject({ method: 'POST', url: '/v1/events', payload: events(1), headers: { ...AUTHORIZED, 'idempotency-key': each } })
          .then(({ statusCode }) => statusCode),
        post('/v1/events', events(1), each).then(({ status }) => status),
      ]),
    );
    await Promise.all([chainAudit(strata.database), chainAudit(database)]);
    await app.close();
    await second.close();
    await database.close();
    expect(new Set(statuses)).toEqual(new Set([200, 409]));
    expect(await countEvents()).toBe(40);
    expect((await entriesAfter(strata, before)).filter(({ outcome }) => outcome === 'written')).toHaveLength(40);
    expect((await verifyAudit(strata.database)).fault).toBeNull();
  });

  test('another is told that the first still runs', async () => {
    const first = await whileLocked(async () => {
      const running = post('/v1/events', events(1));
      await untilRunning(1);
      expect(await post('/v1/events', events(1))).toMatchObject({ status: 409, body: { code: 'in_progress' } });
      expect(await post('/v1/events', events(2))).toMatchObject({ status: 422, body: { code: 'key_reused' } });
      return { running };
    });
    expect((await first.running).status).toBe(200);
    expect(await countEvents()).toBe(1);
  });

  test('who took over writes, the slow one not', async () => {
    const both = await whileLocked(async () => {
      const slow = post('/v1/segments', { ...segment(), publish: true });
      await untilRunning(1);
      clock.advance(LEASE_MS);
      const quick = post('/v1/segments', { ...segment(), publish: true });
      for (;;) {
        const rows = await service.strata.database.query({
          text: 'select k.id from idempotency_keys as k where k.done_at is null and k.made_at = $1::timestamptz',
          values: [new Date(clock.nowMs()).toISOString()],
        });
        if (rows.length === 1) return { slow, quick };
      }
    });
    const answers = await Promise.all([both.slow, both.quick]);
    expect(answers.map(({ status }) => status)).toEqual([409, 201]);
    const { body } = await service.call('GET', `/v1/segments/s${numbers}/versions`);
    expect(body.data).toHaveLength(1);
  });

  test('a stolen key fails alone among gathered writes', async () => {
    const names = [0, 1, 2, 3, 4].map((each) => `o${numbers}-${each}`);
    const running = await whileLocked(async () => {
      const answers = names.map((id) =>
        service.call('PUT', `/v1/orders/${id}`, { customerId: id, total: '1' }, { 'idempotency-key': `${key} ${id}` }),
      );
      await untilRunning(names.length);
      await service.strata.database.query({
        text: 'update idempotency_keys as k set holder = gen_random_uuid() where k.id = (select min(m.id) from idempotency_keys as m where m.done_at is null)',
      });
      return { answers };
    });
    const answers = await Promise.all(running.answers);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 409]);
    const reads = await Promise.all(names.map((id) => service.call('GET', `/v1/orders/${id}`)));
    expect(reads.map(({ status }) => status)).toEqual(answers.map(({ status }) => (status === 200 ? 200 : 404)));
    await service.strata.database.query({ text: 'delete from idempotency_keys as k where k.done_at is null' });
  });
});

describe('what breaks after the commit', () => {
  test('is answered from the write’s own transaction', async () => {
    await service.call('POST', '/v1/segments', { ...segment(), publish: true });
    const { publisher } = service.strata;
    const poke = publisher.poke.bind(publisher);
    await service.call('PUT', `/v1/customers/c${numbers}`, { country: 'CN' });
    publisher.poke = () => {
      throw new Error('killed');
    };
    const body = {
      data: [
        { id: `c${numbers}`, country: 'DE' },
        { id: `c${numbers}b`, country: 'CN' },
      ],
    };
    const first = await post('/v1/customers', body);
    publisher.poke = poke;
    expect(first.status).toBe(500);
    const second = await post('/v1/customers', body);
    expect(second).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' }, body: { accepted: 2 } });
    expect(second.body.changes).toBeGreaterThanOrEqual(2);
    const read = await service.call('GET', `/v1/customers/c${numbers}/segments`, undefined, { 'strata-token': second.body.token });
    expect(read.body.segments).toEqual([]);
  });

  test('is said, where the answer is lost', async () => {
    const { claims } = service.strata;
    const keep = claims.keep.bind(claims);
    claims.keep = async () => {
      throw new Error('killed');
    };
    expect((await post('/v1/segments', segment())).status).toBe(201);
    claims.keep = keep;
    expect(await post('/v1/segments', segment())).toMatchObject({ status: 409, body: { code: 'answer_lost' } });
  });

  test('a dead one’s key is free in time', async () => {
    const { release } = service.strata.claims;
    const { singles } = service.strata;
    const add = singles.add.bind(singles);
    service.strata.claims.release = async () => {};
    singles.add = async () => {
      throw new Error('killed');
    };
    expect((await post('/v1/events', events(1))).status).toBe(500);
    singles.add = add;
    service.strata.claims.release = release.bind(service.strata.claims);
    expect(await post('/v1/events', events(1))).toMatchObject({ status: 409, body: { code: 'in_progress' } });
    clock.advance(LEASE_MS);
    expect((await post('/v1/events', events(1))).status).toBe(200);
    expect(await countEvents()).toBe(1);
  });
});

test('a clock set back holds no key', async () => {
  const clockAt = (nowMs: number): Clock => ({ nowMs: () => nowMs, fixedMs: () => nowMs, sleep: async () => {} });
  const claimAt = (nowMs: number) => {
    return new Claims(service.strata.database, clockAt(nowMs)).claim({ operation: 'writing', caller: 'key:1', key, content: '{}' });
  };
  expect(await claimAt(START_MS + HOUR_MS)).toMatchObject({ kind: 'ours' });
  expect(await claimAt(START_MS + HOUR_MS - LEASE_MS)).toEqual({ kind: 'running' }); // perhaps the other’s clock runs ahead
  expect(await claimAt(START_MS)).toMatchObject({ kind: 'ours' });
});

describe('another caller', () => {
  test('has other keys', async () => {
    const { body: mine } = await service.call('POST', '/v1/keys', { name: `other ${numbers}`, scopes: ['ingest', 'keys'] });
    const authorization = `Bearer ${mine.secret}`;
    await post('/v1/events', events(1));
    const theirs = await service.call('POST', '/v1/events', events(1), { 'idempotency-key': key, authorization });
    expect(theirs.headers['idempotency-replayed']).toBeUndefined();
    expect(await countEvents()).toBe(2);
    const rotated = await service.call('POST', `/v1/keys/${mine.id}/rotate`, { graceSeconds: 0 });
    const again = { 'idempotency-key': key, authorization: `Bearer ${rotated.body.secret}` };
    expect((await service.call('POST', '/v1/events', events(1), again)).headers['idempotency-replayed']).toBe('true');
  });

  test('without the scope is refused, replay or not', async () => {
    const { body: mine } = await service.call('POST', '/v1/keys', { name: `poor ${numbers}`, scopes: ['segments:read'] });
    const headers = { 'idempotency-key': key, authorization: `Bearer ${mine.secret}` };
    expect((await service.call('POST', '/v1/events', events(1), headers)).status).toBe(403);
  });
});

test('a secret is not kept for a repeat', async () => {
  const wish = { name: `key ${numbers}`, scopes: ['audit'] };
  const { status, body } = await post('/v1/keys', wish);
  expect(status).toBe(201);
  expect(await findTraces(service.strata.database, [body.secret, body.secret.slice(-20)])).toEqual([]);
  expect(await post('/v1/keys', wish)).toMatchObject({ status: 409, body: { code: 'answer_lost' } });
});

test('an erasure takes quotes of refused rows', async () => {
  const email = `quoted-${numbers}@example.org`;
  await service.call('PUT', `/v1/customers/c${numbers}`, {});
  const rows = { data: [{ id: `other-${numbers}` }, { id: `c${numbers}`, [email]: true }] };
  const first = await post('/v1/customers?partial=true', rows);
  expect(first.body).toMatchObject({ accepted: 1, rejected: [{ detail: expect.stringContaining(email) }] });
  expect(await findTraces(service.strata.database, [email])).toEqual(['idempotency_keys']);
  await erase(service.strata, `c${numbers}`);
  expect(await findTraces(service.strata.database, [email])).toEqual([]);
});

test('an erasure takes the answers, not the fact', async () => {
  const headers = { 'idempotency-key': key };
  const id = `person-${numbers}`;
  await service.call('PUT', `/v1/customers/${id}`, { email: `${id}@example.org` }, headers);
  await service.call('PUT', `/v1/orders/order-of-${id}`, { customerId: id, total: '1' }, headers);
  expect(await findTraces(service.strata.database, [id])).toContain('idempotency_keys');
  const { receipt } = await erase(service.strata, id);
  expect(await findTraces(service.strata.database, [id])).toEqual(receipt.changes === 0 ? [] : ['erasures']);
  const again = await service.call('PUT', `/v1/customers/${id}`, { email: `${id}@example.org` }, headers);
  expect(again).toMatchObject({ status: 409, body: { code: 'answer_lost' } });
  expect((await service.call('GET', `/v1/customers/${id}`)).status).toBe(404); // and nobody came back
});
