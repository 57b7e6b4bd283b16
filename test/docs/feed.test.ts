// The code in docs/feed.md, exactly as it is written there, against a service that is written to meanwhile.
import fs from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { ADMIN_KEY, built, type Service, startService } from '../api/service.ts';

interface Change {
  readonly position: number;
  readonly type: string;
  readonly segment: string;
  readonly customerId: string;
}

interface Options {
  readonly url: string;
  readonly key: string;
  readonly after?: string;
}

interface PageCode {
  drain(options: Options & { apply: (change: Change) => void }): Promise<string>;
  follow(options: Options & { apply: (change: Change) => boolean | undefined }): Promise<string>;
  takeSnapshot(options: object): Promise<{ members: Set<string>; cursor: string }>;
  applyChange(members: Set<string>, change: Change): void;
}

let service: Service;
let code: PageCode;
let at: { readonly url: string; readonly key: string };

beforeAll(async () => {
  const text = fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'feed.md'), 'utf8');
  const blocks = [...text.matchAll(/<!-- runs -->\n```js\n([\s\S]*?)\n```/g)].map((match) => match[1]);
  expect(blocks).toHaveLength(3);
  code = await import(`data:text/javascript,${encodeURIComponent(blocks.join('\n'))}`);
  service = await startService();
  for (const key of ['paid', 'big']) {
    const rule = key === 'paid' ? 'count(orders where status = "paid") >= 1' : 'sum(orders.total) > 100';
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, key);
  }
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  at = { url: `http://127.0.0.1:${(service.app.server.address() as net.AddressInfo).port}`, key: ADMIN_KEY };
});
afterAll(() => service.close());

/** → the last write's token */
async function churn(random: SeededRandom, writes: number): Promise<string> {
  let token = '';
  for (let write = 0; write < writes; write += 1) {
    const order = { customerId: `c${random.below(30)}`, status: random.pick(['paid', 'open']), total: String(random.below(200)) };
    ({ token } = (await service.call('PUT', `/v1/orders/o${random.below(40)}`, order)).body);
  }
  return token;
}

async function membersOf(segment: string): Promise<string[]> {
  const { body } = await service.call('GET', `/v1/segments/${segment}/members?limit=1000`);
  return body.data.map(({ customerId }: { customerId: string }) => customerId).sort();
}

const settled = (token: string) => service.call('GET', '/v1/changes?limit=1', undefined, { 'strata-token': token });

test('draining from the beginning gives the members', async () => {
  await settled(await churn(new SeededRandom(1), 60));
  const members = { paid: new Set<string>(), big: new Set<string>() };
  const positions: number[] = [];
  const next = await code.drain({
    ...at,
    apply: (change) => {
      positions.push(change.position);
      code.applyChange(members[change.segment as 'paid' | 'big'], change);
    },
  });
  expect(positions).toEqual(positions.map((_, index) => index + 1));
  expect([...members.paid].sort()).toEqual(await membersOf('paid'));
  expect([...members.big].sort()).toEqual(await membersOf('big'));
  expect(await code.drain({ ...at, after: next, apply: () => expect.unreachable() })).toBe(next);
});

test('a snapshot and the changes behind it too', async () => {
  const random = new SeededRandom(2);
  const [{ members, cursor }] = await Promise.all([code.takeSnapshot({ ...at, segment: 'paid' }), churn(random, 30)]);
  await settled(await churn(random, 30));
  await code.drain({
    ...at,
    after: cursor,
    apply: (change) => (change.segment === 'paid' ? code.applyChange(members, change) : undefined),
  });
  expect([...members].sort()).toEqual(await membersOf('paid'));
});

test('following resumes where it was', async () => {
  const start = await code.drain({ ...at, apply: () => {} });
  const read: Change[] = [];
  const until = (count: number) => (change: Change) => {
    read.push(change);
    return read.length < count;
  };
  const first = code.follow({ ...at, after: start, apply: until(3) });
  const random = new SeededRandom(3);
  const writing = churn(random, 80);
  const middle = await first;
  await code.follow({ ...at, after: middle, apply: until(6) });
  await settled(await writing);
  const all: Change[] = [];
  await code.drain({ ...at, after: start, apply: (change) => void all.push(change) });
  expect(read).toEqual(all.slice(0, 6));
});

test('a refusal is thrown with its code', async () => {
  await expect(code.follow({ ...at, after: 'nonsense', apply: () => true })).rejects.toThrow('invalid_cursor');
  await expect(code.drain({ ...at, key: 'wrong', apply: () => {} })).rejects.toThrow('unauthenticated');
});
