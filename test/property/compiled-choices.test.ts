// Random pins and a random group of segments that exclude each other, around random rules: the emitted SQL must choose as the naive
// evaluator does, for given customers and for ranges of them, and no pin may end before the next look it asks for.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Catalog, CatalogSegment } from '../../src/catalog/catalog.ts';
import type { Client } from '../../src/db/database.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import { type EvaluationInput, emitEvaluation } from '../../src/rules/emit.ts';
import type { Narrowing } from '../../src/rules/emit-scan.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { arbitraryFacts, shopAt } from '../oracle/arbitrary-shop.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { type Hand, isMember, type OracleGroup, type OraclePin } from '../oracle/hand.ts';
import type { Shop, ShopCustomer } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, CUSTOMER_IDS, customerKeyOf, MOMENTS, type Moment } from '../oracle/world.ts';
import { holdAlways, propertySettings } from './settings.ts';

/** Those of the group may name those before them; those after may name all. `s6` stands still: its members are what is stored. */
const FIRST = ['s0', 's1'];
const GROUPED = ['s2', 's3', 's4', 's5'];
const STANDING = 's6';
const LAST = ['s7', 's8'];
const EVALUATED = [...FIRST, ...GROUPED, ...LAST];
const KEYS = [...FIRST, ...GROUPED, STANDING, ...LAST];
const SEGMENT_IDS = new Map(KEYS.map((key, place) => [key, 11 - place])); // ids in another order than the keys
const idOf = (key: string): number => SEGMENT_IDS.get(key) ?? 0;

const catalog: Catalog = {
  ...CATALOG,
  segments: new Map(KEYS.map((key): [string, CatalogSegment] => [key, { id: idOf(key), key, status: 'active', references: [] }])),
};

const rules = fc.tuple(
  ...FIRST.map(() => arbitraryRule([STANDING], 0)),
  ...GROUPED.map(() => arbitraryRule([...FIRST, STANDING], 0)),
  ...LAST.map(() => arbitraryRule([...FIRST, ...GROUPED, STANDING], 1)),
);
const groups = fc.record({
  segments: fc.shuffledSubarray([...GROUPED, STANDING], { minLength: 2 }),
  otherwise: fc.constantFrom(null, ...GROUPED, STANDING),
});
/** So long after the moment: over just now, about to end, or never. */
const pinEnds = fc.constantFrom(null, -1, 0, 1, 3_600_000, 400 * 86_400_000);
const pins = fc.array(
  fc.record({
    customer: fc.constantFrom(...CUSTOMER_IDS),
    segment: fc.constantFrom(...FIRST, ...GROUPED, ...GROUPED, STANDING, ...LAST),
    include: fc.boolean(),
    endsInMs: pinEnds,
  }),
  { maxLength: 20, size: 'max' },
);
const facts = arbitraryFacts({ customers: 7, orders: 8, events: 8 });

interface World {
  readonly shop: Shop;
  readonly moment: Moment;
  readonly rules: ReadonlyMap<string, Rule>;
  readonly hand: Hand;
  /** ids of the members of the segment that stands still */
  readonly standing: readonly string[];
}

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('compiled choices', 40);

it('chooses as was said by hand', { timeout: 300_000 }, async () => {
  const property = fc.asyncProperty(
    facts,
    fc.constantFrom(...MOMENTS),
    rules,
    groups,
    pins,
    fc.subarray([...CUSTOMER_IDS]),
    async (abstract, moment, drawn, group, pinned, standing) => {
      const world: World = {
        shop: shopAt(abstract, moment),
        moment,
        rules: new Map(EVALUATED.map((key, place) => [key, drawn[place] as Rule])),
        hand: { group, pins: pinsOf(pinned, moment) },
        standing,
      };
      await compareWithOracle(world, group);
    },
  );
  await holdAlways(property, settings);
});

type DrawnPin = { readonly customer: string; readonly segment: string; readonly include: boolean; readonly endsInMs: number | null };

/** The last pin of a customer in a segment counts. */
function pinsOf(drawn: readonly DrawnPin[], { asOfMs }: Moment): ReadonlyMap<string, OraclePin> {
  return new Map(
    drawn.map(({ customer, segment, include, endsInMs }) => [
      `${customerKeyOf(customer)} ${segment}`,
      { include, untilMs: endsInMs === null ? null : asOfMs + endsInMs },
    ]),
  );
}

