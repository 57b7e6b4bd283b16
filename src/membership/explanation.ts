// In charge of what an explanation of a membership is, and of putting its parts together: the rule as a tree, with the segments that it names
// inside it; pins and groups come before the rule. Not of finding out (explain-now.ts, changes/explain-past.ts) or of the form on the wire.

import type { SegmentStatus } from '../catalog/catalog.ts';
import type { CountedRows } from '../evaluation/inquiry.ts';
import type { NextChange } from '../evaluation/next-change.ts';
import type { ExplainedNode } from '../rules/explain-rule.ts';
import type { Missing } from '../rules/missing.ts';
import type { Cause } from './record.ts';

/** What decided: the rule, a pin, the choice of a group, or in a manual segment somebody by hand. */
export type Because = 'rule' | 'pin' | 'group' | 'manual';

export interface CountingPin {
  readonly include: boolean;
  readonly untilMs: number | null;
  readonly reason: string | null;
  readonly actor: string;
  readonly pinnedAtMs: number;
}

export interface GroupPlace {
  readonly key: string;
  readonly name: string;
  /** in order, `otherwise` last unless it is one of them */
  readonly segments: readonly { readonly key: string; readonly member: boolean }[];
  readonly otherwise: string | null;
}

/** One segment as it is for the customer, with the segments that its rule names inside. */
export interface ExplainedSegment {
  readonly key: string;
  readonly name: string;
  readonly status: SegmentStatus;
  readonly version: number | null;
  /** as every other read says */
  readonly member: boolean;
  readonly sinceMs: number | null;
  readonly because: Because;
  /** null: a manual segment, or a rule that cannot be computed (`note` says why) */
  readonly tree: ExplainedNode | null;
  readonly rows: readonly CountedRows[];
  /** by the number of the condition; not all are unfolded, see UNFOLDED */
  readonly nested: ReadonlyMap<number, ExplainedSegment>;
  readonly missing: readonly Missing[];
  readonly pin: CountingPin | null;
  readonly group: GroupPlace | null;
  /** what might surprise a reader, in a sentence */
  readonly note: string | null;
}

export interface MembershipExplanation extends ExplainedSegment {
  readonly customerId: string;
  readonly atMs: number;
  /** recorded: from what the deciding change noted at the time */
  readonly source: 'facts' | 'recorded';
  /** the instant that the values are of: `atMs`, or that of the deciding change */
  readonly decidedAtMs: number;
  /** the change that decided, if the answer is from what was recorded; null: there is none up to `atMs` */
  readonly change: DecidingChange | null;
  /** of the present only; `none` for the past */
  readonly next: NextChange;
}

export interface DecidingChange {
  readonly type: 'entered' | 'exited';
  readonly cause: Cause;
  readonly atMs: number;
}

/** How deep segments within segments are unfolded, and how many in all. */
export const UNFOLDED = { depth: 4, segments: 20 } as const;

/** For a customer who existed when the explanation was asked for, and was gone when it was read. */
export const ERASED_MEANWHILE = 'The customer was erased meanwhile.';
