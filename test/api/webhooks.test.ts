// Webhooks as their owners use them over HTTP: making, changing, testing, replaying, what is refused, and what a publish would send.
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findTraces } from '../membership/dump-database.ts';
import { startReceiver, type TestReceiver } from '../webhooks/receiver.ts';
import { built, type Service, startService } from './service.ts';

let service: Service;
let receiver: TestReceiver;
const TYPES = ['segment.membership.changed'];

beforeAll(async () => {
  service = await startService({ webhookAllow: ['127.0.0.0/8'] });
  const segment = { key: 'china', name: 'China', kind: 'rule', rule: 'country = "CN"', publish: true };
  expect((await service.call('POST', '/v1/segments', segment)).status).toBe(201);
  expect((await service.call('POST', '/v1/segments', { ...segment, key: 'other', publish: false })).status).toBe(201);
  await built(service, 'china');
});
afterAll(() => service.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  const { body } = await service.call('GET', '/v1/webhooks');
  for (const { id } of body.data) await service.call('DELETE', `/v1/webhooks/${id}`);
  await receiver.close();
});

const make = (more: object = {}) => service.call('POST', '/v1/webhooks', { url: receiver.url, types: TYPES, ...more });
const write = (id: string, country = 'CN') => service.call('PUT', `/v1/customers/${id}`, { country });
/** Polls the record: its place moves when the answer of the last message has been recorded. */
const caughtUp = async (id: string) =>
  expect.poll(async () => (await service.call('GET', `/v1/webhooks/${id}`)).body, { interval: 10 }).toMatchObject({ behind: 0 });

test('a change is sent by itself', async () => {
  const made = await make();
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ status: 'active', types: TYPES, segments: null, batchSize: 500, behind: 0, author: 'admin' });
  await write('ann');
  await receiver.count(1);
  const [message] = receiver.received;
  expect(new Verifier(made.body.secret).verify(message?.body ?? '', message?.headers ?? {})).toMatchObject({
    data: { changes: [{ customerId: 'ann', type: 'entered' }] },
  });
  await caughtUp(made.body.id);
  const shown = await service.call('GET', `/v1/webhooks/${made.body.id}`);
  expect(shown.text).not.toContain('whsec_');
  const { secret, ...record } = made.body;
  expect(shown.body).toMatchObject({ id: record.id, url: record.url });
  const log = await service.call('GET', `/v1/webhooks/${made.body.id}/deliveries`);
  expect(log.body).toMatchObject({
    data: [{ number: 1, type: TYPES[0], succeeded: true, status: 200, changes: 1, attempt: 1 }],
    next: null,
  });
  expect(log.body.data[0].messageId).toBe(message?.headers['webhook-id']);
});

test('paused, resumed, replayed, removed', async () => {
  const { id } = (await make()).body;
  expect((await service.call('PATCH', `/v1/webhooks/${id}`, { status: 'paused' })).body.status).toBe('paused');
  await write('bob');
  await write('bob', 'GB');
  expect((await service.call('PATCH', `/v1/webhooks/${id}`, { status: 'active', changeTypes: ['exited'] })).status).toBe(200);
  await receiver.count(1);
  await caughtUp(id);
  expect((await service.call('POST', `/v1/webhooks/${id}/replay`, { from: 0 })).body.position).toBe(0);
  await receiver.count(2);
  expect(receiver.received.map(({ json }) => json.data.changes.map((change: { type: string }) => change.type))).toEqual([
    ['exited'],
    ['exited'],
  ]);
  expect((await service.call('DELETE', `/v1/webhooks/${id}`)).status).toBe(200);
  expect((await service.call('GET', `/v1/webhooks/${id}`)).body.code).toBe('not_found');
});

test('a test tells what came of it', async () => {
  const { id, secret } = (await make()).body;
  await service.call('PATCH', `/v1/webhooks/${id}`, { status: 'paused' });
  receiver.behave(418);
  const tested = await service.call('POST', `/v1/webhooks/${id}/test`);
  expect(tested.body).toMatchObject({ type: 'webhook.test', succeeded: false, status: 418, answer: 'status 418' });
  const [message] = receiver.received;
  expect(new Verifier(secret).verify(message?.body ?? '', message?.headers ?? {})).toMatchObject({ data: { webhookId: id } });
  expect((await service.call('GET', `/v1/webhooks/${id}/deliveries?succeeded=false`)).body.data).toHaveLength(1);
  expect((await service.call('GET', `/v1/webhooks/${id}/deliveries?succeeded=true`)).body.data).toHaveLength(0);
});

test('a rotation shows the new secret once', async () => {
  const { id, secret } = (await make({ secret: `whsec_${Buffer.alloc(24, 7).toString('base64')}` })).body;
  expect(secret).toBe(`whsec_${Buffer.alloc(24, 7).toString('base64')}`);
  const rotated = await service.call('POST', `/v1/webhooks/${id}/rotate`);
  expect(rotated.body.secret).not.toBe(secret);
  expect(rotated.body.previousSecretUntil).not.toBeNull();
  expect((await service.call('POST', `/v1/webhooks/${id}/rotate`, { overlapHours: 0 })).body.previousSecretUntil).toBeNull();
});

