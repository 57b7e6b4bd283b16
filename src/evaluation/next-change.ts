// In charge of saying when a customer's membership changes by the clock alone: the evaluation itself, asked again for each instant at which
// something may flip, until the answer does. Reads only.
import type { CheckedRule } from '../rules/checked-rule.ts';
import { segmentIdsOf } from '../rules/emit-choice.ts';
import { numberedConditions } from '../rules/walk-rule.ts';
import type { Inquiry } from './inquiry.ts';
import type { Program } from './program.ts';

/** The segment and the live ones on which its answer depends: those its rule names, those of its group, at any depth; ascending. */
export function supportOf({ definitions: { live, groups } }: Program, segmentId: number): readonly number[] {
  const byKey = new Map(live.map((segment) => [segment.key, segment]));
  const byId = new Map(live.map((segment) => [segment.id, segment]));
  const found = new Set<number>();
  const queue = [segmentId];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const segment = byId.get(id);
    if (segment === undefined || found.has(id)) continue;
    found.add(id);
    for (const key of segment.checked.reads.segments) {
      const named = byKey.get(key);
      if (named !== undefined) queue.push(named.id);
    }
    for (const ids of groups.map(segmentIdsOf)) if (ids.includes(id)) queue.push(...ids);
  }
  return [...found].sort((a, b) => a - b);
}

/** How many instants are looked at, and for how long, before the next change is given as unknown. */
export const LOOKS = 50;
const LOOKING_MS = 1_000;

export type NextChange =
  | { readonly kind: 'none' }
  /** nothing changes until then; later instants were not looked at */
  | { readonly kind: 'unknown'; readonly afterMs: number }
  | {
      readonly kind: 'change';
      readonly atMs: number;
      readonly type: 'entered' | 'exited';
      /** what the conditions of the segment's own rule are just before the instant and at it */
      readonly before: readonly boolean[];
      readonly after: readonly boolean[];
    };

export interface Forecast {
  /** what the evaluation says at the instant it starts from */
  readonly isMember: boolean;
  readonly next: NextChange;
}

/** The first instant at which a live segment's answer changes if nothing happens: the evaluation itself, looked at flip by flip. */
export async function findNextChange(
  inquiry: Inquiry,
  { id: segmentId, checked }: { readonly id: number; readonly checked: CheckedRule },
  fromMs: number,
  nowMs: () => number,
): Promise<Forecast> {
  const segmentIds = supportOf(inquiry.program, segmentId);
  const startedMs = nowMs();
  let { want, dueAtMs } = await inquiry.evaluate(segmentIds, fromMs);
  const isMember = want.has(segmentId);
  for (let looks = 1; dueAtMs !== null; looks += 1) {
    if (looks > LOOKS || nowMs() - startedMs > LOOKING_MS) {
      return { isMember, next: { kind: 'unknown', afterMs: dueAtMs - 1 } };
    }
    const atMs = dueAtMs;
    const before = want;
    ({ want, dueAtMs } = await inquiry.evaluate(segmentIds, atMs));
    if (want.has(segmentId) === isMember) continue;
    const next: NextChange = {
      kind: 'change',
      atMs,
      type: isMember ? 'exited' : 'entered',
      before: await truthsAt(inquiry, checked, { atMs: atMs - 1, computed: segmentIds, members: before }),
      after: await truthsAt(inquiry, checked, { atMs, computed: segmentIds, members: want }),
    };
    return { isMember, next };
  }
  return { isMember, next: { kind: 'none' } };
}

/** For a later instant, segments have the members of that instant as far as those have been computed. */
async function truthsAt(inquiry: Inquiry, checked: CheckedRule, instant: Instant): Promise<readonly boolean[]> {
  const { segmentIds } = inquiry.program.definitions;
  const seen = await inquiry.see(checked, instant.atMs);
  return numberedConditions(checked.rule).map((condition, index) => {
    const id = condition.kind === 'segment' ? segmentIds.get(condition.key) : undefined;
    return id !== undefined && instant.computed.includes(id) ? instant.members.has(id) : seen[index]?.[0] === true;
  });
}

interface Instant {
  readonly atMs: number;
  readonly computed: readonly number[];
  readonly members: ReadonlySet<number>;
}
