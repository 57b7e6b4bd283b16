// In charge of wiring the running service by hand, here and nowhere else, and of what the leading process does in the background.
// What happens to a write is pipeline.ts.
import type pg from 'pg';
import type { Logger } from 'pino';
import { ACCESS_LIMITS, type AccessLimits } from './access/access-limits.ts';
import { AccessTokens } from './access/access-tokens.ts';
import { AuditRecorder } from './access/audit-recorder.ts';
import { chainAudit, trimAudit } from './access/chain-audit.ts';
import { Claims, trimKeys } from './access/claims.ts';
import { HeavyReads } from './access/heavy-reads.ts';
import { KnownKeys } from './access/known-keys.ts';
import { Gatherer } from './base/batch.ts';
import { Bell } from './base/bell.ts';
import { type Clock, startStopwatch } from './base/clock.ts';
import { createMeters } from './base/meters.ts';
import { RegisteredTypes } from './catalog/registered-types.ts';
import { MISMATCH_KINDS } from './changes/confirm-mismatches.ts';
import { blankDueExits, ERASURE_DAYS, nextBlankMs } from './changes/erasures.ts';
import { FeedTail } from './changes/follow-changes.ts';
import { FEED_CHANNEL } from './changes/number-changes.ts';
import { Publisher } from './changes/publisher.ts';
import { checkNext } from './changes/self-check.ts';
import { TRIMMED_AT_ONCE, trimHistory } from './changes/trim.ts';
import type { Database } from './db/database.ts';
import { Leadership } from './db/leader.ts';
import { Listener } from './db/listener.ts';
import { Reads, type ReplicaState } from './db/reads.ts';
import { isUnreachable } from './db/unreachable.ts';
import { AppError } from './errors.ts';
import { CurrentProgram } from './evaluation/current-program.ts';
import { EVALUATION_LIMITS, type EvaluationLimits } from './evaluation/evaluation-limits.ts';
import { settleProgram } from './evaluation/settle-program.ts';
import { watchClock } from './membership/clock-set-back.ts';
import { evaluateDue, fixedIso, nextDueMs } from './membership/due.ts';
import { failBroken } from './membership/fail-segments.ts';
import { runOpenRuns } from './membership/full-run.ts';
import { findAbandonedImports, settlePending } from './membership/pending.ts';
import { StorefrontReads } from './membership/storefront-reads.ts';
import { type PieceOfWriting, type WriteOutcome, writeTogether } from './pipeline.ts';
import { queueConstantFlips, retryFailed } from './segments/lifecycle.ts';
import type { Strata } from './strata.ts';
import { setEndpointsBack } from './webhooks/clock-set-back.ts';
import { Deliverer } from './webhooks/deliverer.ts';
import { readPassedPosition, trimNotices } from './webhooks/places.ts';
import { deriveWebhookKey } from './webhooks/secrets.ts';
import { SEND_LIMITS, type SendOptions } from './webhooks/send.ts';
import { namedKeys } from './write-steps.ts';

export interface StrataOptions {
  readonly database: Database;
  /** for reads that may be as old as it; absent: there is none */
  readonly replica?: Database | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: string;
  readonly timeZone: string;
  readonly currency: string;
  /** at least 32 characters: keys for single uses are derived from it */
  readonly secretKey: string;
  readonly accessLimits?: Partial<AccessLimits>;
  readonly limits?: Partial<EvaluationLimits>;
  /** days that the log is kept; without it for ever */
  readonly historyDays?: number | undefined;
  /** days that the audit is kept; without it for ever */
  readonly auditDays?: number | undefined;
  /** for how long the exits of erased customers may be read; absent: seven */
  readonly erasureDays?: number;
  /** address ranges that webhooks may be sent to beside the public ones; absent: none */
  readonly webhookAllow?: readonly string[];
  /** for how many days more the log is kept for a webhook that has not had it; absent: seven */
  readonly webhookDays?: number;
  /** tests: how names are resolved, and how patient a request is */
  readonly webhookSend?: Partial<Pick<SendOptions, 'lookup' | 'limits'>>;
  /** false: nothing happens by itself; tests take each step by hand */
  readonly background: boolean;
}

