// What was decided by hand is in the feed, with who decided it and why, and in the history even if it changed no membership.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeOut } from '../../src/api/rest/change-schema.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { built, type Service, startService } from './service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await service.call('POST', '/v1/segments', { key: 'cn', name: 'CN', kind: 'rule', rule: 'country = "CN"', publish: true });
  await built(service, 'cn');
  await service.call('PUT', '/v1/customers/a', { country: 'CN' });
  await service.call('PUT', '/v1/segments/cn/members/a', { reason: 'stays whatever happens' });
  await service.call('PUT', '/v1/customers/a', { country: 'GB' });
  await service.call('DELETE', '/v1/segments/cn/members/a', { reason: 'asked to' });
  const token = (await service.call('DELETE', '/v1/segments/cn/pins/a', { reason: 'enough' })).body.token;
  await service.call('GET', `/v1/changes?fresh=${token}`);
});
afterAll(() => service.close());

interface Line {
  type: string;
  cause: string;
  actor: string | null;
  reason: string | null;
  position: number | null;
}

const lines = (body: { data: Line[] }) => body.data.map(({ type, cause, actor, reason }) => [type, cause, actor, reason]);

test('the feed says who and why', async () => {
  const { body } = await service.call('GET', '/v1/changes?customer=a');
  expect(lines(body)).toEqual([
    ['entered', 'data', null, null],
    ['exited', 'pin', 'admin', 'asked to'],
  ]);
});

test('a page says what streams say', async () => {
  const odd = 'o"dd\\ é 😀 {}';
  const path = encodeURIComponent(odd);
  await service.call('PUT', `/v1/customers/${path}`, { country: 'CN' });
  await service.call('DELETE', `/v1/segments/cn/members/${path}`, { reason: 'says "no"\n\\ and \u0001 — 😀' });
  await service.call('PUT', '/v1/customers/gone', { country: 'CN' });
  const { body: erasure } = await service.call('DELETE', '/v1/customers/gone');
  expect(erasure.token).toBeDefined();
  const { body } = await service.call('GET', `/v1/changes?limit=1000&fresh=${erasure.token}`);
  const read = await readChanges(service.strata.database, { afterPosition: '0', limit: 1000 });
  expect(body.data).toEqual(read.map((change) => changeOut(change, { customerId: null })));
  expect(new Set(body.data.map(({ type }: Line) => type))).toEqual(new Set(['entered', 'exited', 'erased']));
  expect(body.data).toContainEqual(expect.objectContaining({ customerId: odd, type: 'exited', reason: 'says "no"\n\\ and \u0001 — 😀' }));
});

const HISTORY = [
  ['released', 'unpin', 'admin', 'enough'],
  ['exited', 'pin', 'admin', 'asked to'],
  ['pinned_in', 'pin', 'admin', 'stays whatever happens'],
  ['entered', 'data', null, null],
];

test('the history has what changed nothing', async () => {
  const { body } = await service.call('GET', '/v1/customers/a/history');
  expect(lines(body)).toEqual(HISTORY);
  expect(body.data.map((line: Line) => line.position === null)).toEqual([true, false, true, false]);
});

test('pages leave nothing out, nothing twice', async () => {
  const read: string[][] = [];
  for (let after = ''; ; ) {
    const { body } = await service.call('GET', `/v1/customers/a/history?limit=1${after}`);
    read.push(...(lines(body) as string[][]));
    if (body.next === null) break;
    after = `&after=${body.next}`;
  }
  expect(read).toEqual(HISTORY);
});

test('a move to where somebody is shows too', async () => {
  for (const [key, rule] of [
    ['all', 'everyone'],
    ['follows', 'in segment "cn"'],
  ]) {
    await service.call('POST', '/v1/segments', { key, name: key, kind: 'rule', rule, publish: true });
  }
  for (const key of ['all', 'follows']) await built(service, key);
  await service.call('PUT', '/v1/customers/m', { country: 'CN' });
  const { body: moved } = await service.call('POST', '/v1/moves', { customerIds: ['m'], from: 'cn', to: 'all', reason: 'tidy' });
  const { body } = await service.call('GET', `/v1/customers/m/history?cause=move&fresh=${moved.token}`);
  const told = body.data.map(({ type, segment, reason, position }: Line & { segment: string }) => [
    type,
    segment,
    reason,
    position === null,
  ]);
  expect(told.sort()).toEqual([
    ['exited', 'cn', 'tidy', false],
    ['exited', 'follows', 'tidy', false],
    ['pinned_in', 'all', 'tidy', true],
  ]);
});
