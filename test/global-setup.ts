// In charge of the one Postgres that all tests of a run share: embedded in a folder of its own (TEST_DATABASE=pretended-citus: with databases that say
// they are Citus), or, with TEST_DATABASE=container, in a container, or on the Citus of CITUS_URL. Nothing of it is left afterwards, not even of runs that were killed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDataFolder } from '../src/base/data-folder.ts';
import { isAlive } from '../src/base/process-mark.ts';
import { startEmbedded } from '../src/db/embedded.ts';

const FOLDER_PREFIX = 'strata-test-server-';
const CONNECTIONS = 300;
const KINDS: readonly string[] = ['embedded', 'container', 'pretended-citus'];

declare module 'vitest' {
  export interface ProvidedContext {
    serverUrl: string;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const citusUrl = process.env['CITUS_URL'];
  if (citusUrl !== undefined) {
    project.provide('serverUrl', citusUrl);
    return async () => {}; // somebody else's
  }
  const kind = process.env['TEST_DATABASE'] ?? 'embedded';
  if (!KINDS.includes(kind)) throw new Error(`TEST_DATABASE is ${KINDS.join(' or ')}, not ${kind}`);
  const server = await (kind === 'container' ? startContainer() : startEmbeddedServer());
  project.provide('serverUrl', server.url);
  return server.stop;
}

interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

async function startEmbeddedServer(): Promise<TestServer> {
  removeLeftovers();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  fs.chmodSync(folder, 0o711);
  const binaries = process.env['POSTGRES_BIN'];
  const postgres = await startEmbedded(openDataFolder(folder), { durable: false, connections: CONNECTIONS, binaries });
  process.once('exit', postgres.requestStop);
  return {
    url: postgres.url,
    stop: async () => {
      process.off('exit', postgres.requestStop);
      await postgres.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Stops and removes servers of runs whose process is gone. */
function removeLeftovers(): void {
  for (const name of fs.readdirSync(os.tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX) || isAlive(Number(name.slice(FOLDER_PREFIX.length).split('-')[0]))) continue;
    const folder = path.join(os.tmpdir(), name);
    try {
      const pidFile = path.join(folder, 'postgres', 'postmaster.pid');
      if (fs.existsSync(pidFile)) process.kill(Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGQUIT');
      fs.rmSync(folder, { recursive: true, force: true });
    } catch {
      // another user's, or just being removed by another run: it is no business of this one
    }
  }
}

async function startContainer(): Promise<TestServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer('postgres:18')
    .withUsername('strata')
    // Without a shell, and not four times a second: the first process of the container is Postgres, which takes the end of what a shell leaves
    // behind when its second is over for a crash of its own, and breaks every connection off.
    .withHealthCheck({
      test: ['CMD', 'pg_isready', '--host', '127.0.0.1', '--username', 'strata'],
      interval: 2000,
      timeout: 5000,
      retries: 60,
    })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', `max_connections=${CONNECTIONS}`])
    .withEnvironment({ POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C' })
    .start();
  return {
    url: container.getConnectionUri(),
    stop: async () => {
      await container.stop();
    },
  };
}
