// In charge of carrying out a plan, step by step in its order, and of waiting for the runs that follow. If a step is refused, the steps before
// it stay done: applying again goes on from there.
import { unreachable } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { type ApiClient, ApiRefusal } from '../api-client.ts';
import type { Plan, Step } from './make-plan.ts';
import type { PresentGroup } from './read-present.ts';

const NOTE = 'from files';

/** The id of the newest run of each segment that the plan touches, as it was before it was touched; null: there was none. */
export type RunsBefore = ReadonlyMap<string, string | null>;

/** `onStep` is called before each step. Throws an ApiRefusal if one is refused. */
export async function applyPlan(api: ApiClient, { steps }: Plan, onStep: (step: Step) => void): Promise<RunsBefore> {
  const runsBefore = new Map<string, string | null>();
  for (const step of steps) {
    onStep(step);
    for (const key of touchedKeys(step)) if (!runsBefore.has(key)) runsBefore.set(key, await readRunId(api, key));
    await takeStep(api, step);
  }
  return runsBefore;
}

async function readRunId(api: ApiClient, key: string): Promise<string | null> {
  try {
    const { run } = (await api.call('GET', `/v1/segments/${key}`)) as unknown as SegmentAnswer;
    return run?.id ?? null;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return null; // it is to be created
    throw error;
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

/**
 * Waits until none of these segments has a run under way. A run that ended before the plan touched its segment says nothing of the plan: a group may
 * change around a segment whose build was cancelled, and one that is archived has arrived. `onProgress` is called with the segment that is waited
 * for.
 */
export async function waitForRuns(
  api: ApiClient,
  runsBefore: RunsBefore,
  clock: Clock,
  onProgress: (key: string, done: number, total: number) => void,
): Promise<readonly Waited[]> {
  const waited: Waited[] = [];
  for (const [key, runBefore] of runsBefore) {
    for (;;) {
      const answer = (await api.call('GET', `/v1/segments/${key}`)) as unknown as SegmentAnswer;
      const { status, run } = answer;
      const isOpen = run?.status === 'queued' || run?.status === 'running';
      if (isOpen || status === 'building' || status === 'archiving') {
        onProgress(key, run?.done ?? 0, run?.total ?? 0);
        await clock.sleep(POLL_MS);
        continue;
      }
      waited.push({ key, failure: failureOf(answer, runBefore) });
      break;
    }
  }
  return waited;
}

function failureOf({ status, failure, run }: SegmentAnswer, runBefore: string | null): string | null {
  if (status === 'archived') return null;
  if (status === 'failed') return failure ?? 'it failed';
  if (run === null || run.id === runBefore) return null;
  return run.status === 'cancelled' || run.status === 'failed' ? `its run was ${run.status}` : null;
}

function touchedKeys(step: Step): readonly string[] {
  switch (step.kind) {
    case 'create segment':
    case 'publish':
      return [step.segment.key];
    case 'archive':
      return [step.key];
    case 'create group':
      return keysOf(step.group);
    case 'change group':
      return [...keysOf(step.before), ...keysOf(step.after)];
    case 'edit segment':
    case 'delete group':
      return [];
    default:
      return unreachable(step);
  }
}

function keysOf({ segments, otherwise }: PresentGroup): readonly string[] {
  return otherwise === null ? segments : [...segments, otherwise];
}
