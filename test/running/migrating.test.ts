// Migrations while others work: they hold nobody up for long, several processes apply each only once, and what ran before keeps running.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { MIGRATIONS_FOLDER, migrate } from '../../src/db/migrate.ts';
import { type Service, startService } from '../api/service.ts';
import { until } from '../faults/until.ts';

let service: Service;
let folder: string;

beforeAll(async () => {
  service = await startService();
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'strata-migrating-'));
  await fs.cp(MIGRATIONS_FOLDER, folder, { recursive: true });
  await service.call('POST', '/v1/segments', { key: 'here', name: 'Here', kind: 'rule', rule: 'everyone', publish: true });
});

afterAll(async () => {
  await service.close();
  await fs.rm(folder, { recursive: true });
});

const add = (name: string, text: string) => fs.writeFile(path.join(folder, name), text);

/** Several processes that start at once with the new version. */
async function migrateFromSeveral(): Promise<readonly string[]> {
  const databases = Array.from({ length: 3 }, () => openDatabase(service.strata.database.url));
  try {
    return (await Promise.all(databases.map((database) => migrate(database, folder)))).flat();
  } finally {
    await Promise.all(databases.map((database) => database.close()));
  }
}

test('a migration behind a long transaction blocks nobody', async () => {
  await add('9001_wide_customers.sql', 'alter table customers add column later_one integer;');
  const reader = await service.strata.database.pool.connect();
  await reader.query('begin');
  await reader.query('select count(*) from customers');
  let isDone = false;
  const migrating = migrateFromSeveral().finally(() => {
    isDone = true;
  });
  await until('the migration waits for its lock', async () => {
    const [row] = await service.strata.database.query<{ waits: boolean }>({
      text: `
        select exists (
          select from pg_locks as l
          join pg_database as d on d.oid = l.database
          where d.datname = current_database() and l.relation = 'customers'::regclass and l.mode = 'AccessExclusiveLock' and not l.granted
        ) as waits`,
    });
    return row?.waits === true;
  });
  for (let count = 0; count < 30; count += 1) {
    expect((await service.call('PUT', `/v1/customers/during-${count}`, { city: 'Oslo' })).status).toBe(200);
  }
  expect(isDone).toBe(false); // the long transaction is open still, and all were answered
  await reader.query('commit');
  reader.release();
  expect(await migrating).toEqual(['9001_wide_customers.sql']);
});

test('the version before works on a newer schema', async () => {
  const use = async (round: string) => {
    const answers = [
      await service.call('PUT', `/v1/customers/${round}`, { email: `${round}@x.test` }),
      await service.call('PUT', `/v1/orders/${round}`, {
        customerId: round,
        status: 'paid',
        currency: 'USD',
        total: 1,
        placedAt: '2026-01-01T00:00:00Z',
        items: [{ productId: 'p', quantity: 1, unitPrice: 1 }],
      }),
      await service.call('POST', '/v1/events', { data: [{ customerId: round, name: 'seen', occurredAt: '2026-01-01T00:00:00Z' }] }),
      await service.call('GET', `/v1/customers/${round}`),
      await service.call('GET', `/v1/customers/${round}/segments`),
      await service.call('GET', `/v1/customers/${round}/orders`),
      await service.call('GET', `/v1/customers/${round}/history`),
      await service.call('GET', '/v1/segments/here'),
      await service.call('GET', '/v1/segments/here/members'),
      await service.call('GET', '/v1/changes'),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  };
  await use('before'); // every statement is prepared on some connection, with the columns there are now
  const { rows } = await service.strata.database.pool.query<{ name: string }>(
    `select c.relname as name
     from pg_class as c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`,
  );
  expect(rows.length).toBeGreaterThan(20);
  await add('9002_wide_all.sql', rows.map(({ name }) => `alter table ${name} add column later_two integer;`).join('\n'));
  expect(await migrateFromSeveral()).toEqual(['9002_wide_all.sql']);
  for (let round = 0; round < 10; round += 1) await use(`after-${round}`);
});
