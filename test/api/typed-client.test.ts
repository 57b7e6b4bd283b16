// A typed client, generated from the committed openapi.yaml as anybody would: it compiles strictly, refuses what the document does not have,
// and talks to a service that listens.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, type Service, startService } from './service.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'strata-client-'));
const run = promisify(execFile);
const quiet = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', CI: 'true' };

let service: Service;

const CALLS = `
import { client as strata, configure } from './client.ts';

const [url = '', key = ''] = process.argv.slice(2);
configure({ serverUrl: url, auth: { bearer: key } });
const written = await strata.putOrder({ path: { orderId: '1001' }, body: { customerId: 'ada', status: 'paid', total: '39.90' } });
const made = await strata.createSegment({ body: { key: 'buyers', name: 'Buyers', kind: 'rule', rule: 'count(orders) >= 1' } });
const { data, next } = await strata.listSegments({ query: { limit: 10 } });
const kind: 'rule' | 'manual' | undefined = data[0]?.kind;
const missing = await strata.getOrder({ path: { orderId: 'none' } }).then(() => 'there', (error) => error.body.code);
console.log(JSON.stringify({ order: written.id, segments: written.segments, status: made.status, keys: data.map((each) => each.key), kind, next, missing }));
`;

const WRONG = CALLS.replace('written.segments', 'written.segmnts').replace(`kind: 'rule',`, `kind: 'rul',`);

beforeAll(async () => {
  service = await startService({ background: false });
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  cpSync(path.join(ROOT, 'openapi.yaml'), path.join(folder, 'openapi.yaml'));
  await node('@redocly/cli', 'bin/cli.js', ['generate-client', 'openapi.yaml', '--output', 'client.ts', '--import-ext', 'ts']);
  writeFileSync(path.join(folder, 'calls.ts'), CALLS);
  writeFileSync(path.join(folder, 'wrong.ts'), WRONG);
  const compilerOptions = { target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable'], module: 'nodenext', types: ['node'], strict: true };
  const options = {
    ...compilerOptions,
    typeRoots: [path.join(ROOT, 'node_modules', '@types')],
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  };
  writeFileSync(path.join(folder, 'package.json'), '{"type": "module"}');
  for (const name of ['calls', 'wrong'])
    writeFileSync(path.join(folder, `${name}.json`), JSON.stringify({ compilerOptions: options, files: [`${name}.ts`] }));
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true });
});

function node(name: string, file: string, args: readonly string[]): Promise<{ stdout: string }> {
  const found = path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  return run(process.execPath, [path.join(found, file), ...args], { cwd: folder, env: quiet });
}

test('it compiles strictly', async () => {
  await expect(node('typescript', 'bin/tsc', ['-p', 'calls.json'])).resolves.toBeDefined();
});

test('a wrong call does not compile', async () => {
  const failure = await node('typescript', 'bin/tsc', ['-p', 'wrong.json']).catch((error) => error);
  expect(failure.stdout.match(/error TS\d+/g)).toHaveLength(2);
});

test('its calls are answered', async () => {
  const url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`;
  const { stdout } = await run(process.execPath, ['calls.ts', url, ADMIN_KEY], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({
    order: '1001',
    segments: [],
    status: 'draft',
    keys: ['buyers'],
    kind: 'rule',
    next: null,
    missing: 'not_found',
  });
});
