// What every call is given: the parts of the running service. Wired in open-strata.ts.
import type { Logger } from 'pino';
import type { Gatherer } from './base/batch.ts';
import type { Bell } from './base/bell.ts';
import type { RegisteredTypes } from './catalog/registered-types.ts';
import type { FeedTail } from './changes/follow-changes.ts';
import type { Publisher } from './changes/publisher.ts';
import type { Facts } from './ingest/facts.ts';
import type { Deciding } from './membership/in-decision.ts';
import type { WriteOutcome } from './pipeline.ts';

export interface Strata extends Deciding {
  readonly log: Logger;
  /** identity of the database, in every token */
  readonly cluster: string;
  readonly currency: string;
  /** for how long the exits of erased customers may be read */
  readonly erasureDays: number;
  readonly types: RegisteredTypes;
  readonly publisher: Publisher;
  /** reads the feed once for all who follow it live */
  readonly feedTail: FeedTail;
  /** There may be new runs: a publish or a refresh was just stored. */
  readonly runsWaiting: Bell;
  /** small writes that arrive together share a transaction */
  readonly singles: Gatherer<Facts, WriteOutcome>;
  /** large ones have one each, few at a time, so that they never take all connections */
  readonly batches: Gatherer<Facts, WriteOutcome>;
  close(): Promise<void>;
}
