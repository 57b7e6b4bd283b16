// In charge of what the faults happen to: a Postgres, one to three processes of the service, and the clock that all of them go by.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { SeededRandom } from '../../src/base/seeded-random.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { makeShiftedClock, shiftClock } from '../shifted-clock.ts';
import { LossyProxy } from './lossy-proxy.ts';
import { EmbeddedOfService, type FaultyPostgres, PostgresServer } from './postgres-server.ts';
import { ServiceProcess } from './service-process.ts';
import { until } from './until.ts';

export const ADMIN_KEY = 'a-key-for-faults';
const PRELOAD = path.join(import.meta.dirname, 'process-clock.ts');

const ENVIRONMENT = {
  ADMIN_KEY,
  SECRET_KEY: 's'.repeat(32),
  LOG_LEVEL: 'error',
  EVALUATION_TIMEOUT_SECONDS: '2',
  WEBHOOK_ALLOW: '127.0.0.1/32',
  NODE_OPTIONS: `--import=${PRELOAD}`,
};

export interface World {
  readonly postgres: FaultyPostgres;
  readonly services: readonly ServiceProcess[];
  /** of the test's own, for faults and checks; opened anew when Postgres came back */
  readonly database: Database;
  readonly random: SeededRandom;
  /** From now on answers of Postgres to the services are lost now and then, or no more. */
  loseAnswers(isLossy: boolean): void;
  /** Moves the clock of Postgres and of every process by so much against the true one. */
  shiftClock(byMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly services: number;
  readonly random: SeededRandom;
  /** where Postgres keeps its data; absent: a folder of its own in the temporary one */
  readonly folder?: string;
  /** the service brings its own Postgres */
  readonly embedded: boolean;
}

export async function openWorld({ services: count, random, folder, embedded }: WorldOptions): Promise<World> {
  const root = fs.mkdtempSync(path.join(folder ?? os.tmpdir(), 'strata-faults-'));
  fs.chmodSync(root, 0o711);
  const clockFile = path.join(root, 'clock');
  fs.writeFileSync(clockFile, '0');
  const data = path.join(root, 'data');
  const postgres = embedded ? new EmbeddedOfService(data) : await PostgresServer.start(data);
  const proxy = embedded ? null : await LossyProxy.start(postgres.url, random);
  const place = proxy === null ? { DATA_DIR: data } : { DATABASE_URL: proxy.through(postgres.url) };
  const services: ServiceProcess[] = [];
  let database: Database | undefined;
  const world: World = {
    postgres,
    services,
    get database() {
      database ??= openDatabase(postgres.url, { applicationName: 'faults', connections: 4 });
      return database;
    },
    random,
    loseAnswers: (isLossy) => proxy?.loseAnswers(isLossy),
    shiftClock: async (byMs) => {
      fs.writeFileSync(clockFile, String(byMs));
      await shiftClock(world.database, byMs);
    },
    close: async () => {
      await Promise.all(services.map((service) => service.stop()));
      await database?.close();
      await proxy?.close();
      await postgres.stop();
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
  try {
    if (!embedded) await makeShiftedClock(world.database);
    for (let n = 0; n < count; n += 1) services.push(await ServiceProcess.make({ ...ENVIRONMENT, ...place, CLOCK_FILE: clockFile }));
    for (const service of services) service.start();
    await until('the services are ready', async () => (await Promise.all(services.map((service) => service.isReady()))).every(Boolean));
    return world;
  } catch (cause) {
    const said = services.map((service) => service.output).join('\n');
    await world.close();
    throw new Error(`the world did not open: ${said}`, { cause });
  }
}
