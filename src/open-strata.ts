// In charge of wiring the running service by hand, here and nowhere else, and of starting its background work.
// What happens to a write is pipeline.ts, what the leading process does is lead.ts.
import type { Logger } from 'pino';
import { ACCESS_LIMITS, type AccessLimits } from './access/access-limits.ts';
import { AccessTokens } from './access/access-tokens.ts';
import { AuditRecorder } from './access/audit-recorder.ts';
import { Claims } from './access/claims.ts';
import { HeavyReads } from './access/heavy-reads.ts';
import { HeldPlaces } from './access/held-places.ts';
import { KnownKeys } from './access/known-keys.ts';
import { Bell } from './base/bell.ts';
import type { Clock } from './base/clock.ts';
import { Gatherer } from './base/gatherer.ts';
import { createMeters } from './base/meters.ts';
import { RegisteredTypes } from './catalog/registered-types.ts';
import { MISMATCH_KINDS } from './changes/confirm-mismatches.ts';
import { ERASURE_DAYS } from './changes/erasures.ts';
import { FeedTail } from './changes/follow-changes.ts';
import { FEED_CHANNEL } from './changes/number-changes.ts';
import { Publisher } from './changes/publisher.ts';
import { CommitInDoubt } from './db/commit-in-doubt.ts';
import type { Database } from './db/database.ts';
import { Leadership } from './db/leader.ts';
import { Listener } from './db/listener.ts';
import { Reads, type ReplicaState } from './db/reads.ts';
import { isUnreachable } from './db/unreachable.ts';
import { AppError } from './errors.ts';
import { CurrentProgram } from './evaluation/current-program.ts';
import { EVALUATION_LIMITS, type EvaluationLimits } from './evaluation/evaluation-limits.ts';
import { settleProgram } from './evaluation/settle-program.ts';
import { keepRunning, lead, type Retention } from './lead.ts';
import { MemberPages } from './membership/member-pages.ts';
import { StorefrontReads } from './membership/storefront-reads.ts';
import { type WriteOutcome, type WriteRequest, writeTogether } from './pipeline.ts';
import type { Strata } from './strata.ts';
import { Deliverer } from './webhooks/deliverer.ts';
import { deriveWebhookKey } from './webhooks/secrets.ts';
import { SEND_LIMITS, type SendOptions } from './webhooks/send.ts';
import { namedKeys } from './write-steps.ts';

export interface StrataOptions extends Retention {
  readonly database: Database;
  /** serves reads that may be as old as it is; absent: there is none */
  readonly replica?: Database | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: string;
  readonly timeZone: string;
  readonly currency: string;
  /** at least 32 characters; the keys for single uses are derived from it */
  readonly secretKey: string;
  readonly accessLimits?: Partial<AccessLimits>;
  readonly limits?: Partial<EvaluationLimits>;
  /** for how many days the exits of erased customers can be read; absent: seven */
  readonly erasureDays?: number;
  /** address ranges that webhooks may be sent to in addition to public addresses; absent: none */
  readonly webhookAllow?: readonly string[];
  /** tests: how host names are resolved, and how long a request may take */
  readonly webhookSend?: Partial<Pick<SendOptions, 'lookup' | 'limits'>>;
  /** false: there is no background work, and tests take each step by hand */
  readonly background: boolean;
}

/** How many small writes may share a transaction, and how many such transactions run at once. With 64 clients on two cores, two lanes did
 *  1,485 orders/s, four 1,341 and one 1,160 (10 k customers, 50 segments, November 2026). */
const SINGLES_TOGETHER = 64;
const SINGLE_LANES = 2;
/** It gave 835 orders/s instead of 789 at 8 clients and 1,447 instead of 1,358 at 64; 1 and 4 ms gave less (10 k customers, by turns, 22 November
 *  2026). */
const SINGLES_GATHER_MS = 2;
const BATCH_LANES = 3;
/** A write that comes when more are waiting is refused: it would only be answered late, and so would all behind it. */
const SINGLES_WAITING = 1000;
const BATCHES_WAITING = 50;
const SINGLES_WAIT_SECONDS = 1;
const BATCHES_WAIT_SECONDS = 10;

function tooManyWrites(): AppError {
  return new AppError('unavailable', 'More writes arrive than can be done; try again.', { retryAfterS: 1 });
}

