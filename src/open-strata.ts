// In charge of wiring the running service by hand, here and nowhere else, and of what the leading process does in the background.
// What happens to a write is pipeline.ts.
import type pg from 'pg';
import type { Logger } from 'pino';
import { Gatherer } from './base/batch.ts';
import { Bell } from './base/bell.ts';
import type { Clock } from './base/clock.ts';
import { RegisteredTypes } from './catalog/registered-types.ts';
import { blankDueExits, ERASURE_DAYS, nextBlankMs } from './changes/erasures.ts';
import { FeedTail } from './changes/follow-changes.ts';
import { FEED_CHANNEL, Publisher } from './changes/publisher.ts';
import { trimHistory } from './changes/trim.ts';
import type { Database } from './db/database.ts';
import { Leadership } from './db/leader.ts';
import { Listener } from './db/listener.ts';
import { CurrentProgram } from './evaluation/current-program.ts';
import { EVALUATION_LIMITS, type EvaluationLimits } from './evaluation/evaluation-limits.ts';
import type { Facts } from './ingest/facts.ts';
import { evaluateDue, fixedIso, nextDueMs } from './membership/due.ts';
import { failBroken } from './membership/fail-segments.ts';
import { runOpenRuns } from './membership/full-run.ts';
import { findAbandonedImports, settlePending } from './membership/pending.ts';
import { namedKeys, type WriteOutcome, writeTogether } from './pipeline.ts';
import { retryFailed } from './segments/lifecycle.ts';
import { queueConstantFlips } from './segments/segments.ts';
import type { Strata } from './strata.ts';

export interface StrataOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cluster: string;
  readonly timeZone: string;
  readonly currency: string;
  readonly limits?: Partial<EvaluationLimits>;
  /** days that the log is kept; without it for ever */
  readonly historyDays?: number | undefined;
  /** for how long the exits of erased customers may be read; absent: seven */
  readonly erasureDays?: number;
  /** false: nothing happens by itself; tests take each step by hand */
  readonly background: boolean;
}

/** Small writes that share a transaction at the most, and transactions of writes under way at once. At 64 clients on two cores two lanes did
 *  1,485 orders/s, four 1,341, one 1,160 (10 k customers, 50 segments, November 2026). */
const SINGLES_TOGETHER = 64;
const SINGLE_LANES = 2;
const BATCH_LANES = 3;

/** Reads the definitions and starts to take part in leading. Throws what the database throws. */
export async function openStrata(options: StrataOptions): Promise<Strata> {
  const { database, clock, log } = options;
  const programs = await CurrentProgram.load(database, { ...EVALUATION_LIMITS, ...options.limits });
  const types = await RegisteredTypes.load(database);
  const run = (facts: readonly Facts[]): Promise<readonly WriteOutcome[]> => writeTogether(strata, facts);
  const publisher = new Publisher({ clock, timeZone: options.timeZone, database });
  const strata: Strata = {
    ...options,
    erasureDays: options.erasureDays ?? ERASURE_DAYS,
    programs,
    types,
    publisher,
    feedTail: new FeedTail({
      database,
      clock,
      publisher,
      onError: (error) => log.warn({ err: error }, 'following the feed was interrupted'),
    }),
    runsWaiting: new Bell(),
    singles: new Gatherer({ limit: SINGLES_TOGETHER, lanes: SINGLE_LANES, keysOf: namedKeys, run }),
    batches: new Gatherer({ limit: 1, lanes: BATCH_LANES, keysOf: () => [], run }),
    close: async () => {
      strata.feedTail.stop();
      await Promise.all([leadership?.stop(), listener?.stop()]);
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
  const leadership = options.background
    ? new Leadership(database.url, clock, {
        lead: (connection, signal) => lead(strata, options.historyDays, connection, signal),
        onError: (error) => log.error({ err: error }, 'leading was interrupted; it is tried again'),
      })
    : undefined;
  leadership?.start();
  return strata;
}

/** One failing task ends the term for all: the next leader, most often the same process a second later, starts them afresh. */
async function lead(strata: Strata, historyDays: number | undefined, connection: pg.Client, signal: AbortSignal): Promise<void> {
  const term = new AbortController();
  const until = AbortSignal.any([signal, term.signal]);
  const tasks = [
    strata.publisher.run(connection, until),
    lookAtDue(strata, until),
    runQueued(strata, until),
    settleAbandoned(strata, until),
    blankExits(strata, until),
    trimLog(strata, historyDays, until),
  ];
  try {
    await Promise.all(tasks);
  } finally {
    term.abort();
    await Promise.allSettled(tasks);
  }
}

const DUE_LOOK_MS = 250;

/** Sleeps until the next flip, at most a quarter of a second: a look may have been stored by anybody meanwhile. */
async function lookAtDue(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { customers, changes } = await evaluateDue(strata, (error) =>
      strata.log.error({ err: error }, 'a customer could not be evaluated'),
    );
    if (changes > 0) strata.publisher.poke();
    const flips = await queueConstantFlips(strata.database, strata.clock, strata.clock.nowMs());
    if (flips > 0) strata.runsWaiting.ring();
    if (customers > 0) continue;
    const dueMs = (await nextDueMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    await strata.clock.sleep(Math.max(1, Math.min(DUE_LOOK_MS, dueMs - strata.clock.nowMs())), signal);
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

/** Takes from the log what is older than it is to be kept, a piece at a time with pauses between. */
async function trimLog(strata: Strata, historyDays: number | undefined, signal: AbortSignal): Promise<void> {
  if (historyDays === undefined) return;
  while (!signal.aborted) {
    const trimmed = await trimHistory(strata.database, strata.clock.nowMs() - historyDays * DAY_MS);
    await strata.clock.sleep(trimmed > 0 ? TRIM_PAUSE_MS : TRIM_LOOK_MS, signal);
  }
}

const BLANK_LOOK_MS = 5000;
/** Exits that wait for their number have it by then. */
const BLANK_AGAIN_MS = 1000;

/** Exits of the erased become tombstones when their time has come: to the millisecond, where that is not nearer than the next look. */
async function blankExits(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await blankDueExits(strata.database, strata.clock)) > 0) continue;
    const blankMs = (await nextBlankMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.max(blankMs - strata.clock.nowMs(), BLANK_AGAIN_MS);
    await strata.clock.sleep(Math.min(waitMs, BLANK_LOOK_MS), signal);
  }
}
