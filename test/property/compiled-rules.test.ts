// Random rules over random shops at random moments: the emitted SQL must say about every customer what the naive evaluator says, both for given
// customers and for ranges of them, and no answer may change before the next look it asks for.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Catalog, CatalogSegment } from '../../src/catalog/catalog.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import type { CheckedRule } from '../../src/rules/checked-rule.ts';
import { type EvaluationInput, emitEvaluation, nextConstantFlip } from '../../src/rules/emit.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { aimRule } from '../oracle/aim-rule.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { arbitraryFacts, SAME_TIMES, shopAt } from '../oracle/arbitrary-shop.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { flipCandidates } from '../oracle/flip-candidates.ts';
import type { Shop, ShopCustomer } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, CUSTOMER_IDS, customerKeyOf, MOMENTS, type Moment } from '../oracle/world.ts';
import { holdAlways, propertySettings } from './settings.ts';

/** Segments 0 … 7 with rules of their own; 8 and 9 are only in the table of memberships. */
const RULES_AT_ONCE = 8;
const STORED_KEYS = ['s8', 's9'];
const KEYS = Array.from({ length: RULES_AT_ONCE + STORED_KEYS.length }, (_, id) => `s${id}`);
const SEGMENT_IDS = new Map(KEYS.map((key, id) => [key, id + 1]));
/** Ids of the segments that hold the same rules negated begin here. */
const NEGATED = 101;
/** Instants tried for each customer before the next look. */
const INSTANTS_TRIED = 40;

const catalog: Catalog = {
  ...CATALOG,
  segments: new Map(
    KEYS.map((key): [string, CatalogSegment] => [key, { id: SEGMENT_IDS.get(key) ?? 0, key, status: 'active', references: [] }]),
  ),
};

/** Each rule may name the segments before it and the stored ones; simple ones hide least. */
const DEPTHS = [0, 0, 0, 0, 1, 1, 2, 3];
const rules = fc.tuple(...DEPTHS.map((depth, id) => arbitraryRule([...KEYS.slice(0, id), ...STORED_KEYS], depth)));
const picks = fc.array(fc.nat({ max: 60 }), { minLength: 7, maxLength: 23, size: 'max' });
const stored = fc.record(Object.fromEntries(STORED_KEYS.map((key) => [key, fc.subarray([...CUSTOMER_IDS])])));
const SIZE = { customers: 7, orders: 25, events: 25 };
const facts = fc.oneof({ weight: 2, arbitrary: arbitraryFacts(SIZE) }, { weight: 1, arbitrary: arbitraryFacts(SIZE, SAME_TIMES) });
const moments = fc.constantFrom(...MOMENTS);

interface World {
  readonly shop: Shop;
  readonly moment: Moment;
  readonly rules: readonly Rule[];
  /** members of the segments that are not evaluated, by key */
  readonly stored: Readonly<Record<string, readonly string[]>>;
}

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('compiled rules', 200);

it('says what the naive evaluator says', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(facts, moments, rules, picks, stored, async (abstract, moment, drawn, chosen, members) => {
    const shop = shopAt(abstract, moment);
    const aimed = drawn.map((rule, id) => aimRule(rule, shop, moment, chosen.slice(id % 7)));
    await compareWithOracle({ shop, moment, rules: aimed, stored: members });
  });
  await holdAlways(property, settings);
});

