// In charge of the frame of every transaction that evaluates: either the definitions are locked (shared) and belong to the program's epoch, or
// the program is read again and everything is repeated.
import type { Clock } from '../base/clock.ts';
import type { Client, Database, Statement } from '../db/database.ts';
import { type Ending, type EndingAt, endWith, inFramed } from '../db/transaction.ts';
import type { CurrentProgram } from '../evaluation/current-program.ts';
import type { Program } from '../evaluation/program.ts';
import { READ_EPOCH, SHARE_DEFINITIONS } from '../segments/definitions.ts';

export interface Deciding {
  readonly database: Database;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly programs: CurrentProgram;
}

/**
 * Commits without waiting for the disk; must be one of the first statements. For decisions that are made again anyway if a crash has lost them:
 * a look that is due, or a piece of a run whose cursor is lost with it. Nobody has been told of such decisions: what tells of them (the feed)
 * commits later and waits until the log is written up to there.
 */
export const COMMIT_LAZILY: Statement = { name: 'commit_lazily', text: `select set_config('synchronous_commit', 'off', true)` };

class StaleDefinitions extends Error {}

/** Runs `work` under the shared definitions lock with the program of the epoch in force. `work` has no effect outside the database. */
export function inDecision<Value>(deciding: Deciding, work: (client: Client, program: Program) => Promise<Value>): Promise<Value> {
  return inFramedDecision(deciding, [], async (client, program) => endWith([], await work(client, program)));
}

type Rows = readonly (readonly Readonly<Record<string, unknown>>[])[];

/**
 * Like `inDecision`; `first` is sent along with the lock (for instance the next locks), and the last statements along with the commit
 * (`inFramed`).
 */
export async function inFramedDecision<Value>(
  deciding: Deciding,
  first: readonly Statement[],
  work: (client: Client, program: Program, opened: Rows) => Promise<Ending<Value> | EndingAt<Value>>,
): Promise<Value> {
  for (;;) {
    const program = deciding.programs.get();
    try {
      return await inFramed(deciding.database, [SHARE_DEFINITIONS, READ_EPOCH, ...first], async (client, [, epochs, ...opened]) => {
        const current = await deciding.programs.of(String(epochs?.[0]?.['epoch']));
        if (current === undefined) throw new StaleDefinitions();
        return await work(client, current, opened);
      });
    } catch (error) {
      if (!(error instanceof StaleDefinitions)) throw error;
      await deciding.programs.after(program);
    }
  }
}
