// In charge of requests that are valid only one after another: lives of segments, groups, customers, keys and webhooks. Each step is accepted,
// whatever else is going on.
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import { until } from '../faults/until.ts';
import type { Draft } from './draft.ts';
import { draftOf } from './drafts.ts';
import { type KnownShop, ValidValues } from './known-shop.ts';

type Overrides = Partial<Omit<Draft, 'route' | 'body'>> & { readonly value?: unknown };

export interface Told {
  readonly status: number;
  readonly etag: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape are looked into
  readonly body: any;
}

export interface Telling {
  readonly shop: KnownShop;
  readonly random: SeededRandom;
  /** tells this story's things from all others' */
  readonly mark: string;
  /** Sends what has to be accepted. */
  accept(draft: Draft): Promise<Told>;
  /** Sends what has to be refused with this code, or (null) may be either. */
  refuse(draft: Draft, code: string | null): Promise<Told>;
}

type Story = (telling: Telling) => Promise<void>;

function step({ shop, random }: Telling, operationId: string, { params, query, headers, value }: Overrides = {}): Draft {
  const draft = draftOf(operationId, shop, random);
  return {
    route: draft.route,
    params: params ?? draft.params,
    query: query ?? [],
    headers: headers ?? {},
    body: value === undefined ? { kind: 'none' } : { kind: 'json', value },
  };
}

async function untilActive(telling: Telling, key: string): Promise<void> {
  await until(
    `segment ${key} is active`,
    async () => (await telling.accept(step(telling, 'getSegment', { params: { key } }))).body?.status === 'active',
  );
}

async function lifeOfSegment(telling: Telling): Promise<void> {
  const { accept, refuse, random } = telling;
  const values = new ValidValues(random);
  const key = `life-${telling.mark}`;
  const params = { key };
  const made = await accept(
    step(telling, 'createSegment', { value: { key, name: values.text(), kind: 'rule', rule: values.rule(), publish: true } }),
  );
  await accept(step(telling, 'updateSegment', { params, headers: { 'if-match': made.etag }, value: { name: values.text() } }));
  await refuse(step(telling, 'updateSegment', { params, headers: { 'if-match': '"another"' }, value: { name: 'x' } }), 'version_conflict');
  await accept(step(telling, 'addVersion', { params, value: { rule: values.rule(), note: values.text() } }));
  await accept(step(telling, 'diffVersion', { params: { key, number: '2' } }));
  await accept(step(telling, 'getImpact', { params: { key, number: '2' } }));
  const { body } = await accept(step(telling, 'publishVersion', { params: { key, number: '2' } }));
  await accept(step(telling, 'getRun', { params: { runId: body?.run?.id ?? '1' } }));
  await untilActive(telling, key);
  await accept(step(telling, 'refreshSegment', { params }));
  await untilActive(telling, key);
  await accept(step(telling, 'pauseSegment', { params }));
  await accept(step(telling, 'resumeSegment', { params }));
  await untilActive(telling, key);
  await accept(step(telling, 'archiveSegment', { params }));
}

/** A run may have ended before it is cancelled. */
async function cancelledRun(telling: Telling): Promise<void> {
  const { accept, refuse, random } = telling;
  const key = `stop-${telling.mark}`;
  const made = await accept(
    step(telling, 'createSegment', { value: { key, name: 'x', kind: 'rule', rule: new ValidValues(random).rule(), publish: true } }),
  );
  const { status, body } = await refuse(step(telling, 'cancelRun', { params: { runId: made.body?.run?.id ?? '1' } }), null);
  if (status !== 200 && body?.code !== 'conflict') throw new Error(`a run was not cancelled: ${status} ${JSON.stringify(body)}`);
  await accept(step(telling, 'archiveSegment', { params: { key } }));
}

async function lifeOfGroup(telling: Telling): Promise<void> {
  const { accept } = telling;
  const keys = ['a', 'b'].map((part) => `g${part}-${telling.mark}`);
  for (const key of keys)
    await accept(step(telling, 'createSegment', { value: { key, name: key, kind: 'rule', rule: 'country = "DE"', publish: true } }));
  const params = { key: `group-${telling.mark}` };
  const made = await accept(step(telling, 'createGroup', { value: { key: params.key, name: 'x', segments: keys } }));
  await accept(
    step(telling, 'changeGroup', { params, headers: { 'if-match': made.etag }, value: { name: 'y', segments: [...keys].reverse() } }),
  );
  await accept(step(telling, 'getGroup', { params }));
  await accept(step(telling, 'listGroupVersions', { params }));
  await accept(step(telling, 'deleteGroup', { params }));
  for (const key of keys) await accept(step(telling, 'archiveSegment', { params: { key } }));
}

