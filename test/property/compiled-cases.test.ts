// The cases worked out by hand for the oracle, asked of the emitted SQL: each sentence of the language's semantics, one statement a case.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog, CatalogSegment } from '../../src/catalog/catalog.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { emitEvaluation } from '../../src/rules/emit.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { CASE_CATALOG, type Case, NOW, SECTIONS, shopOf } from '../oracle/cases.ts';
import { parse } from '../oracle/parse.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { customerKeyOf } from '../oracle/world.ts';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

/** In cases the customer is in segment `vip` and in no other. */
const VIP: CatalogSegment = { id: 1_000, key: 'vip', status: 'active', references: [] };
const OTHER: CatalogSegment = { id: 1_001, key: 'other', status: 'active', references: [] };
const catalog: Catalog = {
  ...CASE_CATALOG,
  segments: new Map<string, CatalogSegment>([
    ['vip', VIP],
    ['other', OTHER],
  ]),
};
const segmentIds = new Map([
  ['vip', VIP.id],
  ['other', OTHER.id],
]);

async function check(given: Case): Promise<void> {
  const texts = [...(given.holds ?? []), ...(given.fails ?? [])];
  const segments = texts.map((text, id) => {
    const { checked, errors } = checkRule(parse(text), catalog, { purpose: 'publish' });
    if (!checked) throw new Error(`${text}: ${errors.map((error) => error.detail).join('; ')}`);
    return { id: id + 1, key: `case ${id}`, checked };
  });
  const emitted = emitEvaluation({ segments, segmentIds, catalog, narrow: 'ids', memberships: 'present' });
  const input = { asOfMs: Date.parse(given.at ?? NOW), timeZone: given.zone ?? 'UTC', customers: { keys: [customerKeyOf('x')] } };
  const client = await testDatabase.database.pool.connect();
  try {
    await client.query('begin');
    await storeShop(client, shopOf(given));
    await client.query(`insert into memberships (customer_id, segment_id, since, version) values ($1, $2, 'epoch', 1)`, [
      customerKeyOf('x'),
      VIP.id,
    ]);
    const { rows } = await client.query<{ want: number[] }>(emitted.text, emitted.bind(input));
    const want = new Set(rows[0]?.want);
    expect(texts.filter((_, id) => want.has(id + 1))).toEqual(given.holds ?? []);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

for (const [section, cases] of Object.entries(SECTIONS)) {
  describe(section, () => {
    for (const given of cases) it(given.title, () => check(given));
  });
}
