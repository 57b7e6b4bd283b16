// In charge of the one statement that evaluates segments: for given customers, which of them each customer is in (`have`), which it ought
// to be in (`want`), and when that may change by the clock alone (`due_at`). Not in charge of running it or of what follows from it.
//
//   customers c ─ one look at each source (emit-scan) ─ memberships h ─ levels l1, l2 … of segments that name each other ─ want, due_at
import { type SQL, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Aggregate } from './ast.ts';
import type { CheckedRule } from './checked-rule.ts';
import { createAggregates } from './emit-aggregate.ts';
import { emitCondition } from './emit-condition.ts';
import { joinMemberships } from './emit-membership.ts';
import type { Flips } from './emit-operand.ts';
import { asOf, type BindingInput, createParameters, fragmentKey, type Parameters, today, zone } from './emit-parameters.ts';
import { list, type Narrowing, narrowIds, narrowRange } from './emit-scan.ts';
import { type ConstantCondition, constantCondition } from './plan-constant.ts';
import { aggregatesOf, conditionsOf } from './walk-rule.ts';

export interface SegmentToEvaluate {
  readonly id: number;
  readonly key: string;
  readonly checked: CheckedRule;
}

export interface EmitRequest {
  /** those to compute, in any order; they may name each other */
  readonly segments: readonly SegmentToEvaluate[];
  /** key → id of every segment a rule may name; one not in `segments` is read from the memberships as they are */
  readonly segmentIds: ReadonlyMap<string, number>;
  readonly catalog: Catalog;
  /** customers: id = any($ids) | id > $after and id <= $through */
  readonly narrow: Narrowing;
  /** past: memberships as of asOf, from the log undone back from the present; customers created later are left out */
  readonly memberships: 'present' | 'past';
}

export type EvaluationInput = BindingInput;

export interface EmittedEvaluation {
  /** A select usable as `from (<text>) as e`: customer_id int8, revision int8, have int[], want int[], due_at timestamptz. */
  readonly text: string;
  /** the computed ones, ascending */
  readonly segmentIds: readonly number[];
  /** parameter values, in order */
  bind(input: EvaluationInput): unknown[];
}

const LEVEL_COLUMNS = 1_000;

export function emitEvaluation(request: EmitRequest): EmittedEvaluation {
  const parameters = createParameters();
  const segments = [...request.segments].sort((a, b) => a.id - b.id);
  const segmentIds = segments.map((segment) => segment.id);
  const all: Aggregate[] = segments.flatMap((segment) => aggregatesOf(segment.checked.rule));
  const flips = collectFlips();
  const aggregates = createAggregates(all, request.narrow, parameters, flips);

  const levels = emitLevels(segments, (segment, reference) => {
    const scope = {
      scope: 'customers',
      types: segment.checked.types,
      parameters,
      flips,
      customer: {
        aggregate: (aggregate: Aggregate) => aggregates.operand(aggregate, segment.checked.types),
        segment: (key: string) => reference(key) ?? isMember(idOf(key, request.segmentIds), parameters),
      },
    } as const;
    return emitCondition(segment.checked.rule, scope);
  });
  const named = namedElsewhere(segments, request.segmentIds);
  const want = segments.map(
    (segment) => sql`case when ${levels.reference(segment.key)} then ${parameters.constant('integer', segment.id)} end`,
  );

  const { text, bind } = parameters.render(sql`
select c.id as customer_id, c.revision,
  coalesce(h.have, '{}'::integer[]) as have,
  array_remove(array[${list(want)}]::integer[], null) as want,
  ${flips.dueAt(parameters)} as due_at
from customers as c
${sql.join([...aggregates.joins(), joinMemberships(request, segmentIds, named, parameters), ...levels.joins], sql.raw('\n'))}
where ${request.narrow === 'ids' ? narrowIds(sql`c.id`, parameters) : narrowRange(sql`c.id`, parameters)}${
    request.memberships === 'past' ? sql` and c.created_at <= ${asOf(parameters)}` : sql.empty()
  }`);
  return { text: text.trim(), segmentIds, bind };
}

function idOf(key: string, segmentIds: ReadonlyMap<string, number>): number {
  const id = segmentIds.get(key);
  assert(id !== undefined, `segment ${key} has an id`);
  return id;
}