async function compareWithOracle(world: World, group: OracleGroup): Promise<void> {
  const client = await testDatabase.database.pool.connect();
  try {
    await client.query('begin');
    await storeShop(client, world.shop);
    await storeHand(client, world);
    for (const narrow of ['ids', 'crowd', 'range'] as const) compare(world, await evaluate(client, world, group, narrow), narrow);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function storeHand(client: Client, { hand, standing, moment }: World): Promise<void> {
  const insert = (table: string, rows: readonly object[]) =>
    client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`, [JSON.stringify(rows)]);
  const pinRows = [...hand.pins].map(([place, { include, untilMs }]) => {
    const [customer_id = '', segment = ''] = place.split(' ');
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    return { customer_id, segment_id: idOf(segment), include, until, actor: 'somebody', pinned_at: new Date(moment.asOfMs).toISOString() };
  });
  await client.query('delete from memberships');
  await client.query('delete from pins');
  await insert('pins', pinRows);
  await insert(
    'memberships',
    standing.map((id) => ({ customer_id: customerKeyOf(id), segment_id: idOf(STANDING), since: new Date(0).toISOString(), version: 1 })),
  );
}

interface Answer {
  readonly want: readonly number[];
  readonly dueAtMs: number;
}

async function evaluate(client: Client, world: World, group: OracleGroup, narrow: Narrowing): Promise<ReadonlyMap<string, Answer>> {
  const segments = [...world.rules].map(([key, rule]) => {
    const { checked, errors } = checkRule(rule, catalog, { purpose: 'publish' });
    if (checked === null) throw new Error(`${printRule(rule)}: ${errors.map((error) => error.detail).join('\n')}`);
    return { id: idOf(key), key, checked };
  });
  const emitted = emitEvaluation({
    segments,
    segmentIds: SEGMENT_IDS,
    catalog,
    narrow,
    memberships: 'present',
    pinned: new Set([...world.hand.pins.keys()].map((place) => idOf(place.split(' ')[1] ?? ''))),
    groups: [{ id: 1, segmentIds: group.segments.map(idOf), otherwiseId: group.otherwise === null ? null : idOf(group.otherwise) }],
  });
  expect(emitted.segmentIds).toEqual(segments.map(({ id }) => id).sort((one, other) => one - other));
  const keys = world.shop.customers.map((customer) => customer.key);
  const customers: EvaluationInput['customers'] =
    narrow === 'range'
      ? { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' }
      : { keys, ...(narrow === 'crowd' ? { isCrowd: true } : {}) };
  const { rows } = await client.query<{ customer_id: string; want: number[]; due_at: number | null }>(
    emitted.text,
    emitted.bind({ ...world.moment, customers }),
  );
  return new Map(rows.map(({ customer_id, want, due_at }) => [customer_id, { want, dueAtMs: due_at ?? Number.POSITIVE_INFINITY }]));
}

/** Keys of the segments a customer is in by the oracle. */
function membersAt({ shop, moment, rules: all, hand, standing }: World, customer: ShopCustomer, atMs: number): ReadonlySet<string> {
  const members = new Set<string>();
  const rule = (key: string): boolean => {
    const asked = all.get(key);
    return asked !== undefined && evaluateRule(asked, customer, shop, atMs, moment.timeZone, (named) => members.has(named));
  };
  const stands = (key: string) => (key === STANDING ? standing.includes(customer.id) : null);
  for (const key of [STANDING, ...EVALUATED]) if (isMember(hand, customer.key, key, atMs, rule, stands)) members.add(key);
  return members;
}

function compare(world: World, answers: ReadonlyMap<string, Answer>, narrow: Narrowing): void {
  const { asOfMs } = world.moment;
  for (const customer of world.shop.customers) {
    const say = (what: string) => `${what} (${narrow})\n${describeCase(world, customer)}`;
    const expected = membersAt(world, customer, asOfMs);
    const { want, dueAtMs } = answers.get(customer.key) as Answer;
    const ids = EVALUATED.filter((key) => expected.has(key)).map(idOf);
    expect(want, say('members, by id')).toEqual(ids.sort((one, other) => one - other));
    expect(dueAtMs, say('the next look')).toBeGreaterThan(asOfMs);
    for (const [place, { untilMs }] of world.hand.pins) {
      if (untilMs === null || untilMs <= asOfMs || untilMs >= dueAtMs || !place.startsWith(`${customer.key} `)) continue;
      if (place.endsWith(STANDING)) continue; // nothing follows from it while the segment stands still
      throw new Error(say(`a pin ends at ${new Date(untilMs).toISOString()}, before the next look`));
    }
  }
}

function describeCase({ rules: all, moment, hand, standing }: World, customer: ShopCustomer): string {
  return [
    ...[...all].map(([key, rule]) => `${key}: ${printRule(rule)}`),
    `group: ${hand.group?.segments.join(', ')}, otherwise ${hand.group?.otherwise}`,
    `pins: ${JSON.stringify([...hand.pins].filter(([place]) => place.startsWith(customer.key)))}`,
    `standing: ${standing.join(', ')}`,
    `moment: ${new Date(moment.asOfMs).toISOString()} ${moment.timeZone}, seed ${settings.seed}`,
    `customer: ${JSON.stringify(customer)}`,
  ].join('\n');
}
