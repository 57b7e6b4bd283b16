// In charge of the frame of every transaction that evaluates: the definitions are shared and of the program's epoch,
// or the program is read again and the whole repeated.
import type { Clock } from '../base/clock.ts';
import { type Client, type Database, pipeline } from '../db/database.ts';
import { inTransaction } from '../db/transaction.ts';
import type { CurrentProgram } from '../evaluation/current-program.ts';
import type { Program } from '../evaluation/program.ts';
import { READ_EPOCH, SHARE_DEFINITIONS } from '../segments/definitions.ts';

export interface Deciding {
  readonly database: Database;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly programs: CurrentProgram;
}

class StaleDefinitions extends Error {}

/** Runs `work` under the shared definitions lock with the program of the epoch in force. `work` has no effect outside the database. */
export async function inDecision<Value>(
  deciding: Deciding,
  work: (client: Client, program: Program) => Promise<Value>,
  onCommitted?: (lsn: string) => void,
): Promise<Value> {
  for (;;) {
    const program = deciding.programs.get();
    try {
      return await inTransaction(
        deciding.database,
        async (client) => {
          const [, epochs] = await pipeline(client, [SHARE_DEFINITIONS, READ_EPOCH]);
          if (epochs?.[0]?.['epoch'] !== program.definitions.epoch) throw new StaleDefinitions();
          return await work(client, program);
        },
        onCommitted,
      );
    } catch (error) {
      if (!(error instanceof StaleDefinitions)) throw error;
      await deciding.programs.reload();
    }
  }
}
