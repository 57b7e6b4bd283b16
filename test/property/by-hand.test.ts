// Random histories with hands in them: pins, moves, a group that comes, changes and goes, between writes, publishes and steps of the clock.
// After every step the memberships are what the naive evaluator says, nobody is in two segments of the group, and the feed replays to it.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestClock } from '../../src/base/clock.ts';
import { moveOutbox } from '../../src/changes/publisher.ts';
import { readChanges } from '../../src/changes/read-changes.ts';
import { AppError } from '../../src/errors.ts';
import { evaluateDue, nextDueMs } from '../../src/membership/due.ts';
import { runOpenRuns } from '../../src/membership/full-run.ts';
import type { PinWish } from '../../src/membership/write-pins.ts';
import { move, pin, write } from '../../src/pipeline.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { ruleToJson } from '../../src/rules/print-json.ts';
import { printRule } from '../../src/rules/print-text.ts';
import { changeGroup, createGroup, deleteGroup } from '../../src/segments/groups.ts';
import { queueMove } from '../../src/segments/queue-move.ts';
import { addVersion, createSegment, publishVersion, queueConstantFlips } from '../../src/segments/segments.ts';
import type { Strata } from '../../src/strata.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { type AbstractFacts, arbitraryFacts, factsAt } from '../oracle/arbitrary-shop.ts';
import { evaluateRule } from '../oracle/evaluate.ts';
import { groupKeys, type Hand, isMember, NOTHING_SAID, type OracleGroup, pinnedElsewhere, withPin } from '../oracle/hand.ts';
import { apply, EMPTY_SHOP, type Shop, type ShopCustomer } from '../oracle/shop.ts';
import { CATALOG, CUSTOMER_IDS, customerKeyOf, DURATIONS, lengthMs, MOMENTS, type Moment } from '../oracle/world.ts';
import { findNothing } from './find-nothing.ts';
import { openEmpty } from './open-empty.ts';
import { holdAlways, propertySettings } from './settings.ts';

const MANUAL = 'm0';
/** s2 to s4 may stand in the group: their rules name only what does not depend on it. */
const RULES = ['s0', 's1', 's2', 's3', 's4', 's5'];
const NAMED: Readonly<Record<string, readonly string[]>> = {
  s0: [],
  s1: ['s0', MANUAL],
  s2: ['s0', 's1'],
  s3: ['s1'],
  s4: ['s0'],
  s5: ['s1', 's2', 's3', 's4', MANUAL],
};
const GROUPED = ['s2', 's3', 's4'];
const KEYS = [MANUAL, ...RULES];

type Step =
  | { readonly kind: 'write'; readonly facts: AbstractFacts }
  | { readonly kind: 'wait'; readonly forMs: number | null; readonly thenMs: number; readonly settle: boolean }
  | { readonly kind: 'publish'; readonly segment: string; readonly rule: Rule }
  | {
      readonly kind: 'pin';
      readonly wish: PinWish;
      readonly segment: string;
      readonly customerId: string;
      readonly forMs: number | null;
      readonly replace: boolean;
    }
  | {
      readonly kind: 'move';
      readonly from: string;
      readonly to: string;
      readonly customerIds: readonly string[];
      readonly forMs: number | null;
    }
  | { readonly kind: 'move all'; readonly from: string; readonly to: string; readonly rule: Rule; readonly forMs: number | null }
  | { readonly kind: 'group'; readonly group: OracleGroup | null };

