// Random histories of a shop, through the real write path and at a clock that is moved: after every step the memberships must be what
// the naive evaluator says from scratch, and the feed, replayed from empty, must give the same.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { blankDueExits } from '../../src/changes/erasures.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import type { Facts } from '../../src/ingest/facts.ts';
import { evaluateDue, nextDueMs } from '../../src/membership/due.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { erase, evaluatePending, write, writeDeferred } from '../../src/pipeline.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { addVersion, createSegment, publishVersion, queueConstantFlips } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { type AbstractFacts, arbitraryFacts, factsAt } from '../oracle/arbitrary-shop.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { addDays, dayStartMs, localDate } from '../oracle/local-days.ts';
import { apply, EMPTY_SHOP, type Shop } from '../oracle/shop.ts';
import { CATALOG, customerKeyOf, DURATIONS, lengthMs, MOMENTS, type Moment, type Standpoint } from '../oracle/world.ts';
import { compareFacts } from './compare-facts.ts';
import { findNothing } from './find-nothing.ts';
import { openEmpty } from './open-empty.ts';
import { holdAlways, propertySettings } from './settings.ts';

const SEGMENTS = 6;
const KEYS = Array.from({ length: SEGMENTS }, (_, id) => `s${id}`);

/** How the clock moves: by a length, to a day's beginning, or to where the next look is due; and then some milliseconds. */
type Wait =
  | { readonly by: 'length'; readonly lengthMs: number; readonly thenMs: number }
  | { readonly by: 'days'; readonly days: number; readonly thenMs: number }
  | { readonly by: 'look'; readonly thenMs: number };

type Step =
  | { readonly kind: 'write'; readonly facts: AbstractFacts }
  | { readonly kind: 'import'; readonly facts: AbstractFacts }
  /** The write comes before anything else has noticed that the clock moved. */
  | { readonly kind: 'wait and write'; readonly wait: Wait; readonly facts: AbstractFacts }
  | { readonly kind: 'wait'; readonly wait: Wait }
  /** One of those who are there, counted round. */
  | { readonly kind: 'erase'; readonly index: number }
  | { readonly kind: 'publish'; readonly segment: number; readonly rule: Rule };

const thenMs = fc.constantFrom(-1, 0, 0, 1);
const wait: fc.Arbitrary<Wait> = fc.oneof(
  fc.record({ by: fc.constant('length' as const), lengthMs: fc.constantFrom(1, 1_000, 4_000, 5_000, ...DURATIONS.map(lengthMs)), thenMs }),
  fc.record({ by: fc.constant('days' as const), days: fc.constantFrom(1, 1, 2, 7, 31), thenMs }),
  fc.record({ by: fc.constant('look' as const), thenMs }),
);
const batch = arbitraryFacts({ customers: 3, orders: 5, events: 5 });
const ruleOf = (segment: number) => arbitraryRule(KEYS.slice(0, segment), 2);
const publish = fc
  .integer({ min: 0, max: SEGMENTS - 1 })
  .chain((segment) => ruleOf(segment).map((rule) => ({ kind: 'publish' as const, segment, rule })));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: batch.map((facts) => ({ kind: 'write' as const, facts })) },
  { weight: 4, arbitrary: wait.map((chosen) => ({ kind: 'wait' as const, wait: chosen })) },
  { weight: 3, arbitrary: fc.tuple(wait, batch).map(([chosen, facts]) => ({ kind: 'wait and write' as const, wait: chosen, facts })) },
  { weight: 1, arbitrary: batch.map((facts) => ({ kind: 'import' as const, facts })) },
  { weight: 1, arbitrary: fc.nat({ max: 11 }).map((index) => ({ kind: 'erase' as const, index })) },
  { weight: 1, arbitrary: publish },
);

const history = fc.record({
  moment: fc.constantFrom(...MOMENTS),
  rules: fc.tuple(...KEYS.map((_, segment) => ruleOf(segment))),
  first: arbitraryFacts({ customers: 6, orders: 15, events: 15 }),
  steps: fc.array(step, { minLength: 3, maxLength: 10, size: 'max' }),
});

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('incremental equals full', 50);

it('keeps memberships right through any history', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(history, async ({ moment, rules, first, steps }) => {
    const play = await startPlay(moment, rules);
    try {
      await takeStep(play, { kind: 'write', facts: first });
      for (const next of steps) await takeStep(play, next);
    } finally {
      await play.strata.close();
    }
  });
  await holdAlways(property, settings);
});

// ---------------------------------------------------------------- playing a history

