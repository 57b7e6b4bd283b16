// The audit over HTTP: for every write exactly one entry, in its own transaction; every read of persons; refused attempts; and what may be read
// of it.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { REFUSALS_LISTED } from '../../src/access/audit-recorder.ts';
import { verifyAudit } from '../../src/access/verify-audit.ts';
import { isWrite } from '../../src/api/rest/route.ts';
import { ROUTES } from '../../src/api/rest/routes.ts';
import { buildApp } from '../../src/app.ts';
import { TestClock } from '../../src/base/clock.ts';
import { findTraces } from '../membership/dump-database.ts';
import { finishRuns } from '../membership/leader-by-hand.ts';
import { contentsOf, entriesAfter, lastPosition, settleAudit } from './audit-entries.ts';
import { ADMIN_KEY, type Service, startService } from './service.ts';

const START_MS = Date.parse('2026-06-15T12:00:00.000Z');

let service: Service;
let clock: TestClock;
const logged: string[] = [];

beforeAll(async () => {
  clock = new TestClock(START_MS);
  service = await startService({ clock, background: false, log: (line) => logged.push(line) });
  await ok('POST', '/v1/customers', { data: ['ann', 'bob', 'cem'].map((id) => ({ id, country: 'CN', email: `${id}@example.org` })) });
  await ok('PUT', '/v1/orders/o1', { customerId: 'ann', total: '10' });
  for (const key of ['china', 'other', 'paused', 'gone']) {
    await ok('POST', '/v1/segments', { key, name: key, kind: 'rule', rule: 'country = "CN"', publish: true });
  }
  await ok('POST', '/v1/segments', { key: 'hand', name: 'By hand', kind: 'manual' });
  await runAll();
  await ok('POST', '/v1/segments/paused/pause');
  Object.assign(service.strata.webhooks.send, { lookup: refuseLookup });
  await ok('POST', '/v1/groups', { key: 'g1', name: 'G', segments: ['gone'] });
});
afterAll(() => service.close());

/** No test leaves this machine. */
function refuseLookup(_host: string, _options: unknown, done: (error: Error) => void): void {
  done(new Error('no names are looked up here'));
}

async function ok(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const answer = await service.call(method, path, body, headers);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
  return answer;
}

async function runAll(): Promise<void> {
  await finishRuns(service.strata);
}

interface Write {
  readonly operation: string;
  readonly path: string;
  readonly body?: unknown;
  readonly target?: string | null;
  /** of each payload, what is to stand in it at least */
  readonly told: readonly object[];
  readonly before?: () => Promise<unknown>;
}

