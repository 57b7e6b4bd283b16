// Random rules made of conditions that keep people out, over random shops: whoever is not among the candidates is not a member, will not become
// one by the clock alone, and is owed no look; and a look that a guard spares is missed by nobody.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Aggregate, AggregateFunction, ComparisonOperator, Rule } from '../../src/rules/ast.ts';
import { checkRule } from '../../src/rules/check-rule.ts';
import type { CheckedRule } from '../../src/rules/checked-rule.ts';
import { emitEvaluation, nextConstantFlip } from '../../src/rules/emit.ts';
import { emitCandidates } from '../../src/rules/emit-candidates.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { aimRule } from '../oracle/aim-rule.ts';
import { arbitraryRule, arbitraryWindow } from '../oracle/arbitrary-rule.ts';
import { arbitraryFacts, shopAt } from '../oracle/arbitrary-shop.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { flipCandidates } from '../oracle/flip-candidates.ts';
import type { Shop, ShopCustomer } from '../oracle/shop.ts';
import { storeShop } from '../oracle/store-shop.ts';
import { CATALOG, customerKeyOf, MOMENTS, type Moment, NUMBERS } from '../oracle/world.ts';
import { holdAlways, propertySettings } from './settings.ts';

const SEGMENT = 7;
const RULES_AT_ONCE = 6;
const INSTANTS_TRIED = 30;
const place = { pointer: '' } as const;

const COUNTED: readonly (readonly [AggregateFunction, string | null])[] = [
  ['count', null],
  ['count', null],
  ['distinct', 'status'],
  ['max', 'total'],
  ['min', 'discount'],
  ['sum', 'total'],
  ['avg', 'total'],
];
const OPERATORS: readonly ComparisonOperator[] = ['>=', '>=', '>', '=', '<', '<=', '!='];

/** Over orders, with every kind of window, also those that rows enter as time goes by. */
const counting = fc
  .record({
    counted: fc.constantFrom(...COUNTED),
    window: fc.option(arbitraryWindow, { freq: 5 }),
    paid: fc.boolean(),
    op: fc.constantFrom(...OPERATORS),
    number: fc.constantFrom('1', '1', '2', ...NUMBERS),
    turned: fc.boolean(),
  })
  .map(({ counted: [name, field], window, paid, op, number, turned }): Rule => {
    const status = { kind: 'field', name: 'status', place } as const;
    const where: Rule = { kind: 'comparison', op: '=', left: status, right: { kind: 'string', value: 'paid', place }, place };
    const aggregate: Aggregate = {
      kind: 'aggregate',
      function: name,
      source: { kind: 'orders' },
      field: field === null ? null : { kind: 'field', name: field, place },
      where: paid ? where : null,
      window,
      place,
    };
    const literal = { kind: 'number', value: number, place } as const;
    return { kind: 'comparison', op, left: turned ? literal : aggregate, right: turned ? aggregate : literal, place };
  });
const condition = fc.oneof({ weight: 3, arbitrary: counting }, { weight: 2, arbitrary: arbitraryRule([], 0) }, arbitraryRule([], 1));
const rule = fc
  .array(condition, { minLength: 1, maxLength: 3 })
  .map((rules): Rule => (rules.length === 1 ? (rules[0] as Rule) : { kind: 'and', rules: rules.flatMap(conjuncts), place }));
function conjuncts(part: Rule): readonly Rule[] {
  return part.kind === 'and' ? part.rules : [part];
}

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('candidates', 30);
const seen = { narrowed: 0, leftOut: 0, members: 0, looks: 0 };

it('leaves out only who stays out', { timeout: 600_000 }, async () => {
  const picks = fc.array(fc.nat({ max: 60 }), { minLength: 7, maxLength: 23, size: 'max' });
  const drawn = fc.array(rule, { minLength: RULES_AT_ONCE, maxLength: RULES_AT_ONCE });
  const facts = arbitraryFacts({ customers: 7, orders: 25, events: 10 });
  const property = fc.asyncProperty(
    facts,
    fc.constantFrom(...MOMENTS),
    drawn,
    picks,
    fc.nat(),
    async (abstract, moment, rules, chosen, stored) => {
      const shop = shopAt(abstract, moment);
      const client = await testDatabase.database.pool.connect();
      try {
        await client.query('begin');
        await storeShop(client, shop);
        for (const [turn, each] of rules.entries()) {
          const checked = check(aimRule(each, shop, moment, chosen.slice(turn)));
          await judge(client, { shop, moment, checked, member: shop.customers[(stored + turn) % Math.max(1, shop.customers.length)] });
        }
      } finally {
        await client.query('rollback');
        client.release();
      }
    },
  );
  await holdAlways(property, settings);
  // drawn so that each of these is met often
  expect(seen.narrowed).toBeGreaterThan(settings.numRuns);
  expect(seen.leftOut).toBeGreaterThan(settings.numRuns);
  expect(seen.members).toBeGreaterThan(settings.numRuns);
  expect(seen.looks).toBeGreaterThan(settings.numRuns);
});

