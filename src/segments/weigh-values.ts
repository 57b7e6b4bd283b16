// In charge of the limit on what the rules of all live segments compare with: one statement evaluates them all, and each different value is
// one of its parameters, of which Postgres takes 65,535. Not of the limits of one rule (rules/limits.ts).
import { AppError } from '../errors.ts';
import type { CheckedRule } from '../rules/checked-rule.ts';
import { emitEvaluation } from '../rules/emit.ts';
import { LIMITS, limitExceeded } from '../rules/limits.ts';
import type { Definitions, LiveSegment } from './definitions.ts';

type Weighed = Pick<Definitions, 'live' | 'catalog' | 'segmentIds'>;

/**
 * Throws `invalid_rule` if the definitions to come hold too many values, and more than those before: whoever archives a segment is never refused.
 * The values are told apart only where the nodes of all rules are so many that there could be too many.
 */
export function refuseTooManyValues(next: Weighed, before: Weighed): void {
  const { atMost } = LIMITS.liveValues;
  if (next.live.reduce((sum, { checked }) => sum + valuesAtMost(checked), 0) <= atMost) return;
  const count = countValues(next);
  if (count <= atMost || count <= countValues(before)) return;
  const hint = 'archive segments that nobody needs, or ask for many values in one list, which counts as one: country in ("CN", "DE")';
  const found = `${count.toLocaleString('en-US')} with this one`;
  const { code, detail } = limitExceeded('liveValues', found, { pointer: '' }, hint);
  throw new AppError('invalid_rule', detail, { errors: [{ code, detail, pointer: '', hint }] });
}

const bounds = new WeakMap<CheckedRule, number>();

/** At least as many as the rule has: a window of a count of events has the most for its size. */
export function valuesAtMost(checked: CheckedRule): number {
  const known = bounds.get(checked);
  if (known !== undefined) return known;
  const bound = 2 * countNodes(checked.rule) + PER_STATEMENT;
  bounds.set(checked, bound);
  return bound;
}

/** The instant, the zone, the customers and the like. */
const PER_STATEMENT = 6;

function countNodes(node: unknown): number {
  if (typeof node !== 'object' || node === null) return 0;
  return Object.values(node).reduce((sum: number, inner) => sum + countNodes(inner), 'kind' in node ? 1 : 0);
}

/** Different values of all rules together: parameters of the statement that evaluates them all, lists of segments aside. */
export function countValues(definitions: Weighed): number {
  const names = new Set<string>();
  for (const segment of definitions.live) for (const name of valuesOf(segment, definitions)) names.add(name);
  return names.size;
}

const values = new WeakMap<CheckedRule, ReadonlySet<string>>();

function valuesOf(segment: LiveSegment, { catalog, segmentIds }: Weighed): ReadonlySet<string> {
  const known = values.get(segment.checked);
  if (known !== undefined) return known;
  const told = new Set([segment.id]);
  const { names } = emitEvaluation({ segments: [segment], segmentIds, catalog, narrow: 'ids', memberships: 'present', told });
  const own = new Set(names.filter((name) => !name.startsWith('integer[] ')));
  values.set(segment.checked, own);
  return own;
}
