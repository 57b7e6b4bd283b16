// The consumer in docs/webhooks.md, exactly as it is written there: it follows a segment by the page's own recipe, whatever comes twice.
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { built, type Service, startService } from '../api/service.ts';

interface Change {
  readonly position: number;
  readonly type: string;
  readonly customerId: string;
}

interface Store {
  position(): Promise<number>;
  apply(changes: readonly Change[], position: number): Promise<void>;
}

let service: Service;
let consumer: Server | undefined;
let folder: string;

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-docs-'));
  service = await startService({ webhookAllow: ['127.0.0.1'] });
  await service.call('POST', '/v1/segments', { key: 'vip', name: 'VIP', kind: 'rule', rule: 'country = "CN"', publish: true });
  await built(service, 'vip');
});
afterAll(async () => {
  consumer?.closeAllConnections();
  consumer?.close();
  await service.close();
  fs.rmSync(folder, { recursive: true });
});

/** The code of the page; the library it names is found from here. */
async function loadConsumer(): Promise<(secret: string, store: Store) => Server> {
  const page = fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'webhooks.md'), 'utf8');
  const code = /```js consumer\n([\s\S]*?)```/.exec(page)?.[1];
  const library = pathToFileURL(createRequire(import.meta.url).resolve('standardwebhooks')).href;
  const file = path.join(folder, 'consumer.mjs');
  fs.writeFileSync(file, (code ?? '').replace(`'standardwebhooks'`, `'${library}'`));
  const { createConsumer } = await import(/* @vite-ignore */ pathToFileURL(file).href);
  return createConsumer;
}

test('the consumer of the page keeps the members', async () => {
  const members = new Set<string>();
  let stored = 0;
  let applied = 0;
  const store: Store = {
    position: async () => stored,
    apply: async (changes, position) => {
      for (const { type, customerId } of changes) {
        if (type === 'entered') members.add(customerId);
        if (type === 'exited') members.delete(customerId);
      }
      applied += changes.length;
      stored = position;
    },
  };
  const write = (id: string, country: string) => service.call('PUT', `/v1/customers/${id}`, { country });
  for (const id of ['ada', 'ben', 'cleo']) await write(id, 'CN');

  const createConsumer = await loadConsumer();
  const forwarding = createServer((request, response) => consumer?.emit('request', request, response));
  forwarding.listen(0, '127.0.0.1');
  await once(forwarding, 'listening');
  const url = `http://127.0.0.1:${(forwarding.address() as AddressInfo).port}/hooks/strata`;

  // the recipe
  const made = await service.call('POST', '/v1/webhooks', { url, types: ['segment.membership.changed'], segments: ['vip'] });
  consumer = createConsumer(made.body.secret, store);
  const { id } = made.body;
  await service.call('PATCH', `/v1/webhooks/${id}`, { status: 'paused' });
  await write('dan', 'CN'); // between the two: in the snapshot, and sent
  await write('ben', 'GB');
  const snapshot = await service.call('GET', '/v1/segments/vip/members');
  for (const { customerId } of snapshot.body.data) members.add(customerId);
  await write('eve', 'CN');
  await service.call('PATCH', `/v1/webhooks/${id}`, { status: 'active' });
  await write('cleo', 'GB');

  const caughtUp = () =>
    expect.poll(async () => (await service.call('GET', `/v1/webhooks/${id}`)).body).toMatchObject({ behind: 0, failures: 0 });
  await expect.poll(() => members.has('cleo')).toBe(false);
  await caughtUp();
  expect([...members].sort()).toEqual(['ada', 'dan', 'eve']);

  const before = applied;
  expect((await service.call('POST', `/v1/webhooks/${id}/replay`, { from: 0 })).status).toBe(200);
  await expect.poll(async () => (await service.call('GET', `/v1/webhooks/${id}/deliveries?limit=1`)).body.data[0].after).toBe(0);
  await caughtUp();
  expect([applied, [...members].sort()]).toEqual([before, ['ada', 'dan', 'eve']]);

  expect((await fetch(url, { method: 'POST', body: '{"type":"segment.membership.changed"}' })).status).toBe(401);
  forwarding.closeAllConnections();
  forwarding.close();
});
