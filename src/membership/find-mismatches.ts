// In charge of comparing what is stored with what the rules say, from facts: a scan that takes no locks and finds suspects, and a judgement
// of the suspects under the locks of a look, which does not take for wrong those who were merely due, owed or written meanwhile.
// Segments that are still changing (building, a flip that is due, an open run other than a refresh or a move) are left out, with those that depend
// on them.
import { readAsOf } from '../db/as-of.ts';
import { type Client, pipeline, type Statement } from '../db/database.ts';
import { inScan } from '../db/transaction.ts';
import { type Difference, type Findings, findDifferences } from '../evaluation/find-differences.ts';
import type { Chunk } from '../evaluation/next-chunk.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { catchUp, findOwnLate, toLate } from './catch-up.ts';
import { evaluateLocked } from './evaluate-locked.ts';
import type { Deciding, Decision, LockedDecision } from './in-decision.ts';
import { lockForLook } from './look-again.ts';
import { countChanges } from './record.ts';

export interface Suspects {
  readonly keys: readonly CustomerKey[];
  /** segments that were compared */
  readonly segments: number;
}

/** Customers of the chunk whose memberships or next look seem wrong; some of them are only late. */
export async function scanForSuspects(deciding: Deciding, chunk: Chunk): Promise<Suspects> {
  const program = deciding.programs.get();
  const read = async (client: Client) => {
    const asOfMs = await readAsOf(client, deciding.clock);
    const segmentIds = await settledSegments(client, program, asOfMs);
    const customers = { afterKey: chunk.afterKey, throughKey: chunk.throughKey };
    const { differences } = await findDifferences(client, program, segmentIds, { asOfMs, timeZone: deciding.timeZone, customers });
    return { keys: differences.filter(isWrong).map((difference) => difference.customerKey), segments: segmentIds.length };
  };
  return inScan(deciding.database, read, { hurry: false });
}

/** Without those who are due or owed an evaluation: that is about to happen elsewhere, and is counted there. */
export async function withoutLate(deciding: Deciding, keys: readonly CustomerKey[]): Promise<readonly CustomerKey[]> {
  if (keys.length === 0) return [];
  const { due, pending } = toLate(await deciding.database.query(findOwnLate(deciding, keys)));
  const late = new Set([...due, ...pending]);
  return keys.filter((key) => !late.has(key));
}

export interface LockedSuspects extends LockedDecision {
  /** those who exist; nobody else writes them until the transaction ends */
  readonly keys: readonly CustomerKey[];
}

export async function lockSuspects(decision: Decision, keys: readonly CustomerKey[]): Promise<LockedSuspects> {
  const { moment, revisions } = await lockForLook(decision, keys);
  return { ...decision, moment, keys: keys.filter((key) => revisions.has(key)) };
}

export interface Judged {
  readonly findings: Findings;
  /** rows of the outbox that this decision has written so far */
  readonly ordinalFrom: number;
}

/** Brings those who are late up to date, with the proper causes, and compares: whoever still differs is wrong. */
export async function judge(suspects: LockedSuspects, ordinalFrom: number): Promise<Judged> {
  const { client, program, moment, keys } = suspects;
  const [late = []] = await pipeline(client, [findOwnLate(suspects, keys)]);
  const overdue = await catchUp(suspects, toLate(late), ordinalFrom);
  const segmentIds = await settledSegments(client, program, moment.asOfMs);
  const { differences, complete } = await evaluateLocked(suspects, segmentIds, keys);
  const wrong: Difference[] = [];
  for (const difference of differences.filter(isWrong)) {
    if (changes(difference) || (await wouldMissFlip(suspects, segmentIds, difference))) wrong.push(difference);
  }
  return { findings: { differences: wrong, complete }, ordinalFrom: ordinalFrom + countChanges(overdue) };
}

/** More looks than anybody's conditions need: after so many the look is stored as the evaluation asks for it. */
const LOOKS_AHEAD = 50;

/**
 * An evaluation of all segments together may ask for looks at which nothing flips, and for which an evaluation of some segments, such as a
 * write makes, need not ask. The stored look is too late only if a membership changes before it.
 */
async function wouldMissFlip(
  { client, program, timeZone }: Decision,
  segmentIds: readonly number[],
  { customerKey, dueAtMs }: Difference,
): Promise<boolean> {
  const customers = { keys: [customerKey] };
  let asOfMs = dueAtMs;
  for (let looks = 0; looks < LOOKS_AHEAD; looks += 1) {
    if (asOfMs === null) return false;
    const { differences } = await findDifferences(client, program, segmentIds, { asOfMs, timeZone, customers });
    const [ahead] = differences.filter(isWrong); // none: nothing flips before the stored look
    if (ahead === undefined) return false;
    if (changes(ahead)) return true;
    asOfMs = ahead.dueAtMs;
  }
  return true;
}

function changes({ entered, exited }: Difference): boolean {
  return entered.length + exited.length > 0;
}

/** A look that comes too early only costs a look; one that is missing or too late leaves somebody in the wrong segment. */
function isWrong(difference: Difference): boolean {
  return changes(difference) || isLookLate(difference);
}

export function isLookLate({ dueAtMs, storedDueAtMs }: Difference): boolean {
  return dueAtMs !== null && dueAtMs < (storedDueAtMs ?? Number.POSITIVE_INFINITY);
}

/** Live segments whose members ought to be right, ascending: neither they nor those they depend on are still changing. */
async function settledSegments(client: Client, program: Program, asOfMs: number): Promise<readonly number[]> {
  const [rows = []] = await pipeline(client, [unsettledSegments(asOfMs)]);
  const unsettled = new Set(program.withDependents(rows.map((row) => Number(row['id']))));
  return program.all.filter((id) => !unsettled.has(id));
}

/** A refresh and a move begin with members that are right. */
function unsettledSegments(asOfMs: number): Statement {
  return {
    name: 'unsettled_segments',
    text: `
      select s.id
      from segments as s
      where s.status = 'building' or s.due_at <= $1::timestamptz
      union
      select r.segment_id
      from runs as r
      where r.status in ('queued', 'running') and r.cause not in ('refresh', 'move')`,
    values: [new Date(asOfMs).toISOString()],
  };
}
