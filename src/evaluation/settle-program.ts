// In charge of taking what was published of late into the statements of all segments: the connections that are in use have them planned one
// after another, off the path of any write, before the first write asks them. Not of when that is done.
import type { Client, Database } from '../db/database.ts';
import type { CurrentProgram } from './current-program.ts';
import { prepareDifferences } from './find-differences.ts';

/** Those that were used last; the pool gives them out first. Another one plans for itself when its turn comes. */
const CONNECTIONS = 4;

/** Nothing where nothing is young, or while a segment is building: its end is the next change of the definitions. → whether it was done */
export async function settleProgram(database: Database, programs: CurrentProgram, timeZone: string): Promise<boolean> {
  const current = programs.get();
  if (current.isSettled || current.definitions.live.some((segment) => segment.building)) return false;
  const { program, use } = programs.settledProgram();
  const { divided } = current;
  if (divided.length > 0) {
    await visitIdle(database, async (client) => {
      for (const segmentIds of divided) await prepareDifferences(client, program, segmentIds, timeZone);
    });
  }
  use();
  return true;
}

/** One is held at a time, and the next taken before it is given back: the pool would give the same one again. */
async function visitIdle({ pool }: Database, visit: (client: Client) => Promise<void>): Promise<void> {
  let held: Client | null = null;
  try {
    for (let visited = 0; visited < CONNECTIONS && pool.idleCount > 0; visited += 1) {
      const next = await pool.connect();
      held?.release();
      held = next;
      await visit(held);
    }
  } finally {
    held?.release();
  }
}
