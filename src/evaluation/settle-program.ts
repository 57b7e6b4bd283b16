// In charge of taking what was published lately into the statements about all segments: the connections in use plan them one after another,
// beside all writes, before the first write uses them. Not of when that is done.
import type { Client, Database } from '../db/database.ts';
import type { CurrentProgram } from './current-program.ts';
import { prepareDifferences } from './find-differences.ts';

/** How many of the most recently used connections: the pool hands these out first. Any other plans when it is first used. */
const CONNECTIONS = 4;

/** Does nothing if nothing is young. → whether it was done */
export async function settleProgram(database: Database, programs: CurrentProgram, timeZone: string): Promise<boolean> {
  const current = programs.get();
  if (current.isSettled) return false;
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

/** One at a time, but the next is taken before the last is given back: the pool would hand out the same one again. */
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
