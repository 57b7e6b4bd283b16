// Random rules over random shops, through the real write path and a clock that is moved: every explanation must agree with the membership
// and with the naive evaluator, condition by condition and value by value; the next change must come exactly when it is said to; and what
// changes have recorded must be what the naive evaluator said at their instant.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { explainPast } from '../../src/changes/explain-past.ts';
import { evaluateDue } from '../../src/membership/due.ts';
import { explainNow } from '../../src/membership/explain-now.ts';
import type { MembershipExplanation } from '../../src/membership/explanation.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import { write } from '../../src/pipeline.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { conditionsIn, type ExplainedNode, type Value } from '../../src/rules/explain-rule.ts';
import { missingOf } from '../../src/rules/missing.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { sidesOf } from '../../src/rules/walk-rule.ts';
import { createSegment } from '../../src/segments/create-segment.ts';
import { queueConstantFlips } from '../../src/segments/lifecycle.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { type AbstractFacts, arbitraryFacts, factsAt } from '../oracle/arbitrary-shop.ts';
import { toText } from '../oracle/decimal.ts';
import { evaluateExpression, evaluateRule } from '../oracle/evaluate.ts';
import { flipCandidates } from '../oracle/flip-candidates.ts';
import { apply, EMPTY_SHOP, type Shop, type ShopCustomer } from '../oracle/shop.ts';
import type { Maybe } from '../oracle/value.ts';
import { CATALOG, DURATIONS, lengthMs, MOMENTS, type Moment } from '../oracle/world.ts';
import { openEmpty } from './open-empty.ts';
import { holdAlways, propertySettings } from './settings.ts';

const SEGMENTS = 6;
const KEYS = Array.from({ length: SEGMENTS }, (_, id) => `s${id}`);
/** Each rule may name the segments before it; simple ones hide least. */
const DEPTHS = [0, 0, 1, 1, 2, 3];
/** Instants before the next change at which nothing may have changed. */
const INSTANTS_TRIED = 25;

const rules = fc.tuple(...DEPTHS.map((depth, segment) => arbitraryRule(KEYS.slice(0, segment), depth)));
const batch = arbitraryFacts({ customers: 4, orders: 12, events: 12 });
const story = fc.record({
  moment: fc.constantFrom(...MOMENTS),
  rules,
  batches: fc.array(fc.tuple(batch, fc.constantFrom(0, 1, 5_000, ...DURATIONS.map(lengthMs))), { minLength: 1, maxLength: 3 }),
});

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('explanations', 15);

it('explains what the naive evaluator says', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(story, async ({ moment, rules: drawn, batches }) => {
    const play = await startPlay(moment, drawn);
    try {
      for (const [facts, waitMs] of batches) await step(play, facts, waitMs);
    } finally {
      await play.strata.close();
    }
  });
  await holdAlways(property, settings);
});

// ---------------------------------------------------------------- playing a story

interface Play {
  readonly strata: Strata;
  readonly clock: TestClock;
  readonly moment: Moment;
  readonly rules: readonly Rule[];
  shop: Shop;
  /** decisions of this very instant, by a write or by the clock: the last change may stand before the last of them */
  decisions: number;
  readonly story: string[];
}

async function startPlay(moment: Moment, drawn: readonly Rule[]): Promise<Play> {
  const { database } = testDatabase;
  const clock = new TestClock(moment.asOfMs);
  const strata = await openEmpty(database, clock, moment.timeZone);
  const play: Play = { strata, clock, moment, rules: drawn, shop: { ...EMPTY_SHOP, catalog: CATALOG }, decisions: 0, story: [] };
  for (const [segment, rule] of drawn.entries()) {
    const key = `s${segment}`;
    await createSegment(database, clock, { key, name: key, kind: 'rule', rule: printRule(rule), publish: true, author: null });
  }
  await settle(play);
  return play;
}

async function step(play: Play, abstract: AbstractFacts, waitMs: number): Promise<void> {
  const standpoint = { nowMs: play.clock.nowMs(), startMs: play.moment.asOfMs, timeZone: play.moment.timeZone };
  const facts = factsAt(abstract, standpoint);
  play.story.push(`write ${JSON.stringify(facts)}`);
  await write(play.strata, facts);
  play.decisions += 1;
  play.shop = apply(play.shop, facts, play.clock.nowMs());
  await compareAll(play);
  play.clock.advance(waitMs);
  if (waitMs > 0) play.decisions = 0;
  play.story.push(`wait until ${iso(play.clock.nowMs())}`);
  await settle(play);
  await compareAll(play);
}

async function settle(play: Play): Promise<void> {
  const { strata, clock } = play;
  const fail = (error: unknown) => {
    throw error;
  };
  for (
    let done = await evaluateDue(strata, { onFailure: fail });
    done.customers > 0;
    done = await evaluateDue(strata, { onFailure: fail })
  ) {
    if (done.changes > 0) play.decisions = Math.max(play.decisions, 1);
  }
  await queueConstantFlips(strata.database, clock, clock.nowMs());
  while (await runOpenRuns(strata, new AbortController().signal));
}

// ---------------------------------------------------------------- comparing

async function compareAll(play: Play): Promise<void> {
  const { strata, clock, shop } = play;
  const { segmentIds } = strata.programs.get().definitions;
  for (const customer of shop.customers) {
    for (const [segment, rule] of play.rules.entries()) {
      const id = segmentIds.get(`s${segment}`) as number;
      const say = (what: string) => failure(play, customer, rule, what);
      const { explanation, changes } = await explainNow(strata, customer.key, id);
      expect(changes, say('changes found while explaining')).toBe(0);
      compareTree(play, customer, rule, explanation, clock.nowMs());
      compareRows(explanation, say);
      compareNext(play, customer, segment, explanation);
      await comparePast(play, customer, { id, rule });
    }
  }
}