async function compareWithOracle(world: World): Promise<void> {
  const checked = world.rules.map((rule) => check(rule));
  const negated = world.rules.map((rule) => check({ kind: 'not', rule, place: { pointer: '' } }));
  const client = await testDatabase.database.pool.connect();
  try {
    await client.query('begin');
    await storeShop(client, world.shop);
    await storeMembers(client, world.stored);
    const answers = await evaluate(client, checked, world, 'ids');
    compareMembers(world, answers, 'customers by key');
    compareMembers(world, await evaluate(client, [...checked, ...negated], world, 'range'), 'customers by range');
    compareLooks(world, checked, answers);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

function check(rule: Rule): CheckedRule {
  const { checked, errors } = checkRule(rule, catalog, { purpose: 'publish' });
  if (checked === undefined || checked === null || errors.length > 0) {
    throw new Error(`a well-typed rule was refused: ${printRule(rule)}\n${errors.map((error) => error.detail).join('\n')}`);
  }
  return checked;
}

// ---------------------------------------------------------------- the database's answer

interface Answer {
  readonly want: ReadonlySet<number>;
  readonly dueAtMs: number | null;
}

type Queryable = { query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }> };

async function storeMembers(client: Queryable, members: World['stored']): Promise<void> {
  await client.query('delete from memberships');
  const rows = Object.entries(members).flatMap(([key, ids]) =>
    ids.map((id) => ({ customer_id: customerKeyOf(id), segment_id: SEGMENT_IDS.get(key), since: new Date(0).toISOString(), version: 1 })),
  );
  await client.query('insert into memberships select * from jsonb_populate_recordset(null::memberships, $1::jsonb)', [
    JSON.stringify(rows),
  ]);
}

async function evaluate(
  client: Queryable,
  checked: readonly CheckedRule[],
  world: World,
  narrow: 'ids' | 'range',
): Promise<ReadonlyMap<string, Answer>> {
  const segments = checked.map((rule, id) =>
    id < RULES_AT_ONCE
      ? { id: id + 1, key: `s${id}`, checked: rule }
      : { id: NEGATED + id - RULES_AT_ONCE, key: `not s${id - RULES_AT_ONCE}`, checked: rule },
  );
  const emitted = emitEvaluation({ segments, segmentIds: SEGMENT_IDS, catalog, narrow, memberships: 'present' });
  const keys = world.shop.customers.map((customer) => customer.key);
  const customers: EvaluationInput['customers'] =
    narrow === 'ids' ? { keys } : { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
  const { rows } = await client.query(emitted.text, emitted.bind({ ...world.moment, customers }));
  return new Map(
    rows.map((row) => [String(row['customer_id']), { want: new Set(row['want'] as number[]), dueAtMs: row['due_at'] as number | null }]),
  );
}

// ---------------------------------------------------------------- the oracle's answer

/** Keys of the segments a customer is in, each rule seeing the segments before it. */
function membershipsOf(customer: ShopCustomer, world: World, asOfMs: number): ReadonlySet<string> {
  const members = new Set(STORED_KEYS.filter((key) => world.stored[key]?.includes(customer.id)));
  world.rules.forEach((rule, id) => {
    if (evaluateRule(rule, customer, world.shop, asOfMs, world.moment.timeZone, (key) => members.has(key))) members.add(`s${id}`);
  });
  return members;
}

/** Where the negations were asked too, everybody is in exactly one of a rule and its negation. */
function compareMembers(world: World, answers: ReadonlyMap<string, Answer>, what: string): void {
  expect([...answers.keys()].sort(), what).toEqual(world.shop.customers.map((customer) => customer.key).sort());
  const negationsAsked = what === 'customers by range';
  for (const customer of world.shop.customers) {
    const expected = membershipsOf(customer, world, world.moment.asOfMs);
    const want = answers.get(customer.key)?.want ?? new Set();
    world.rules.forEach((rule, id) => {
      const answered = want.has(id + 1);
      if (answered !== expected.has(`s${id}`)) throw new Error(`the emitted SQL says ${answered}\n${describeCase(world, rule, customer)}`);
      if (negationsAsked && want.has(NEGATED + id) === answered) {
        throw new Error(`the emitted SQL says ${answered} to a rule and to its negation\n${describeCase(world, rule, customer)}`);
      }
    });
  }
}

/** A look may be asked for too early, never too late; flips that depend on no row are the segment's own. */
function compareLooks(world: World, checked: readonly CheckedRule[], answers: ReadonlyMap<string, Answer>): void {
  const { asOfMs, timeZone } = world.moment;
  const constantFlips = checked.map((rule) => nextConstantFlip(rule, asOfMs, timeZone) ?? Number.POSITIVE_INFINITY);
  for (const customer of world.shop.customers) {
    const dueAtMs = answers.get(customer.key)?.dueAtMs ?? Number.POSITIVE_INFINITY;
    if (dueAtMs <= asOfMs) throw new Error(`a look is due at ${iso(dueAtMs)}, not after ${iso(asOfMs)}`);
    const untilMs = Math.min(dueAtMs, ...constantFlips);
    const now = membershipsOf(customer, world, asOfMs);
    for (const instantMs of spread(flipCandidates(world.rules, customer, world.shop, world.moment, untilMs))) {
      const then = membershipsOf(customer, world, instantMs);
      const flipped = KEYS.findIndex((key) => now.has(key) !== then.has(key));
      const rule = world.rules[flipped];
      if (rule === undefined) continue;
      throw new Error(
        `the look at ${iso(dueAtMs)} is too late: the answer has changed at ${iso(instantMs)}\n${describeCase(world, rule, customer)}`,
      );
    }
  }
}

/** The earliest ones, the last one, and some between. */
function spread(instants: readonly number[]): readonly number[] {
  if (instants.length <= INSTANTS_TRIED) return instants;
  const early = instants.slice(0, INSTANTS_TRIED / 2);
  const step = (instants.length - early.length - 1) / (INSTANTS_TRIED / 2 - 1);
  const later = Array.from({ length: INSTANTS_TRIED / 2 }, (_, i) => instants[Math.round(early.length + i * step)] as number);
  return [...early, ...later];
}

function describeCase(world: World, rule: Rule, customer: ShopCustomer): string {
  const { shop, moment } = world;
  return [
    `rule: ${printRule(rule)}`,
    `all rules: ${world.rules.map((each, id) => `s${id}: ${printRule(each)}`).join('\n           ')}`,
    `moment: ${iso(moment.asOfMs)} ${moment.timeZone}`,
    `seed: ${settings.seed}`,
    `customer: ${JSON.stringify(customer)}, created ${iso(customer.createdAtMs)}`,
    ...shop.orders
      .filter((order) => order.customerKey === customer.key)
      .map((order) => `order ${iso(order.placedAtMs)}: ${JSON.stringify(order)}`),
    ...shop.events.filter((row) => row.customerKey === customer.key).map((row) => `event ${iso(row.occurredAtMs)}: ${JSON.stringify(row)}`),
  ].join('\n');
}

function iso(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString() : 'never';
}
