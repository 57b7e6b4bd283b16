// In charge of the frame of every transaction that evaluates: either the definitions are locked (shared) and belong to the program's epoch, or
// the program is read again and everything is repeated.
import type { Clock } from '../base/clock.ts';
import type { Client, Database, Statement } from '../db/database.ts';
import { type Ending, type EndingAt, endWith, inTransactionWith } from '../db/transaction.ts';
import type { CurrentProgram } from '../evaluation/current-program.ts';
import type { Program } from '../evaluation/program.ts';
import { SHARE_DEFINITIONS } from '../segments/change-definitions.ts';
import { READ_EPOCH } from '../segments/definitions.ts';
import type { Moment } from './moment.ts';

/** What decisions are made with. */
export interface Deciding {
  readonly database: Database;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly programs: CurrentProgram;
}

/**
 * A decision under way: its transaction is open, the definitions are locked (shared), and the program is of their epoch. It has no database, since
 * nobody inside a transaction may ask the pool for a second connection.
 */
export interface Decision extends Pick<Deciding, 'clock' | 'timeZone'> {
  readonly client: Client;
  readonly program: Program;
}

/** A decision that has taken its last lock: everything in it is judged as of its moment and recorded under its number. */
export interface LockedDecision extends Decision {
  readonly moment: Moment;
}

/**
 * Commits without waiting for the disk; must be one of the first statements. For decisions that are made again anyway if a crash has lost them:
 * a look that is due, or a piece of a run whose cursor is lost with it. Nobody has been told of such decisions: what tells of them (the feed)
 * commits later and waits until the log is written up to there.
 */
export const COMMIT_LAZILY: Statement = { name: 'commit_lazily', text: `select set_config('synchronous_commit', 'off', true)` };

class StaleDefinitions extends Error {}

/** Runs `work` under the shared definitions lock with the program of the epoch in force. `work` has no effect outside the database. */
export function inDecision<Value>(deciding: Deciding, work: (decision: Decision) => Promise<Value>): Promise<Value> {
  return inDecisionWith(deciding, [], async (decision) => endWith([], await work(decision)));
}

type Rows = readonly (readonly Readonly<Record<string, unknown>>[])[];

/**
 * As `inDecision`; the first statements (for instance the next locks) are sent along with the definitions' lock, the last ones along with the
 * commit. `work` gets the rows of the first.
 */
export async function inDecisionWith<Value>(
  deciding: Deciding,
  first: readonly Statement[],
  work: (decision: Decision, opened: Rows) => Promise<Ending<Value> | EndingAt<Value>>,
): Promise<Value> {
  const { database, clock, timeZone, programs } = deciding;
  for (;;) {
    const latest = programs.get();
    try {
      return await inTransactionWith(database, [SHARE_DEFINITIONS, READ_EPOCH, ...first], async (client, [, epochs, ...opened]) => {
        const program = await programs.of(String(epochs?.[0]?.['epoch']));
        if (program === undefined) throw new StaleDefinitions();
        return await work({ client, program, clock, timeZone }, opened);
      });
    } catch (error) {
      if (!(error instanceof StaleDefinitions)) throw error;
      await programs.after(latest);
    }
  }
}