function compareTree(play: Play, customer: ShopCustomer, rule: Rule, { tree, member }: MembershipExplanation, asOfMs: number): void {
  const { shop, moment } = play;
  const say = (what: string) => failure(play, customer, rule, what);
  if (tree === null) throw new Error(say('there is no tree'));
  const ask = (part: Rule) =>
    evaluateRule(part, customer, shop, asOfMs, moment.timeZone, (key) => membersAt(play, customer, asOfMs).has(key));
  expect(tree.holds, say('the tree and the membership')).toBe(member);
  expect(tree.holds, say('the tree and the oracle')).toBe(ask(rule));
  for (const { condition, holds, seen } of conditionsIn(tree)) {
    expect(holds, say(`the condition ${printRule(condition)}`)).toBe(ask(condition));
    const [left] = sidesOf(condition);
    if (left === undefined || seen === null) continue;
    const value = evaluateExpression(left, customer, shop, asOfMs, moment.timeZone);
    if (left.kind === 'now' || left.kind === 'ago' || left.kind === 'from_now') continue; // against a date its day is told
    expect(seen.value, say(`what ${seen.text} was`)).toEqual(told(value));
  }
  expect(missingOf(tree, moment.timeZone).length > 0, say('something is missing where it does not hold')).toBe(!tree.holds);
}

function told(value: Maybe): Value['value'] {
  if (value === null) return null;
  switch (value.type) {
    case 'number':
      return toText(value.value);
    case 'timestamp':
      return iso(value.value);
    case 'string':
    case 'boolean':
    case 'date':
      return value.value;
    case 'list':
      return value.value;
  }
}

/** As many rows as were counted, the newest first. */
function compareRows({ tree, rows }: MembershipExplanation, say: (what: string) => string): void {
  const conditions = conditionsIn(tree as ExplainedNode);
  for (const { condition, aggregate, count, newest } of rows) {
    const { seen, condition: asked } = conditions[condition] as (typeof conditions)[number];
    expect(newest.length, say('rows that are named')).toBe(Math.min(count, 20));
    expect(
      newest.map((row) => -row.atMs),
      say('the newest rows first'),
    ).toEqual(newest.map((row) => -row.atMs).sort((a, b) => a - b));
    if (aggregate.function === 'count' && sidesOf(asked)[0] === aggregate)
      expect(seen?.value, say('rows that counted')).toBe(String(count));
  }
}

/** Keys of the segments a customer is in, each rule seeing the segments before it. */
function membersAt({ rules: all, shop, moment }: Play, customer: ShopCustomer, asOfMs: number): ReadonlySet<string> {
  const members = new Set<string>();
  all.forEach((rule, segment) => {
    if (evaluateRule(rule, customer, shop, asOfMs, moment.timeZone, (key) => members.has(key))) members.add(`s${segment}`);
  });
  return members;
}

function compareNext(play: Play, customer: ShopCustomer, segment: number, { next, member }: MembershipExplanation): void {
  const { moment, clock, shop } = play;
  const key = `s${segment}`;
  const say = (what: string) => failure(play, customer, play.rules[segment] as Rule, what);
  const holdsAt = (atMs: number) => membersAt(play, customer, atMs).has(key);
  if (next.kind === 'change') {
    expect(next.type, say('which way')).toBe(member ? 'exited' : 'entered');
    expect(holdsAt(next.atMs), say(`a change said for ${iso(next.atMs)}`)).toBe(!member);
    expect(holdsAt(next.atMs - 1), say(`no change before ${iso(next.atMs)}`)).toBe(member);
  }
  const untilMs = next.kind === 'change' ? next.atMs : next.kind === 'unknown' ? next.afterMs : Number.POSITIVE_INFINITY;
  const candidates = flipCandidates(play.rules, customer, shop, { ...moment, asOfMs: clock.nowMs() }, untilMs);
  const every = Math.max(1, Math.floor(candidates.length / INSTANTS_TRIED));
  for (const atMs of candidates.filter((_, index) => index % every === 0)) {
    expect(holdsAt(atMs), say(`nothing is said to change before ${iso(untilMs)}, asked of ${iso(atMs)}`)).toBe(member);
  }
}

/** A change of this very instant has recorded what holds at it, unless more was written since; of others only that it fits the change. */
async function comparePast(play: Play, customer: ShopCustomer, { id, rule }: { readonly id: number; readonly rule: Rule }): Promise<void> {
  const { strata, clock } = play;
  const told = await explainPast(strata, customer.key, id, clock.nowMs());
  const say = (what: string) => failure(play, customer, rule, what);
  if (told.change === null) {
    expect(told, say('nobody came in without a change')).toMatchObject({ member: false, tree: { holds: null } });
    return;
  }
  expect(told.tree?.holds, say(`what was recorded with the change at ${iso(told.decidedAtMs)}`)).toBe(told.member);
  if (told.decidedAtMs === clock.nowMs() && play.decisions <= 1) compareTree(play, customer, rule, told, told.decidedAtMs);
}

function iso(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString() : 'never';
}

function failure({ clock, moment, rules: all, story: lines }: Play, customer: ShopCustomer, rule: Rule, what: string): string {
  return [
    `${what}: ${printRule(rule)}, of ${customer.id}`,
    `at ${iso(clock.nowMs())} ${moment.timeZone}, seed ${settings.seed}`,
    ...all.map((each, segment) => `s${segment}: ${printRule(each)}`),
    `from ${iso(moment.asOfMs)}:`,
    ...lines,
  ].join('\n');
}
