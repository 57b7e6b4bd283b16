// Checks the segments that a rule names: that they exist, may be used, form no cycle, and are not nested too deep.
import type { CatalogSegment } from '../catalog/catalog.ts';
import type { Place } from './ast.ts';
import { type CheckContext, nearest, tellError } from './check-context.ts';
import { LIMITS, limitExceeded } from './limits.ts';

export type Purpose = 'check' | 'preview' | 'publish';

/** `own` is the key of the segment that the rule defines, if there is one. */
export function checkSegments(context: CheckContext, purpose: Purpose, own: string | undefined): void {
  for (const [key, place] of context.segments) {
    const cycle = own === undefined ? null : findCycle(context.catalog, own, key);
    if (cycle === null) checkStatus(context, key, place, purpose);
    else context.errors.push({ code: 'cycle', detail: `the segments form a cycle: ${cycle.join(' → ')}`, place, cycle });
  }
  if (context.errors.some((error) => error.code === 'cycle')) return;
  checkNesting(context, own);
}

function checkStatus(context: CheckContext, key: string, place: Place, purpose: Purpose): void {
  const segment = context.catalog.segments.get(key);
  const named = `the segment ${JSON.stringify(key)}`;
  if (segment === undefined) {
    const near = nearest(context, key, context.catalog.segments.keys());
    tellError(
      context,
      'unknown_segment',
      `unknown segment ${JSON.stringify(key)}`,
      place,
      near === null ? undefined : `did you mean ${JSON.stringify(near)}?`,
    );
    return;
  }
  switch (segment.status) {
    case 'draft':
      tellError(context, 'not_available', `${named} is a draft`, place, 'publish it first');
      return;
    case 'archiving':
    case 'archived':
      tellError(context, 'not_available', `${named} is archived`, place);
      return;
    case 'paused':
      if (purpose === 'publish') {
        tellError(context, 'not_available', `${named} is paused`, place, 'resume it first');
        return;
      }
      context.warnings.push({ code: 'paused_segment', detail: `${named} is paused: its members stand still`, place });
      return;
    case 'building':
    case 'active':
    case 'failed':
      return;
  }
}

/** The shortest way from `own` by `first` back to `own`, or null. The segments of one group depend on each other. */
export function findCycle(
  { segments }: { readonly segments: ReadonlyMap<string, Pick<CatalogSegment, 'references' | 'together'>> },
  own: string,
  first: string,
): readonly string[] | null {
  const cameFrom = new Map<string, string | null>([[first, null]]);
  const queue = [first];
  for (const key of queue) {
    if (key === own) {
      const way = [own];
      for (let step = cameFrom.get(key) ?? null; step !== null; step = cameFrom.get(step) ?? null) way.unshift(step);
      return [own, ...way];
    }
    const segment = segments.get(key);
    for (const reference of [...(segment?.references ?? []), ...(segment?.together ?? [])]) {
      if (cameFrom.has(reference)) continue;
      cameFrom.set(reference, key);
      queue.push(reference);
    }
  }
  return null;
}

/** Counts the levels below this rule, and those above it too: a deeper segment deepens all that name it. */
function checkNesting(context: CheckContext, own: string | undefined): void {
  const { segments } = context.catalog;
  const [first] = context.segments;
  if (first === undefined) return;
  /** a segment and the others of its group: they are evaluated together */
  const withOthers = (key: string): readonly string[] => [key, ...(segments.get(key)?.together ?? [])];
  const references = (key: string): readonly string[] => withOthers(key).flatMap((each) => segments.get(each)?.references ?? []);
  const below = countLevels([...context.segments.keys()], references);
  let above = 0;
  if (own !== undefined) {
    const namedBy = new Map<string, string[]>();
    for (const segment of segments.values())
      for (const reference of segment.references) {
        const names = namedBy.get(reference);
        if (names === undefined) namedBy.set(reference, [segment.key]);
        else names.push(segment.key);
      }
    const names = (key: string): readonly string[] => withOthers(key).flatMap((each) => namedBy.get(each) ?? []);
    above = countLevels(names(own), names);
  }
  const levels = below + above;
  if (levels > LIMITS.segmentDepth.atMost)
    context.errors.push(
      limitExceeded(
        'segmentDepth',
        below > LIMITS.segmentDepth.atMost ? `more than ${LIMITS.segmentDepth.atMost} levels` : `${levels} levels`,
        first[1],
      ),
    );
}

/** The longest way down, level by level without recursion; stops one past the limit, so a cycle elsewhere ends too. */
function countLevels(start: readonly string[], next: (key: string) => readonly string[]): number {
  let level = 0;
  let keys = new Set(start);
  while (keys.size > 0 && level <= LIMITS.segmentDepth.atMost) {
    level += 1;
    keys = new Set([...keys].flatMap(next));
  }
  return level;
}
