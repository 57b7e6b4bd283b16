// In charge of a backlog: more customers are due than one transaction takes, after hours of downtime or where thousands flip at once. They are
// scanned many at a time without locks, so that the pages their rows lie on are shared, and what was found is applied strictly in order of
// their instants, in short transactions, where nobody wrote meanwhile. Not of finding who is due, or of a few (due.ts).
import { readAsOf } from '../db/as-of.ts';
import { type Client, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import { isEvaluationFailure } from '../evaluation/evaluation-failure.ts';
import { type Difference, findDifferences } from '../evaluation/find-differences.ts';
import type { Program } from '../evaluation/program.ts';
import type { CustomerKey } from '../ingest/facts.ts';
import { type Deciding, inDecision } from './in-decision.ts';
import { evaluateAll, lockForLook, lookOnce, settle, versionsOf } from './look-again.ts';
import { countChanges, recordStatements } from './record.ts';
import { type SeenOf, seeChanges } from './record-seen.ts';

/** Pieces of one scan: the more customers, the more of them share a page and the planning, which is done for each scan. */
const SCAN_PIECES = 6;
/** While what one has scanned is applied, the others scan. */
const LANES = 3;

type Look = (keys: readonly CustomerKey[]) => Promise<number>;

/** `keys` in order of their instants. `look` is for customers whose evaluation failed: it finds who is to blame. → number of changes */
export async function evaluateBacklog(deciding: Deciding, keys: readonly CustomerKey[], look: Look): Promise<number> {
  const { lookCustomers } = deciding.programs.get().limits;
  const crowds = cut(keys, Math.min(lookCustomers * SCAN_PIECES, Math.ceil(keys.length / LANES)));
  let next = 0;
  let changes = 0;
  let applied: Promise<void> = Promise.resolve();
  const inTurn = async (crowd: readonly CustomerKey[], before: Promise<void>): Promise<void> => {
    const scan = await scanCrowd(deciding, crowd);
    await before; // where an earlier one failed, nobody goes on
    for (const piece of cut(crowd, lookCustomers)) {
      changes += (scan === null ? null : await applyPiece(deciding, piece, scan)) ?? (await look(piece));
    }
  };
  const lane = async (): Promise<void> => {
    for (let crowd = crowds[next++]; crowd !== undefined; crowd = crowds[next++]) {
      applied = inTurn(crowd, applied);
      await applied;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return changes;
}

interface Scan {
  readonly program: Program;
  readonly differences: ReadonlyMap<CustomerKey, Difference>;
  readonly seenOf: SeenOf;
}

/**
 * null: it failed. Planned for these customers (how many they are decides how their rows are read: a plan for any number of them looked each row
 * up by itself), and the reasons as ever.
 */
async function scanCrowd(deciding: Deciding, keys: readonly CustomerKey[]): Promise<Scan | null> {
  const program = deciding.programs.get();
  try {
    return await inTransaction(deciding.database, async (client) => {
      await pipeline(client, [
        { text: 'set transaction read only' },
        { text: 'set local plan_cache_mode = force_custom_plan; set local enable_hashjoin = on' },
      ]);
      const input = { asOfMs: await readAsOf(client, deciding.clock), timeZone: deciding.timeZone };
      const { differences } = await findDifferences(client, program, program.all, { ...input, customers: { keys, isCrowd: true } });
      await pipeline(client, [{ text: 'set local plan_cache_mode = force_generic_plan; set local enable_hashjoin = off' }]);
      const seenOf = await seeChanges(client, { program, ...input }, differences);
      return { program, differences: new Map(differences.map((found) => [found.customerKey, found])), seenOf };
    });
  } catch (error) {
    if (isEvaluationFailure(error)) return null;
    throw error;
  }
}

/** → number of changes; null: somebody who had to be evaluated again could not be */
async function applyPiece(deciding: Deciding, keys: readonly CustomerKey[], scan: Scan): Promise<number | null> {
  try {
    return await inDecision(deciding, (client, program) => applyOnce(client, deciding, program, keys, scan));
  } catch (error) {
    if (isEvaluationFailure(error)) return null;
    throw error;
  }
}

/** Of whoever was written since the scan, and under other definitions, it says nothing: they are evaluated again. */
async function applyOnce(client: Client, deciding: Deciding, program: Program, keys: readonly CustomerKey[], scan: Scan): Promise<number> {
  const cause = 'time';
  if (program.definitions.epoch !== scan.program.definitions.epoch) return lookOnce(client, deciding, program, { keys, cause });
  const { moment, revisions } = await lockForLook(client, deciding, keys);
  const standing: Difference[] = [];
  const moved: CustomerKey[] = [];
  for (const key of keys) {
    const found = scan.differences.get(key);
    if (found !== undefined && found.revision === revisions.get(key)) standing.push(found);
    else if (revisions.has(key)) moved.push(key);
  }
  const findings = { differences: standing, complete: true };
  await pipeline(client, recordStatements({ findings, moment, cause, versionOf: versionsOf(program), seenOf: scan.seenOf }));
  const ordinalFrom = countChanges(standing);
  const again = await evaluateAll(client, deciding, program, { keys: moved, moment, cause, ordinalFrom });
  await settle(client, keys, revisions);
  return ordinalFrom + countChanges(again);
}

function cut<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, place) => items.slice(place * size, (place + 1) * size));
}