function isMember(id: number, parameters: Parameters): SQL {
  return sql`coalesce(${parameters.constant('integer', id)} = any(h.named), false)`;
}

function namedElsewhere(segments: readonly SegmentToEvaluate[], segmentIds: ReadonlyMap<string, number>): number[] {
  const computed = new Set(segments.map((segment) => segment.key));
  const keys = new Set(segments.flatMap((segment) => [...segment.checked.reads.segments]).filter((key) => !computed.has(key)));
  return [...keys].map((key) => idOf(key, segmentIds)).sort((a, b) => a - b);
}

interface Levels {
  readonly joins: readonly SQL[];
  reference(key: string): SQL;
}

/** Segments after those that they name; each level is a fenced look of its own, so that an answer is computed once however often it is named. */
function emitLevels(
  segments: readonly SegmentToEvaluate[],
  emit: (segment: SegmentToEvaluate, reference: (key: string) => SQL | null) => SQL,
): Levels {
  const computed = new Map(segments.map((segment) => [segment.key, segment]));
  const references = new Map<string, SQL>();
  const joins: SQL[] = [];
  let waiting = segments;
  while (waiting.length > 0) {
    const ready = waiting.filter((segment) =>
      [...segment.checked.reads.segments].every((key) => !computed.has(key) || references.has(key)),
    );
    assert(ready.length > 0, 'segments do not name each other in a circle');
    const level = ready.slice(0, LEVEL_COLUMNS);
    const alias = `l${joins.length + 1}`;
    const columns = level.map((segment) => sql`${emit(segment, (key) => references.get(key) ?? null)} as ${sql.raw(`s${segment.id}`)}`);
    joins.push(sql`cross join lateral (select ${list(columns)} offset 0) as ${sql.raw(alias)}`);
    for (const segment of level) references.set(segment.key, sql.raw(`${alias}.s${segment.id}`));
    waiting = waiting.filter((segment) => !references.has(segment.key));
  }
  return {
    joins,
    reference: (key) => {
      const reference = references.get(key);
      assert(reference !== undefined, `segment ${key} was emitted`);
      return reference;
    },
  };
}

/** Candidates, each once. Days are compared as days and the least turned into an instant, so that one customer costs one look at the zone. */
function collectFlips(): Flips & { dueAt(parameters: Parameters): SQL } {
  const instants = new Map<string, SQL>();
  const days = new Map<string, SQL>();
  const ahead = (candidates: Map<string, SQL>, now: SQL): SQL =>
    sql`least(${list([...candidates.values()].map((candidate) => sql`nullif(greatest(${candidate}, ${now}), ${now})`))})`;
  return {
    addInstant: (instant) => void instants.set(fragmentKey(instant), instant),
    addDay: (day) => void days.set(fragmentKey(day), day),
    dueAt: (parameters) => {
      const dueDay = days.size === 0 ? null : sql`strata_day_start(${ahead(days, today(parameters))}, ${zone(parameters)})`;
      const dueInstant = instants.size === 0 ? null : ahead(instants, asOf(parameters));
      if (dueDay !== null && dueInstant !== null) return sql`least(${dueDay}, ${dueInstant})`;
      return dueDay ?? dueInstant ?? sql`null::timestamptz`;
    },
  };
}

const CONSTANT_STEPS = 1_000;

/** The next instant after asOf at which a part of the rule that depends on no row may flip (`today >= 2026-12-01`), or null. */
export function nextConstantFlip(checked: CheckedRule, asOfMs: number, timeZone: string): number | null {
  const flips = conditionsOf(checked.rule)
    .map((rule) => constantCondition(rule))
    .filter((condition) => condition !== null)
    .map((condition) => nextFlip(condition, asOfMs, timeZone))
    .filter((flip) => flip !== null);
  return flips.length === 0 ? null : Math.min(...flips);
}

/** Steps over instants at which the answer might change and does not (`now > today`), but not for ever. */
function nextFlip(condition: ConstantCondition, asOfMs: number, timeZone: string): number | null {
  const answer = condition.holds({ asOfMs, timeZone });
  let atMs = asOfMs;
  for (let step = 0; step < CONSTANT_STEPS; step += 1) {
    const next = condition.nextMs({ asOfMs: atMs, timeZone });
    if (next === null || condition.holds({ asOfMs: next, timeZone }) !== answer) return next;
    atMs = next;
  }
  return atMs;
}