const length = fc.constantFrom(1, 1_000, 4_000, ...DURATIONS.map(lengthMs));
const until = fc.option(length, { nil: null });
const key = fc.constantFrom(...KEYS);
const customerId = fc.constantFrom(...CUSTOMER_IDS);
const ruleOf = (segment: string) => arbitraryRule(NAMED[segment] ?? [], 2);
const group: fc.Arbitrary<OracleGroup | null> = fc.option(
  fc.record({
    segments: fc.shuffledSubarray(GROUPED, { minLength: 1 }),
    otherwise: fc.constantFrom(null, 's4', 's2'),
  }),
  { freq: 4, nil: null },
);
const facts = arbitraryFacts({ customers: 3, orders: 5, events: 5 });
const twoKeys = fc.shuffledSubarray(KEYS, { minLength: 2, maxLength: 2 }).map(([from = MANUAL, to = MANUAL]) => ({ from, to }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: facts.map((some) => ({ kind: 'write' as const, facts: some })) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      forMs: fc.option(length, { freq: 2, nil: null }),
      thenMs: fc.constantFrom(-1, 0, 0, 1),
      settle: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...RULES).chain((segment) => ruleOf(segment).map((rule) => ({ kind: 'publish' as const, segment, rule }))),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('pin' as const),
      wish: fc.constantFrom<PinWish[]>('add', 'add', 'remove', 'release'),
      segment: key,
      customerId,
      forMs: until,
      replace: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(twoKeys, fc.uniqueArray(customerId, { minLength: 1, maxLength: 4 }), until)
      .map(([keys, customerIds, forMs]) => ({ kind: 'move' as const, ...keys, customerIds, forMs })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(twoKeys, arbitraryRule(['s0', 's1', 's5'], 2), until)
      .map(([keys, rule, forMs]) => ({ kind: 'move all' as const, ...keys, rule, forMs })),
  },
  { weight: 2, arbitrary: group.map((chosen) => ({ kind: 'group' as const, group: chosen })) },
);

const history = fc.record({
  moment: fc.constantFrom(...MOMENTS),
  rules: fc.tuple(...RULES.map(ruleOf)),
  group,
  first: arbitraryFacts({ customers: 6, orders: 15, events: 15 }),
  steps: fc.array(step, { minLength: 4, maxLength: 12, size: 'max' }),
});

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const settings = propertySettings('said by hand', 40);

it('keeps what is said by hand', { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(history, async ({ moment, rules, group: first, first: firstFacts, steps }) => {
    const play = await startPlay(moment, rules);
    try {
      for (const next of [{ kind: 'write', facts: firstFacts } as const, { kind: 'group', group: first } as const, ...steps]) {
        await takeStep(play, next);
        await findNothing(play.strata, failure(play, 'what the self-check finds before anything is caught up'));
        if (next.kind === 'wait' && !next.settle) continue; // what comes next finds it late
        await settle(play);
        await compareAll(play);
      }
    } finally {
      await play.strata.close();
    }
  });
  await holdAlways(property, settings);
});

interface Play {
  readonly strata: Strata;
  readonly clock: TestClock;
  readonly moment: Moment;
  readonly rules: Map<string, Rule>;
  shop: Shop;
  hand: Hand;
  readonly story: string[];
}

async function startPlay(moment: Moment, rules: readonly Rule[]): Promise<Play> {
  const { database } = testDatabase;
  const clock = new TestClock(moment.asOfMs);
  const strata = await openEmpty(database, clock, moment.timeZone);
  await createSegment(database, clock, { key: MANUAL, name: MANUAL, kind: 'manual', rule: null, publish: true, author: null });
  for (const [place, segment] of RULES.entries()) {
    const rule = printRule(rules[place] as Rule);
    await createSegment(database, clock, { key: segment, name: segment, kind: 'rule', rule, publish: true, author: null });
  }
  const byKey = new Map(RULES.map((segment, place) => [segment, rules[place] as Rule]));
  const play: Play = { strata, clock, moment, rules: byKey, shop: { ...EMPTY_SHOP, catalog: CATALOG }, hand: NOTHING_SAID, story: [] };
  await settle(play);
  return play;
}