interface Play {
  readonly strata: Strata;
  readonly clock: TestClock;
  readonly moment: Moment;
  rules: readonly Rule[];
  shop: Shop;
  /** what was done, for the message of a failure */
  readonly story: string[];
}

async function startPlay(moment: Moment, rules: readonly Rule[]): Promise<Play> {
  const { database } = testDatabase;
  const clock = new TestClock(moment.asOfMs);
  const strata = await openEmpty(database, clock, moment.timeZone);
  const play: Play = { strata, clock, moment, rules, shop: { ...EMPTY_SHOP, catalog: CATALOG }, story: [] };
  for (const [segment, rule] of rules.entries()) {
    const key = `s${segment}`;
    await createSegment(database, clock, { key, name: key, kind: 'rule', rule: printRule(rule), publish: true, author: null });
  }
  await settle(play);
  return play;
}

async function takeStep(play: Play, next: Step): Promise<void> {
  switch (next.kind) {
    case 'write':
      await writeAndCheck(play, next.facts);
      break;
    case 'import':
      await importFacts(play, next.facts);
      break;
    case 'wait':
      await move(play, next.wait);
      break;
    case 'wait and write':
      await move(play, next.wait);
      await writeAndCheck(play, next.facts);
      break;
    case 'erase':
      await eraseOne(play, next.index);
      break;
    case 'publish':
      await publishRule(play, next.segment, next.rule);
      break;
  }
  await findNothing(play.strata, failure(play, 'what the self-check finds before anything is caught up'));
  await settle(play);
  await compareAll(play);
  await findNothing(play.strata, failure(play, 'what the self-check finds'));
}

/** The answer to a write must be right for whom it touched, whatever else is still to be done. */
async function writeAndCheck(play: Play, abstract: AbstractFacts): Promise<void> {
  const facts = factsAt(abstract, standpointOf(play));
  play.story.push(`write ${JSON.stringify(facts)}`);
  const touched = touchedKeys(play.shop, facts);
  const outcome = await write(play.strata, facts);
  play.shop = apply(play.shop, facts, play.clock.nowMs());
  expect([...outcome.segments.keys()].sort(), failure(play, 'whom the write touched')).toEqual([...touched].sort());
  const expected = oracleMemberships(play);
  for (const [key, segments] of outcome.segments) {
    const customer = play.shop.customers.find((row) => row.key === key);
    if (customer !== undefined) expect(segments, failure(play, `answer to the write, for ${customer.id}`)).toEqual(expected.get(key));
  }
}

/** Whom the facts name, and who had the orders that they write or delete. */
function touchedKeys(before: Shop, facts: Facts): ReadonlySet<string> {
  const written = new Set([...facts.orders.map((order) => order.id), ...facts.deletedOrderIds]);
  return new Set([
    ...facts.customers.map((customer) => customer.key),
    ...[...facts.orders, ...facts.events].map((row) => row.customerKey),
    ...before.orders.filter((order) => written.has(order.id)).map((order) => order.customerKey),
  ]);
}

async function importFacts(play: Play, abstract: AbstractFacts): Promise<void> {
  const facts = factsAt(abstract, standpointOf(play));
  play.story.push(`import ${JSON.stringify(facts)}`);
  await writeDeferred(play.strata, facts, '1');
  await evaluatePending(play.strata, '1');
  play.shop = apply(play.shop, facts, play.clock.nowMs());
}

async function eraseOne(play: Play, index: number): Promise<void> {
  const { customers, orders, events } = play.shop;
  const erased = customers[index % Math.max(customers.length, 1)];
  if (erased === undefined) return;
  play.story.push(`erase ${erased.id}`);
  await erase(play.strata, erased.id);
  play.shop = {
    ...play.shop,
    customers: customers.filter((customer) => customer.key !== erased.key),
    orders: orders.filter((order) => order.customerKey !== erased.key),
    events: events.filter((event) => event.customerKey !== erased.key),
  };
}

function standpointOf({ clock, moment }: Play): Standpoint {
  return { nowMs: clock.nowMs(), startMs: moment.asOfMs, timeZone: moment.timeZone };
}

async function move(play: Play, chosen: Wait): Promise<void> {
  const { clock, moment } = play;
  const toMs = Math.max(clock.nowMs(), (await targetMs(play, chosen)) + chosen.thenMs);
  clock.set(Math.min(toMs, moment.asOfMs + 3_000 * 86_400_000));
  play.story.push(`wait until ${new Date(clock.nowMs()).toISOString()}`);
}

