// In charge of the one statement that evaluates segments: for given customers, which of them each customer is in (`have`), which ones the
// customer ought to be in (`want`), when that may change by the clock alone (`due_at`), and what the conditions saw. Not in charge of running it
// or of what follows from it.
//
//   customers c ─ memberships h ─ pins p ─ group: one look at each source (emit-scan) ─ levels l1, l2 … of segments that name each other
import { type SQL, sql } from 'drizzle-orm';
import { assert } from '../base/assert.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CheckedRule } from './checked-rule.ts';
import { answersOf, type GroupToEvaluate, placeChoices, type SegmentNode, standingIds } from './emit-choice.ts';
import { divideIntoGroups, emitGroup, type Group, type Surroundings } from './emit-group.ts';
import { joinMemberships } from './emit-membership.ts';
import { type BindingInput, createParameters, type Parameters, segmentNumber } from './emit-parameters.ts';
import { createPins } from './emit-pins.ts';
import { list, type Narrowing, narrow } from './emit-scan.ts';
import { joinPlans, recordsAsText, type SeenPlan, type SeenValues } from './emit-seen.ts';
import { NotEmitted } from './not-emitted.ts';
import { type ConstantCondition, constantCondition } from './plan-constant.ts';
import { conditionsOf } from './walk-rule.ts';

export interface SegmentToEvaluate {
  readonly id: number;
  readonly key: string;
  readonly checked: CheckedRule;
}

export interface EmitRequest {
  /** those to compute, in any order; they may name each other */
  readonly segments: readonly SegmentToEvaluate[];
  /** key → id of every segment that a rule may name; one that is not in `segments` is read from the memberships as they are */
  readonly segmentIds: ReadonlyMap<string, number>;
  readonly catalog: Catalog;
  /** customers: id = any($ids), one by one or together | id > $after and id <= $through */
  readonly narrow: Narrowing;
  /** past: memberships as of asOf, by undoing the log back from the present; the caller leaves out anybody who was not a customer yet */
  readonly memberships: 'present' | 'past';
  /** ids of segments that have pins; pins of others are not looked for */
  readonly pinned?: ReadonlySet<number>;
  /** groups of segments that exclude each other; if one is touched, all of its segments that can be computed are among `segments` */
  readonly groups?: readonly GroupToEvaluate[];
  /** the segments for which what the conditions of their rules see is told too */
  readonly told?: ReadonlySet<number>;
}

export type EvaluationInput = BindingInput;

export interface EmittedEvaluation {
  /**
   * A select usable as `from (<text>) as e`: customer_id int8, revision int8, have int[], want int[], due_at timestamptz, and with `told`
   * records of what was seen. It is fenced: otherwise Postgres would compute every membership once for each use of `want`.
   */
  readonly text: string;
  /** what was seen, as the text that `readRecords` reads, from columns of `e`: to be asked only for those for whom something changes */
  readonly seen: string;
  /** how to read that text */
  readonly seenPlan: SeenPlan;
  /** the computed segments, ascending */
  readonly segmentIds: readonly number[];
  /** what the parameters stand for, in order */
  readonly names: readonly string[];
  /** parameter values, in order */
  bind(input: EvaluationInput): unknown[];
  /**
   * The condition that keeps a column of another table to the same range, with the same parameters; for ids a join by key does that (their list
   * would be searched for every row: 0.16 ms each with 1,000). `column` is our own SQL.
   */
  narrowed(column: string): string;
}

export function emitEvaluation(request: EmitRequest): EmittedEvaluation {
  try {
    return emitChecked(request);
  } catch (error) {
    throw new NotEmitted(error);
  }
}

