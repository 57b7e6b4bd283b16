// In charge of groups of segments that exclude each other: what their rules say is computed aside, and one choice for all of them decides which
// one the customer is in. The choice is one node among the segments that name each other.
//
//   rules of a, b, c (aside) ─► the first that holds, a pin before all, `otherwise` after all ─► a, b, c as everybody sees them
import { type SQL, sql } from 'drizzle-orm';
import type { CheckedRule } from './checked-rule.ts';
import { segmentNumber } from './emit-parameters.ts';
import type { Pins } from './emit-pins.ts';

export interface GroupToEvaluate {
  readonly id: number;
  /** in order; one that is not computed keeps the members it has, and they are nowhere else in the group */
  readonly segmentIds: readonly number[];
  /** takes the customers that none of the segments holds for; it may be one of them or another segment */
  readonly otherwiseId: number | null;
}

/** What is answered side by side with others: a segment, a rule computed aside, or the choice of a group. */
export interface SegmentNode {
  /** for a rule computed aside, the segment's id negated */
  readonly id: number;
  /** the keys of rules computed aside and of choices are keys that no segment can have */
  readonly key: string;
  readonly checked: CheckedRule;
  readonly choice: Choice | null;
}

export interface Choice {
  /** in order, `otherwise` last unless it is already among them */
  readonly segments: readonly Candidate[];
  readonly otherwiseId: number | null;
}

interface Candidate {
  readonly id: number;
  /** null: not computed */
  readonly key: string | null;
}

interface Segment {
  readonly id: number;
  readonly key: string;
  readonly checked: CheckedRule;
}

/** Every segment of a group, including `otherwise`. */
export function segmentIdsOf(group: Pick<GroupToEvaluate, 'segmentIds' | 'otherwiseId'>): readonly number[] {
  const { segmentIds, otherwiseId } = group;
  return otherwiseId === null || segmentIds.includes(otherwiseId) ? segmentIds : [...segmentIds, otherwiseId];
}

/** The segments of groups are computed aside, and a choice for each group takes their place. */
export function placeChoices(segments: readonly Segment[], groups: readonly GroupToEvaluate[]): SegmentNode[] {
  const computed = new Map(segments.map((segment) => [segment.id, segment]));
  const touched = groups.filter((group) => segmentIdsOf(group).some((id) => computed.has(id)));
  const grouped = new Set(touched.flatMap(segmentIdsOf));
  const nodes: SegmentNode[] = segments.map((segment) =>
    grouped.has(segment.id)
      ? { id: -segment.id, key: keyAside(segment.key), checked: segment.checked, choice: null }
      : { ...segment, choice: null },
  );
  for (const group of touched) {
    const candidates = segmentIdsOf(group).map((id) => ({ id, key: computed.get(id)?.key ?? null }));
    const keysAside = candidates.flatMap(({ key }) => (key === null ? [] : [keyAside(key)]));
    nodes.push({
      id: Math.min(...candidates.map(({ id }) => id)),
      key: `group ${group.id}`,
      checked: nothingBut(keysAside),
      choice: { segments: candidates, otherwiseId: group.otherwiseId },
    });
  }
  return nodes;
}

/** Segments of touched groups that are not computed: whether a customer is in them is read from the memberships. */
export function standingIds(nodes: readonly SegmentNode[]): readonly number[] {
  return nodes.flatMap(({ choice }) => choice?.segments.filter(({ key }) => key === null).map(({ id }) => id) ?? []);
}

/** What a node answers: the segments that others may name, and rules computed aside. */
export function answersOf({ id, key, choice }: SegmentNode): readonly { readonly id: number; readonly key: string }[] {
  if (choice === null) return [{ id, key }];
  return choice.segments.flatMap((candidate) => (candidate.key === null ? [] : [{ id: candidate.id, key: candidate.key }]));
}

/** The id of the one segment that the customer is in, 0 for none. */
export function emitChoice(choice: Choice, answer: (key: string) => SQL, stands: (id: number) => SQL, pins: Pins): SQL {
  const whens: SQL[] = [];
  const take = (condition: SQL, id: number): void => {
    whens.push(sql`when ${condition} then ${segmentNumber(id)}`);
  };
  const unlessPinnedOut = (id: number, condition: SQL | null): SQL => {
    const outside = pins.pinnedOut(id);
    const conditions = [...(outside === null ? [] : [sql`(not ${outside})`]), ...(condition === null ? [] : [condition])];
    return conditions.length === 0 ? sql`true` : sql.join(conditions, sql.raw(' and '));
  };
  for (const { id, key } of choice.segments) if (key === null) take(stands(id), id);
  for (const { id, key } of choice.segments) {
    const inside = key === null ? null : pins.pinnedIn(id);
    if (inside !== null) take(inside, id);
  }
  for (const { id, key } of choice.segments) if (key !== null) take(unlessPinnedOut(id, answer(keyAside(key))), id);
  const otherwise = choice.segments.find(({ id, key }) => key !== null && id === choice.otherwiseId);
  if (otherwise !== undefined) take(unlessPinnedOut(otherwise.id, null), otherwise.id);
  return sql`case ${sql.join(whens, sql.raw(' '))} else 0 end`;
}

function keyAside(key: string): string {
  return `rule of ${key}`;
}

function nothingBut(keys: readonly string[]): CheckedRule {
  return {
    rule: { kind: 'not', rule: { kind: 'everyone', place: NOWHERE }, place: NOWHERE },
    types: new Map(),
    reads: { profile: false, orders: false, events: new Set(), segments: new Set(keys) },
    timeDependent: false,
    assumed: [],
    warnings: [],
  };
}

const NOWHERE = { pointer: '' } as const;
