// Imports that are all or nothing, more at once than there are connections: each takes one, and none waits for another. And imports that ended long
// ago are forgotten.
import { Readable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/db/database.ts';
import { parseImportOptions } from '../../src/ingest/imports/import-options.ts';
import { trimImports } from '../../src/ingest/imports/trim-imports.ts';
import { openStrata } from '../../src/open-strata.ts';
import { importFile, type Strata } from '../../src/pipeline.ts';
import { createTestDatabase, SECRET_KEY, type TestDatabase } from '../database.ts';

const CONNECTIONS = 2;
const DAY_MS = 86_400_000;

let own: TestDatabase;
let strata: Strata;
beforeEach(async () => {
  own = await createTestDatabase();
  const database = openDatabase(own.url, { connections: CONNECTIONS });
  const settings = { cluster: 'test', secretKey: SECRET_KEY, timeZone: 'UTC', currency: 'USD' };
  strata = await openStrata({ ...settings, database, clock: systemClock, log: pino({ level: 'silent' }), background: false });
});
afterEach(async () => {
  await strata.close();
  await strata.database.close();
  await own.drop();
});

function importCustomers(rows: readonly object[]) {
  const options = parseImportOptions('customers', { atomic: 'true' }, 'UTC');
  if (!options.ok) throw new Error(JSON.stringify(options.problems));
  const stream = Readable.from(rows.map((row) => Buffer.from(`${JSON.stringify(row)}\n`)));
  return importFile(strata, { kind: 'customers', format: 'ndjson', options: options.value, stream, encoding: 'identity' });
}

test('more atomic imports than connections', async () => {
  const imports = Array.from({ length: 4 * CONNECTIONS }, (_, file) =>
    importCustomers(Array.from({ length: 50 }, (_, row) => ({ id: `c${file}-${row}`, attributes: { [`a${file}`]: row } }))),
  );
  for (const { accepted, rejected } of await Promise.all(imports)) expect([accepted, rejected]).toEqual([50, 0]);
  expect(strata.types.attribute('a7')?.type).toBe('number');
});

test('an import that ended long ago is forgotten', async () => {
  for (const id of ['a', 'b', 'c']) await importCustomers([{ id }]);
  const nowMs = systemClock.nowMs();
  expect(await trimImports(strata.database, nowMs + 89 * DAY_MS)).toBe(0);
  expect([await trimImports(strata.database, nowMs + 91 * DAY_MS, 2), await trimImports(strata.database, nowMs + 91 * DAY_MS, 2)]).toEqual([
    2, 1,
  ]);
  expect(await strata.database.query({ text: 'select from imports' })).toEqual([]);
});