describe('is refused', () => {
  const refused: [string, object, string][] = [
    ['a private address', { url: 'https://10.0.0.1/x' }, 'not a public address'],
    ['the cloud’s own address', { url: 'https://169.254.169.254/latest' }, 'not a public address'],
    ['decimal', { url: 'https://167772161/' }, 'not a public address'],
    ['mapped', { url: 'https://[::ffff:192.168.0.1]/' }, 'not a public address'],
    ['plain http to the world', { url: 'http://93.184.216.34/' }, 'https only'],
    ['another scheme', { url: 'ftp://example.com/' }, 'begins with https'],
    ['a password', { url: 'https://me:secret@example.com/' }, 'no password'],
    ['no URL', { url: 'hook' }, 'not a URL'],
    ['an unknown segment', { segments: ['china', 'chima'] }, 'no segment “chima”'],
    ['an unknown type', { types: ['order.created'] }, 'This is one of `segment.membership.changed`, '],
    ['no type', { types: [] }, 'At least 1 element is needed here.'],
    ['a batch of 501', { batchSize: 501 }, 'This is at most 500.'],
    ['a short secret', { secret: 'whsec_c2hvcnQ=' }, '24 to 64 bytes'],
    ['a place that is none', { from: 'yesterday' }, 'such as 2026'],
    ['a place behind the end', { from: 1_000_000 }, 'The feed ends at'],
  ];
  test.each(refused)('%s', async (_name, more, detail) => {
    const answer = await make(more);
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid_fields']);
    expect(JSON.stringify(answer.body)).toContain(detail);
  });
});

describe('a key', () => {
  const keyWith = async (more: object) => {
    const { body } = await service.call('POST', '/v1/keys', { name: `key ${JSON.stringify(more)}`, scopes: ['webhooks'], ...more });
    const headers = { authorization: `Bearer ${body.secret}` };
    return (method: string, path: string, content?: unknown) => service.call(method, path, content, headers);
  };

  test('needs the scope', async () => {
    const call = await keyWith({ scopes: ['members:read', 'segments:write'] });
    expect((await call('GET', '/v1/webhooks')).body.code).toBe('forbidden');
    expect((await call('POST', '/v1/webhooks', { url: receiver.url, types: TYPES })).body.code).toBe('forbidden');
  });

  test('of named segments stays with them', async () => {
    const call = await keyWith({ segments: ['china'] });
    const foreign = (await make({ segments: ['china', 'other'] })).body.id;
    const ofAll = (await make()).body.id;
    const hook = { url: receiver.url, types: TYPES };
    expect((await call('POST', '/v1/webhooks', hook)).status).toBe(403);
    expect((await call('POST', '/v1/webhooks', { ...hook, segments: ['china', 'other'] })).status).toBe(403);
    const own = await call('POST', '/v1/webhooks', { ...hook, segments: ['china'] });
    expect(own.status).toBe(201);
    expect((await call('GET', '/v1/webhooks')).body.data.map(({ id }: { id: string }) => id)).toEqual([own.body.id]);
    expect((await call('PATCH', `/v1/webhooks/${own.body.id}`, { segments: null })).status).toBe(403);
    expect((await call('PATCH', `/v1/webhooks/${own.body.id}`, { segments: ['other'] })).status).toBe(403);
    for (const id of [foreign, ofAll]) {
      for (const path of ['', '/deliveries']) expect((await call('GET', `/v1/webhooks/${id}${path}`)).status).toBe(404);
      for (const path of ['/test', '/rotate']) expect((await call('POST', `/v1/webhooks/${id}${path}`)).status).toBe(404);
      expect((await call('POST', `/v1/webhooks/${id}/replay`, { from: 0 })).status).toBe(404);
      expect((await call('PATCH', `/v1/webhooks/${id}`, { status: 'paused' })).status).toBe(404);
      expect((await call('DELETE', `/v1/webhooks/${id}`)).status).toBe(404);
    }
  });
});

test('no secret is kept for a repeat', async () => {
  const { database } = service.strata;
  const body = { url: receiver.url, types: TYPES };
  const first = await service.call('POST', '/v1/webhooks', body, { 'idempotency-key': 'once' });
  expect(first.status).toBe(201);
  expect((await service.call('POST', '/v1/webhooks', body, { 'idempotency-key': 'once' })).status).not.toBe(201);
  expect((await service.call('GET', '/v1/webhooks')).body.data).toHaveLength(1);
  expect(await findTraces(database, [first.body.secret, first.body.secret.slice('whsec_'.length)])).toEqual([]);
});

test('an impact counts what would be sent', async () => {
  for (const n of [1, 2, 3, 4, 5]) await write(`imp-${n}`, 'FR');
  const version = { rule: 'country = "FR"' };
  const { body: added } = await service.call('POST', '/v1/segments/other/versions', version);
  const impact = async () => (await service.call('GET', `/v1/segments/other/versions/${added.number}/impact`)).body;
  expect(await impact()).toMatchObject({ entering: 5, changes: 5, deliveries: 0 });
  const types = [...TYPES, 'segment.published', 'segment.failed', 'run.finished'];
  await make({ batchSize: 2, types, segments: ['other'] }); // 3 batches, 2 notices
  await make({ segments: ['china'] }); // none
  await make({ changeTypes: ['exited'] }); // none
  await make(); // 1
  expect(await impact()).toMatchObject({ changes: 5, deliveries: 6 });
  await service.call('POST', `/v1/segments/other/versions/${added.number}/publish`);
  await receiver.until(() => receiver.received.some(({ json }) => json.type === 'run.finished'));
  const ofOthers = receiver.received.filter(({ json }) => json.data.segment === 'other');
  expect(ofOthers.map(({ json }) => json.type).sort()).toEqual(['run.finished', 'segment.published']);
});
