// In charge of carrying out a plan, step by step in its order, and of waiting for the runs that follow. If a step is refused, the steps before
// it stay done: applying again goes on from there.
import { unreachable } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { ApiClient } from '../api-client.ts';
import type { Plan, Step } from './make-plan.ts';
import type { PresentGroup } from './read-present.ts';

const NOTE = 'from files';

/** `onStep` is called before each step. Throws an ApiRefusal if one is refused. */
export async function applyPlan(api: ApiClient, { steps }: Plan, onStep: (step: Step) => void): Promise<void> {
  for (const step of steps) {
    onStep(step);
    await takeStep(api, step);
  }
}

async function takeStep(api: ApiClient, step: Step): Promise<void> {
  switch (step.kind) {
    case 'create segment': {
      const { key, name, description, icon, color, kind, rule } = step.segment;
      const body = { key, name, description, icon, color, kind, publish: true };
      await api.call('POST', '/v1/segments', rule === null ? body : { ...body, rule });
      return;
    }
    case 'publish': {
      const { segment, number } = step;
      const path = `/v1/segments/${segment.key}/versions`;
      if (number === null) await api.call('POST', path, { rule: segment.rule ?? '', note: NOTE, publish: true });
      else await api.call('POST', `${path}/${number}/publish`);
      return;
    }
    case 'edit segment':
      await api.call('PATCH', `/v1/segments/${step.key}`, Object.fromEntries(step.edits.map(({ field, to }) => [field, to])));
      return;
    case 'archive':
      await api.call('DELETE', `/v1/segments/${step.key}`);
      return;
    case 'create group':
      await api.call('POST', '/v1/groups', step.group);
      return;
    case 'change group':
      await api.call('PUT', `/v1/groups/${step.after.key}`, contentOf(step.after));
      return;
    case 'delete group':
      await api.call('DELETE', `/v1/groups/${step.key}`);
      return;
    default:
      unreachable(step);
  }
}

function contentOf({ name, segments, otherwise }: PresentGroup): object {
  return { name, segments, otherwise };
}

const POLL_MS = 250;

export interface Waited {
  readonly key: string;
  /** null: it has arrived where it should be */
  readonly failure: string | null;
}

interface SegmentAnswer {
  readonly status: string;
  readonly failure: string | null;
  readonly run: { readonly id: string; readonly status: string; readonly done: number; readonly total: number } | null;
}

/** Waits until no segment has a run under way. `onProgress` is called with the segment that is waited for. */
export async function waitForRuns(
  api: ApiClient,
  plan: Plan,
  clock: Clock,
  onProgress: (key: string, done: number, total: number) => void,
): Promise<readonly Waited[]> {
  const waited: Waited[] = [];
  for (const key of touchedKeys(plan)) {
    for (;;) {
      const { status, failure, run } = (await api.call('GET', `/v1/segments/${key}`)) as unknown as SegmentAnswer;
      const isOpen = run?.status === 'queued' || run?.status === 'running';
      if (isOpen || status === 'building' || status === 'archiving') {
        onProgress(key, run?.done ?? 0, run?.total ?? 0);
        await clock.sleep(POLL_MS);
        continue;
      }
      const isCancelled = run?.status === 'cancelled' || run?.status === 'failed';
      waited.push({ key, failure: status === 'failed' ? (failure ?? 'it failed') : isCancelled ? `its run was ${run.status}` : null });
      break;
    }
  }
  return waited;
}

function touchedKeys({ steps }: Plan): ReadonlySet<string> {
  const keys = new Set<string>();
  const addGroup = ({ segments, otherwise }: PresentGroup) => {
    for (const key of otherwise === null ? segments : [...segments, otherwise]) keys.add(key);
  };
  for (const step of steps) {
    if (step.kind === 'create segment' || step.kind === 'publish') keys.add(step.segment.key);
    else if (step.kind === 'archive') keys.add(step.key);
    else if (step.kind === 'create group') addGroup(step.group);
    else if (step.kind === 'change group') for (const group of [step.before, step.after]) addGroup(group);
  }
  return keys;
}
