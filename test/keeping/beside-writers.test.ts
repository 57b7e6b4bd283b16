// The self-check and verify while the service is at work: writers, publishes, groups, imports and the clock. Nobody is reported wrongly
// meanwhile, and what is corrupted meanwhile is repaired once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { checkNext } from '../../src/changes/self-check.ts';
import { verify } from '../../src/changes/verify.ts';
import { customerKey } from '../../src/ingest/customer-key.ts';
import { built, type Service, startService } from '../api/service.ts';

const CUSTOMERS = 40;
const ROUNDS = 25;
let service: Service;

/** The system's, but the leader's own self-check, which rests for seconds, rests for ever: it would mend before ours has looked. */
const clock: typeof systemClock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms < 5000 ? ms : 2 ** 31 - 1, signal),
};

beforeAll(async () => {
  service = await startService({ clock });
  for (const [key, rule] of [
    ['buyers', 'count(orders) >= 1'],
    ['just-now', 'count(orders in the last 1 seconds) >= 1'],
    ['big', 'sum(orders.total) >= 100'],
    ['small', 'not in segment "buyers"'],
    ['big-now', 'in segment "big" and in segment "just-now"'],
  ] as const) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
    await built(service, key);
  }
  await service.call('POST', '/v1/groups', { key: 'size', name: 'Size', segments: ['big-now', 'small'] });
});
afterAll(() => service.close());

async function writer(lane: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = `c${(round * 7 + lane * 3) % CUSTOMERS}`;
    await service.call('PUT', `/v1/orders/o${(round + lane * ROUNDS) % 60}`, {
      customerId: id,
      total: String((round * 13) % 90),
      status: 'paid',
    });
    if (round % 9 === lane) await service.call('DELETE', `/v1/customers/c${(round * 3) % CUSTOMERS}`);
    if (round % 6 === lane)
      await service.app.inject({
        method: 'POST',
        url: '/v1/imports/orders',
        headers: { authorization: 'Bearer test-admin-key', 'content-type': 'application/x-ndjson' },
        payload: Array.from({ length: 20 }, (_, n) => `{"id":"i${n}","customerId":"c${(n + round) % CUSTOMERS}","total":"5"}\n`).join(''),
      });
  }
}

async function publisher(): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    const rule = `sum(orders.total) >= ${50 + round * 20}`;
    await service.call('POST', '/v1/segments/big/versions', { rule, publish: true });
    await service.call('PUT', '/v1/groups/size', { name: 'Size', segments: round % 2 === 0 ? ['small', 'big-now'] : ['big-now', 'small'] });
    await built(service, 'big');
  }
}

const quiet = { repair: false, samples: 3, onProgress: () => {}, onOutcome: () => {} };

async function verifiedWrong(): Promise<readonly (readonly [string, readonly string[]])[]> {
  const { outcomes } = await verify(service.strata, quiet);
  return outcomes.filter(({ differences }) => differences > 0).map(({ name, samples }) => [name, samples] as const);
}

test('nobody is called wrong meanwhile', async () => {
  let isDone = false;
  const writing = Promise.all([writer(0), writer(1), writer(2), publisher()]).finally(() => {
    isDone = true;
  });
  const found: unknown[] = [];
  let walks = 0;
  while (!isDone) {
    const { mismatches, ended } = await checkNext(service.strata, 7);
    found.push(...mismatches);
    if (!ended) continue;
    walks += 1;
    found.push(...(await verifiedWrong()));
  }
  await writing;
  expect(found).toEqual([]);
  expect(walks).toBeGreaterThan(0);
});

test('a corruption meanwhile is mended once', async () => {
  const { database } = service.strata;
  await service.call('PUT', '/v1/orders/kept', { customerId: 'kept', total: '5000', status: 'paid' });
  const writing = writer(1);
  await database.query({ text: 'delete from memberships where customer_id = $1::bigint', values: [customerKey('kept')] });
  const found: string[] = [];
  for (let walks = 0; walks < 2; ) {
    const { mismatches, ended } = await checkNext(service.strata, 11);
    found.push(...mismatches.map(({ kind, customerId, segment }) => `${kind} ${customerId ?? 'all'} ${segment ?? 'look'}`));
    if (ended) walks += 1;
  }
  await writing;
  expect(new Set(found)).toContain('member kept buyers');
  const ofCustomers = found.filter((each) => !each.startsWith('size ')); // counted once more where the walk began among the sizes
  expect(ofCustomers).toHaveLength(new Set(ofCustomers).size);
  const { body } = await service.call('GET', '/v1/customers/kept/history');
  const causes = body.data.filter(({ segment }: { segment: string }) => segment === 'buyers').map(({ cause }: { cause: string }) => cause);
  expect(causes).toEqual(['repair', 'repair', 'data']);
  expect(await verifiedWrong()).toEqual([]);
});