/** Small writes that share a transaction at the most, and transactions of writes under way at once. At 64 clients on two cores two lanes did
 *  1,485 orders/s, four 1,341, one 1,160 (10 k customers, 50 segments, November 2026). */
const SINGLES_TOGETHER = 64;
const SINGLE_LANES = 2;
const BATCH_LANES = 3;
/** Who comes then would only be answered late, and so would everybody behind. */
const SINGLES_WAITING = 1000;
const BATCHES_WAITING = 50;
const SINGLES_WAIT_SECONDS = 1;
const BATCHES_WAIT_SECONDS = 10;

function tooManyWrites(): AppError {
  return new AppError('unavailable', 'More writes arrive than can be done; try again.', { retryAfterS: 1 });
}

/** Reads the definitions and starts to take part in leading. Throws what the database throws. */
export async function openStrata(options: StrataOptions): Promise<Strata> {
  const { database, clock, log } = options;
  const meters = createMeters({ mismatches: MISMATCH_KINDS });
  const programs = await CurrentProgram.load(
    database,
    { ...EVALUATION_LIMITS, ...options.limits },
    { evaluated: (of, seconds) => meters.evaluation.observe({ of }, seconds) },
  );
  const types = await RegisteredTypes.load(database);
  const run = (pieces: readonly PieceOfWriting[]): Promise<readonly WriteOutcome[]> => writeTogether(strata, pieces);
  const audit = new AuditRecorder({
    database,
    clock,
    onError: (error) => log.error({ err: error }, 'the audit could not be written; it is tried again'),
  });
  const keys = new KnownKeys(database, clock, log);
  const reads = new Reads({
    primary: database,
    replica: options.replica,
    clock,
    onState: (state, cause) => tellReplica(log, state, cause),
  });
  await reads.start();
  const publisher = new Publisher({ clock, timeZone: options.timeZone, database });
  let isLeaving = false;
  const closing = new AbortController();
  let settling: Promise<void> | undefined;
  const strata: Strata = {
    ...options,
    meters,
    erasureDays: options.erasureDays ?? ERASURE_DAYS,
    keys,
    tokens: new AccessTokens(options.secretKey, options.cluster, clock),
    heavyReads: new HeavyReads(clock, { ...ACCESS_LIMITS, ...options.accessLimits }.heavyReads, database.pool.options.max),
    claims: new Claims(database, clock),
    audit,
    programs,
    types,
    reads,
    publisher,
    storefront: new StorefrontReads({
      deciding: { database, clock, timeZone: options.timeZone, programs },
      onChanges: () => publisher.poke(),
    }),
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
    singles: new Gatherer({
      limit: SINGLES_TOGETHER,
      lanes: SINGLE_LANES,
      keysOf: ({ facts }) => namedKeys(facts),
      isNobodys: isUnreachable,
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
    get isLeaving() {
      return isLeaving;
    },
    leave: async () => {
      isLeaving = true;
      await leadership?.stop();
    },
    close: async () => {
      strata.feedTail.stop();
      closing.abort();
      await settling;
      await strata.webhooks.stop();
      await audit.close();
      await Promise.all([leadership?.stop(), listener?.stop(), keys.close(), reads.stop()]);
      await strata.storefront.close();
    },
  };
  const listener = options.background
    ? new Listener(database.url, clock, {
        channel: FEED_CHANNEL,
        onMessage: () => publisher.hearOfGrowth(),
        onBegin: () => publisher.tellGrowth(),
        onError: (error) => log.warn({ err: error }, 'listening to the feed was interrupted; it is tried again'),
      })
    : undefined;
  listener?.start();
  if (options.background) strata.webhooks.start(publisher);
  const leadership = options.background
    ? new Leadership(database.url, clock, {
        lead: (connection, signal) => lead(strata, options, connection, signal),
        onError: (error) => {
          meters.failedWork.inc({ work: 'leading' });
          log.error({ err: error }, 'leading was interrupted; it is tried again');
        },
      })
    : undefined;
  leadership?.start();
  settling = options.background ? keepAt(strata, 'settling', () => keepSettled(strata, closing.signal), closing.signal) : undefined;
  return strata;
}

/** While it does not serve, reads go to the primary. */
function tellReplica(log: Logger, state: ReplicaState, cause: unknown): void {
  if (state === 'up') log.info('the replica serves reads');
  else if (state === 'foreign') log.error('READ_DATABASE_URL is no replica of this database (any more); reads go to the primary');
  else log.warn({ state, ...(cause === undefined ? {} : { err: cause }) }, 'the replica does not serve; reads go to the primary');
}

/**
 * Publishes on the connection that holds the lock, whose end is that of the term, and does the rest beside it: what fails of that is begun
 * again by itself, and holds up neither the feed nor the others.
 */
async function lead(
  strata: Strata,
  { historyDays, auditDays, webhookDays = WEBHOOK_DAYS }: Pick<StrataOptions, 'historyDays' | 'auditDays' | 'webhookDays'>,
  connection: pg.Client,
  signal: AbortSignal,
): Promise<void> {
  const term = new AbortController();
  const until = AbortSignal.any([signal, term.signal]);
  const publishing = strata.publisher.run(connection, until);
  const others = [
    keepAt(strata, 'looks', () => lookAtDue(strata, until), until),
    keepAt(strata, 'runs', () => runQueued(strata, until), until),
    keepAt(strata, 'imports', () => settleAbandoned(strata, until), until),
    keepAt(strata, 'erasures', () => blankExits(strata, until), until),
    keepAt(strata, 'retention', () => trimLog(strata, historyDays, webhookDays, until), until),
    keepAt(strata, 'audit', () => keepAudit(strata, auditDays, until), until),
    keepAt(strata, 'self-check', () => checkStored(strata, until), until),
    keepAt(strata, 'clock', () => lookAtClock(strata, until), until),
  ];
  try {
    await Promise.all([publishing, ...others]);
  } finally {
    term.abort();
    await publishing.catch(() => {}); // told by the line above
    await connection.end().catch(() => {}); // the next leader need not wait for what the others still have under way
    await Promise.allSettled(others);
  }
}

const AGAIN_MS = 1000;

/** What failed with the connection of the lead is not told of: the end of the term is. */
async function keepAt({ clock, log, meters }: Strata, work: string, task: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await task();
    } catch (error) {
      await clock.sleep(AGAIN_MS, signal);
      if (signal.aborted) return;
      meters.failedWork.inc({ work });
      log.error({ err: error, work }, 'work in the background failed; it is begun again');
    }
  }
}

