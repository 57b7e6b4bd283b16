// In charge of what the leading process does in the background, and of starting again whatever of it has failed. Who leads is db/leader.ts.
import type pg from 'pg';
import { chainAudit, trimAudit } from './access/chain-audit.ts';
import { trimKeys } from './access/claims.ts';
import { startStopwatch } from './base/clock.ts';
import { DAY_MS, HOUR_MS } from './base/durations.ts';
import { blankDueExits, nextBlankMs } from './changes/erasures.ts';
import { checkNext } from './changes/self-check.ts';
import { TRIMMED_AT_ONCE, trimHistory } from './changes/trim.ts';
import { fixedIso } from './db/as-of.ts';
import type { Database } from './db/database.ts';
import { isEvaluationFailure } from './evaluation/evaluation-failure.ts';
import { isWorkedOnHere } from './ingest/imports/lease.ts';
import { trimImports } from './ingest/imports/trim-imports.ts';
import { watchClock } from './membership/clock-set-back.ts';
import { evaluateDue, nextDueMs } from './membership/due.ts';
import { failBroken } from './membership/fail-segments.ts';
import { runOpenRuns } from './membership/full-run.ts';
import { findAbandonedImports, settlePending } from './membership/settle-pending.ts';
import { retryFailed } from './segments/failures.ts';
import { queueConstantFlips } from './segments/lifecycle.ts';
import { trimRuns } from './segments/trim-runs.ts';
import type { Strata } from './strata.ts';
import { setEndpointsBack } from './webhooks/clock-set-back.ts';
import { readPassedPosition, trimNotices } from './webhooks/places.ts';

/** How long things are kept. */
export interface Retention {
  /** the log of changes; absent: for ever */
  readonly historyDays?: number | undefined;
  /** the audit; absent: for ever */
  readonly auditDays?: number | undefined;
  /** how much longer the log is kept for webhooks that have not been sent it yet; absent: seven days */
  readonly webhookDays?: number;
}

/**
 * Publishes on the connection that holds the leader's lock, and does everything else beside it until that ends. Any of the other work that
 * fails is started again on its own, and holds up neither the feed nor the rest.
 */
export async function lead(
  strata: Strata,
  { historyDays, auditDays, webhookDays = WEBHOOK_DAYS }: Retention,
  connection: pg.Client,
  signal: AbortSignal,
): Promise<void> {
  const term = new AbortController();
  const until = AbortSignal.any([signal, term.signal]);
  const publishing = strata.publisher.run(connection, until);
  const others = [
    keepRunning(strata, 'looks', () => lookAtDue(strata, until), until),
    keepRunning(strata, 'flips', () => queueFlips(strata, until), until),
    keepRunning(strata, 'runs', () => runQueued(strata, until), until),
    keepRunning(strata, 'imports', () => settleAbandoned(strata, until), until),
    keepRunning(strata, 'erasures', () => blankExits(strata, until), until),
    keepRunning(strata, 'retention', () => trimLog(strata, historyDays, webhookDays, until), until),
    keepRunning(strata, 'audit', () => keepAudit(strata, auditDays, until), until),
    keepRunning(strata, 'self-check', () => checkStored(strata, until), until),
    keepRunning(strata, 'clock', () => lookAtClock(strata, until), until),
  ];
  try {
    await Promise.all([publishing, ...others]);
  } finally {
    term.abort();
    await publishing.catch(() => {}); // its error has been thrown above
    await connection.end().catch(() => {}); // so that the next leader need not wait for what is still under way here
    await Promise.allSettled(others);
  }
}

const AGAIN_MS = 1000;

/** Starts the task again whenever it fails, until the signal aborts. A failure just before that is not logged: the end of the term is. */
export async function keepRunning(
  { clock, log, meters }: Strata,
  work: string,
  task: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
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

const DUE_POLL_MS = 250;

/** Sleeps until the next flip, but at most a quarter of a second: anybody may have stored an earlier look meanwhile. */
async function lookAtDue(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { customers } = await evaluateDue(strata, {
      onFailure: (error) => strata.log.error({ err: error }, 'a customer could not be evaluated'),
      onLooked: (due, { changes }) => {
        const doneMs = strata.clock.nowMs();
        for (const { dueAtMs } of due) strata.meters.lateness.observe(Math.max(0, doneMs - dueAtMs) / 1000);
        if (changes > 0) strata.publisher.poke();
      },
      signal,
    });
    if (customers > 0) continue;
    const dueMs = (await nextDueMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    await strata.clock.sleep(Math.max(1, Math.min(DUE_POLL_MS, dueMs - strata.clock.nowMs())), signal);
  }
}

/** Beside the looks: a backlog of them may take minutes, and a flip of a whole segment is to be on time all the same. */
async function queueFlips({ database, clock, runsWaiting }: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await queueConstantFlips(database, clock, clock.nowMs())) > 0) runsWaiting.ring();
    await clock.sleep(DUE_POLL_MS, signal);
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

const RUNS_POLL_MS = 1000;

async function runQueued(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await failBroken(strata);
    await retryFailed(strata.database, strata.clock);
    const worked = await runOpenRuns(strata, signal);
    if (worked) strata.publisher.poke();
    else await strata.runsWaiting.wait(strata.clock, RUNS_POLL_MS, signal);
  }
}

const ABANDONED_POLL_MS = 5000;
/** What cannot be evaluated takes its whole time limit again. */
const UNSETTLED_REST_MS = 60_000;

