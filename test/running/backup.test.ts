// A backup taken under load and restored: what was acknowledged before it began is there, nothing is half there, and the service goes on.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openDataFolder } from '../../src/base/data-folder.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { NO_FACTS } from '../../src/ingest/facts.ts';
import { openStrata } from '../../src/open-strata.ts';
import { write } from '../../src/pipeline.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import type { Strata } from '../../src/strata.ts';
import { SECRET_KEY } from '../database.ts';
import { LAUNCHER } from '../faults/service-process.ts';
import { customer, order } from '../membership/strata-under-test.ts';
import { copyBase } from './postgres-copy.ts';

let root: string;
let folder: string;
let server: EmbeddedPostgres;
let restored: EmbeddedPostgres | undefined;

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'strata-backup-'));
  fs.chmodSync(root, 0o711);
  folder = path.join(root, 'data');
  fs.mkdirSync(folder, { mode: 0o711 });
  server = await startEmbedded(openDataFolder(folder), { durable: false });
});

afterAll(async () => {
  await restored?.stop();
  await server.stop();
  fs.rmSync(root, { recursive: true });
});

async function open(database: Database): Promise<Strata> {
  const log = pino({ level: 'silent' });
  const options = { database, clock: systemClock, log, cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD' };
  return openStrata({ ...options, background: true });
}

async function buy(strata: Strata, id: string): Promise<void> {
  await write(strata, { ...NO_FACTS, customers: [customer(id)], orders: [order(`o-${id}`, id)] });
}

test('a backup under load is whole when restored', async () => {
  const database = openDatabase(server.url);
  await migrate(database);
  const strata = await open(database);
  await createSegment(database, systemClock, {
    key: 'buyers',
    name: 'Buyers',
    kind: 'rule',
    rule: 'count(orders) >= 1',
    publish: true,
    author: null,
  });
  for (let count = 0; count < 50; count += 1) await buy(strata, `before-${count}`);
  const stopping = new AbortController();
  const writers = Array.from({ length: 3 }, async (_, number) => {
    for (let count = 0; !stopping.signal.aborted; count += 1) await buy(strata, `during-${number}-${count}`);
  });
  await copyBase({ url: server.url, folder }, path.join(root, 'restored'));
  stopping.abort();
  await Promise.all(writers);
  await strata.close();
  await database.close();

  restored = await startEmbedded(openDataFolder(path.join(root, 'restored')), { durable: false });
  const copy = openDatabase(restored.url);
  const again = await open(copy);
  const [found] = await copy.query<{ before: string; halves: string }>({
    text: `
      select
        count(*) filter (where c.external_id like 'before-%') as before,
        count(*) filter (where not exists (select from orders as o where o.customer_id = c.id)) as halves
      from customers as c`,
  });
  expect(found).toEqual({ before: '50', halves: '0' });
  await buy(again, 'after');
  await again.close();
  await copy.close();
  const verify = spawnSync(process.execPath, [LAUNCHER, 'verify'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: restored.url },
    encoding: 'utf8',
  });
  expect(verify.status, `${verify.stdout}${verify.stderr}`).toBe(0);
});