const DUE_LOOK_MS = 250;

/** Sleeps until the next flip, at most a quarter of a second: a look may have been stored by anybody meanwhile. */
async function lookAtDue(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { customers, changes, dueAtMs } = await evaluateDue(strata, (error) =>
      strata.log.error({ err: error }, 'a customer could not be evaluated'),
    );
    const doneMs = strata.clock.nowMs();
    for (const dueMs of dueAtMs) strata.meters.lateness.observe(Math.max(0, doneMs - dueMs) / 1000);
    if (changes > 0) strata.publisher.poke();
    const flips = await queueConstantFlips(strata.database, strata.clock, strata.clock.nowMs());
    if (flips > 0) strata.runsWaiting.ring();
    if (customers > 0) continue;
    const dueMs = (await nextDueMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    await strata.clock.sleep(Math.max(1, Math.min(DUE_LOOK_MS, dueMs - strata.clock.nowMs())), signal);
  }
}

function lookAtClock(strata: Strata, signal: AbortSignal): Promise<void> {
  const onSetBack = async (byMs: number) => {
    await setEndpointsBack(strata.database, strata.clock, byMs);
    strata.log.warn({ byMs }, 'the clock of the database was set back: everybody is evaluated again');
    strata.runsWaiting.ring();
  };
  return watchClock(strata, onSetBack, signal);
}

const SETTLING_LOOK_MS = 1000;

/** Of every process: each has connections of its own. */
async function keepSettled({ database, programs, timeZone, clock }: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await settleProgram(database, programs, timeZone);
    await clock.sleep(SETTLING_LOOK_MS, signal);
  }
}

const RUNS_LOOK_MS = 1000;

async function runQueued(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await failBroken(strata);
    await retryFailed(strata.database, strata.clock);
    const worked = await runOpenRuns(strata, signal);
    if (worked) strata.publisher.poke();
    else await strata.runsWaiting.wait(strata.clock, RUNS_LOOK_MS, signal);
  }
}

const ABANDONED_LOOK_MS = 5000;