const HOOK_URL = 'https://hooks.example.org/strata';
const rule = 'country = "CN"';
const WRITES: readonly Write[] = [
  {
    operation: 'putCustomer',
    path: '/v1/customers/dan',
    body: { city: 'Ulm' },
    told: [{ customerId: 'dan', after: { profile: [{ profile: { city: 'Ulm' } }] } }],
  },
  {
    operation: 'putCustomers',
    path: '/v1/customers',
    body: { data: [{ id: 'ann' }, { id: 'bob' }] },
    told: [{ customerId: 'ann' }, { customerId: 'bob' }],
  },
  {
    operation: 'putOrder',
    path: '/v1/orders/o2',
    body: { customerId: 'ann', total: '2' },
    told: [{ customerId: 'ann', after: { orders: [{ id: 'o2', total: '20000' }] } }],
  },
  {
    operation: 'putOrders',
    path: '/v1/orders',
    body: { data: [{ id: 'o2', customerId: 'bob', total: '2' }] },
    told: [{ customerId: 'bob', after: { orders: [{ id: 'o2' }] } }, { after: { ordersGone: ['o2'] } }],
  },
  { operation: 'deleteOrder', path: '/v1/orders/o2', told: [{ after: { ordersGone: ['o2'] } }] },
  {
    operation: 'appendEvents',
    path: '/v1/events',
    body: { data: [{ id: 'e1', customerId: 'ann', name: 'view' }] },
    told: [{ customerId: 'ann', after: { events: [{ id: 'e1', name: 'view' }] } }],
  },
  {
    operation: 'declareAttribute',
    path: '/v1/attributes/tier',
    body: { type: 'string' },
    target: 'attributes/tier',
    told: [{ before: null, after: { type: 'string' } }],
  },
  {
    operation: 'declareProperty',
    path: '/v1/events/view/properties/path',
    body: { type: 'string' },
    target: 'events/view/properties/path',
    told: [{ before: null, after: { type: 'string' } }],
  },
  {
    operation: 'createSegment',
    path: '/v1/segments',
    body: { key: 'new', name: 'New', kind: 'rule', rule, publish: false },
    target: 'segments/new',
    told: [{ before: null, after: { name: 'New', rule } }],
  },
  {
    operation: 'updateSegment',
    path: '/v1/segments/new',
    body: { name: 'Newer' },
    target: 'segments/new',
    told: [{ before: { name: 'New' }, after: { name: 'Newer' } }],
  },
  {
    operation: 'addVersion',
    path: '/v1/segments/new/versions',
    body: { rule: 'country = "DE"' },
    target: 'segments/new',
    told: [{ after: { draft: 2, rule: 'country = "DE"' } }],
  },
  {
    operation: 'publishVersion',
    path: '/v1/segments/new/versions/1/publish',
    target: 'segments/new',
    told: [{ before: { version: null, status: 'draft' }, after: { version: 1 } }],
  },
  { operation: 'refreshSegment', path: '/v1/segments/china/refresh', target: 'segments/china', told: [{}] },
  { operation: 'cancelRun', path: '/v1/runs/RUN/cancel', target: 'runs/RUN', told: [{ after: { status: 'cancelled' } }] },
  {
    operation: 'pauseSegment',
    path: '/v1/segments/other/pause',
    target: 'segments/other',
    told: [{ before: { status: 'active' }, after: { status: 'paused' } }],
  },
  {
    operation: 'resumeSegment',
    path: '/v1/segments/paused/resume',
    target: 'segments/paused',
    told: [{ before: { status: 'paused' }, after: { status: 'building' } }],
  },
  {
    operation: 'archiveSegment',
    path: '/v1/segments/other',
    target: 'segments/other',
    told: [{ before: { status: 'paused' }, after: { status: 'archived' } }],
  },
  {
    operation: 'pinIn',
    path: '/v1/segments/hand/members/ann',
    body: { reason: 'asked' },
    target: 'segments/hand',
    told: [{ customerId: 'ann', before: [], after: { reason: 'asked', pins: [{ segment: 'hand', action: 'pinned_in' }] } }],
  },
  {
    operation: 'moveMembers',
    path: '/v1/moves',
    body: { customerIds: ['ann'], from: 'hand', to: 'china' },
    target: 'segments/china',
    told: [{ customerId: 'ann', before: [{ segment: 'hand', include: true }] }],
  },
  {
    operation: 'pinOut',
    path: '/v1/segments/china/members/bob',
    target: 'segments/china',
    told: [{ customerId: 'bob', after: { pins: [{ action: 'pinned_out' }] } }],
  },
  {
    operation: 'releasePin',
    path: '/v1/segments/china/pins/bob',
    target: 'segments/china',
    told: [{ customerId: 'bob', before: [{ include: false }], after: { pins: [{ action: 'released' }] } }],
  },
  {
    operation: 'createGroup',
    path: '/v1/groups',
    body: { key: 'g2', name: 'G', segments: ['china'] },
    target: 'groups/g2',
    told: [{ before: null, after: { segments: ['china'] } }],
  },
  {
    operation: 'changeGroup',
    path: '/v1/groups/g2',
    body: { name: 'H', segments: ['china'] },
    target: 'groups/g2',
    told: [{ before: { name: 'G' }, after: { name: 'H' } }],
  },
  { operation: 'deleteGroup', path: '/v1/groups/g2', target: 'groups/g2', told: [{ before: { name: 'H' }, after: null }] },
  {
    operation: 'eraseCustomer',
    path: '/v1/customers/cem',
    target: expect.stringMatching(/^erasures\/[0-9a-f-]{36}$/) as unknown as string,
    told: [],
  },
  {
    operation: 'createKey',
    path: '/v1/keys',
    body: { name: 'desk', scopes: ['audit'] },
    target: 'keys/KEY',
    told: [{ before: null, after: { name: 'desk' } }],
  },
  {
    operation: 'rotateKey',
    path: '/v1/keys/KEY/rotate',
    body: { graceSeconds: 0 },
    target: 'keys/KEY',
    told: [{ before: { rotatedAtMs: null } }],
  },
  {
    operation: 'revokeKey',
    path: '/v1/keys/KEY',
    target: 'keys/KEY',
    told: [{ before: { revokedAtMs: null }, after: { revokedAtMs: START_MS } }],
  },
  {
    operation: 'createWebhook',
    path: '/v1/webhooks',
    body: { url: HOOK_URL, types: ['run.finished'] },
    target: 'webhooks/HOOK',
    told: [{ before: null, after: { url: HOOK_URL } }],
  },
  {
    operation: 'changeWebhook',
    path: '/v1/webhooks/HOOK',
    body: { status: 'paused' },
    target: 'webhooks/HOOK',
    told: [{ before: { status: 'active' }, after: { status: 'paused' } }],
  },
  { operation: 'testWebhook', path: '/v1/webhooks/HOOK/test', target: 'webhooks/HOOK', told: [] },
  { operation: 'replayWebhook', path: '/v1/webhooks/HOOK/replay', body: { from: 0 }, target: 'webhooks/HOOK', told: [{}] },
  { operation: 'rotateWebhookSecret', path: '/v1/webhooks/HOOK/rotate', target: 'webhooks/HOOK', told: [{ after: { rotated: true } }] },
  { operation: 'deleteWebhook', path: '/v1/webhooks/HOOK', target: 'webhooks/HOOK', told: [{ after: null }] },
];

