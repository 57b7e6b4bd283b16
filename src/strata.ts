// What every call is given: the parts of the running service. Wired in open-strata.ts.
import type { Logger } from 'pino';
import type { AccessTokens } from './access/access-tokens.ts';
import type { AuditRecorder } from './access/audit-recorder.ts';
import type { Claims } from './access/claims.ts';
import type { HeavyReads } from './access/heavy-reads.ts';
import type { HeldPlaces } from './access/held-places.ts';
import type { KnownKeys } from './access/known-keys.ts';
import type { Bell } from './base/bell.ts';
import type { Gatherer } from './base/gatherer.ts';
import type { Meters } from './base/meters.ts';
import type { RegisteredTypes } from './catalog/registered-types.ts';
import type { FeedTail } from './changes/follow-changes.ts';
import type { Publisher } from './changes/publisher.ts';
import type { Reads } from './db/reads.ts';
import type { Deciding } from './membership/in-decision.ts';
import type { MemberPages } from './membership/member-pages.ts';
import type { StorefrontReads } from './membership/storefront-reads.ts';
import type { PieceOfWriting, WriteOutcome } from './pipeline.ts';
import type { Deliverer } from './webhooks/deliverer.ts';

export interface Strata extends Deciding {
  readonly log: Logger;
  readonly meters: Meters;
  /** identity of the database, in every token */
  readonly cluster: string;
  readonly currency: string;
  /** for how long the exits of erased customers may be read */
  readonly erasureDays: number;
  /** of the configuration, or made at the first start: other keys are derived from it, each for one use */
  readonly secretKey: string;
  /** who shows a key, without asking the database */
  readonly keys: KnownKeys;
  /** signed, for browsers */
  readonly tokens: AccessTokens;
  /** few at a time */
  readonly heavyReads: HeavyReads;
  /** by caller, of the feed */
  readonly heldPlaces: HeldPlaces;
  /** who may do the work of an Idempotency-Key, and its answer */
  readonly claims: Claims;
  /** reads of personal data and refused attempts; writes carry their entries themselves */
  readonly audit: AuditRecorder;
  readonly types: RegisteredTypes;
  /** which database a read is to be read from */
  readonly reads: Reads;
  readonly publisher: Publisher;
  /** one fast question per page view, gathered, over connections of their own */
  readonly storefront: StorefrontReads;
  /** of several segments and callers, gathered */
  readonly memberPages: MemberPages;
  /** reads the feed once for all who follow it live */
  readonly feedTail: FeedTail;
  /** There may be new runs: a publish or a refresh was just stored. */
  readonly runsWaiting: Bell;
  /** small writes that arrive together share a transaction */
  readonly singles: Gatherer<PieceOfWriting, WriteOutcome>;
  /** large ones have one each, few at a time, so that they never take all connections */
  readonly batches: Gatherer<PieceOfWriting, WriteOutcome>;
  /** sends to webhooks; rung when one was made or changed */
  readonly webhooks: Deliverer;
  /** No new work is to come: somebody else is to have it. */
  readonly isLeaving: boolean;
  /** Gives the lead to another process at once; resolves when what the leader had under way has ended. Requests are answered on. */
  leave(): Promise<void>;
  close(): Promise<void>;
}
