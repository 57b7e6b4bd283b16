// How often and how heavily a caller may ask: rates by key, failures by address, large reads at the same time; and a bound on what is
// remembered.
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HeavyReads } from '../../src/access/heavy-reads.ts';
import { RateLimits } from '../../src/access/rate-limits.ts';
import { TestClock } from '../../src/base/clock.ts';
import { type Service, startService } from '../api/service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');
const never = new AbortController().signal;

describe('rates', () => {
  let service: Service;
  let clock: TestClock;
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

  beforeAll(async () => {
    clock = new TestClock(START_MS);
    service = await startService({ clock, background: false, accessLimits: { requestsPerSecond: 100, failedKeysPerMinute: 5 } });
  });
  afterAll(() => service.close());

  test('are told, refused beyond, and come back', async () => {
    const { secret } = (await service.call('POST', '/v1/keys', { name: 'slow', scopes: ['segments:read'], requestsPerSecond: 2 })).body;
    const ask = () => service.call('GET', '/v1/segments', undefined, bearer(secret));
    const told = [await ask(), await ask(), await ask(), await ask(), await ask()];
    expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
    expect(told.map(({ headers }) => headers['ratelimit'])).toEqual(
      [3, 2, 1, 0, 0].map((left, at) => `"key";r=${left};t=${[1, 1, 2, 2, 2][at]}`),
    );
    expect(told[0]?.headers['ratelimit-policy']).toBe('"key";q=4;w=2');
    expect([told[4]?.body.code, told[4]?.headers['retry-after']]).toEqual(['rate_limited', '1']);
    clock.advance(500);
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
    expect((await service.call('GET', '/v1/segments')).status).toBe(200); // others are not touched
  });

  test('follow a key through its rotation', async () => {
    const { id, secret } = (await service.call('POST', '/v1/keys', { name: 'turned', scopes: ['segments:read'], requestsPerSecond: 1 }))
      .body;
    const ask = (of: string) => service.call('GET', '/v1/segments', undefined, bearer(of));
    await ask(secret);
    await ask(secret);
    const rotated = (await service.call('POST', `/v1/keys/${id}/rotate`, { graceSeconds: 60 })).body.secret;
    expect((await ask(rotated)).status).toBe(429);
  });

  test('count unknown keys by address', async () => {
    const { secret } = (await service.call('POST', '/v1/keys', { name: 'neighbour', scopes: ['segments:read'] })).body;
    const ask = async (authorization: string, remoteAddress = '10.1.2.3') =>
      (await service.app.inject({ method: 'GET', url: '/v1/segments', headers: { authorization }, remoteAddress })).statusCode;
    const wrong = [];
    for (let n = 0; n < 7; n += 1) wrong.push(await ask(`Bearer wrong-${n}`));
    expect(wrong).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect(await ask(`Bearer ${secret}`)).toBe(200); // a long key cannot have been guessed
    expect(await ask('Bearer test-admin-key')).toBe(429); // a short one might
    expect([await ask('Bearer wrong', '10.1.2.4'), await ask('Bearer test-admin-key', '10.1.2.4')]).toEqual([401, 200]);
    clock.advance(12_000);
    expect(await ask('Bearer test-admin-key')).toBe(200);
  });

  test('count a network of IPv6 as one', async () => {
    const ask = async (remoteAddress: string) =>
      (await service.app.inject({ method: 'GET', url: '/v1/segments', headers: { authorization: 'Bearer wrong' }, remoteAddress }))
        .statusCode;
    for (let n = 0; n < 5; n += 1) expect(await ask(`2001:db8:1:2::${n}`)).toBe(401);
    expect([await ask('2001:db8:1:2:ffff::1'), await ask('2001:db8:1:3::1')]).toEqual([429, 401]);
  });
});

test('remembers no more callers than it may', () => {
  const limits = new RateLimits(100);
  const limit = { perSecond: 1, burst: 1 };
  expect(limits.take('first', limit, 0).allowed).toBe(true);
  for (let n = 0; n < 99; n += 1) limits.take(`other ${n}`, limit, 0);
  expect(limits.take('first', limit, 0).allowed).toBe(false); // still known, and the youngest now
  for (let n = 0; n < 100; n += 1) limits.take(`another ${n}`, limit, 0);
  expect(limits.isEmpty('first', limit, 0)).toBe(false); // forgotten
});

test('a clock that goes back refills nothing', () => {
  const limits = new RateLimits(10);
  const limit = { perSecond: 1, burst: 1 };
  limits.take('a', limit, 10_000);
  expect(limits.take('a', limit, 0).allowed).toBe(false);
  expect(limits.take('a', limit, 1000).allowed).toBe(true);
});