/** Tested on their own: they are not one transaction. */
const OF_THEIR_OWN = ['importFile'];

/** Puts ids in the place of RUN, KEY and HOOK. */
async function readIds(): Promise<(text: string) => string> {
  const [ids] = await service.strata.database.query<{ run: string; key: string | null; hook: string | null }>({
    text: `
      select (select k.id from api_keys as k) as key, (select w.id::text from webhooks as w) as hook,
        (select max(r.id)::text from runs as r join segments as s on s.id = r.segment_id where s.key = 'china') as run`,
  });
  return (text) =>
    text
      .replace('RUN', ids?.run ?? '')
      .replace('KEY', ids?.key ?? '')
      .replace('HOOK', ids?.hook ?? '');
}

describe('a write', () => {
  test('of every route is in the table below', () => {
    const written = ROUTES.filter(isWrite).map(({ operationId }) => operationId);
    expect(written.filter((id) => !OF_THEIR_OWN.includes(id)).sort()).toEqual(WRITES.map(({ operation }) => operation).sort());
  });

  test.each(WRITES)('$operation makes one entry, with its transaction', async ({ operation, path, body, target = null, told }) => {
    const method = ROUTES.find((route) => route.operationId === operation)?.method ?? '';
    const before = await lastPosition(service.strata);
    const known = await readIds(); // of what the calls before have made
    const answer = await ok(method, known(path), body);
    const named = operation === 'deleteWebhook' ? known : await readIds();
    const entries = await entriesAfter(service.strata, before);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'admin',
      address: '127.0.0.1',
      requestId: answer.headers['x-request-id'],
      action: operation,
      outcome: 'written',
      target: typeof target === 'string' ? named(target) : target,
      atMs: clock.nowMs(),
    });
    expect(contentsOf(entries[0])).toMatchObject(told);
    expect(logged).toEqual([]); // it was written in the write's transaction
    if (operation !== 'refreshSegment') await runAll();
  });

  test('that is refused makes none', async () => {
    const before = await lastPosition(service.strata);
    const refused = await Promise.all([
      service.call('POST', '/v1/segments', { key: 'china', name: 'Twice', kind: 'rule', rule }),
      service.call('PUT', '/v1/orders/o9', { total: '1' }),
      service.call('PUT', '/v1/segments/hand/members/nobody', {}),
      service.call('DELETE', '/v1/customers/nobody'),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([409, 422, 404, 404]);
    expect(await entriesAfter(service.strata, before)).toEqual([]);
  });

  test('that is answered again makes none', async () => {
    const headers = { 'idempotency-key': 'once' };
    await ok('POST', '/v1/events', { data: [{ customerId: 'ann', name: 'view' }] }, headers);
    const before = await lastPosition(service.strata);
    await ok('POST', '/v1/events', { data: [{ customerId: 'ann', name: 'view' }] }, headers);
    expect(await entriesAfter(service.strata, before)).toEqual([]);
  });

  test('together with others makes its own', async () => {
    const before = await lastPosition(service.strata);
    const ids = Array.from({ length: 30 }, (_, place) => `many-${place}`);
    const answers = await Promise.all(ids.map((id) => ok('PUT', `/v1/orders/${id}`, { customerId: id, total: '1' })));
    const entries = await entriesAfter(service.strata, before);
    const told = entries.map((entry) => [entry.requestId, (contentsOf(entry)[0] as { customerId: string }).customerId]);
    expect(told.sort()).toEqual(answers.map(({ headers }, place) => [headers['x-request-id'], ids[place]]).sort());
  });

  test('that fails among others takes none with it', async () => {
    const before = await lastPosition(service.strata);
    const { database } = service.strata;
    await database.query({ text: `alter table orders add constraint no_bad check (id <> 'bad')` });
    const answers = await Promise.all(
      ['good-1', 'bad', 'good-2'].map((id) => service.call('PUT', `/v1/orders/${id}`, { customerId: id, total: '1' })),
    );
    await database.query({ text: 'alter table orders drop constraint no_bad' });
    logged.length = 0; // a failure of ours, on purpose
    expect(answers.map(({ status }) => status)).toEqual([200, 500, 200]);
    expect((await entriesAfter(service.strata, before)).map(({ requestId }) => requestId).sort()).toEqual(
      [answers[0], answers[2]].map((answer) => answer?.headers['x-request-id']).sort(),
    );
  });

  test('by GraphQL makes the same, once', async () => {
    const before = await lastPosition(service.strata);
    const query = `mutation {
      first: createSegment(idempotencyKey: "g", input: { key: "ql", name: "Q", kind: rule, rule: "count(orders) >= 5", publish: false }) { segment { key } }
      again: createSegment(idempotencyKey: "g", input: { key: "ql", name: "Q", kind: rule, rule: "count(orders) >= 5", publish: false }) { segment { key } }
    }`;
    const answer = await ok('POST', '/graphql', { query });
    expect(answer.body).toEqual({ data: { first: { segment: { key: 'ql' } }, again: { segment: { key: 'ql' } } } });
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ action, target, requestId }) => [action, target, requestId])).toEqual([
      ['createSegment', 'segments/ql', answer.headers['x-request-id']],
    ]);
  });

  test('of an import is told of twice', async () => {
    const before = await lastPosition(service.strata);
    await ok('POST', '/v1/imports/customers', 'id,city\nx1,Ulm\nx2,Bonn\n', { 'content-type': 'text/csv' });
    const entries = await entriesAfter(service.strata, before);
    entries.sort((a, b) => a.outcome.localeCompare(b.outcome)); // both of one millisecond
    expect(entries.map(({ outcome, target }) => [outcome, target])).toEqual([
      ['begun', 'imports/customers'],
      ['written', 'imports/customers'],
    ]);
    expect(contentsOf(entries[1])).toMatchObject([{ after: { format: 'csv', rows: 2, accepted: 2, rejected: 0 } }]);
  });
});