async function settleAbandoned(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const importId of await findAbandonedImports(strata.database, fixedIso(strata))) {
      if ((await settlePending(strata, importId, signal)) > 0) strata.publisher.poke();
    }
    await strata.clock.sleep(ABANDONED_LOOK_MS, signal);
  }
}

const TRIM_LOOK_MS = 60_000;
const TRIM_PAUSE_MS = 50;
const DAY_MS = 86_400_000;

const WEBHOOK_DAYS = 7;

/**
 * Takes from the log what is older than it is to be kept, a piece at a time with pauses between. What a webhook has not had is kept some days
 * longer; one that has not had it then is told of the gap in its record.
 */
async function trimLog(strata: Strata, historyDays: number | undefined, webhookDays: number, signal: AbortSignal): Promise<void> {
  if (historyDays === undefined) return;
  while (!signal.aborted) {
    const olderThanMs = strata.clock.nowMs() - historyDays * DAY_MS;
    const passed = await readPassedPosition(strata.database);
    const trimmed =
      (await trimHistory(strata.database, olderThanMs, TRIMMED_AT_ONCE, passed)) +
      (passed === null ? 0 : await trimHistory(strata.database, olderThanMs - webhookDays * DAY_MS));
    await trimNotices(strata.database, olderThanMs);
    await strata.clock.sleep(trimmed > 0 ? TRIM_PAUSE_MS : TRIM_LOOK_MS, signal);
  }
}

const AUDIT_LOOK_MS = 1000;
const VACUUMED_AFTER = 100_000;

/** Gives entries of the audit their places, and once a minute takes what is too old: entries, and keys that are kept for a day. */
async function keepAudit(strata: Strata, auditDays: number | undefined, signal: AbortSignal): Promise<void> {
  const { database, clock } = strata;
  let trimMs = clock.nowMs();
  let deleted = 0;
  while (!signal.aborted) {
    for (let chained = 1; chained > 0 && !signal.aborted; deleted += chained) chained = await chainAudit(database);
    if (deleted >= VACUUMED_AFTER) {
      await database.query({ text: 'vacuum (truncate off) audit_inbox' }); // as the outbox: autovacuum comes too seldom
      deleted = 0;
    }
    if (clock.nowMs() >= trimMs) {
      const entries = auditDays === undefined ? 0 : await trimAudit(database, clock.nowMs() - auditDays * DAY_MS);
      const keys = await trimKeys(database, clock.nowMs());
      if (entries + keys === 0) trimMs = clock.nowMs() + TRIM_LOOK_MS;
    }
    await clock.sleep(AUDIT_LOOK_MS, signal);
  }
}

const BLANK_LOOK_MS = 5000;
/** Exits that wait for their number have it by then. */
const BLANK_AGAIN_MS = 1000;

/** Exits of the erased become tombstones when their time has come: to the millisecond, where that is not nearer than the next look. */
async function blankExits(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await blankDueExits(strata.database, strata.clock, await readPassedPosition(strata.database))) > 0) continue;
    const blankMs = (await nextBlankMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.max(blankMs - strata.clock.nowMs(), BLANK_AGAIN_MS);
    await strata.clock.sleep(Math.min(waitMs, BLANK_LOOK_MS), signal);
  }
}

const CHECK_PAUSE_MS = 5000;
/** The self-check rests so many times as long as it has worked: at most a fiftieth of the time is its own. */
const CHECK_REST = 49;

/** Walks through everybody for ever. What is wrong is mended and told at error: whoever reads it has found a bug or a hand in the tables. */
async function checkStored(strata: Strata, signal: AbortSignal): Promise<void> {
  const { clock, log, meters, publisher } = strata;
  await clock.sleep(CHECK_PAUSE_MS, signal);
  while (!signal.aborted) {
    const seconds = startStopwatch();
    const { customers, mismatches } = await checkNext(strata);
    meters.checked.inc(customers);
    for (const mismatch of mismatches) {
      meters.mismatches.inc({ kind: mismatch.kind });
      log.error(mismatch, 'the self-check found something wrong and mended it');
    }
    if (mismatches.length > 0) publisher.poke();
    await clock.sleep(Math.max(CHECK_PAUSE_MS, seconds() * 1000 * CHECK_REST), signal);
  }
}
