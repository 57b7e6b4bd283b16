// In charge of segments that are answered side by side: their aggregates, each computed once; their levels, where they name each other; their
// flips.
import { type SQL, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import type { Aggregate, Rule } from './ast.ts';
import type { CheckedRule } from './checked-rule.ts';
import { type AskedAggregate, createAggregates } from './emit-aggregate.ts';
import { answersOf, emitChoice, type SegmentNode } from './emit-choice.ts';
import { emitCondition } from './emit-condition.ts';
import type { EmitScope } from './emit-operand.ts';
import { fragmentKey, type Parameters, segmentNumber } from './emit-parameters.ts';
import type { Pins } from './emit-pins.ts';
import { list, type Narrowing } from './emit-scan.ts';
import { SeenValues } from './emit-seen.ts';
import { GuardedFlips, type Guards } from './guarded-flips.ts';
import { necessaryOf } from './necessary.ts';
import { aggregatesOf, lastingCounts } from './walk-rule.ts';

export interface Group {
  /** what joins the customers `c`, the memberships `h` and the pins `p` */
  readonly joins: readonly SQL[];
  /** what the nodes answer, by ascending id, rules computed aside included; null means false */
  readonly answers: readonly { readonly id: number; readonly holds: SQL }[];
  readonly dueAt: SQL;
  /** the values that are compared by the conditions of those segments whose reasons are recorded */
  readonly seen: SeenValues;
}

/** What lies outside the group itself. */
export interface Surroundings {
  /** whether the customer is in a segment of another group */
  elsewhere(key: string): SQL;
  /** whether the customer is now a member of a segment that is not computed */
  stands(segmentId: number): SQL;
  readonly pins: Pins;
  /** the segments whose reasons are recorded */
  readonly told: ReadonlySet<number>;
  /** key → id of all computed segments, in this group or another */
  readonly computed: ReadonlyMap<string, number>;
}

/** An answer is written out for everybody who asks for it if all copies together are no longer than this. */
const REPEATED_CHARACTERS = 2_000;
/** A row of a group holds its aggregates and its answers: together far below the 1,664 columns that Postgres takes. */
const GROUP_AGGREGATES = 600;
const GROUP_SEGMENTS = 600;
/** a distinct window costs up to this many aggregates for its flips */
const WINDOW_AGGREGATES = 3;

/** In an order in which no segment names one of a later group. */
export function divideIntoGroups(segments: readonly SegmentNode[]): readonly (readonly SegmentNode[])[] {
  const groups: SegmentNode[][] = [];
  let seen = new Set<string>();
  let weight = 0;
  for (const segment of orderByReference(segments)) {
    const costs = costsOf(segment);
    let added = weightOfNew(costs, seen);
    const last = groups.at(-1);
    if (last === undefined || weight + added > GROUP_AGGREGATES || last.length >= GROUP_SEGMENTS) {
      groups.push([segment]);
      seen = new Set();
      weight = 0;
      added = weightOfNew(costs, seen);
    } else last.push(segment);
    for (const key of costs.keys()) seen.add(key);
    weight += added;
  }
  return groups.map((group) => group.sort((a, b) => a.id - b.id));
}

const costsOfRules = new WeakMap<CheckedRule, ReadonlyMap<string, number>>();

/** What a rule adds to a row, by what it is; each rule is weighed only once, since every publish emits all of them again. */
function costsOf({ checked }: SegmentNode): ReadonlyMap<string, number> {
  const known = costsOfRules.get(checked);
  if (known !== undefined) return known;
  const costs = new Map<string, number>();
  const write = (value: unknown): string => JSON.stringify(value, (name, inner: unknown) => (name === 'place' ? undefined : inner));
  for (const aggregate of aggregatesOf(checked.rule)) {
    const { source, window, where } = aggregate;
    costs.set(write(aggregate), aggregate.function === 'avg' ? 2 : 1);
    costs.set(write({ source, window }), WINDOW_AGGREGATES);
    if (where !== null) costs.set(write({ source, where }), 1); // a filter may move too
  }
  costsOfRules.set(checked, costs);
  return costs;
}

function weightOfNew(costs: ReadonlyMap<string, number>, seen: ReadonlySet<string>): number {
  let weight = 0;
  for (const [key, cost] of costs) if (!seen.has(key)) weight += cost;
  return weight;
}

/** Each segment comes after those that it names. */
function orderByReference(segments: readonly SegmentNode[]): readonly SegmentNode[] {
  return levelsOf(segments).flat();
}

/** Each level names only segments of earlier levels, or of other groups. */
function levelsOf(segments: readonly SegmentNode[]): readonly (readonly SegmentNode[])[] {
  const here = new Set(segments.flatMap(answeredKeys));
  const placed = new Set<string>();
  const levels: SegmentNode[][] = [];
  let waiting = segments;
  while (waiting.length > 0) {
    const ready = waiting.filter((segment) => [...segment.checked.reads.segments].every((key) => !here.has(key) || placed.has(key)));
    assert(ready.length > 0, 'segments do not name each other in a circle');
    levels.push(ready);
    for (const segment of ready) for (const key of answeredKeys(segment)) placed.add(key);
    waiting = waiting.filter((segment) => !ready.includes(segment));
  }
  return levels;
}

function answeredKeys(segment: SegmentNode): readonly string[] {
  return answersOf(segment).map(({ key }) => key);
}

export function emitGroup(
  segments: readonly SegmentNode[],
  narrowing: Narrowing,
  { elsewhere, stands, pins, told, computed }: Surroundings,
  parameters: Parameters,
): Group {
  const flips = new GuardedFlips();
  const asked = segments.flatMap(({ checked }) => askedAggregates(checked));
  const aggregates = createAggregates(asked, narrowing, parameters, flips);
  const answers = new Map<string, SQL>();
  const answer = (key: string): SQL => answers.get(key) ?? elsewhere(key);
  const scopeOf = ({ checked: { types } }: SegmentNode, nullIsFalse: boolean): EmitScope => {
    const customer = { aggregate: (aggregate: Aggregate) => aggregates.operand(aggregate, types), segment: answer };
    return { scope: 'customers', types, parameters, flips, nullIsFalse, customer };
  };
  const emit = (segment: SegmentNode, nullIsFalse: boolean): SQL => {
    const { id, checked, choice } = segment;
    if (choice !== null) return emitChoice(choice, answer, stands, pins);
    const scope = scopeOf(segment, nullIsFalse);
    const guards = flips.under('nobody asks', () => emitGuards(checked, scope));
    return pins.decide(
      id,
      flips.under(guards, () => emitCondition(checked.rule, scope)),
    );
  };
  // What is asked for more than once and is not short becomes a column of a fenced level, so that it is computed once. Everything else is
  // written where its answer is used: a level hands on every aggregate, which costs more than evaluating a few conditions again.
  const uses = countUses(segments);
  const levels = levelsOf(segments).flatMap((level, place) => {
    const alias = `l${place + 1}`;
    const columns: SQL[] = [];
    for (const segment of level) {
      const used = uses.get(segment.key) ?? 0;
      if (segment.choice === null && used === 0) {
        answers.set(segment.key, emit(segment, true));
        continue;
      }
      const holds = segment.choice === null ? sql`(${emit(segment, false)})` : null;
      if (holds !== null && fragmentKey(holds).length * (used + 1) <= REPEATED_CHARACTERS) {
        answers.set(segment.key, holds);
        continue;
      }
      columns.push(sql`${holds ?? emit(segment, false)} as ${sql.raw(columnOf(segment))}`);
      const column = sql.raw(`${alias}.${columnOf(segment)}`);
      for (const { id, key } of answersOf(segment)) {
        answers.set(key, segment.choice === null ? column : sql`(${column} = ${segmentNumber(id)})`);
      }
    }
    return columns.length === 0 ? [] : [sql`cross join lateral (select ${list(columns)} offset 0) as ${sql.raw(alias)}`];
  });
  const seen = new SeenValues();
  for (const segment of segments) {
    const segmentId = Math.abs(segment.id); // a rule computed aside belongs to its segment
    if (segment.choice !== null || !told.has(segmentId)) continue;
    flips.under('nobody asks', () => seen.add(segmentId, segment.checked.rule, scopeOf(segment, false), computed));
  }
  return {
    joins: [...aggregates.joins(), ...levels],
    answers: segments
      .flatMap(answersOf)
      .sort((a, b) => a.id - b.id)
      .map(({ id, key }) => ({ id, holds: answer(key) })),
    dueAt: flips.dueAt(parameters),
    seen,
  };
}

/** What keeps somebody out: the profile, until it is written; a count that can only fall, until then or until the time of another row comes. */
function emitGuards({ rule }: CheckedRule, scope: EmitScope): Guards {
  const { profile, falling } = necessaryOf(rule);
  const all = (conditions: readonly Rule[]): SQL | null =>
    conditions.length === 0
      ? null
      : sql`(${sql.join(
          conditions.map((condition) => emitCondition(condition, scope)),
          sql.raw(' and '),
        )})`;
  return { arrival: all(profile), change: all([...profile, ...falling]) };
}

/** By key, how many of these segments and choices name it. */
function countUses(segments: readonly SegmentNode[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const key of segments.flatMap(({ checked }) => [...checked.reads.segments])) uses.set(key, (uses.get(key) ?? 0) + 1);
  return uses;
}

function columnOf({ id, choice }: SegmentNode): string {
  return choice !== null ? `w${id}` : id < 0 ? `r${-id}` : `s${id}`;
}

function askedAggregates({ rule, types }: CheckedRule): readonly AskedAggregate[] {
  const lasting = lastingCounts(rule);
  return aggregatesOf(rule).map((aggregate) => ({ aggregate, types, lastingCount: lasting.get(aggregate) ?? null }));
}