describe('a read', () => {
  test.each([
    ['/v1/customers/ann', 'getCustomer'],
    ['/v1/customers/ann/orders', 'listOrders'],
    ['/v1/customers/ann/events', 'listEvents'],
    ['/v1/orders/o1', 'getOrder'],
    ['/v1/customers?email=ann@example.org', 'listCustomers'],
    ['/v1/customers/ann/segments/china/explanation', 'explainMembership'],
    [`/v1/customers/ann/segments/china/explanation?at=${new Date(START_MS).toISOString()}`, 'explainMembership'],
  ])('of %s names whose data it was', async (path, action) => {
    const before = await lastPosition(service.strata);
    await ok('GET', path);
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map((entry) => [entry.action, entry.outcome])).toEqual([[action, 'read']]);
    expect(contentsOf(entries[0])).toMatchObject([{ customerId: 'ann' }]);
  });

  test('by GraphQL has the same names', async () => {
    const before = await lastPosition(service.strata);
    const query = `{ segment(key: "china") { members(first: 1) { edges { node { customer {
      email orders { edges { node { id } } } explanation(segment: "china") { member }
    } } } } } }`;
    await ok('POST', '/graphql', { query });
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ action, outcome }) => `${action} ${outcome}`).sort()).toEqual([
      'explainMembership read',
      'getCustomer read',
      'listOrders read',
    ]);
    expect(new Set(entries.flatMap(contentsOf).map((content) => (content as { customerId: string }).customerId)).size).toBe(1);
  });

  test('without a personal field is none', async () => {
    const { body } = await ok('POST', '/v1/keys', { name: 'counter', scopes: ['members:read', 'audit'] });
    const headers = { authorization: `Bearer ${body.secret}` };
    const before = await lastPosition(service.strata);
    await ok('GET', '/v1/customers/ann', undefined, headers);
    const shown = (await ok('GET', '/v1/audit?customer=ann&limit=5', undefined, headers)).body.data;
    expect(await entriesAfter(service.strata, before)).toEqual([]);
    expect(shown.length).toBeGreaterThan(0);
    for (const { payloads } of shown) expect(payloads).toContainEqual({ kept: true, content: null });
    expect(JSON.stringify(shown)).not.toContain('ann');
  });

  test('of frequent values names the fields', async () => {
    await ok('PUT', '/v1/customers/ann', { attributes: { tier: 'gold' } });
    const { body } = await ok('POST', '/v1/keys', { name: 'builder', scopes: ['segments:read'] });
    const before = await lastPosition(service.strata);
    await ok('GET', '/v1/catalog', undefined, { authorization: `Bearer ${body.secret}` }); // is shown none
    await ok('GET', '/v1/catalog');
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ action, outcome, actor }) => [action, outcome, actor])).toEqual([['getCatalog', 'read', 'admin']]);
    expect(contentsOf(entries[0])).toEqual([{ fields: ['attributes.tier'], asked: [] }]);
  });

  test.each([
    ['getSegmentReport', '/v1/segments/china/report?parts=profile&by='],
    ['exportSegmentReport', '/v1/segments/china/report.csv?parts=profile&by='],
    ['getComparison', '/v1/reports/comparison?segments=china&by='],
    ['exportComparison', '/v1/reports/comparison.csv?segments=china&by='],
  ])('of distributions names the attributes: %s', async (action, path) => {
    await ok('PUT', '/v1/customers/ann', { attributes: { tier: 'gold' } });
    const before = await lastPosition(service.strata);
    await ok('GET', `${path}country,age`); // nothing that somebody typed
    await ok('GET', `${path}country,attributes.tier,attributes.tier`);
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map((entry) => [entry.action, entry.outcome])).toEqual([[action, 'read']]);
    expect(contentsOf(entries[0])).toEqual([{ fields: ['attributes.tier'], asked: expect.arrayContaining(['by']) }]);
  });

  test('of distributions by GraphQL too', async () => {
    const before = await lastPosition(service.strata);
    const query = '{ segment(key: "china") { report(parts: [profile], by: ["attributes.tier"]) { profile { field } } } }';
    const { body } = await ok('POST', '/graphql', { query });
    expect(body.data.segment.report.profile).toEqual([{ field: 'attributes.tier' }]);
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(contentsOf)).toEqual([[{ fields: ['attributes.tier'], asked: expect.arrayContaining(['by']) }]]);
  });

  test('of many says how many', async () => {
    const before = await lastPosition(service.strata);
    const { body } = await ok('GET', '/v1/customers?limit=50');
    const [entry] = await entriesAfter(service.strata, before);
    expect(contentsOf(entry)).toEqual([{ customers: body.data.length, asked: ['limit'] }]);
  });

  test.each(['/v1/segments', '/v1/segments/china/members', '/v1/customers/ann/segments', '/v1/customers/nobody', '/healthz'])(
    'of %s is not about anybody’s data',
    async (path) => {
      const before = await lastPosition(service.strata);
      await service.call('GET', path);
      expect(await entriesAfter(service.strata, before)).toEqual([]);
    },
  );
});

