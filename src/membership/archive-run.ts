// In charge of emptying an archived segment: its members leave, piece by piece at the pace of runs, each with a change record of cause
// `archive`. Nothing is evaluated. Members, records and the run's progress advance together, so after a crash it goes on where it was.
import { startStopwatch } from '../base/clock.ts';
import { isCitus } from '../db/citus.ts';
import { type Client, pipeline } from '../db/database.ts';
import { type Ending, endWith } from '../db/transaction.ts';
import { NOTHING_SEEN } from '../evaluation/find-differences.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { changeDefinitions } from '../segments/change-definitions.ts';
import { advanceRuns, finishRuns, type Run } from '../segments/runs.ts';
import { COMMIT_LAZILY, type Deciding, type Decision, inDecisionWith } from './in-decision.ts';
import { lockForLook } from './look-again.ts';
import { readMoment, toMoment } from './moment.ts';
import { recordStatements } from './record.ts';
import { RunPace } from './run-pace.ts';

/** Runs until nobody is left, the run is cancelled or superseded, or the signal aborts. */
export async function runArchive(deciding: Deciding, run: Run, signal: AbortSignal): Promise<void> {
  const pace = await RunPace.begin(deciding, deciding.programs.get().limits, signal);
  while (!signal.aborted) {
    const seconds = startStopwatch();
    const piece = await inDecisionWith(deciding, [COMMIT_LAZILY], (decision) => leave(decision, run, pace.pieceCustomers));
    if (piece === 'closed') return;
    if (piece === 'empty') return finish(deciding, run);
    await pace.applied({ customers: piece.customers, seconds: seconds(), heldSeconds: seconds() }, signal);
  }
}

type Left = { readonly customers: number } | 'empty' | 'closed';

/** A publish that undoes the archiving waits for the lock that this transaction shares, so the run stays open until the transaction ends. */
async function leave(decision: Decision, run: Run, most: number): Promise<Ending<Left>> {
  const { client } = decision;
  const open = await client.query(`select r.id from runs as r where r.id = $1::bigint and r.status = 'running'`, [run.id]);
  if (open.rowCount === 0) return endWith([], 'closed');
  const found = await readMembers(client, run.segmentId, most);
  const last = found.at(-1);
  if (last === undefined) return endWith([], 'empty');
  const locked = await lockForLook(decision, found);
  const keys = await stillMembers(client, run.segmentId, found);
  await isCitus(client); // learned here, since nothing is evaluated, which would learn it otherwise; the statements below have a form for Citus
  const differences = keys.map((customerKey) => {
    return { customerKey, revision: '', entered: [], exited: [run.segmentId], dueAtMs: null, storedDueAtMs: null, seen: NOTHING_SEEN };
  });
  const findings = { differences, complete: false };
  const records = recordStatements(locked, { findings, cause: 'archive', versionOf: () => run.version });
  return endWith([...records, advanceRuns([run.id], last, keys.length, [keys.length])], { customers: found.length });
}

async function readMembers(client: Client, segmentId: number, limit: number): Promise<CustomerKey[]> {
  const { rows } = await client.query<{ customer_id: CustomerKey }>({
    name: 'members_to_leave',
    text: 'select m.customer_id from memberships as m where m.segment_id = $1 order by m.customer_id limit $2',
    values: [segmentId, limit],
  });
  return rows.map((row) => row.customer_id);
}

/** A separate statement, after the locks. */
async function stillMembers(client: Client, segmentId: number, keys: readonly CustomerKey[]): Promise<CustomerKey[]> {
  const { rows } = await client.query<{ customer_id: CustomerKey }>({
    name: 'members_still',
    text: `
      select m.customer_id
      from memberships as m
      where m.segment_id = $1 and m.customer_id = any($2::bigint[])
      order by m.customer_id`,
    values: [segmentId, keys],
  });
  return rows.map((row) => row.customer_id);
}

async function finish(deciding: Deciding, run: Run): Promise<void> {
  await changeDefinitions(deciding.database, deciding.clock, async (client) => {
    const [rows = []] = await pipeline(client, [readMoment(deciding.clock)]);
    return endWith(await finishRuns(client, [run.id], toMoment(rows).asOfMs, new Map()), undefined);
  });
}
