// In charge of what may happen in a random history, and of drawing it. What each step does, and means, is play-history.ts.
import fc from 'fast-check';
import type { PinWish } from '../../src/membership/write-pins.ts';
import type { Rule } from '../../src/rules/ast.ts';
import { arbitraryRule } from '../oracle/arbitrary-rule.ts';
import { type AbstractFacts, arbitraryFacts } from '../oracle/arbitrary-shop.ts';
import type { OracleGroup } from '../oracle/hand.ts';
import { CUSTOMER_IDS, DURATIONS, lengthMs, MOMENTS, type Moment } from '../oracle/world.ts';

export const MANUAL = 'm0';
/** s2 to s4 may stand in the group: their rules name only what does not depend on it. Nobody names s5 and s6: they can be paused. */
export const RULES = ['s0', 's1', 's2', 's3', 's4', 's5', 's6'];
export const KEYS = [MANUAL, ...RULES];
const NAMED: Readonly<Record<string, readonly string[]>> = {
  s0: [],
  s1: ['s0', MANUAL],
  s2: ['s0', 's1'],
  s3: ['s1'],
  s4: ['s0'],
  s5: ['s1', 's2', 's3', 's4', MANUAL],
  s6: ['s0', 's2', MANUAL],
};
const GROUPED = ['s2', 's3', 's4'];
const UNNAMED = ['s5', 's6'] as const;

/** How the clock moves: by a length, to a day's beginning, or to where the next look is due; and then some milliseconds. */
export type Wait =
  | { readonly by: 'length'; readonly lengthMs: number; readonly thenMs: number }
  | { readonly by: 'days'; readonly days: number; readonly thenMs: number }
  | { readonly by: 'look'; readonly thenMs: number };

interface Published {
  readonly segment: string;
  readonly rule: Rule;
}

/** After so many more statements the connection is cut; null: it lives. */
type CutAfter = number | null;

export type Step =
  | { readonly kind: 'write'; readonly facts: AbstractFacts; readonly cutAfter: CutAfter }
  /** `dies`: before it has evaluated anybody */
  | { readonly kind: 'import'; readonly facts: AbstractFacts; readonly dies: boolean }
  /** Unless it settles, what comes next finds everything late. */
  | { readonly kind: 'wait'; readonly wait: Wait; readonly settle: boolean }
  /** One of those who are there, counted round. */
  | { readonly kind: 'erase'; readonly index: number }
  | { readonly kind: 'publish'; readonly segment: string; readonly rule: Rule; readonly settle: boolean }
  /** One of the versions there are, counted round. */
  | { readonly kind: 'roll back'; readonly segment: string; readonly index: number; readonly settle: boolean }
  | { readonly kind: 'refresh'; readonly segment: string }
  /** The runs that are open: stopped in the middle, by an end of the process or a cut connection; another Strata goes on. */
  | {
      readonly kind: 'interrupt';
      readonly publish: Published | null;
      readonly afterPieces: number;
      readonly cutAfter: CutAfter;
      readonly settle: boolean;
    }
  | { readonly kind: 'cancel'; readonly publish: Published | null; readonly index: number; readonly afterPieces: number }
  | { readonly kind: 'pause' | 'resume' | 'archive'; readonly segment: string }
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

export type StepOf<Kind extends Step['kind']> = Step & { readonly kind: Kind };

const length = fc.constantFrom(1, 1_000, 4_000, 5_000, ...DURATIONS.map(lengthMs));
const until = fc.option(length, { nil: null });
const key = fc.constantFrom(...KEYS);
const customerId = fc.constantFrom(...CUSTOMER_IDS);
const ruleOf = (segment: string) => arbitraryRule(NAMED[segment] ?? [], 2);
const facts = arbitraryFacts({ customers: 3, orders: 5, events: 5 });
const twoKeys = fc.shuffledSubarray(KEYS, { minLength: 2, maxLength: 2 }).map(([from = MANUAL, to = MANUAL]) => ({ from, to }));
const thenMs = fc.constantFrom(-1, 0, 0, 1);
const settle = fc.boolean();
const cutAfter = fc.integer({ min: 1, max: 25 });

const wait: fc.Arbitrary<Wait> = fc.oneof(
  fc.record({ by: fc.constant('length' as const), lengthMs: length, thenMs }),
  fc.record({ by: fc.constant('days' as const), days: fc.constantFrom(1, 1, 2, 7, 31), thenMs }),
  { weight: 2, arbitrary: fc.record({ by: fc.constant('look' as const), thenMs }) },
);

const group: fc.Arbitrary<OracleGroup | null> = fc.option(
  fc.record({ segments: fc.shuffledSubarray(GROUPED, { minLength: 1 }), otherwise: fc.constantFrom(null, 's4', 's2') }),
  { freq: 4, nil: null },
);

const published: fc.Arbitrary<Published> = fc.constantFrom(...RULES).chain((segment) => ruleOf(segment).map((rule) => ({ segment, rule })));
const first = fc.option(published, { freq: 4, nil: null });

const pin = fc.record({
  kind: fc.constant('pin' as const),
  wish: fc.constantFrom<PinWish[]>('add', 'add', 'remove', 'release'),
  segment: key,
  customerId,
  forMs: until,
  replace: fc.boolean(),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('write' as const), facts, cutAfter: fc.option(cutAfter, { freq: 3, nil: null }) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('wait' as const), wait, settle }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('import' as const), facts, dies: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('erase' as const), index: fc.nat({ max: 11 }) }) },
  {
    weight: 3,
    arbitrary: fc.tuple(published, settle).map(([made, settles]) => ({ kind: 'publish' as const, ...made, settle: settles })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('roll back' as const),
      segment: fc.constantFrom(...RULES),
      index: fc.nat({ max: 5 }),
      settle,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refresh' as const), segment: fc.constantFrom(...RULES) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('interrupt' as const),
      publish: first,
      afterPieces: fc.nat({ max: 4 }),
      cutAfter: fc.option(cutAfter, { freq: 2, nil: null }),
      settle,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cancel' as const),
      publish: first,
      index: fc.nat({ max: 5 }),
      afterPieces: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const, 'archive' as const),
      segment: fc.constantFrom(...UNNAMED),
    }),
  },
  { weight: 8, arbitrary: pin },
  {
    weight: 4,
    arbitrary: fc
      .tuple(twoKeys, fc.uniqueArray(customerId, { minLength: 1, maxLength: 4 }), until)
      .map(([keys, customerIds, forMs]) => ({ kind: 'move' as const, ...keys, customerIds, forMs })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(twoKeys, arbitraryRule(['s0', 's1', 's4'], 2), until)
      .map(([keys, rule, forMs]) => ({ kind: 'move all' as const, ...keys, rule, forMs })),
  },
  { weight: 2, arbitrary: group.map((chosen) => ({ kind: 'group' as const, group: chosen })) },
);

export interface History {
  readonly moment: Moment;
  readonly rules: readonly Rule[];
  readonly group: OracleGroup | null;
  readonly first: AbstractFacts;
  readonly steps: readonly Step[];
}

export const arbitraryHistory: fc.Arbitrary<History> = fc.record({
  moment: fc.constantFrom(...MOMENTS),
  rules: fc.tuple(...RULES.map(ruleOf)),
  group,
  first: arbitraryFacts({ customers: 6, orders: 15, events: 15 }),
  steps: fc.array(step, { minLength: 4, maxLength: 16, size: 'max' }),
});