describe('who is turned away', () => {
  test('is listed a hundred times, then counted', async () => {
    clock.advance(60_000);
    const before = await lastPosition(service.strata);
    const attempts = REFUSALS_LISTED + 7;
    const origin = { atMs: clock.nowMs(), actor: 'nobody', keyId: null, address: '192.0.2.7', requestId: 'r', action: 'listSegments' };
    for (let attempt = 0; attempt < attempts; attempt += 1) service.strata.audit.refused(origin, 'unauthenticated');
    clock.advance(60_000);
    service.strata.audit.refused({ ...origin, atMs: clock.nowMs() }, 'unauthenticated');
    const entries = await entriesAfter(service.strata, before);
    expect(entries).toHaveLength(REFUSALS_LISTED + 2);
    expect(entries.flatMap(contentsOf)).toContainEqual({ refusedMore: 7 });
  });

  test('is told of by GraphQL too', async () => {
    clock.advance(60_000);
    const { body } = await ok('POST', '/v1/keys', { name: 'writer', scopes: ['ingest'] });
    const before = await lastPosition(service.strata);
    const query = 'mutation { pauseSegment(key: "china") { segment { key } } }';
    const answer = await service.call('POST', '/graphql', { query }, { authorization: `Bearer ${body.secret}` });
    expect(JSON.stringify(answer.body.errors)).toContain('forbidden');
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ actor, action, outcome }) => [actor, action, outcome])).toEqual([['writer', 'graphql', 'refused']]);
  });

  test('inside an operation is told as by REST', async () => {
    clock.advance(60_000);
    const { body } = await ok('POST', '/v1/keys', { name: 'half', scopes: ['members:read', 'segments:read'], segments: ['china'] });
    const headers = { authorization: `Bearer ${body.secret}` };
    const before = await lastPosition(service.strata);
    const query = `{
      first: customers(email: "ann@example.org") { edges { node { id } } }
      again: customers(email: "bob@example.org") { edges { node { id } } }
      ruleCheck(rule: "email = \\"x\\"") { valid }
    }`;
    await service.call('POST', '/graphql', { query: '{ overlap(keys: ["china", "other"]) { both } }' }, headers);
    const answer = await service.call('POST', '/graphql', { query }, headers);
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'forbidden' } }]); // the others are not waited for
    await service.call('GET', '/v1/customers?email=ann@example.org', undefined, headers);
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`).sort()).toEqual([
      'half checkRule refused',
      'half graphql refused',
      'half listCustomers refused',
      'half listCustomers refused',
      'half listCustomers refused',
    ]);
  });

  test('comes from whom a trusted proxy names', async () => {
    clock.advance(60_000);
    const before = await lastPosition(service.strata);
    const trusting = await buildApp({ strata: service.strata, adminKey: ADMIN_KEY, trustProxy: ['10.0.0.0/8'] });
    const from = (remoteAddress: string, app = trusting) =>
      app.inject({ url: '/v1/customers/ann', remoteAddress, headers: { authorization: 'Bearer wrong', 'x-forwarded-for': '192.0.2.9' } });
    for (const each of [() => from('10.1.2.3'), () => from('172.16.0.1'), () => from('10.1.2.3', service.app)]) await each();
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ address }) => address).sort()).toEqual(['10.1.2.3', '172.16.0.1', '192.0.2.9']);
    await trusting.close();
  });

  test('of a socket comes from there too', async () => {
    clock.advance(60_000);
    const before = await lastPosition(service.strata);
    for (const trustProxy of [['127.0.0.0/8', '10.1.0.0/16'], ['10.0.0.0/8']]) {
      const app = await buildApp({ strata: service.strata, adminKey: ADMIN_KEY, trustProxy });
      await app.listen({ host: '127.0.0.1', port: 0 });
      const url = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/graphql`;
      const socket = new WebSocket(url, 'graphql-transport-ws', { headers: { 'x-forwarded-for': '192.0.2.1, 192.0.2.9, 10.1.2.3' } });
      socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
      expect((await once(socket, 'close'))[0]).toBe(4401);
      await app.close();
    }
    const entries = await entriesAfter(service.strata, before);
    expect(entries.map(({ address }) => address).sort()).toEqual(['127.0.0.1', '192.0.2.9']);
  });

  test('leaves who, from where and what for', async () => {
    clock.advance(60_000);
    const before = await lastPosition(service.strata);
    await service.app.inject({ method: 'DELETE', url: '/v1/customers/ann', headers: { authorization: 'Bearer wrong' } });
    const [entry] = await entriesAfter(service.strata, before);
    expect(entry).toMatchObject({ actor: 'nobody', address: '127.0.0.1', action: 'eraseCustomer', outcome: 'refused' });
    expect(contentsOf(entry)).toEqual([{ code: 'unauthenticated' }]);
  });
});

