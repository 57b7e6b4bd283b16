// The shapes of the API that the segment page reads.
import type { Status } from '../../parts/segment-name.tsx';

export interface Segment {
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  readonly icon: string | null;
  readonly color: string | null;
  readonly kind: 'rule' | 'manual';
  readonly status: Status;
  readonly failure: string | null;
  readonly retryAt: string | null;
  readonly memberCount: number;
  readonly version: number | null;
  readonly draft: number | null;
  readonly evaluatedAt: string | null;
  readonly reviewAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly run: { readonly id: string; readonly status: string; readonly done: number; readonly total: number } | null;
}

export interface Run {
  readonly id: string;
  readonly segment: string;
  readonly cause: string;
  readonly status: 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'superseded';
  readonly done: number;
  readonly total: number;
  readonly changes: number;
  readonly secondsLeft: number | null;
  readonly failure: string | null;
}

export interface Version {
  readonly number: number;
  readonly text: string;
  readonly note: string | null;
  readonly author: string | null;
  readonly createdAt: string;
  readonly publishedAt: string | null;
}

export interface RulesDiff {
  readonly against: number | null;
  readonly added: readonly { readonly text: string }[];
  readonly removed: readonly { readonly text: string }[];
  readonly changed: readonly { readonly before: string; readonly after: string }[];
}

export interface Impact {
  readonly entering: number;
  readonly leaving: number;
  readonly staying: number;
  readonly sampleEntering: readonly string[];
  readonly sampleLeaving: readonly string[];
  readonly dependents: readonly { readonly key: string; readonly name: string; readonly entering: number; readonly leaving: number }[];
  readonly changes: number;
  readonly deliveries: number;
  readonly rulesDiff: RulesDiff;
  readonly at: string;
}

export interface SizePoint {
  readonly at: string;
  readonly size: number;
  readonly entered: number;
  readonly left: number;
}

/** A segment as it was read, with the tag for what its owners edit. */
export interface Held {
  readonly segment: Segment;
  readonly etag: string | null;
  readonly again: () => void;
}

export function isUnderWay({ run }: Segment): boolean {
  return run !== null && (run.status === 'queued' || run.status === 'running');
}
