// In charge of finding the steps that make a service have what the files say: in an order that works, each with what it would do to members.
// Asks the service and changes nothing. Carrying them out is apply-plan.ts.
import { isDeepStrictEqual } from 'node:util';
import { findCycle } from '../../rules/check-segments.ts';
import { parseRule } from '../../rules/parse-text.ts';
import { conditionsOf } from '../../rules/walk-rule.ts';
import { type ApiClient, ApiRefusal } from '../api-client.ts';
import type { Problem, Wanted, WantedGroup, WantedSegment } from './read-files.ts';
import type { Present, PresentGroup, PresentSegment } from './read-present.ts';

export interface RulesDiff {
  readonly added: readonly { readonly text: string }[];
  readonly removed: readonly { readonly text: string }[];
  readonly changed: readonly { readonly before: string; readonly after: string }[];
}

export interface Impact {
  readonly entering: number;
  readonly leaving: number;
  readonly staying: number;
  readonly changes: number;
  readonly dependents: readonly { readonly key: string; readonly entering: number; readonly leaving: number }[];
  readonly rulesDiff: RulesDiff;
}

type EditedField = 'name' | 'description' | 'icon' | 'color';

export interface Edit {
  readonly field: EditedField;
  readonly from: string | null;
  readonly to: string | null;
}

export type Step =
  /** entering null: the rule names a segment that is not live yet */
  | { readonly kind: 'create segment'; readonly segment: WantedSegment; readonly entering: number | null }
  /** `number`: a version with this rule exists already; impact null as above, or where the steps before it open a circle */
  | {
      readonly kind: 'publish';
      readonly segment: WantedSegment;
      readonly number: number | null;
      readonly restores: boolean;
      readonly impact: Impact | null;
    }
  | { readonly kind: 'edit segment'; readonly key: string; readonly edits: readonly Edit[] }
  | { readonly kind: 'archive'; readonly key: string; readonly leaving: number }
  | { readonly kind: 'create group'; readonly group: PresentGroup }
  /** `isPassing`: an intermediate state, so that another group can take what this one gives up */
  | { readonly kind: 'change group'; readonly before: PresentGroup; readonly after: PresentGroup; readonly isPassing: boolean }
  | { readonly kind: 'delete group'; readonly key: string };

export interface Plan {
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
}

export interface PlanOptions {
  /** segments that the files do not hold are archived, groups deleted; drafts stay */
  readonly prune: boolean;
}

interface CheckedSegment {
  readonly segment: WantedSegment;
  /** canonical; null: a manual segment, or one whose rule names what is not live yet */
  readonly json: unknown;
  /** keys that its rule names */
  readonly names: readonly string[];
}

export async function makePlan(api: ApiClient, wanted: Wanted, present: Present, options: PlanOptions): Promise<Plan> {
  const problems: Problem[] = [...wanted.problems, ...findMisfits(wanted, present)];
  const checked: CheckedSegment[] = [];
  for (const segment of wanted.segments) {
    if (!segment.archived) checked.push(await check(api, segment, wanted, present, problems));
  }
  const ordered = inOrder(checked, problems);
  const after = dependenciesAfter(wanted, checked, present, options);
  problems.push(...findGroupCycles(wanted, after));
  if (problems.length === 0) problems.push(...findOuterCycles(checked, after));
  if (problems.length > 0) return { steps: [], problems: sortProblems(problems) };
  const groups = planGroups(wanted, present, after, options);
  const steps: Step[] = [...groups.first];
  for (const each of ordered) steps.push(...(await planSegment(api, each, present)));
  steps.push(...groups.last, ...planArchives(wanted, present, options));
  return { steps, problems: [] };
}

function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((one, other) => (one.file === other.file ? one.line - other.line : one.file < other.file ? -1 : 1));
}

// ---------------------------------------------------------------- what is wrong

function isLive(segment: PresentSegment | undefined): boolean {
  return segment !== undefined && segment.status !== 'archived' && segment.status !== 'archiving';
}

