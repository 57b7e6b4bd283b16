// How names become addresses: name servers first, then the system for names that they do not know, and never for those that they do not answer.
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { type Resolving, resolverOf } from '../../src/webhooks/resolve-name.ts';

const failure = (code: string) => Object.assign(new Error(code), { code });
const none = async (): Promise<string[]> => {
  throw failure('ENOTFOUND');
};

function find(name: string, resolving: Partial<Resolving>): Promise<unknown> {
  const asked = { resolve4: none, resolve6: none, lookup: async () => [{ address: '10.0.0.9', family: 4 }], ...resolving };
  return promisify<string, object, unknown>(resolverOf(asked) as never)(name, { all: true });
}

test('both families are asked', async () => {
  expect(await find('a.example', { resolve4: async () => ['10.0.0.1'], resolve6: async () => ['::1'] })).toEqual([
    { address: '10.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
  expect(await find('a.example', { resolve6: async () => ['::1'] })).toEqual([{ address: '::1', family: 6 }]);
});

test('a family that never answers holds up nothing', async () => {
  const never = () => new Promise<string[]>(() => {});
  const clock = new TestClock(0);
  const resolve = resolverOf({ resolve4: async () => ['10.0.0.1'], resolve6: never, lookup: never as never }, clock);
  const found = promisify<string, object, unknown>(resolve as never)('a.example', { all: true });
  await new Promise((done) => setImmediate(done));
  clock.advance(300);
  expect(await found).toEqual([{ address: '10.0.0.1', family: 4 }]);
});

test('a family that answers soon is waited for', async () => {
  const late = Promise.withResolvers<string[]>();
  const clock = new TestClock(0);
  const resolve = resolverOf({ resolve4: () => late.promise, resolve6: async () => ['::1'], lookup: async () => [] }, clock);
  const found = promisify<string, object, unknown>(resolve as never)('a.example', { all: true });
  await new Promise((done) => setImmediate(done));
  clock.advance(299);
  late.resolve(['10.0.0.1']);
  expect(await found).toEqual([
    { address: '10.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
});

test('what name servers do not know, hosts may', async () => {
  expect(await find('hook', {})).toEqual([{ address: '10.0.0.9', family: 4 }]);
});

test('silent name servers take no thread', async () => {
  const silent = async (): Promise<string[]> => {
    throw failure('ETIMEOUT');
  };
  const lookup = async () => {
    throw new Error('the system was asked');
  };
  await expect(find('slow.example', { resolve4: silent, resolve6: silent, lookup })).rejects.toThrow('ETIMEOUT');
});

test('the system is asked one by one', async () => {
  let asking = 0;
  let most = 0;
  const lookup = async () => {
    asking += 1;
    most = Math.max(most, asking);
    await new Promise((resolve) => setImmediate(resolve));
    asking -= 1;
    return [{ address: '10.0.0.9', family: 4 }];
  };
  const resolve = resolverOf({ resolve4: none, resolve6: none, lookup });
  const names = Array.from({ length: 5 }, (_, n) => `h${n}`);
  await Promise.all(names.map((name) => promisify<string, object, unknown>(resolve as never)(name, {})));
  expect(most).toBe(1);
});