async function targetMs({ clock, moment }: Play, chosen: Wait): Promise<number> {
  const nowMs = clock.nowMs();
  switch (chosen.by) {
    case 'length':
      return nowMs + chosen.lengthMs;
    case 'days':
      return dayStartMs(addDays(localDate(nowMs, moment.timeZone), chosen.days), moment.timeZone);
    case 'look':
      return (await nextDueMs(testDatabase.database)) ?? nowMs + 86_400_000;
  }
}

async function publishRule(play: Play, segment: number, rule: Rule): Promise<void> {
  const { strata, clock } = play;
  play.story.push(`publish s${segment}: ${printRule(rule)}`);
  const number = await addVersion(strata.database, clock, `s${segment}`, { rule: ruleToJson(rule), author: null });
  await publishVersion(strata.database, clock, `s${segment}`, number);
  play.rules = play.rules.map((before, id) => (id === segment ? rule : before));
}

/** What the leading process does in the background, by hand until nothing is left to do at this instant. */
async function settle({ strata, clock }: Play): Promise<void> {
  const fail = (error: unknown) => {
    throw error;
  };
  while ((await evaluateDue(strata, fail)).customers > 0);
  await queueConstantFlips(strata.database, clock, clock.nowMs());
  while (await runOpenRuns(strata, new AbortController().signal));
  while ((await moveOutbox(strata.database.pool, strata.timeZone)) > 0);
  while ((await blankDueExits(strata.database, clock)) > 0);
}

// ---------------------------------------------------------------- comparing

/** Segment keys in order, by customer key. */
type Memberships = ReadonlyMap<string, readonly string[]>;

function oracleMemberships({ shop, rules, clock, moment }: Play): Memberships {
  const memberships = new Map<string, readonly string[]>();
  for (const customer of shop.customers) {
    const members = new Set<string>();
    rules.forEach((rule, segment) => {
      if (evaluateRule(rule, customer, shop, clock.nowMs(), moment.timeZone, (key) => members.has(key))) members.add(`s${segment}`);
    });
    memberships.set(customer.key, [...members]);
  }
  return memberships;
}

async function compareAll(play: Play): Promise<void> {
  await compareFacts(testDatabase.database, play.shop, failure(play, 'stored facts'));
  const expected = oracleMemberships(play);
  const stored = await storedMemberships();
  for (const customer of play.shop.customers) {
    expect(stored.get(customer.key) ?? [], failure(play, `memberships of ${customer.id}`)).toEqual(expected.get(customer.key));
  }
  const known = new Set(play.shop.customers.map((customer) => customer.key));
  expect(
    [...stored.keys()].filter((key) => !known.has(key)),
    failure(play, 'members nobody knows'),
  ).toEqual([]);
  expect(await replayedMemberships(play), failure(play, 'the feed replayed')).toEqual(stored);
}

async function storedMemberships(): Promise<Memberships> {
  const rows = await testDatabase.database.query<{ customer_id: string; keys: string[] }>({
    text: `
      select m.customer_id, array_agg(s.key order by s.key) as keys
      from memberships as m
      join segments as s on s.id = m.segment_id
      group by m.customer_id`,
  });
  return new Map(rows.map((row) => [row.customer_id, row.keys]).sort() as [string, string[]][]);
}

/** From empty: nobody enters where they are or leaves where they are not. */
async function replayedMemberships(play: Play): Promise<Memberships> {
  const members = new Map<string, Set<string>>();
  const changes = await readChanges(testDatabase.database, { afterPosition: '0', limit: 100_000 });
  for (const change of changes) {
    if (change.type === 'erased') continue;
    const key = customerKeyOf(change.customerId);
    const segments = members.get(key) ?? new Set();
    members.set(key, segments);
    if (change.cause === 'erasure' && !segments.has(change.segment)) continue; // its entry is a tombstone
    if (segments.has(change.segment) === (change.type === 'entered')) {
      throw new Error(failure(play, `${change.customerId} ${change.type} ${change.segment} twice, at position ${change.position}`));
    }
    if (change.type === 'entered') segments.add(change.segment);
    else segments.delete(change.segment);
  }
  const kept = [...members].filter(([, segments]) => segments.size > 0);
  return new Map(kept.map(([key, segments]) => [key, [...segments].sort()]).sort() as [string, string[]][]);
}

function failure(play: Play, what: string): string {
  const { timeZone, asOfMs } = play.moment;
  return [
    what,
    `at ${new Date(play.clock.nowMs()).toISOString()} ${timeZone}, seed ${settings.seed}`,
    ...play.rules.map((rule, segment) => `s${segment}: ${printRule(rule)}`),
    `from ${new Date(asOfMs).toISOString()}:`,
    ...play.story,
  ].join('\n');
}
