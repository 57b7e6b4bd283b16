// In charge of what a webhook is: its record as it is stored, and reading it. Not of changing it (webhooks.ts) or its place (lease.ts).
import type { Change } from '../changes/read-changes.ts';
import { NOTICE_TYPES, type NoticeType } from '../segments/notices.ts';

export const CHANGED = 'segment.membership.changed';
export const MESSAGE_TYPES = [CHANGED, ...NOTICE_TYPES] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export const MOST_CHANGES = 500;

export type DisabledCode = 'gone' | 'failing' | 'secret_unreadable';

/** Which changes and notices it is sent. One that takes all changes gets tombstones, too: positions without gaps. */
export interface Filter {
  readonly types: readonly MessageType[];
  /** null: all */
  readonly segmentIds: readonly number[] | null;
  readonly changeTypes: readonly Exclude<Change['type'], 'erased'>[] | null;
}

/**
 * The batch under way: fixed when it is first attempted, so that a retry, also by another process, has the same id and the same content. A
 * range and the filter of that moment, never the content itself: what is erased meanwhile becomes a tombstone in it.
 */
export type Batch = { readonly id: string; readonly atMs: number } & (
  | {
      readonly kind: 'changes';
      readonly after: string;
      readonly through: string;
      readonly segmentIds: readonly number[] | null;
      readonly changeTypes: readonly string[] | null;
    }
  | { readonly kind: 'notice'; readonly noticeId: string; readonly type: NoticeType }
);

export interface WebhookRow {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly types: MessageType[];
  readonly segment_ids: number[] | null;
  readonly change_types: ('entered' | 'exited')[] | null;
  readonly batch_size: number;
  readonly status: 'active' | 'paused' | 'disabled';
  readonly disabled_code: DisabledCode | null;
  readonly disabled_detail: string | null;
  readonly disabled_at: number | null;
  readonly secret: Buffer;
  readonly previous_secret: Buffer | null;
  readonly previous_until: number | null;
  readonly author: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly revision: string;
  readonly replays: string;
  readonly position: string;
  readonly notice_id: string;
  readonly batch: Batch | null;
  readonly failures: number;
  readonly failing_since: number | null;
  readonly retry_at: number | null;
  readonly delivered_at: number | null;
  readonly gap_after: string | null;
  readonly gap_through: string | null;
  readonly gap_at: number | null;
  readonly delivered: string;
  readonly failed: string;
  readonly lease_id: string | null;
}

/** SQL over `webhooks as w`. */
export const WEBHOOK_COLUMNS = [
  'id',
  'url',
  'description',
  'types',
  'segment_ids',
  'change_types',
  'batch_size',
  'status',
  'disabled_code',
  'disabled_detail',
  'disabled_at',
  'secret',
  'previous_secret',
  'previous_until',
  'author',
  'created_at',
  'updated_at',
  'revision',
  'replays',
  'position',
  'notice_id',
  'batch',
  'failures',
  'failing_since',
  'retry_at',
  'delivered_at',
  'gap_after',
  'gap_through',
  'gap_at',
  'delivered',
  'failed',
  'lease_id',
]
  .map((name) => `w.${name}`)
  .join(', ');

/** SQL: the clock with which instants of webhooks are compared: the database's, or a test's in $1. */
export const NOW = `coalesce($1::timestamptz, date_trunc('milliseconds', clock_timestamp()))`;
