// Segments as files: what a plan says, that applying it leaves nothing to do, that a plan for what was exported has no steps, and every mistake
// at its line.
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
  for (const [id, orders] of [
    ['ann', 3],
    ['bob', 1],
    ['cyd', 0],
  ] as const) {
    await service.call('PUT', `/v1/customers/${id}`, {});
    for (let n = 0; n < orders; n += 1) await service.call('PUT', `/v1/orders/${id}-${n}`, { customerId: id, total: '10', status: 'paid' });
  }
});
afterAll(() => service.close());
beforeEach(() => {
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
  folder = fs.mkdtempSync(path.join(tmpdir(), 'strata-files-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function run(verb: 'plan' | 'apply' | 'export', ...args: string[]): Promise<Ran> {
  return runCommand((terminal) => filesCommand(verb, [...args, '--url', url], terminal), { environment: { STRATA_KEY: ADMIN_KEY } });
}

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}

async function members(key: string): Promise<string[]> {
  const { body } = await service.call('GET', `/v1/segments/${key}/members`);
  return body.data.map((member: { customerId: string }) => member.customerId).sort();
}

const STAGES = `
# stages of life
segments:
  - key: keen
    name: Keen
    description: Comes back
    rule: |
      in segment "buyers"
      and count(orders) >= 2
  - key: buyers
    name: Buyers
    icon: 🛍️
    rule: count(orders) >= 1
  - key: by-hand
    kind: manual
`;
const GROUPS = `
groups:
  - key: stages
    name: Stages
    segments: [loyal, first]
    otherwise: none-yet
`;
const GROUPED = `
segments:
  - {key: loyal, rule: count(orders) >= 3}
  - {key: first, rule: count(orders) >= 1}
  - {key: none-yet, rule: count(orders) = 0}
`;

test('a plan tells and changes nothing', async () => {
  write('stages.yaml', STAGES);
  write('deep/down/groups.yml', GROUPS);
  write('grouped.yaml', GROUPED);
  write('readme.md', 'not read');
  const { code, out } = await run('plan', folder);
  expect(code).toBe(0);
  expect(out).toContain('+ segment buyers “Buyers”\n    2 customers enter\n    + count(orders) >= 1\n');
  expect(out.indexOf('segment buyers')).toBeLessThan(out.indexOf('segment keen')); // which names it
  expect(out).toContain('+ segment by-hand “by-hand”, by hand\n');
  expect(out).toContain('+ group stages “Stages”\n    loyal > first, otherwise none-yet\n');
  expect(out).toMatch(/\n7 steps\.\n$/);
  expect((await run('plan', folder, '--check')).code).toBe(4);
  expect((await service.call('GET', '/v1/segments')).body.data).toEqual([]);
});

test('applied twice there is nothing left', async () => {
  write('all.yaml', `${STAGES}${GROUPED.replace('segments:', '')}${GROUPS}`);
  const applied = await run('apply', folder, '--wait');
  expect(applied).toMatchObject({ code: 0, told: '' });
  expect(applied.out).toMatch(/Done\.\nEverybody has been evaluated\.\n$/);
  expect(await members('keen')).toEqual(['ann']);
  expect(await members('first')).toEqual(['bob']);
  expect(await members('none-yet')).toEqual(['cyd']);
  expect((await service.call('GET', '/v1/segments/keen')).body).toMatchObject({ description: 'Comes back', icon: null, version: 1 });
  expect((await run('apply', folder)).out).toBe('Nothing to do: the service has what the files say.\n');
  expect((await run('plan', folder, '--check', '--prune')).code).toBe(0);
});

test('what is exported plans to nothing', async () => {
  const exported = await run('export', path.join(folder, 'out'));
  expect(exported.code).toBe(0);
  expect(fs.readdirSync(path.join(folder, 'out')).sort()).toEqual(['groups.yaml', 'segments.yaml']);
  expect(fs.readFileSync(path.join(folder, 'out', 'segments.yaml'), 'utf8')).toContain(
    '    rule: |\n      in segment "buyers"\n      and count(orders) >= 2\n',
  );
  expect(await run('plan', path.join(folder, 'out'), '--prune')).toMatchObject({ code: 0, out: expect.stringMatching(/^Nothing to do/) });
  await expect(run('export', path.join(folder, 'out'))).rejects.toThrow(/would be replaced; say --force/);
  expect((await run('export', path.join(folder, 'out'), '--force')).code).toBe(0);
});

test('changes show with what they do', async () => {
  await run('export', folder);
  const file = path.join(folder, 'segments.yaml');
  fs.writeFileSync(
    file,
    fs
      .readFileSync(file, 'utf8')
      .replace('and count(orders) >= 2', 'and count(orders) >= 1')
      .replace('name: Buyers', 'name: Bought')
      .replace('count(orders) >= 3', 'count( orders )  >=  3'),
  );
  fs.writeFileSync(path.join(folder, 'groups.yaml'), GROUPS.replace('[loyal, first]', '[first, loyal]'));
  const { out } = await run('plan', folder);
  expect(out).toContain('~ segment buyers\n    name: “Buyers” → “Bought”\n');
  expect(out).toContain(
    '~ segment keen: a new version\n    1 enter, 0 leave, 1 stay; 1 changes in all\n    - count(orders) >= 2\n    + count(orders) >= 1\n',
  );
  expect(out).toContain('~ group stages\n    - loyal > first, otherwise none-yet\n    + first > loyal, otherwise none-yet\n');
  expect(out).not.toContain('segment loyal');
  expect((await run('apply', folder, '--wait')).code).toBe(0);
  expect(await members('keen')).toEqual(['ann', 'bob']);
  expect(await members('loyal')).toEqual([]);
  const { body } = await service.call('GET', '/v1/segments/keen/versions/2');
  expect(body.note).toBe('from files');
  expect((await run('plan', folder, '--check')).code).toBe(0);
});

test('segments move between groups', async () => {
  write('groups.yaml', 'groups:\n  - {key: stages, segments: [loyal], otherwise: none-yet}\n  - {key: other, segments: [first, buyers]}\n');
  expect((await run('apply', folder, '--wait')).code).toBe(0);
  write('groups.yaml', 'groups:\n  - {key: stages, segments: [first, loyal]}\n  - {key: other, segments: [none-yet, buyers]}\n');
  const plan = await run('plan', folder);
  expect(plan.out).toContain('~ group stages, for the time being\n');
  expect((await run('apply', folder, '--wait')).code).toBe(0);
  expect((await run('plan', folder, '--check')).code).toBe(0);
});

test('what is marked goes, and comes back', async () => {
  write('groups.yaml', 'groups:\n  - {key: stages, deleted: true}\n  - {key: other, deleted: true}\n');
  write('segments.yaml', 'segments:\n  - {key: keen, archived: true}\n  - {key: buyers, archived: true}\n');
  const { code, out } = await run('apply', folder, '--wait');
  expect(code).toBe(0);
  expect(out.indexOf('segment keen is archived')).toBeLessThan(out.indexOf('segment buyers is archived')); // it names the other
  expect((await service.call('GET', '/v1/segments/buyers')).body.status).toBe('archived');
  expect((await run('plan', folder, '--check')).code).toBe(0);
  write('segments.yaml', 'segments:\n  - {key: buyers, name: Bought, icon: 🛍️, rule: count(orders) >= 1}\n');
  const back = await run('apply', folder, '--wait');
  expect(back.out).toContain('~ segment buyers: brought back\n');
  expect(await members('buyers')).toEqual(['ann', 'bob']);
  expect((await run('plan', folder, '--check')).code).toBe(0);
});

test('pruning takes what no file holds', async () => {
  await service.call('POST', '/v1/segments', { key: 'a-draft', name: 'Draft', kind: 'rule', rule: 'everyone' });
  write('segments.yaml', 'segments:\n  - {key: buyers, name: Bought, icon: 🛍️, rule: count(orders) >= 1}\n');
  expect((await run('plan', folder)).out).toMatch(/^Nothing to do/);
  expect((await run('apply', folder, '--prune', '--wait')).code).toBe(0);
  const { body } = await service.call('GET', '/v1/segments');
  const live = body.data.filter(({ status }: { status: string }) => status !== 'archived').map(({ key }: { key: string }) => key);
  expect(live).toEqual(['a-draft', 'buyers']);
  expect((await run('export', path.join(folder, 'out'))).told).toBe('Drafts that were never published are left out: a-draft\n');
  write('segments.yaml', 'segments:\n  - {key: a-draft, name: Draft, rule: everyone}\n');
  expect((await run('apply', folder, '--wait')).out).toContain('~ segment a-draft: version 1 published\n');
});

test('all mistakes of all files at once', async () => {
  write(
    'a.yaml',
    `segments:
  - key: one
    rule: |
      count(orders) >= 1
      and cuont(orders) >= 2
  - key: two
    ruel: everyone
  - key: Three
    rule: everyone
  - key: four
    rule: in segment "five"
  - key: five
    rule: in segment "four"
  - key: six
    rule: in segment "nowhere"
`,
  );
  write(
    'b.yaml',
    `groups:\n  - {key: g, segments: [one, unknown]}\n  - {key: h, segments: [one]}\nsegments:\n  - {key: one, rule: everyone}\n`,
  );
  write('c.yaml', 'segments: [\n');
  const { code, told, out } = await run('apply', folder);
  expect(code).toBe(3);
  expect(out).toBe('');
  const lines = told.trim().split('\n');
  const at = (place: string) => lines.filter((line) => line.startsWith(`${place}:`)).join('\n');
  expect(at('a.yaml:5')).toMatch(/cuont/);
  expect(at('a.yaml:6')).toMatch(/“two” has no rule/);
  expect(at('a.yaml:7')).toMatch(/`ruel` is no field here; did you mean `rule`\?/);
  expect(at('a.yaml:8')).toMatch(/A key is/);
  expect(told).toMatch(/a\.yaml:1[02]: Segments name each other in a circle: four → five → four\./);
  expect(at('a.yaml:15')).toMatch(/unknown segment "nowhere"/);
  expect(at('b.yaml:2')).toMatch(/names “unknown”, and there is no such segment/);
  expect(at('b.yaml:3')).toMatch(/“one” is in group “g” already/);
  expect(at('b.yaml:5')).toMatch(/There is a segment “one” already, in a\.yaml, line 2\./);
  expect(told).toMatch(/c\.yaml:\d: This is no YAML/);
});

test('a failed run fails the command', async () => {
  write('segments.yaml', 'segments:\n  - {key: slow, rule: count(orders) >= 1}\n');
  await run('apply', folder, '--wait');
  await built(service, 'slow');
  await service.strata.database.query({
    text: `update segments set status = 'failed', failure = 'too slow', retry_at = '2099-01-01Z' where key = 'slow'`,
  });
  write('segments.yaml', 'segments:\n  - {key: slow, rule: count(orders) >= 1}\n  - {key: quick, rule: everyone}\n');
  expect((await run('apply', folder, '--wait')).code).toBe(0); // it is not touched
  write('groups.yaml', 'groups:\n  - {key: pace, segments: [slow, quick]}\n');
  expect(await run('apply', folder, '--wait')).toMatchObject({ code: 1, told: 'segment slow: too slow\n' });
});

test('misuse and refusals are told', async () => {
  expect((await run('plan')).code).toBe(2);
  expect((await run('plan', folder, '--wait')).code).toBe(2); // of apply alone
  expect(await run('plan', path.join(folder, 'none'))).toMatchObject({ code: 2, told: expect.stringContaining('There is no folder') });
  write('segments.yaml', 'segments:\n  - {key: by-hand, rule: everyone}\n');
  expect(await run('plan', folder)).toMatchObject({ code: 3, told: expect.stringContaining('is manual in the service') });
});

test('a circle through a group is a mistake', async () => {
  write('rules.yaml', 'segments:\n  - {key: ring-one, rule: everyone}\n  - {key: ring-two, rule: in segment "ring-three"}\n');
  write('more.yaml', 'segments:\n  - {key: ring-three, rule: in segment "ring-one"}\n');
  expect((await run('apply', folder)).code).toBe(0); // in no group they are right
  write('z.yaml', '# one group\ngroups:\n  - {key: rings, segments: [ring-one, ring-two]}\n');
  const { code, told } = await run('plan', folder);
  expect(code).toBe(3);
  expect(told).toBe(
    'z.yaml:3: Segments of group “rings” depend on each other, and these would in a circle: ring-two → ring-three → ring-one → ring-two.\n',
  );
});

test('the files of the docs are taken', async () => {
  const page = fs.readFileSync(new URL('../../docs/segments-as-files.md', import.meta.url), 'utf8');
  write('docs.yaml', /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '');
  expect(await run('apply', folder)).toMatchObject({ code: 0, told: '' });
  expect((await run('plan', folder, '--check')).out).toBe('Nothing to do: the service has what the files say.\n');
});