function emitChecked(request: EmitRequest): EmittedEvaluation {
  const parameters = createParameters();
  const segments = [...request.segments].sort((a, b) => a.id - b.id);
  const segmentIds = segments.map((segment) => segment.id);
  const nodes = placeChoices(segments, request.groups ?? []);
  const pins = createPins(
    segmentIds.filter((id) => request.pinned?.has(id) === true),
    request.narrow,
    parameters,
  );
  const elsewhere = (key: string): SQL => isMember(idOf(key, request.segmentIds));
  const told = request.told ?? new Set();
  const computed = new Map(segments.map(({ key, id }) => [key, id]));
  const answer = joinGroups(divideIntoGroups(nodes), request.narrow, { elsewhere, stands: isMember, pins, told, computed }, parameters);
  const named = [...new Set([...namedElsewhere(segments, request.segmentIds), ...standingIds(nodes)])].sort((a, b) => a - b);
  const memberships = joinMemberships(request, segmentIds, named, parameters);
  const dueAt = pins.until === null ? answer.dueAt : sql`least(${answer.dueAt}, ${pins.until})`;

  const seen = answer.records.map((record, index) => sql`,\n  ${record} as ${sql.raw(seenColumn(index))}`);
  const { text, names, bind, beside } = parameters.render(sql`
select c.id as customer_id, c.revision,
  coalesce(h.have, '{}'::integer[]) as have,
  ${answer.want} as want,
  ${dueAt} as due_at${sql.join(seen)}
from customers as c
${sql.join([memberships, ...pins.joins, ...answer.joins], sql.raw('\n'))}
where ${narrow(sql`c.id`, request.narrow, parameters)}
offset 0`);
  return {
    text: text.trim(),
    seen: recordsAsText(answer.records.map((_, index) => `e.${seenColumn(index)}`)),
    seenPlan: answer.seenPlan,
    segmentIds,
    names,
    bind,
    narrowed: (column) => (request.narrow === 'range' ? beside(narrow(sql.raw(column), 'range', parameters)) : 'true'),
  };
}

/**
 * One group is joined as it is. Several are fenced, each with reads of its own, so that no row is wider than Postgres allows (1,664 columns;
 * 2,000 aggregates side by side were refused); a later group reads the answers of the earlier ones from their `want`.
 */
function joinGroups(
  groups: readonly (readonly SegmentNode[])[],
  narrowing: Narrowing,
  surroundings: Surroundings,
  parameters: Parameters,
): Pick<Group, 'joins' | 'dueAt'> & { readonly want: SQL; readonly records: readonly SQL[]; readonly seenPlan: SeenPlan } {
  const want = (answers: Group['answers']): SQL =>
    sql`array_remove(array[${list(answers.map(({ id, holds }) => sql`case when ${holds} then ${segmentNumber(id)} end`))}]::integer[], null)`;
  const [only, ...others] = groups;
  if (only === undefined || others.length === 0) {
    const group = emitGroup(only ?? [], narrowing, surroundings, parameters);
    const { records, plan } = group.seen;
    return { ...group, want: want(group.answers.filter(({ id }) => id >= 0)), records, seenPlan: plan };
  }
  const answered = new Map<string, SQL>();
  const elsewhere = (key: string): SQL => answered.get(key) ?? surroundings.elsewhere(key);
  const joins: SQL[] = [];
  const seen: SeenValues[] = [];
  const records: SQL[] = [];
  const aliases = groups.map((group, place) => {
    const alias = sql.raw(`a${place + 1}`);
    const { answers, dueAt, joins: inner, seen: ownSeen } = emitGroup(group, 'ids', { ...surroundings, elsewhere }, parameters);
    const columns = ownSeen.records.map((record, index) => sql`, ${record} as ${sql.raw(`seen${index}`)}`);
    joins.push(
      sql`cross join lateral (select ${want(answers)} as want, ${dueAt} as due_at${sql.join(columns)} from (select) as o ${sql.join([...inner], sql.raw('\n'))} offset 0) as ${alias}`,
    );
    seen.push(ownSeen);
    records.push(...columns.map((_, index) => sql`${alias}.${sql.raw(`seen${index}`)}`));
    for (const { key, id } of group.flatMap(answersOf)) answered.set(key, sql`(${segmentNumber(id)} = any(${alias}.want))`);
    return alias;
  });
  const wants = sql.join(
    aliases.map((alias) => sql`${alias}.want`),
    sql.raw(' || '),
  );
  return {
    joins,
    want: sql`array(select w.id from unnest(${wants}) as w (id) where w.id >= 0 order by w.id)`,
    dueAt: sql`least(${list(aliases.map((alias) => sql`${alias}.due_at`))})`,
    records,
    seenPlan: joinPlans(seen),
  };
}

function seenColumn(index: number): string {
  return `seen${index + 1}`;
}

function idOf(key: string, segmentIds: ReadonlyMap<string, number>): number {
  const id = segmentIds.get(key);
  assert(id !== undefined, `segment ${key} has an id`);
  return id;
}

function isMember(id: number): SQL {
  return sql`coalesce(${segmentNumber(id)} = any(h.named), false)`;
}

function namedElsewhere(segments: readonly SegmentToEvaluate[], segmentIds: ReadonlyMap<string, number>): number[] {
  const computed = new Set(segments.map((segment) => segment.key));
  const keys = new Set(segments.flatMap((segment) => [...segment.checked.reads.segments]).filter((key) => !computed.has(key)));
  return [...keys].map((key) => idOf(key, segmentIds)).sort((a, b) => a - b);
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

/** Skips instants at which the answer might have changed and does not (`now > today`), but not for ever. */
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