async function takeStep(play: Play, next: Step): Promise<void> {
  const { strata, clock } = play;
  const { database } = strata;
  play.story.push(
    JSON.stringify(next, (name, value: unknown) => (name === 'facts' || name === 'rule' || name === 'place' ? undefined : value)),
  );
  switch (next.kind) {
    case 'write': {
      const written = factsAt(next.facts, { nowMs: clock.nowMs(), startMs: play.moment.asOfMs, timeZone: play.moment.timeZone });
      play.story.push(JSON.stringify(written));
      await write(strata, written);
      play.shop = apply(play.shop, written, clock.nowMs());
      return;
    }
    case 'wait': {
      const toMs = next.forMs === null ? ((await nextDueMs(database)) ?? clock.nowMs() + 1_000) : clock.nowMs() + next.forMs;
      clock.set(Math.min(Math.max(clock.nowMs(), toMs + next.thenMs), play.moment.asOfMs + 3_000 * 86_400_000));
      return;
    }
    case 'publish': {
      play.story.push(printRule(next.rule));
      const number = await addVersion(database, clock, next.segment, { rule: ruleToJson(next.rule), author: null });
      await publishVersion(database, clock, next.segment, number);
      play.rules.set(next.segment, next.rule);
      return;
    }
    case 'group':
      return regroup(play, next.group);
    case 'pin':
      return pinOne(play, next);
    case 'move':
      return moveSome(play, next);
    case 'move all':
      return moveAll(play, next);
  }
}

async function regroup(play: Play, chosen: OracleGroup | null): Promise<void> {
  const { database, clock } = play.strata;
  if (chosen === null) {
    if (play.hand.group !== null) await deleteGroup(database, clock, 'g');
  } else {
    const change = play.hand.group === null ? createGroup : changeGroup;
    await change(database, clock, 'g', { name: 'g', ...chosen }, null);
  }
  play.hand = { ...play.hand, group: chosen };
}

async function pinOne(play: Play, next: Step & { readonly kind: 'pin' }): Promise<void> {
  const { wish, segment, customerId: id, replace } = next;
  const nowMs = play.clock.nowMs();
  const isRelease = wish === 'release' || (wish === 'remove' && segment === MANUAL);
  const untilMs = next.forMs === null || isRelease ? null : nowMs + next.forMs;
  const request = { segment, customerId: id, wish, actor: 'test', reason: null, untilMs, replace };
  const customer = customerKeyOf(id);
  const others = wish === 'add' ? pinnedElsewhere(play.hand, customer, segment, nowMs) : [];
  if (!play.shop.customers.some((each) => each.id === id)) return refused(() => pin(play.strata, request), 'not_found');
  const standing = play.hand.pins.get(`${customer} ${segment}`);
  const isSame = standing?.include === (wish === 'add') && standing.untilMs === untilMs && !isRelease;
  if (others.length > 0 && !replace && !isSame) return refused(() => pin(play.strata, request), 'pinned_elsewhere');
  await pin(play.strata, request);
  if (!isSame) for (const other of others) play.hand = withPin(play.hand, customer, other, null);
  play.hand = withPin(play.hand, customer, segment, isRelease ? null : { include: wish === 'add', untilMs });
}

async function refused(work: () => Promise<unknown>, code: string): Promise<void> {
  await expect(work()).rejects.toSatisfy((error) => error instanceof AppError && error.code === code);
}

async function moveSome(play: Play, next: Step & { readonly kind: 'move' }): Promise<void> {
  const nowMs = play.clock.nowMs();
  const untilMs = next.forMs === null ? null : nowMs + next.forMs;
  const movable = play.shop.customers.filter(
    ({ id, key: customer }) => next.customerIds.includes(id) && memberships(play, customer).has(next.from),
  );
  const { moved } = await move(play.strata, { ...next, actor: 'test', reason: null, untilMs, partial: true, replace: true });
  expect(moved, failure(play, 'how many were moved')).toBe(movable.length);
  for (const { key: customer } of movable) moveInModel(play, customer, next, untilMs);
}

/** The run has to come to its end before anything else is said. */
async function moveAll(play: Play, next: Step & { readonly kind: 'move all' }): Promise<void> {
  play.story.push(printRule(next.rule));
  await settle(play);
  const nowMs = play.clock.nowMs();
  const untilMs = next.forMs === null ? null : nowMs + next.forMs;
  const movable = play.shop.customers.filter((customer) => {
    const members = memberships(play, customer.key);
    return members.has(next.from) && holds(play, customer, next.rule, members);
  });
  const { database, clock } = play.strata;
  await queueMove(database, clock, { ...next, rule: ruleToJson(next.rule), actor: 'test', reason: null, untilMs, replace: true });
  for (const { key: customer } of movable) moveInModel(play, customer, next, untilMs);
}