describe('the list', () => {
  test('is filtered and paged', async () => {
    await settleAudit(service.strata);
    const all = (await ok('GET', '/v1/audit?limit=1000')).body.data;
    const paged = [];
    for (let after = ''; ; ) {
      const { body } = await ok('GET', `/v1/audit?limit=7${after}`);
      paged.push(...body.data);
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(paged.map(({ position }) => position)).toEqual(all.map(({ position }: { position: string }) => position));
    const of = async (query: string) => (await ok('GET', `/v1/audit?limit=1000&${query}`)).body.data;
    const positions = (entries: { position: string }[]) => entries.map(({ position }) => position);
    const expected = (keep: (entry: Record<string, unknown>) => boolean) => positions(all.filter(keep));
    expect(positions(await of('action=pinIn'))).toEqual(expected(({ action }) => action === 'pinIn'));
    expect(positions(await of('target=segments/china&actor=admin'))).toEqual(expected(({ target }) => target === 'segments/china'));
    expect(positions(await of('outcome=refused'))).toEqual(expected(({ outcome }) => outcome === 'refused'));
    const from = new Date(START_MS + 1).toISOString();
    expect(positions(await of(`from=${from}`))).toEqual(expected(({ at }) => String(at) >= from));
    expect(positions(await of(`until=${from}`))).toEqual(expected(({ at }) => String(at) < from));
    const ann = await of('customer=ann&action=pinIn');
    expect(ann).toHaveLength(1);
    expect(ann[0].payloads).toMatchObject([{ kept: true, content: { customerId: 'ann' } }]);
    expect(await of('actor=somebody')).toEqual([]);
  });

  test('tells its head, which proves the chain', async () => {
    await settleAudit(service.strata);
    const { body } = await ok('GET', '/v1/audit/head');
    const verdict = await verifyAudit(service.strata.database, [body]);
    expect(verdict).toMatchObject({ fault: null, head: { position: body.position, chain: body.chain } });
    expect(verdict.entries).toBe(Number(body.position));
  });
});

test('an erasure leaves the chain whole, and nobody', async () => {
  const { strata } = service;
  await ok('PUT', '/v1/customers/eve-73', { email: 'eve.secret@example.org' });
  await ok('PUT', '/v1/orders/eve-order', { customerId: 'eve-73', total: '3' });
  await ok('POST', '/v1/customers', { data: [{ id: 'eve-73' }, { id: 'friend' }] });
  await ok('PUT', '/v1/orders/eve-order-2', { customerId: 'eve-73', total: '3' });
  await ok('PUT', '/v1/orders/eve-order-2', { customerId: 'friend', total: '3' });
  await ok('PUT', '/v1/segments/hand/members/eve-73', { reason: 'eve.secret' });
  await ok('GET', '/v1/customers/eve-73'); // still in memory when she goes
  await ok('DELETE', '/v1/segments/hand/pins/eve-73');
  const { body } = await ok('DELETE', '/v1/customers/eve-73');
  expect(body.changes).toBe(0);
  await settleAudit(strata);
  const texts = ['eve-73', 'eve.secret', 'eve-order'].filter((text) => text !== 'eve-order');
  expect(await findTraces(strata.database, texts)).toEqual([]);
  const verdict = await verifyAudit(strata.database);
  expect(verdict.fault).toBeNull();
  expect(verdict.forgotten).toBeGreaterThanOrEqual(7);
  const friend = (await ok('GET', '/v1/audit?customer=friend&limit=10')).body.data;
  expect(friend.map(({ action }: { action: string }) => action).sort()).toEqual(['putCustomers', 'putOrder']);
});
