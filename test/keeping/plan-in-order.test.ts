// Segments as files: what works only in one order, or by way of a state in between; what of it is waited for; and files that are written again.
import fs from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { filesCommand } from '../../src/cli/plan.ts';
import { ADMIN_KEY, built, type Service, startService } from '../api/service.ts';
import { type Ran, runCommand } from '../cli/run-command.ts';

let service: Service;
let url: string;
let folder: string;

beforeAll(async () => {
  service = await startService();
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(service.app.server.address() as net.AddressInfo).port}`;
  await service.call('PUT', '/v1/orders/o1', { customerId: 'ann', total: '10', status: 'paid' });
});
afterAll(() => service.close());
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'strata-files-'));
  return () => fs.rmSync(folder, { recursive: true, force: true });
});

function run(verb: 'plan' | 'apply' | 'export', ...args: string[]): Promise<Ran> {
  return runCommand((terminal) => filesCommand(verb, [...args, '--url', url], terminal), { environment: { STRATA_KEY: ADMIN_KEY } });
}

/** Rules by key, and groups as they are in a file. */
async function apply(rules: Readonly<Record<string, string>>, ...groups: readonly string[]): Promise<Ran> {
  const segments = Object.entries(rules).map(([key, rule]) => `  - key: ${key}\n    rule: ${rule}\n`);
  fs.writeFileSync(path.join(folder, 'segments.yaml'), `segments:\n${segments.join('')}`);
  fs.writeFileSync(path.join(folder, 'groups.yaml'), `groups:\n${groups.map((group) => `  - {${group}}\n`).join('')}`);
  return run('apply', folder, '--wait');
}

const archive = async (...keys: string[]) => {
  for (const key of keys) expect((await service.call('DELETE', `/v1/segments/${key}`)).status).toBeLessThan(300);
};
const nothingLeft = async () => expect((await run('plan', folder)).out).toMatch(/^Nothing to do/);
const versionOf = async (key: string): Promise<unknown> => (await service.call('GET', `/v1/segments/${key}`)).body.version;

test('what was archived together comes back together', async () => {
  const rules = { 'back-b': 'in segment "back-a"', 'back-a': 'everyone' };
  expect(await apply(rules)).toMatchObject({ code: 0 });
  await archive('back-b', 'back-a');
  expect(await apply(rules)).toMatchObject({ code: 0, told: '' });
  await nothingLeft();
  expect(await versionOf('back-b')).toBe(1);
});

test('a draft is published for who names it', async () => {
  await service.call('POST', '/v1/segments', { key: 'drafted', name: 'drafted', kind: 'rule', rule: 'everyone' });
  expect(await apply({ names: 'in segment "drafted"', drafted: 'everyone' })).toMatchObject({ code: 0, told: '' });
  await nothingLeft();
  await service.call('POST', '/v1/segments', { key: 'left-alone', name: 'left-alone', kind: 'rule', rule: 'everyone' });
  expect(await apply({ alone: 'in segment "left-alone"' })).toMatchObject({ code: 3, told: expect.stringContaining('is a draft') });
});

test('who names whom is turned round', async () => {
  expect(await apply({ 'turn-a': 'everyone', 'turn-b': 'in segment "turn-a"' })).toMatchObject({ code: 0 });
  const turned = await apply({ 'turn-a': 'in segment "turn-b" and count(orders) >= 1', 'turn-b': 'everyone' });
  expect(turned).toMatchObject({ code: 0, told: '' });
  await nothingLeft();
});

test('who leaves a group names its segments', async () => {
  const everyone = { 'g-a': 'count(orders) >= 1', 'g-b': 'everyone', 'g-c': 'count(orders) = 0' };
  expect(await apply(everyone, 'key: g, segments: [g-a, g-b]')).toMatchObject({ code: 0 });
  const left = await apply({ ...everyone, 'g-b': 'not in segment "g-a"' }, 'key: g, segments: [g-a, g-c]');
  expect(left).toMatchObject({ code: 0, told: '' });
  await nothingLeft();
});

test('others are exchanged in one step', async () => {
  const rules = { 'x-a': 'count(orders) >= 1', 'x-b': 'everyone', 'x-c': 'count(orders) = 0' };
  expect(await apply(rules, 'key: x, segments: [x-a, x-b]')).toMatchObject({ code: 0 });
  const { code, out } = await apply(rules, 'key: x, segments: [x-a, x-c]');
  expect(code).toBe(0);
  expect(out).not.toContain('for the time being');
});

test('a circle through others is a mistake', async () => {
  expect(await apply({ 'ring-a': 'everyone', 'ring-b': 'in segment "ring-a"' })).toMatchObject({ code: 0 });
  const { code, told } = await apply({ 'ring-a': 'in segment "ring-b"' });
  expect([code, told]).toEqual([3, 'segments.yaml:2: Segments would depend on each other in a circle: ring-a → ring-b → ring-a.\n']);
});

test('a run of before is not waited for', async () => {
  const rules = { 'w-a': 'count(orders) >= 1', 'w-b': 'everyone' };
  expect(await apply(rules)).toMatchObject({ code: 0 });
  await built(service, 'w-b');
  const end = (status: string, run: string) =>
    service.strata.database.query({
      text: `with ended as (update runs set status = $2 where segment_id = (select s.id from segments as s where s.key = 'w-b'))
        update segments set status = $1, failure = case $1 when 'failed' then 'too slow' end, retry_at = case $1 when 'failed' then '2099-01-01Z'::timestamptz end
        where key = 'w-b'`,
      values: [status, run],
    });
  await end('paused', 'cancelled');
  expect(await apply(rules, 'key: w, segments: [w-a, w-b]')).toMatchObject({ code: 0, told: '' });
  expect(await apply(rules, 'key: w, deleted: true')).toMatchObject({ code: 0 });
  await service.strata.database.query({
    text: `delete from memberships where segment_id = (select s.id from segments as s where s.key = 'w-b')`,
  });
  await end('failed', 'failed');
  fs.writeFileSync(path.join(folder, 'segments.yaml'), 'segments:\n  - {key: w-b, archived: true}\n');
  expect(await run('apply', folder, '--wait')).toMatchObject({ code: 0, told: '' });
});

test('a key stays as it is written', async () => {
  expect(await apply({ '007': 'everyone', '1e3': 'in segment "007"' }, 'key: 2024, segments: [007]')).toMatchObject({ code: 0, told: '' });
  expect((await service.call('GET', '/v1/segments/007')).status).toBe(200);
  expect((await service.call('GET', '/v1/groups/2024')).body.segments).toEqual(['007']);
  await nothingLeft();
  expect((await run('export', folder, '--force')).code).toBe(0);
  await nothingLeft();
});

test('an export without groups removes their file', async () => {
  expect((await run('export', folder)).code).toBe(0);
  expect(fs.readdirSync(folder).sort()).toEqual(['groups.yaml', 'segments.yaml']);
  for (const { key } of (await service.call('GET', '/v1/groups')).body.data) await service.call('DELETE', `/v1/groups/${key}`);
  await expect(run('export', folder)).rejects.toThrow(/groups\.yaml would be replaced; say --force/);
  expect((await run('export', folder, '--force')).told).toMatch(/There are no groups any more: .*groups\.yaml is removed\n/);
  expect(fs.readdirSync(folder)).toEqual(['segments.yaml']);
  await nothingLeft();
});