async function lifeOfCustomer(telling: Telling): Promise<void> {
  const { accept, refuse, random, shop } = telling;
  const values = new ValidValues(random);
  const customerId = `life ${telling.mark}/${random.pick(['', 'ö', '%', '👩'])}`;
  const orderId = `life-order-${telling.mark}`;
  const [from, to] = shop.hands;
  const written = await accept(step(telling, 'putCustomer', { params: { customerId }, value: values.customer() }));
  const headers = { 'strata-token': String(written.body?.token) };
  await accept(step(telling, 'getCustomer', { params: { customerId }, headers }));
  await accept(step(telling, 'putOrder', { params: { orderId }, value: values.order(customerId) }));
  await accept(step(telling, 'getOrder', { params: { orderId } }));
  await accept(step(telling, 'deleteOrder', { params: { orderId } }));
  await refuse(step(telling, 'getOrder', { params: { orderId } }), 'not_found');
  await accept(step(telling, 'pinIn', { params: { key: from, customerId }, value: { reason: values.text() } }));
  await accept(step(telling, 'moveMembers', { value: { customerIds: [customerId], from, to } }));
  await refuse(step(telling, 'moveMembers', { value: { customerIds: [customerId], from, to } }), 'not_a_member');
  await accept(step(telling, 'pinOut', { params: { key: to, customerId }, query: [['reason', 'x']] }));
  await accept(step(telling, 'releasePin', { params: { key: to, customerId } }));
  const erased = await accept(step(telling, 'eraseCustomer', { params: { customerId } }));
  await refuse(step(telling, 'eraseCustomer', { params: { customerId } }), 'not_found');
  await accept(step(telling, 'getErasure', { params: { receiptId: String(erased.body?.receiptId) } }));
  await accept(step(telling, 'checkErasure', { value: { id: customerId } }));
}

async function lifeOfKey(telling: Telling): Promise<void> {
  const { accept, refuse, shop } = telling;
  const made = await accept(
    step(telling, 'createKey', { value: { name: `life ${telling.mark}`, scopes: ['segments:read'], segments: [shop.rules[0]] } }),
  );
  const params = { keyId: String(made.body?.id) };
  const old = { authorization: `Bearer ${made.body?.secret}` };
  await accept(step(telling, 'getSegment', { params: { key: String(shop.rules[0]) }, headers: old }));
  await refuse(step(telling, 'getSegment', { params: { key: String(shop.rules[1]) }, headers: old }), 'forbidden');
  await refuse(step(telling, 'listCustomers', { headers: old }), 'forbidden');
  const rotated = await accept(step(telling, 'rotateKey', { params, value: { graceSeconds: 0 } }));
  await refuse(step(telling, 'listSegments', { headers: old }), 'unauthenticated');
  await accept(step(telling, 'listSegments', { headers: { authorization: `Bearer ${rotated.body?.secret}` } }));
  await accept(step(telling, 'revokeKey', { params }));
  await refuse(step(telling, 'listSegments', { headers: { authorization: `Bearer ${rotated.body?.secret}` } }), 'unauthenticated');
}

async function lifeOfToken(telling: Telling): Promise<void> {
  const { accept, refuse, random, shop } = telling;
  const [mine, other] = [`token-${telling.mark}`, String(shop.customers[0])];
  await accept(step(telling, 'putCustomer', { params: { customerId: mine }, value: {} }));
  const { body } = await accept(step(telling, 'createCustomerToken', { value: { customerId: mine, minutes: 1 } }));
  const token = String(body?.token);
  const headers = { authorization: `Bearer ${token}` };
  await accept(step(telling, 'getCustomerSegments', { params: { customerId: mine }, headers }));
  await refuse(step(telling, 'getCustomerSegments', { params: { customerId: other }, headers }), 'forbidden');
  await refuse(step(telling, 'getCustomer', { params: { customerId: mine }, headers }), 'forbidden');
  const at = random.integer(0, token.length - 2);
  const forged = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
  await refuse(
    step(telling, 'getCustomerSegments', { params: { customerId: mine }, headers: { authorization: `Bearer ${forged}` } }),
    'unauthenticated',
  );
}

async function lifeOfWebhook(telling: Telling): Promise<void> {
  const { accept } = telling;
  const made = await accept(
    step(telling, 'createWebhook', { value: { url: 'http://127.0.0.1:9/x', types: ['segment.membership.changed'], from: 0 } }),
  );
  const params = { webhookId: String(made.body?.id) };
  await accept(step(telling, 'testWebhook', { params }));
  await accept(step(telling, 'listDeliveries', { params }));
  await accept(step(telling, 'changeWebhook', { params, value: { status: 'paused' } }));
  await accept(step(telling, 'replayWebhook', { params, value: { from: 0 } }));
  await accept(step(telling, 'rotateWebhookSecret', { params, value: {} }));
  await accept(step(telling, 'deleteWebhook', { params }));
}

/** The same key: the same answer to the same, a refusal to anything else. */
async function repeatedKey(telling: Telling): Promise<void> {
  const { accept, refuse, random } = telling;
  const values = new ValidValues(random);
  const headers = { 'idempotency-key': `story ${telling.mark}` };
  const params = { customerId: `again-${telling.mark}` };
  const value = values.customer();
  const first = await accept(step(telling, 'putCustomer', { params, headers, value }));
  const again = await accept(step(telling, 'putCustomer', { params, headers, value }));
  if (JSON.stringify(first.body) !== JSON.stringify(again.body)) throw new Error('a repeated Idempotency-Key was answered otherwise');
  await refuse(step(telling, 'putCustomer', { params, headers, value: { ...value, city: 'elsewhere' } }), 'key_reused');
  await refuse(step(telling, 'putCustomer', { params: { customerId: `other-${telling.mark}` }, headers, value }), 'key_reused');
}

export const STORIES: readonly (readonly [story: Story, weight: number])[] = [
  [lifeOfSegment, 1],
  [cancelledRun, 0.5],
  [lifeOfGroup, 0.7],
  [lifeOfCustomer, 3],
  [lifeOfKey, 2],
  [lifeOfToken, 2],
  [lifeOfWebhook, 1],
  [repeatedKey, 2],
];