function check(drawn: Rule): CheckedRule {
  const { checked, errors } = checkRule(drawn, CATALOG, { purpose: 'publish' });
  if (checked === undefined || checked === null) throw new Error(`${printRule(drawn)}: ${errors.map((error) => error.detail).join()}`);
  return checked;
}

interface World {
  readonly shop: Shop;
  readonly moment: Moment;
  readonly checked: CheckedRule;
  /** is stored as a member */
  readonly member: ShopCustomer | undefined;
}

type Queryable = { query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }> };

async function judge(client: Queryable, world: World): Promise<void> {
  const { shop, moment, checked, member } = world;
  await client.query('delete from memberships');
  if (member !== undefined) {
    await client.query(`insert into memberships (customer_id, segment_id, since, version) values ($1, $2, 'epoch', 1)`, [
      member.key,
      SEGMENT,
    ]);
  }
  const segments = [{ id: SEGMENT, key: 's', checked }];
  const emitted = emitEvaluation({ segments, segmentIds: new Map(), catalog: CATALOG, narrow: 'ids', memberships: 'present' });
  const keys = shop.customers.map(({ key }) => key);
  const { rows } = await client.query(emitted.text, emitted.bind({ ...moment, customers: { keys } }));
  const dueAt = new Map(rows.map((row) => [String(row['customer_id']), row['due_at'] as number | null]));
  const wanted = new Map(rows.map((row) => [String(row['customer_id']), (row['want'] as number[]).length > 0]));
  const candidates = await ask(client, world);
  for (const customer of shop.customers) {
    const isMember = memberAt(world, customer, moment.asOfMs);
    if (isMember) seen.members += 1;
    if (wanted.get(customer.key) !== isMember) throw new Error(`the emitted SQL says ${!isMember}\n${describe(world, customer)}`);
    const due = dueAt.get(customer.key) ?? null;
    if (due !== null) seen.looks += 1;
    standsUntil(world, customer, due ?? Number.POSITIVE_INFINITY);
    if (candidates === null || candidates.has(customer.key)) continue;
    seen.leftOut += 1;
    if (isMember || customer === member) throw new Error(`a member was left out\n${describe(world, customer)}`);
    standsUntil(world, customer, Number.POSITIVE_INFINITY);
    const ahead = [
      ...shop.orders.map((row) => [row.customerKey, row.placedAtMs] as const),
      ...shop.events.map((row) => [row.customerKey, row.occurredAtMs] as const),
    ];
    const waits = ahead.some(([key, atMs]) => key === customer.key && atMs > moment.asOfMs);
    if (due !== null && !waits) throw new Error(`who was left out is owed a look\n${describe(world, customer)}`);
  }
}

async function ask(client: Queryable, { checked, moment }: World): Promise<ReadonlySet<string> | null> {
  const emitted = emitCandidates({ segments: [{ id: SEGMENT, key: 's', checked }], pinned: new Set() });
  if (emitted === null) return null;
  seen.narrowed += 1;
  const customers = { afterKey: '-9223372036854775808', throughKey: '9223372036854775807' };
  const { rows } = await client.query(emitted.text, emitted.bind({ ...moment, customers }));
  const ids = rows.map((row) => String(row['id']));
  expect(new Set(ids).size).toBe(ids.length);
  return new Set(ids);
}

function memberAt({ checked, shop, moment }: World, customer: ShopCustomer, atMs: number): boolean {
  return evaluateRule(checked.rule, customer, shop, atMs, moment.timeZone, () => false);
}

/** What depends on no row is the segment's to look at. */
function standsUntil(world: World, customer: ShopCustomer, dueAtMs: number): void {
  const { checked, shop, moment } = world;
  if (dueAtMs <= moment.asOfMs) throw new Error(`a look is due at once\n${describe(world, customer)}`);
  const untilMs = Math.min(dueAtMs, nextConstantFlip(checked, moment.asOfMs, moment.timeZone) ?? Number.POSITIVE_INFINITY);
  const now = memberAt(world, customer, moment.asOfMs);
  const instants = flipCandidates([checked.rule], customer, shop, moment, untilMs);
  const step = Math.max(1, Math.floor(instants.length / INSTANTS_TRIED));
  for (const [place, atMs] of instants.entries()) {
    if (place >= INSTANTS_TRIED / 2 && place % step !== 0) continue;
    if (memberAt(world, customer, atMs) !== now) {
      throw new Error(`the answer changes at ${new Date(atMs).toISOString()}, before the look\n${describe(world, customer)}`);
    }
  }
}

function describe({ checked, moment, shop }: World, customer: ShopCustomer): string {
  return [
    `rule: ${printRule(checked.rule)}`,
    `moment: ${new Date(moment.asOfMs).toISOString()} ${moment.timeZone}, seed ${settings.seed}`,
    `customer ${customerKeyOf(customer.id)}: ${JSON.stringify(customer)}`,
    ...shop.orders
      .filter((row) => row.customerKey === customer.key)
      .map((row) => `${new Date(row.placedAtMs).toISOString()} ${JSON.stringify(row)}`),
    ...shop.events
      .filter((row) => row.customerKey === customer.key)
      .map((row) => `${new Date(row.occurredAtMs).toISOString()} ${JSON.stringify(row)}`),
  ].join('\n');
}