/** An import that fails holds up no other; where customers could not be evaluated, it is tried again a minute later. */
async function settleAbandoned(strata: Strata, signal: AbortSignal): Promise<void> {
  const { database, clock, log, meters, publisher } = strata;
  const restUntilMs = new Map<string, number>();
  while (!signal.aborted) {
    const failures: unknown[] = [];
    for (const importId of await findAbandonedImports(database, fixedIso(clock))) {
      if (isWorkedOnHere(database, importId) || clock.nowMs() < (restUntilMs.get(importId) ?? 0)) continue;
      try {
        if ((await settlePending(strata, importId, signal)) > 0) publisher.poke();
      } catch (error) {
        if (!isEvaluationFailure(error)) {
          failures.push(error);
          continue;
        }
        publisher.poke(); // the others whom it owed have been settled
        restUntilMs.set(importId, clock.nowMs() + UNSETTLED_REST_MS);
        meters.failedWork.inc({ work: 'imports' });
        log.error({ err: error, importId }, 'customers whom an import owes an evaluation could not be evaluated; it is tried again');
      }
    }
    if (failures.length > 0) throw failures[0];
    await clock.sleep(ABANDONED_POLL_MS, signal);
  }
}

const TRIM_POLL_MS = 60_000;
const TRIM_PAUSE_MS = 50;

const WEBHOOK_DAYS = 7;
const ENDED_TRIM_POLL_MS = HOUR_MS;

/**
 * Trims what is older than it is to be kept from the log, a piece at a time with pauses between, and with it the notices, also those that are too
 * many; and once an hour runs and imports that ended long ago. What a webhook has not been sent yet is kept some days longer; a webhook that has not been
 * sent it by then has the gap noted in its record.
 */
async function trimLog(strata: Strata, historyDays: number | undefined, webhookDays: number, signal: AbortSignal): Promise<void> {
  const { database, clock } = strata;
  let trimEndedMs = clock.nowMs();
  while (!signal.aborted) {
    const ended = clock.nowMs() < trimEndedMs ? 0 : await trimEnded(database, clock.nowMs());
    if (ended === 0 && clock.nowMs() >= trimEndedMs) trimEndedMs = clock.nowMs() + ENDED_TRIM_POLL_MS;
    const olderThanMs = historyDays === undefined ? null : clock.nowMs() - historyDays * DAY_MS;
    const waitMs = webhookDays * DAY_MS;
    const changes = olderThanMs === null ? 0 : await trimChanges(database, olderThanMs, waitMs);
    const notices = await trimNotices(database, clock, { olderThanMs, waitMs });
    await clock.sleep(changes + notices + ended > 0 ? TRIM_PAUSE_MS : TRIM_POLL_MS, signal);
  }
}

async function trimEnded(database: Database, nowMs: number): Promise<number> {
  return (await trimRuns(database, nowMs)) + (await trimImports(database, nowMs));
}

async function trimChanges(database: Database, olderThanMs: number, waitMs: number): Promise<number> {
  const passed = await readPassedPosition(database);
  const had = await trimHistory(database, olderThanMs, TRIMMED_AT_ONCE, passed);
  return passed === null ? had : had + (await trimHistory(database, olderThanMs - waitMs));
}

const AUDIT_POLL_MS = 1000;
const VACUUMED_AFTER = 100_000;

/** Gives entries of the audit their places in the chain, and once a minute deletes what is too old: entries, and idempotency keys after a day. */
async function keepAudit(strata: Strata, auditDays: number | undefined, signal: AbortSignal): Promise<void> {
  const { database, clock } = strata;
  let trimMs = clock.nowMs();
  let deleted = 0;
  while (!signal.aborted) {
    for (let chained = 1; chained > 0 && !signal.aborted; deleted += chained) chained = await chainAudit(database);
    if (deleted >= VACUUMED_AFTER) {
      await database.query({ text: 'vacuum (truncate off) audit_inbox' }); // as with the outbox: autovacuum comes too seldom
      deleted = 0;
    }
    if (clock.nowMs() >= trimMs) {
      const entries = auditDays === undefined ? 0 : await trimAudit(database, clock.nowMs() - auditDays * DAY_MS);
      const keys = await trimKeys(database, clock.nowMs());
      if (entries + keys === 0) trimMs = clock.nowMs() + TRIM_POLL_MS;
    }
    await clock.sleep(AUDIT_POLL_MS, signal);
  }
}

const BLANK_POLL_MS = 5000;
/** Exits that were still waiting for their position have it by then. */
const BLANK_AGAIN_MS = 1000;

/** Turns exits of erased customers into tombstones when their time has come: on the millisecond, unless that is less than a second away. */
async function blankExits(strata: Strata, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await blankDueExits(strata.database, strata.clock, await readPassedPosition(strata.database))) > 0) continue;
    const blankMs = (await nextBlankMs(strata.database)) ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.max(blankMs - strata.clock.nowMs(), BLANK_AGAIN_MS);
    await strata.clock.sleep(Math.min(waitMs, BLANK_POLL_MS), signal);
  }
}

const CHECK_PAUSE_MS = 5000;
/** The self-check rests this many times as long as it has worked, so that it takes at most a fiftieth of the time. */
const CHECK_REST = 49;

/**
 * Walks through all customers, again and again. What is wrong is mended and logged at error: it means a bug, or that somebody changed the
 * tables by hand.
 */
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
