// In charge of filling a known shop through the API itself: customers, orders, segments, a group, a webhook, a key, an erasure.
import { SeededRandom } from '../../src/base/seeded-random.ts';
import { until } from '../faults/until.ts';
import type { Draft } from './draft.ts';
import { draftOf } from './drafts.ts';
import { type KnownShop, RULES, ValidValues } from './known-shop.ts';
import type { Told } from './stories.ts';

export async function setUpShop(shop: KnownShop, accept: (draft: Draft) => Promise<Told>): Promise<void> {
  const random = new SeededRandom(1);
  const values = new ValidValues(random);
  const send = (operationId: string, value: unknown, params: Readonly<Record<string, string>> = {}) =>
    accept({
      ...draftOf(operationId, shop, random),
      params,
      query: [],
      headers: {},
      body: value === undefined ? { kind: 'none' } : { kind: 'json', value },
    });
  const attributes = { kept_tier: 'gold', kept_nested: { deep: 1 } };
  await send('putCustomers', { data: shop.customers.map((id) => ({ id, ...values.customer(), attributes })) });
  await send('putOrders', { data: shop.orders.map((id) => ({ id, ...values.order(random.pick(shop.customers)) })) });
  await send('appendEvents', { data: shop.customers.map((id) => values.event(id)) });
  for (const key of shop.rules) {
    const rule = RULES[key.slice(shop.name.length + 1)];
    const { body } = await send('createSegment', { key, name: key, kind: 'rule', rule, publish: true });
    shop.made.runId = String(body?.run?.id);
  }
  for (const key of shop.hands) await send('createSegment', { key, name: key, kind: 'manual', publish: true });
  await until('the segments are built', async () => {
    const answers = await Promise.all(shop.rules.map((key) => send('getSegment', undefined, { key })));
    return answers.every(({ body }) => body?.status === 'active');
  });
  await send('createGroup', { key: shop.group, name: 'x', segments: shop.rules.slice(2) });
  shop.made.webhookId = String(
    (await send('createWebhook', { url: 'http://127.0.0.1:9/hook', types: ['segment.membership.changed'] })).body?.id,
  );
  shop.made.keyId = String((await send('createKey', { name: shop.name, scopes: ['members:read'] })).body?.id);
  await send('putCustomer', {}, { customerId: `${shop.name}-gone` });
  shop.made.receiptId = String((await send('eraseCustomer', undefined, { customerId: `${shop.name}-gone` })).body?.receiptId);
}