function findMisfits(wanted: Wanted, present: Present): Problem[] {
  const problems: Problem[] = [];
  const kept = new Set(wanted.segments.filter(({ archived }) => !archived).map(({ key }) => key));
  const archived = new Set(wanted.segments.filter((segment) => segment.archived).map(({ key }) => key));
  for (const { key, kind, place, archived: isArchived } of wanted.segments) {
    const before = present.segments.get(key);
    if (before === undefined || before.kind === kind || isArchived) continue;
    problems.push({
      ...place,
      detail: `Segment “${key}” is ${before.kind} in the service, and a segment stays what it is; give this one another key.`,
    });
  }
  const groupOf = new Map<string, string>();
  for (const group of wanted.groups) {
    if (group.deleted) continue;
    for (const key of keysOf(group)) {
      const other = groupOf.get(key);
      if (other !== undefined) problems.push({ ...group.place, detail: `Segment “${key}” is in group “${other}” already.` });
      groupOf.set(key, group.key);
      if (kept.has(key) || (isLive(present.segments.get(key)) && !archived.has(key))) continue;
      problems.push({ ...group.place, detail: `Group “${group.key}” names “${key}”, and there is no such segment.` });
    }
  }
  return problems;
}

function keysOf({ segments, otherwise }: Pick<WantedGroup, 'segments' | 'otherwise'>): readonly string[] {
  return [...new Set(otherwise === null ? segments : [...segments, otherwise])];
}

/** A rule that only lacks a segment of these files, or names one of them that is not live yet, is right once that segment is published. */
async function check(
  api: ApiClient,
  segment: WantedSegment,
  wanted: Wanted,
  present: Present,
  problems: Problem[],
): Promise<CheckedSegment> {
  if (segment.rule === null) return { segment, json: null, names: [] };
  try {
    const { json, reads } = await api.call('POST', '/v1/rules/check', { rule: segment.rule });
    return { segment, json, names: (reads as { segments: string[] }).segments };
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.code !== 'invalid_rule') throw error;
    const names = namesIn(segment.rule);
    const coming = new Set(wanted.segments.filter(({ archived }) => !archived).map(({ key }) => key));
    const isComing = (name: string) =>
      coming.has(name) && (!isLive(present.segments.get(name)) || present.segments.get(name)?.version === null);
    for (const { code, detail, hint, span } of error.errors) {
      const lacks = code === 'unknown_segment' || code === 'not_available';
      const named = lacks ? names.find((name) => detail.includes(`“${name}”`) || detail.includes(`"${name}"`)) : undefined;
      if (named !== undefined && isComing(named)) continue;
      const line = segment.ruleLine + (span === undefined ? 0 : span.line - 1);
      problems.push({ file: segment.place.file, line, detail: `${detail}${hint === undefined ? '' : ` (${hint})`}` });
    }
    return { segment, json: null, names };
  }
}

function namesIn(rule: string): readonly string[] {
  const parsed = parseRule(rule);
  if (!parsed.ok) return [];
  return conditionsOf(parsed.value).flatMap((condition) => (condition.kind === 'segment' ? [condition.key] : []));
}