function moveInModel(
  play: Play,
  customer: string,
  { from, to }: { readonly from: string; readonly to: string },
  untilMs: number | null,
): void {
  const keys = groupKeys(play.hand.group);
  for (const other of pinnedElsewhere(play.hand, customer, to, play.clock.nowMs())) play.hand = withPin(play.hand, customer, other, null);
  const isWithin = keys.includes(from) && keys.includes(to);
  if (!isWithin) play.hand = withPin(play.hand, customer, from, from === MANUAL ? null : { include: false, untilMs });
  play.hand = withPin(play.hand, customer, to, { include: true, untilMs });
}

async function settle({ strata, clock }: Play): Promise<void> {
  const fail = (error: unknown) => {
    throw error;
  };
  while ((await evaluateDue(strata, fail)).customers > 0);
  await queueConstantFlips(strata.database, clock, clock.nowMs());
  while (await runOpenRuns(strata, new AbortController().signal));
  while ((await moveOutbox(strata.database.pool, strata.timeZone)) > 0);
}

function holds({ shop, clock, moment }: Play, customer: ShopCustomer, rule: Rule, members: ReadonlySet<string>): boolean {
  return evaluateRule(rule, customer, shop, clock.nowMs(), moment.timeZone, (segment) => members.has(segment));
}

function memberships(play: Play, customerKey: string): ReadonlySet<string> {
  const customer = play.shop.customers.find((each) => each.key === customerKey);
  const members = new Set<string>();
  const rule = (segment: string): boolean => {
    const stored = play.rules.get(segment);
    return customer !== undefined && stored !== undefined && holds(play, customer, stored, members);
  };
  for (const segment of KEYS) if (isMember(play.hand, customerKey, segment, play.clock.nowMs(), rule)) members.add(segment);
  return members;
}

async function compareAll(play: Play): Promise<void> {
  const stored = await storedMemberships();
  const inGroup = groupKeys(play.hand.group);
  for (const { id, key: customer } of play.shop.customers) {
    const found = stored.get(customer) ?? [];
    expect(found, failure(play, `memberships of ${id}`)).toEqual([...memberships(play, customer)]);
    expect(found.filter((segment) => inGroup.includes(segment)).length, failure(play, `${id} in the group`)).toBeLessThan(2);
  }
  expect(await replayedMemberships(), failure(play, 'the feed replayed')).toEqual(stored);
}

async function storedMemberships(): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await testDatabase.database.query<{ customer_id: string; keys: string[] }>({
    text: `
      select m.customer_id, array_agg(s.key order by s.key) as keys
      from memberships as m
      join segments as s on s.id = m.segment_id
      group by m.customer_id`,
  });
  return new Map(rows.map((row) => [row.customer_id, row.keys] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function replayedMemberships(): Promise<ReadonlyMap<string, readonly string[]>> {
  const members = new Map<string, Set<string>>();
  for (const change of await readChanges(testDatabase.database, { afterPosition: '0', limit: 100_000 })) {
    if (change.type === 'erased') continue;
    const customer = customerKeyOf(change.customerId);
    const segments = members.get(customer) ?? new Set();
    members.set(customer, segments);
    if (change.type === 'entered') segments.add(change.segment);
    else segments.delete(change.segment);
  }
  const kept = [...members].filter(([, segments]) => segments.size > 0);
  return new Map(kept.map(([customer, segments]) => [customer, [...segments].sort()] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function failure(play: Play, what: string): string {
  return [
    what,
    `at ${new Date(play.clock.nowMs()).toISOString()} ${play.moment.timeZone}, seed ${settings.seed}`,
    ...[...play.rules].map(([segment, rule]) => `${segment}: ${printRule(rule)}`),
    JSON.stringify({ group: play.hand.group, pins: [...play.hand.pins] }),
    ...play.story,
  ].join('\n');
}
