// In charge of the day the database's clock is set back: what was decided as of instants that are now in the future is decided again, for
// everybody, by runs. A clock set forward needs nothing: whatever it has passed is due.
import { systemClock } from '../base/clock.ts';
import { readAsOf } from '../db/as-of.ts';
import { type Database, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { queueRun, type RunCause } from '../segments/runs.ts';
import type { Deciding } from './in-decision.ts';

const POLL_MS = 1000;
/** If it is less, the clock itself catches up within the second that flips may take. */
const NOTICED_MS = 1000;

/** Watches until the signal aborts; `onSetBack` is told by how much, after the runs were queued. */
export async function watchClock(deciding: Deciding, onSetBack: (byMs: number) => Promise<void>, signal: AbortSignal): Promise<void> {
  let latestMs = await latestDecisionMs(deciding.database);
  while (!signal.aborted) {
    const nowMs = await readNow(deciding);
    if (latestMs - nowMs > NOTICED_MS) {
      await lookAtEverybody(deciding, nowMs);
      await onSetBack(latestMs - nowMs);
    }
    latestMs = nowMs;
    await systemClock.sleep(POLL_MS, signal);
  }
}

/** As the previous term left it, which may have ended with the same reboot that set the clock. */
async function latestDecisionMs(database: Database): Promise<number> {
  const [row] = await database.query<{ at: number }>({ text: 'select c.at from changes as c order by c.position desc limit 1' });
  return row?.at ?? Number.NEGATIVE_INFINITY;
}

function readNow(deciding: Deciding): Promise<number> {
  return inTransaction(deciding.database, (client) => readAsOf(client, deciding.clock));
}

/** Every segment in force. One that is being built is built from the beginning: its run has judged some as of instants that have not come. */
async function lookAtEverybody({ database }: Deciding, nowMs: number): Promise<void> {
  await inTransaction(database, async (client) => {
    const { rows } = await client.query<{ id: number; version: number; status: 'active' | 'building'; building: RunCause | null }>(
      `select s.id, s.version, s.status, (
         select r.cause
         from runs as r
         where r.segment_id = s.id and r.status in ('queued', 'running') and r.cause <> 'move'
         order by r.id desc
         limit 1
       ) as building
       from segments as s
       where s.status in ('active', 'building') and s.version is not null
       order by s.id
       for update of s`,
    );
    for (const { id, version, status, building } of rows) {
      const cause = status === 'building' && building !== null ? building : 'time';
      await pipeline(client, (await queueRun(client, id, version, cause, nowMs)).last);
    }
    await client.query(`update segments as s set retry_at = $1::timestamptz where s.status = 'failed' and s.retry_at > $1::timestamptz`, [
      new Date(nowMs).toISOString(),
    ]);
  });
}