/** Reads the definitions and begins to take part in leading. Throws what the database throws. */
export async function openStrata(options: StrataOptions): Promise<Strata> {
  const { database, clock, log } = options;
  const accessLimits = { ...ACCESS_LIMITS, ...options.accessLimits };
  const meters = createMeters({ mismatches: MISMATCH_KINDS });
  const programs = await CurrentProgram.load(
    database,
    { ...EVALUATION_LIMITS, ...options.limits },
    { evaluated: (of, seconds) => meters.evaluation.observe({ of }, seconds) },
  );
  const types = await RegisteredTypes.load(database);
  const reads = await openReads(options);
  const publisher = new Publisher({ clock, timeZone: options.timeZone, database });
  let isLeaving = false;
  const strata: Strata = {
    ...options,
    meters,
    erasureDays: options.erasureDays ?? ERASURE_DAYS,
    keys: new KnownKeys(database, clock, log),
    tokens: new AccessTokens(options.secretKey, options.cluster, clock),
    heavyReads: new HeavyReads(clock, accessLimits.heavyReads, database.pool.options.max),
    heldPlaces: new HeldPlaces(accessLimits),
    claims: new Claims(database, clock),
    audit: new AuditRecorder({
      database,
      clock,
      onError: (error) => log.error({ err: error }, 'the audit could not be written; it is tried again'),
    }),
    programs,
    types,
    reads,
    publisher,
    storefront: new StorefrontReads({
      deciding: { database, clock, timeZone: options.timeZone, programs },
      onChanges: () => publisher.poke(),
    }),
    memberPages: new MemberPages(clock),
    feedTail: new FeedTail({
      database,
      clock,
      publisher,
      onError: (error) => log.warn({ err: error }, 'following the feed was interrupted'),
    }),
    runsWaiting: new Bell(),
    webhooks: new Deliverer({
      database,
      clock,
      log,
      key: deriveWebhookKey(options.secretKey),
      send: { clock, allow: options.webhookAllow ?? [], limits: SEND_LIMITS, ...options.webhookSend },
    }),
    ...gatherWrites((requests) => writeTogether(strata, requests)),
    get isLeaving() {
      return isLeaving;
    },
    leave: async () => {
      isLeaving = true;
      await background?.leave();
    },
    close: async () => {
      strata.feedTail.stop();
      await background?.close();
      await strata.webhooks.stop();
      await strata.audit.close();
      await Promise.all([strata.keys.close(), reads.stop()]);
      await strata.storefront.close();
    },
  };
  const background = options.background ? startBackground(strata, options) : undefined;
  return strata;
}

async function openReads({ database, replica, clock, log }: StrataOptions): Promise<Reads> {
  const reads = new Reads({ primary: database, replica, clock, onState: (state, cause) => tellReplica(log, state, cause) });
  await reads.start();
  return reads;
}

function gatherWrites(run: (requests: readonly WriteRequest[]) => Promise<readonly WriteOutcome[]>): Pick<Strata, 'singles' | 'batches'> {
  return {
    singles: new Gatherer({
      limit: SINGLES_TOGETHER,
      lanes: SINGLE_LANES,
      gatherMs: SINGLES_GATHER_MS,
      keysOf: ({ facts }) => namedKeys(facts),
      isNobodysFault: isUnreachable,
      isInDoubt: (error) => error instanceof CommitInDoubt,
      queue: { most: SINGLES_WAITING, mostSeconds: SINGLES_WAIT_SECONDS, refusal: tooManyWrites },
      run,
    }),
    batches: new Gatherer({
      limit: 1,
      lanes: BATCH_LANES,
      keysOf: () => [],
      queue: { most: BATCHES_WAITING, mostSeconds: BATCHES_WAIT_SECONDS, refusal: tooManyWrites },
      run,
    }),
  };
}

interface Background {
  /** Gives up the lead at once, so that another process takes it; the other work goes on. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/** What this process does besides answering: it hears of changes to the feed, sends to webhooks, settles programs, and takes part in leading. */
function startBackground(strata: Strata, options: StrataOptions): Background {
  const { database, clock, log, meters, publisher } = strata;
  const closing = new AbortController();
  const listener = new Listener(database.url, clock, {
    channel: FEED_CHANNEL,
    onMessage: () => publisher.hearOfGrowth(),
    onBegin: () => publisher.tellGrowth(),
    onError: (error) => log.warn({ err: error }, 'listening to the feed was interrupted; it is tried again'),
  });
  const leadership = new Leadership(database.url, clock, {
    lead: (connection, signal) => lead(strata, options, connection, signal),
    onError: (error) => {
      meters.failedWork.inc({ work: 'leading' });
      log.error({ err: error }, 'leading was interrupted; it is tried again');
    },
  });
  listener.start();
  strata.webhooks.start(publisher);
  leadership.start();
  const settling = keepRunning(strata, 'settling', () => keepSettled(strata, closing.signal), closing.signal);
  return {
    leave: () => leadership.stop(),
    close: async () => {
      closing.abort();
      await settling;
      await Promise.all([leadership.stop(), listener.stop()]);
    },
  };
}

/** Logs the state of the replica; while it does not serve, reads go to the primary. */
function tellReplica(log: Logger, state: ReplicaState, cause: unknown): void {
  if (state === 'up') log.info('the replica serves reads');
  else if (state === 'foreign') log.error('READ_DATABASE_URL is no replica of this database (any more); reads go to the primary');
  else log.warn({ state, ...(cause === undefined ? {} : { err: cause }) }, 'the replica does not serve; reads go to the primary');
}

const SETTLING_POLL_MS = 1000;

/** Done by every process, leading or not: each has connections of its own. Once the definitions stand still, as many are published together. */
async function keepSettled({ database, programs, timeZone, clock }: Strata, signal: AbortSignal): Promise<void> {
  let seen = programs.get();
  while (!signal.aborted) {
    if (programs.get() === seen) await settleProgram(database, programs, timeZone);
    seen = programs.get();
    await clock.sleep(SETTLING_POLL_MS, signal);
  }
}