describe('large reads', () => {
  const gate = () => Promise.withResolvers<string>();

  test('run a few at a time', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 2, 20);
    const begun: number[] = [];
    const gates = [gate(), gate(), gate(), gate()];
    const begin = (n: number, promise: Promise<string>) => {
      begun.push(n);
      return promise;
    };
    const reads = gates.map(({ promise }, n) => heavy.run('one', () => begin(n, promise), never));
    await Promise.resolve();
    expect(begun).toEqual([0, 1]);
    gates[1]?.resolve('b');
    await reads[1];
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual([0, 1, 2]);
    for (const { resolve } of gates) resolve('x');
    expect(await Promise.all(reads)).toEqual(['x', 'b', 'x', 'x']);
  });

  test('leave half of the connections to others', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 100, 6);
    let running = 0;
    const gates = Array.from({ length: 10 }, gate);
    const begin = (promise: Promise<string>) => {
      running += 1;
      return promise;
    };
    const reads = gates.map(({ promise }, n) => heavy.run(`caller ${n}`, () => begin(promise), never));
    await Promise.resolve();
    expect(running).toBe(3);
    for (const { resolve } of gates) resolve('x');
    await Promise.all(reads);
  });

  test('are refused behind a full queue', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 1, 20);
    const first = gate();
    const reads = Array.from({ length: 5 }, (_, n) => heavy.run(`caller ${n}`, () => first.promise, never));
    await expect(heavy.run('another', () => first.promise, never)).rejects.toMatchObject({ code: 'unavailable', retryAfterS: 5 });
    first.resolve('x');
    await Promise.all(reads);
    await expect(heavy.run('one', async () => 'again', never)).resolves.toBe('again');
  });

  test('of one caller leave places to others', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 1, 20);
    const gates = Array.from({ length: 5 }, gate);
    const ended: string[] = [];
    const ask = (identity: string, n: number) => {
      const read = heavy.run(identity, () => gates[n]?.promise ?? Promise.reject(new Error('no gate')), never);
      return read.then((value) => ended.push(value));
    };
    const greedy = [ask('greedy', 0), ask('greedy', 1), ask('greedy', 2)];
    await expect(heavy.run('greedy', async () => 'x', never)).rejects.toMatchObject({ code: 'rate_limited', retryAfterS: 5 });
    const modest = ask('modest', 3);
    for (const [n, { resolve }] of gates.entries()) resolve(`read ${n}`);
    await Promise.all([...greedy, modest]);
    expect(ended).toEqual(['read 0', 'read 1', 'read 2', 'read 3']);
  });

  test('of who runs none come first', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 2, 20);
    const gates = Array.from({ length: 4 }, gate);
    const begun: number[] = [];
    const ask = (identity: string, n: number) =>
      heavy.run(
        identity,
        () => {
          begun.push(n);
          return gates[n]?.promise ?? Promise.reject(new Error('no gate'));
        },
        never,
      );
    const reads = [ask('greedy', 0), ask('greedy', 1), ask('greedy', 2), ask('modest', 3)];
    gates[0]?.resolve('x');
    await reads[0];
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual([0, 1, 3]);
    for (const { resolve } of gates) resolve('x');
    await Promise.all(reads);
  });

  test('are refused after waiting too long', async () => {
    const clock = new TestClock(START_MS);
    const heavy = new HeavyReads(clock, 1, 20);
    const first = gate();
    const running = heavy.run('one', () => first.promise, never);
    const waiting = heavy.run('one', () => first.promise, never);
    clock.advance(10_000);
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
    first.resolve('x');
    await running;
    await expect(heavy.run('one', async () => 'again', never)).resolves.toBe('again');
  });

  test('give their place back when abandoned', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 1, 20);
    const first = gate();
    const running = heavy.run('one', () => first.promise, never);
    const gone = new AbortController();
    const waiting = heavy.run('one', () => first.promise, gone.signal);
    gone.abort(new Error('hung up'));
    await expect(waiting).rejects.toThrow('hung up');
    first.resolve('x');
    await running;
    await expect(heavy.run('one', async () => 'again', never)).resolves.toBe('again');
  });

  test('keep their place until a stream has ended', async () => {
    const heavy = new HeavyReads(new TestClock(START_MS), 1, 20);
    const stream = await heavy.run('one', async () => Readable.from(['a', 'b']), never);
    let began = false;
    const next = heavy.run(
      'one',
      async () => {
        began = true;
      },
      never,
    );
    await Promise.resolve();
    expect(began).toBe(false);
    stream.destroy();
    await next;
    expect(began).toBe(true);
  });
});
