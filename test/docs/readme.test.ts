// README.md, checked against what there is: its five minutes are run exactly as written, and its configuration and its map of the code name
// everything.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

/** As much of curl as README.md uses, for machines without: says the status and ends a stream after its first piece. */
const CURL = `
const args = process.argv.slice(2), headers = {}; let method, body, url;
while (args.length > 0) {
  const arg = args.shift();
  if (arg === '-X') method = args.shift();
  else if (arg === '-H') { const [name, ...value] = args.shift().split(': '); headers[name] = value.join(': '); }
  else if (arg === '-d') body = args.shift();
  else if (arg.startsWith('http')) url = arg;
  else if (arg !== '-s' && arg !== '-N') throw new Error('curl has no ' + arg + ' here');
}
const answer = await fetch(url, { method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body });
const text = answer.headers.get('content-type').includes('event-stream') ? '' : await answer.text();
console.log('STATUS ' + answer.status + ' ' + (method ?? '') + ' ' + new URL(url).pathname + ' ' + text.replaceAll('\\n', ' '));
process.exit(0);
`;

let service: Service;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'strata-readme-'));
  service = await startService({ clock: new TestClock(Date.parse('2026-11-21T12:00:00Z')), background: false });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

function sectionOf(title: string): string {
  return readme.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? '';
}

function writeProgram(name: string, text: string): void {
  mkdirSync(path.join(folder, 'bin'), { recursive: true });
  writeFileSync(path.join(folder, 'bin', name), text);
  chmodSync(path.join(folder, 'bin', name), 0o755);
}

test('its five minutes go as it says', async () => {
  const [setting = '', ...blocks] = [...sectionOf('Five minutes with curl').matchAll(/```sh\n([\s\S]*?)```/g)].map(
    (match) => match[1] ?? '',
  );
  const alias = setting.split('\n').filter((line) => line.startsWith('alias'));
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  writeProgram('curl.mjs', CURL);
  writeProgram('curl', `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(path.join(folder, 'bin', 'curl.mjs'))} "$@"\n`);
  const launch = path.join(ROOT, 'src', 'cli', 'launch.js');
  writeProgram('npm', `#!/bin/sh\nshift 3\nexec ${quoted(process.execPath)} ${quoted(launch)} "$@"\n`);
  writeFileSync(path.join(folder, 'readme.sh'), ['shopt -s expand_aliases', ...alias, ...blocks].join('\n'));
  const { port } = service.app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    PATH: `${folder}/bin:${process.env['PATH']}`,
    KEY: ADMIN_KEY,
    URL: url,
    STRATA_URL: url,
    STRATA_KEY: ADMIN_KEY,
  };
  const { stdout } = await promisify(execFile)('bash', ['readme.sh'], { cwd: folder, env }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  const answers = stdout.split('\n').filter((line) => line.startsWith('STATUS'));
  expect(answers.length).toBeGreaterThan(15);
  const refused = answers.filter((line) => !/^STATUS 2/.test(line) || line.includes('"errors":[{"message"'));
  expect(refused).toEqual([expect.stringMatching(/^STATUS 422 {2}\/v1\/rules\/check .*did you mean/i)]);
  expect(stdout).toContain('"segments":["regulars"],"changes":1');
  expect((await service.call('GET', '/v1/segments/buyers')).body).toMatchObject({ kind: 'rule', version: 1 }); // from the file
});

test('its configuration is what can be set', () => {
  const source = readFileSync(path.join(ROOT, 'src', 'config.ts'), 'utf8');
  const settings = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map((match) => match[1] ?? '');
  const named = [...sectionOf('Configuration').matchAll(/`([A-Z][A-Z_]{3,})`/g)].map((match) => match[1] ?? '');
  expect(settings.length).toBeGreaterThan(20);
  expect([...named].sort()).toEqual([...settings].sort());
});

test('its map names every folder', () => {
  const folders = readdirSync(path.join(ROOT, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) =>
      name === 'api'
        ? readdirSync(path.join(ROOT, 'src', 'api'), { withFileTypes: true })
            .filter((face) => face.isDirectory())
            .map((face) => `src/api/${face.name}/`)
        : [`src/${name}/`],
    );
  const named = [...sectionOf('The code').matchAll(/`(src\/[\w/]+\/)`/g)].map((match) => match[1] ?? '');
  expect([...new Set(named)].sort()).toEqual(folders.sort());
});

test('its links lead somewhere', () => {
  const pages = readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  const links = [...readme.matchAll(/\]\(([^)#]+)(?:#[\w-]+)?\)/g)].map((match) => match[1] ?? '');
  expect(links.filter((link) => !pages.includes(link.replace('docs/', '')) && !link.startsWith('src/'))).toEqual([]);
  expect(pages.filter((page) => !links.includes(`docs/${page}`))).toEqual([]);
});
