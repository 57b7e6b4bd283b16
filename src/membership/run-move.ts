// In charge of moving all members of a segment, or those of them that a rule holds for, to another: a run in pieces, each of them its own
// decision by hand. Pins, members and the run's progress advance together, so it goes on where it was after a crash.
import { startStopwatch } from '../base/clock.ts';
import { fixedIso } from '../db/as-of.ts';
import { byPlace, fitTo } from '../db/citus.ts';
import { type Client, pipeline } from '../db/database.ts';
import { inTransaction, sqlState } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { setTimeLimit } from '../evaluation/find-differences.ts';
import { LEAST_KEY } from '../ingest/customer-key.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { emitEvaluation } from '../rules/emit.ts';
import { compileStored } from '../segments/definitions.ts';
import { tellFinished } from '../segments/notices.ts';
import { advanceRuns, ENDED, type Run } from '../segments/runs.ts';
import { type ByHand, decideIn, lookForPins, type Planned } from './decide-by-hand.ts';
import { withoutCulprits } from './fail-segments.ts';
import { type Deciding, type Decision, inDecision } from './in-decision.ts';
import { type MoveRequest, moveByHand, planMoves } from './move-members.ts';
import { RunPace } from './run-pace.ts';
import { storePins } from './store-pins.ts';

/** Customers of one transaction at most: some 100 ms. */
const MOST_PIECE_CUSTOMERS = 500;
/** A piece that cannot be decided is halved, down to this; if it still cannot, the move fails. */
const LEAST_PIECE_CUSTOMERS = 25;
/** Took longer than it may. */
const CANCELLED = '57014';
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

/** The rule of the move, not of a segment, could not be computed. */
class MoveRuleFailed extends Error {}

/** A piece under way: whom it is about, and what it is about to write, as far as that is known. */
interface PieceSoFar {
  keys: readonly CustomerKey[];
  planned: Planned | null;
}

/** Until nobody is left, the run is cancelled, or the signal aborts. A move that cannot go on ends as failed, with the reason. */
export async function runMove(deciding: Deciding, run: Run, signal: AbortSignal): Promise<void> {
  const move = await readMove(deciding, run);
  try {
    await lookForPins(deciding, [move.from, move.to]);
    const limits = { ...deciding.programs.get().limits, pieceCustomers: MOST_PIECE_CUSTOMERS };
    const pace = await RunPace.begin(deciding, limits, signal);
    let most = MOST_PIECE_CUSTOMERS;
    while (!signal.aborted) {
      const seconds = startStopwatch();
      const piece: PieceSoFar = { keys: [], planned: null };
      try {
        const customers = await decidePiece(deciding, run, move, Math.min(most, pace.pieceCustomers), piece);
        if (customers === 0) return;
        await pace.applied({ customers, seconds: seconds(), heldSeconds: seconds() }, signal);
      } catch (error) {
        const tried = piece.keys.length;
        const reason = reasonOf(error, tried);
        if (reason === null) throw error;
        if (tried <= LEAST_PIECE_CUSTOMERS || isHopeless(error)) return fail(deciding, run, reason);
        most = Math.max(Math.ceil(tried / 2), LEAST_PIECE_CUSTOMERS);
      }
    }
  } catch (error) {
    if (error instanceof AppError) return fail(deciding, run, error.message);
    throw error;
  }
}

/** null: it is no matter of what is evaluated. */
function reasonOf(error: unknown, customers: number): string | null {
  if (error instanceof MoveRuleFailed) {
    const what = isTooSlow(error.cause) ? 'takes too long to compute' : 'cannot be computed';
    return `The rule of the move ${what} over the facts there are.`;
  }
  if (!isEvaluationFailure(error)) return null;
  const why = isTooSlow(error) ? 'that takes too long' : error instanceof Error ? error.message : String(error);
  return `The segments of the next ${customers} customers cannot be computed together: ${why}.`;
}

/** Fewer customers make a rule quicker, and no other. */
function isHopeless(error: unknown): boolean {
  return error instanceof MoveRuleFailed && !isTooSlow(error.cause);
}

function isTooSlow(error: unknown): boolean {
  return sqlState(error) === CANCELLED;
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

/** Without segments that cannot be computed: they fail, and the move goes on. → how many customers were decided about; 0: the run is over */
function decidePiece(deciding: Deciding, run: Run, move: StoredMove, most: number, piece: PieceSoFar): Promise<number> {
  const prepare = async (client: Client) => {
    if (piece.planned !== null) await storePins(client, piece.planned.writes, piece.planned.saying, deciding.clock.nowMs());
  };
  return withoutCulprits(
    deciding,
    () => ({ customers: { keys: piece.keys }, prepare }),
    () => inDecision(deciding, (decision) => movePiece(decision, run, move, most, piece)),
  );
}

async function movePiece(decision: Decision, run: Run, move: StoredMove, most: number, piece: PieceSoFar): Promise<number> {
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
  const keys = members.map((member) => member.key);
  piece.keys = keys;
  piece.planned = null;
  const request: MoveRequest = { ...move, customerIds: members.map((member) => member.customerId), partial: true, replace: move.replaces };
  const byHand: ByHand = {
    ...moveByHand(request),
    plan: async (situation) => {
      const chosen = await whoMatches(decision, move, keys, situation.asOfMs);
      const customerIds = members.filter(({ key }) => chosen.has(key)).map(({ customerId }) => customerId);
      return planMoves(situation, { ...request, customerIds }).writes;
    },
  };
  const { changes } = await decideIn(decision, byHand, (planned) => {
    piece.planned = planned;
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

/** Throws MoveRuleFailed: what the rule of the move does is no segment's fault. */
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
    const asked = pipeline(client, [setTimeLimit(program.limits.customersTimeoutMs), { text, values }, setTimeLimit(0)]);
    const [, rows = []] = await asked.catch((error: unknown) => {
      throw isEvaluationFailure(error) ? new MoveRuleFailed('the rule of the move failed', { cause: error }) : error;
    });
    for (const row of rows) holding.add(String(row['customer_id']));
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
