// In charge of moving all members of a segment, or those of them that a rule holds for, to another: a run in pieces, each of them its own
// decision by hand. Pins, members and the run's progress advance together, so it goes on where it was after a crash.
import { startStopwatch } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import { byPlace, fitTo } from '../db/citus.ts';
import { type Client, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { emitEvaluation } from '../rules/emit.ts';
import { compileStored } from '../segments/definitions.ts';
import { tellFinished } from '../segments/notices.ts';
import { advanceRuns, ENDED, type Run } from '../segments/runs.ts';
import { decideIn, lookForPins } from './decide-by-hand.ts';
import { type Deciding, type Decision, inDecision } from './in-decision.ts';
import { type MoveRequest, moveByHand, planMoves } from './move-members.ts';
import { RunPace } from './run-pace.ts';

/** Customers of one transaction at most: some 100 ms. */
const MOST_PIECE_CUSTOMERS = 500;
/** No stored segment has this id. */
const WHERE = 0;

interface StoredMove {
  readonly from: string;
  readonly fromId: number;
  readonly to: string;
  readonly rule: unknown;
  readonly replaces: boolean;
  readonly untilMs: number | null;
  readonly reason: string | null;
  readonly actor: string;
}

interface MoveRow {
  from: string;
  from_id: number;
  to: string;
  rule: unknown;
  replaces: boolean;
  until: number | null;
  reason: string | null;
  actor: string;
}

/** Until nobody is left, the run is cancelled, or the signal aborts. A move that cannot go on ends as failed, with the reason. */
export async function runMove(deciding: Deciding, run: Run, signal: AbortSignal): Promise<void> {
  const move = await readMove(deciding, run);
  try {
    await lookForPins(deciding, [move.from, move.to]);
    const limits = { ...deciding.programs.get().limits, pieceCustomers: MOST_PIECE_CUSTOMERS };
    const pace = await RunPace.begin(deciding, limits, signal);
    while (!signal.aborted) {
      const seconds = startStopwatch();
      const customers = await inDecision(deciding, (decision) => movePiece(decision, run, move, pace.pieceCustomers));
      if (customers === 0) return;
      await pace.applied({ customers, seconds: seconds(), heldSeconds: seconds() }, signal);
    }
  } catch (error) {
    if (error instanceof AppError) return fail(deciding, run, error.message);
    if (isEvaluationFailure(error)) return fail(deciding, run, 'The rule of the move cannot be computed over the facts there are.');
    throw error;
  }
}

async function readMove({ database }: Deciding, run: Run): Promise<StoredMove> {
  const [row] = await database.query<MoveRow>({
    text: `
      select f.key as from, m.from_id, t.key as to, m.rule, m.replaces, m.until, m.reason, m.actor
      from run_moves as m
      join segments as f on f.id = m.from_id
      join segments as t on t.id = m.to_id
      where m.run_id = $1::bigint`,
    values: [run.id],
  });
  if (row === undefined) throw new Error(`run ${run.id} moves nobody`);
  const { from_id: fromId, until: untilMs, ...rest } = row;
  return { ...rest, fromId, untilMs };
}

/** → how many customers were decided about; 0: the run is over */
async function movePiece(decision: Decision, run: Run, move: StoredMove, most: number): Promise<number> {
  const { client } = decision;
  const { rows } = await client.query<{ cursor: string | null }>(
    `select r.cursor from runs as r where r.id = $1::bigint and r.status = 'running'`,
    [run.id],
  );
  const [stored] = rows;
  if (stored === undefined) return 0;
  const members = await readMembers(client, move.fromId, stored.cursor, most);
  const last = members.at(-1);
  if (last === undefined) {
    await finish(decision, run);
    return 0;
  }
  const request: MoveRequest = { ...move, customerIds: members.map((member) => member.customerId), partial: true, replace: move.replaces };
  const { changes } = await decideIn(decision, {
    ...moveByHand(request),
    plan: async (situation) => {
      const keys = members.map((member) => member.key);
      const chosen = await whoMatches(decision, move, keys, situation.asOfMs);
      const customerIds = members.filter(({ key }) => chosen.has(key)).map(({ customerId }) => customerId);
      return planMoves(situation, { ...request, customerIds }).writes;
    },
  });
  const { text, values } = advanceRuns([run.id], last.key, members.length, [changes]);
  await client.query(text, [...(values ?? [])]);
  return members.length;
}

async function readMembers(
  client: Client,
  segmentId: number,
  afterKey: CustomerKey | null,
  limit: number,
): Promise<readonly { readonly key: CustomerKey; readonly customerId: string }[]> {
  const { rows } = await client.query<{ key: CustomerKey; customer_id: string }>({
    name: 'members_to_move',
    text: `
      select m.customer_id as key, c.external_id as customer_id
      from (
        select m.customer_id
        from memberships as m
        where m.segment_id = $1 and m.customer_id > coalesce($2::bigint, ${LEAST_KEY})
        order by m.customer_id
        limit $3
      ) as m
      join customers as c on c.id = m.customer_id
      order by m.customer_id`,
    values: [segmentId, afterKey, limit],
  });
  return rows.map((row) => ({ key: row.key, customerId: row.customer_id }));
}

async function whoMatches(
  { client, program, timeZone }: Decision,
  { rule }: StoredMove,
  keys: readonly CustomerKey[],
  asOfMs: number,
): Promise<ReadonlySet<CustomerKey>> {
  if (rule === null) return new Set(keys);
  const { catalog, segmentIds } = program.definitions;
  const checked = compileStored(rule, catalog, '');
  if (typeof checked === 'string') throw new AppError('invalid_rule', checked);
  const segments = [{ id: WHERE, key: '', checked }];
  const emitted = emitEvaluation({ segments, segmentIds, catalog, narrow: 'ids', memberships: 'present' });
  const text = await fitTo(client, `select e.customer_id from (${emitted.text}) as e where cardinality(e.want) > 0`);
  const holding = new Set<CustomerKey>();
  for (const here of await byPlace(client, keys)) {
    const values = emitted.bind({ asOfMs, timeZone, customers: { keys: here } });
    const { rows } = await client.query<{ customer_id: CustomerKey }>(text, values);
    for (const row of rows) holding.add(row.customer_id);
  }
  return holding;
}

async function finish({ client, clock }: Decision, run: Run): Promise<void> {
  const { rowCount } = await client.query(
    `update runs as r
     set status = 'done', total = r.done, ${ENDED}, finished_at = coalesce($2::timestamptz, date_trunc('milliseconds', clock_timestamp()))
     where r.id = $1::bigint and r.status = 'running'`,
    [run.id, fixedIso(clock)],
  );
  if (rowCount === 1) await pipeline(client, tellFinished([run.id], null));
}

async function fail(deciding: Deciding, run: Run, reason: string): Promise<void> {
  await inTransaction(deciding.database, async (client) => {
    const { rowCount } = await client.query(
      `update runs as r
       set status = 'failed', failure = $3, ${ENDED}, finished_at = coalesce($2::timestamptz, date_trunc('milliseconds', clock_timestamp()))
       where r.id = $1::bigint and r.status = 'running'`,
      [run.id, fixedIso(deciding.clock), reason],
    );
    if (rowCount === 1) await pipeline(client, tellFinished([run.id], null));
  });
}