/** Each segment comes after those that its rule names. */
function inOrder(checked: readonly CheckedSegment[], problems: Problem[]): readonly CheckedSegment[] {
  const byKey = new Map(checked.map((each) => [each.segment.key, each]));
  const ordered: CheckedSegment[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (each: CheckedSegment, way: readonly string[]): void => {
    const { key, place } = each.segment;
    if (state.get(key) === 'done') return;
    if (state.get(key) === 'open') {
      problems.push({ ...place, detail: `Segments name each other in a circle: ${[...way.slice(way.indexOf(key)), key].join(' → ')}.` });
      return;
    }
    state.set(key, 'open');
    for (const name of each.names) {
      const next = byKey.get(name);
      if (next !== undefined) visit(next, [...way, key]);
    }
    state.set(key, 'done');
    ordered.push(each);
  };
  for (const each of checked) visit(each, []);
  return ordered;
}

type Dependencies = ReadonlyMap<string, { readonly references: readonly string[]; readonly together: readonly string[] }>;

/** What depends on what once everything is carried out, as the service looks for cycles. */
function dependenciesAfter({ groups }: Wanted, checked: readonly CheckedSegment[], present: Present, { prune }: PlanOptions): Dependencies {
  const names = new Map(
    [...present.segments.values()].flatMap((segment) => (isLive(segment) ? [[segment.key, namesIn(segment.rule.text)] as const] : [])),
  );
  for (const { segment, names: own } of checked) names.set(segment.key, own);
  const others = [...present.groups.values()].filter(({ key }) => !prune && groups.every((group) => group.key !== key));
  const together = new Map(
    [...others, ...groups.filter(({ deleted }) => !deleted)].flatMap((group) => keysOf(group).map((key) => [key, keysOf(group)] as const)),
  );
  return new Map([...names].map(([key, references]) => [key, { references, together: together.get(key) ?? [] }]));
}

/** Problems in the groups of these files: the service would refuse them once their segments exist. */
function findGroupCycles({ groups }: Wanted, segments: Dependencies): Problem[] {
  return groups.flatMap((group) => {
    if (group.deleted) return [];
    const cycle = keysOf(group).flatMap((key) => cyclesOf(segments, key))[0];
    if (cycle === undefined) return [];
    const detail = `Segments of group “${group.key}” depend on each other, and these would in a circle: ${cycle.join(' → ')}.`;
    return [{ ...group.place, detail }];
  });
}

/** Circles through segments or groups that no file holds. */
function findOuterCycles(checked: readonly CheckedSegment[], segments: Dependencies): Problem[] {
  return checked.flatMap(({ segment }) => {
    const cycle = cyclesOf(segments, segment.key)[0];
    return cycle === undefined
      ? []
      : [{ ...segment.place, detail: `Segments would depend on each other in a circle: ${cycle.join(' → ')}.` }];
  });
}

function cyclesOf(segments: Dependencies, key: string): readonly (readonly string[])[] {
  return (segments.get(key)?.references ?? []).flatMap((name) => {
    const cycle = findCycle({ segments }, key, name);
    return cycle === null ? [] : [cycle];
  });
}

// ---------------------------------------------------------------- segments

async function planSegment(api: ApiClient, { segment, json }: CheckedSegment, present: Present): Promise<readonly Step[]> {
  const before = present.segments.get(segment.key);
  if (before === undefined) return [{ kind: 'create segment', segment, entering: await countEntering(api, segment, json) }];
  const edits = findEdits(before, segment);
  const editing: Step[] = edits.length === 0 ? [] : [{ kind: 'edit segment', key: segment.key, edits }];
  const isSame =
    segment.kind === 'manual' || (json === null ? before.rule.text.trimEnd() === segment.rule : isDeepStrictEqual(before.rule.json, json));
  const restores = !isLive(before);
  if (isSame && before.version !== null && !restores) return editing;
  const impact = json === null ? null : await askImpact(api, segment);
  return [{ kind: 'publish', segment, number: isSame ? before.rule.number : null, restores, impact }, ...editing];
}

function findEdits(before: PresentSegment, after: WantedSegment): readonly Edit[] {
  const fields: readonly EditedField[] = ['name', 'description', 'icon', 'color'];
  return fields.filter((field) => before[field] !== after[field]).map((field) => ({ field, from: before[field], to: after[field] }));
}

async function countEntering(api: ApiClient, { rule, kind }: WantedSegment, json: unknown): Promise<number | null> {
  if (kind === 'manual') return 0;
  if (json === null) return null;
  const { count } = await api.call('POST', '/v1/rules/preview', { rule: rule ?? '', sample: 0 });
  return Number(count);
}

/** null: with what is in force now the rule would end in a circle, which the steps before this one open. */
async function askImpact(api: ApiClient, { key, rule }: WantedSegment): Promise<Impact | null> {
  try {
    return (await api.call('POST', `/v1/segments/${key}/impact`, { rule: rule ?? '', sample: 0 })) as unknown as Impact;
  } catch (error) {
    if (error instanceof ApiRefusal && error.errors.length > 0 && error.errors.every(({ code }) => code === 'cycle')) return null;
    throw error;
  }
}

/** Segments that name others come before them. */
function planArchives(wanted: Wanted, present: Present, { prune }: PlanOptions): readonly Step[] {
  const held = new Map(wanted.segments.map((segment) => [segment.key, segment]));
  const leaving = [...present.segments.values()].filter((segment) => {
    const file = held.get(segment.key);
    return isLive(segment) && (file === undefined ? prune && segment.status !== 'draft' : file.archived);
  });
  const going = new Set(leaving.map(({ key }) => key));
  const ordered: PresentSegment[] = [];
  const visit = (segment: PresentSegment): void => {
    if (!going.delete(segment.key)) return;
    for (const other of leaving) if (namesIn(other.rule.text).includes(segment.key)) visit(other);
    ordered.push(segment);
  };
  for (const segment of leaving) visit(segment);
  return ordered.map(({ key, memberCount }) => ({ kind: 'archive', key, leaving: memberCount }));
}

// ---------------------------------------------------------------- groups

/**
 * first: groups that give segments up, before others take them or before they depend on those that stay; last: groups that need all segments to
 * exist.
 */
function planGroups(
  wanted: Wanted,
  present: Present,
  dependencies: Dependencies,
  { prune }: PlanOptions,
): { readonly first: Step[]; readonly last: Step[] } {
  const first: Step[] = [];
  const last: Step[] = [];
  const kept = wanted.groups.filter(({ deleted }) => !deleted);
  const wantedBy = new Map(kept.flatMap((group) => keysOf(group).map((key) => [key, group.key] as const)));
  for (const before of present.groups.values()) {
    const file = wanted.groups.find(({ key }) => key === before.key);
    if (file === undefined ? prune : file.deleted) {
      first.push({ kind: 'delete group', key: before.key });
      continue;
    }
    if (file === undefined) continue;
    const after = contentOf(file);
    if (isDeepStrictEqual(contentOf(before), after)) continue;
    const isNeeded = (key: string) =>
      wantedBy.has(key) || keysOf(before).some((other) => other !== key && depend(dependencies, key, other));
    const givesUp = keysOf(before).some((key) => !keysOf(after).includes(key) && isNeeded(key));
    const waits = keysOf(after).some((key) => !keysOf(before).includes(key));
    if (!givesUp || !waits) {
      (waits ? last : first).push({ kind: 'change group', before: contentOf(before), after, isPassing: false });
      continue;
    }
    const passing = shrink(before, after);
    if (passing === null) first.push({ kind: 'delete group', key: before.key });
    else first.push({ kind: 'change group', before: contentOf(before), after: passing, isPassing: true });
    last.push(
      passing === null ? { kind: 'create group', group: after } : { kind: 'change group', before: passing, after, isPassing: false },
    );
  }
  for (const group of kept) if (!present.groups.has(group.key)) last.push({ kind: 'create group', group: contentOf(group) });
  return { first, last };
}

/** Whether one depends on the other, whichever: then they cannot be in one group. */
function depend(segments: Dependencies, one: string, other: string): boolean {
  return findCycle({ segments }, one, other) !== null || findCycle({ segments }, other, one) !== null;
}

/** What remains of the group; null: nothing does. */
function shrink(before: PresentGroup, after: PresentGroup): PresentGroup | null {
  const stays = new Set(keysOf(after));
  const segments = before.segments.filter((key) => stays.has(key));
  const otherwise = before.otherwise !== null && stays.has(before.otherwise) ? before.otherwise : null;
  return segments.length === 0 ? null : { key: before.key, name: before.name, segments, otherwise };
}

function contentOf({ key, name, segments, otherwise }: PresentGroup | WantedGroup): PresentGroup {
  return { key, name, segments: [...segments], otherwise };
}
