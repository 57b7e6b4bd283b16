// The parts of the running service, which every call is given. Wired in open-strata.ts.
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
import type { WriteOutcome, WriteRequest } from './pipeline.ts';
import type { Deliverer } from './webhooks/deliverer.ts';

export interface Strata extends Deciding {
  readonly log: Logger;
  readonly meters: Meters;
  /** identifies the database; stands in every token */
  readonly cluster: string;
  readonly currency: string;
  /** for how many days the exits of erased customers can be read */
  readonly erasureDays: number;
  /** configured, or generated at the first start; the keys for single uses are derived from it */
  readonly secretKey: string;
  /** recognises API keys, mostly without asking the database */
  readonly keys: KnownKeys;
  /** signs and reads the short-lived tokens of browsers */
  readonly tokens: AccessTokens;
  /** lets only a few reads of many customers run at a time */
  readonly heavyReads: HeavyReads;
  /** counts the streams and waiting reads of the feed that each caller holds open */
  readonly heldPlaces: HeldPlaces;
  /** says who may do the work of an Idempotency-Key, and keeps its answer */
  readonly claims: Claims;
  /** records reads of personal data and refused attempts; writes carry their audit entries themselves */
  readonly audit: AuditRecorder;
  readonly types: RegisteredTypes;
  /** chooses the database that a read is answered from: the primary or a replica */
  readonly reads: Reads;
  readonly publisher: Publisher;
  /** answers what a shop asks at every page view, gathered, over connections of its own */
  readonly storefront: StorefrontReads;
  /** reads pages of members, those asked for at the same moment in one statement */
  readonly memberPages: MemberPages;
  /** reads the feed once for everybody who follows it live */
  readonly feedTail: FeedTail;
  /** rung when there may be new runs, because a publish or a refresh was stored */
  readonly runsWaiting: Bell;
  /** small writes; those that arrive together share a transaction */
  readonly singles: Gatherer<WriteRequest, WriteOutcome>;
  /** large writes; each has a transaction of its own, and few run at a time, so that they never take all connections */
  readonly batches: Gatherer<WriteRequest, WriteOutcome>;
  /** sends to webhooks; rung when one is made or changed */
  readonly webhooks: Deliverer;
  /** true once the process is about to stop: callers should send new work to another one */
  readonly isLeaving: boolean;
  /** Gives up the lead at once, so that another process takes it; resolves when the leader's work has ended. Requests are still answered. */
  leave(): Promise<void>;
  close(): Promise<void>;
}
